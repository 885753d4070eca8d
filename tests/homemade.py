"""Workbooks as units make them by themselves: the official labels, everything else as they please.

`Shape` says how; `build` gives the bytes and what is true: which figure belongs to which item.  Every figure
occurs once, so that one taken for another shows.
"""

import io
import random
from dataclasses import dataclass, field, replace
from itertools import count, groupby

import openpyxl

from xltools.geometry import address
from xltools.reading.labels import fold

LOCAL_WORDS = [
    "备注",
    "其中：网上办理",
    "其他",
    "合计",
    "小计",
    "总计",
    "本地增加项",
    "说明",
    "（八）本地事项",
    "9.其他",
]


@dataclass(frozen=True)
class Shape:
    rows: str = "merged"  # merged, open (no merges), repeated (each row says all), indented (one column)
    heads: str = "merged"  # merged, open, joined (行政复议/结果维持 in one cell)
    wording: str = "official"  # official, loose (numbering, width, spaces, line ends)
    sheets: str = "one"  # one, each (a sheet per table)
    bands: bool = True
    texts: bool = True
    serials: bool = False  # a column 序号 before the labels
    remarks: bool = False  # a column 备注 behind the figures, filled
    shuffle: bool = False  # lines in another order, groups kept together
    insert: int = 0  # lines of the unit's own, per table
    drop: int = 0  # lines left out, per table
    gap: int = 1  # empty rows between tables
    at: tuple[int, int] = (1, 1)
    title: str = ""  # instead of the form's heading; may hold {unit} and {year}


@dataclass
class Made:
    data: bytes
    items: dict = field(default_factory=dict)  # item -> the figure typed for it
    cells: dict = field(default_factory=dict)  # item -> (sheet, cell)
    strangers: list = field(default_factory=list)  # figures and remarks of the unit's own
    texts: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Track:
    """A row or a column as drawn: a line of the form, or one of the unit's own (no id)."""

    id: str | None
    label: tuple


def build(form, shape=Shape(), *, unit="示例镇", year=2020, values=None, seed=0):
    return _Builder(form, shape, unit, year, values, random.Random(seed)).build()


class _Builder:
    def __init__(self, form, shape, unit, year, values, chance):
        self.form, self.shape, self.unit, self.year = form, shape, unit, year
        self.values, self.chance, self.next = values, chance, count(1001)
        self.book = openpyxl.Workbook()
        self.sheet = self.book.active
        self.sheet.title = "Sheet1"
        self.made = Made(b"")
        self.row, self.left = shape.at

    def build(self):
        title = (self.shape.title or self.form.heading).format(unit=self.unit, year=self.year)
        self.put(self.row, self.left, title)
        self.row += 2
        for number, section in enumerate(self.form.sheets):
            if self.shape.sheets == "each" and number:
                self.sheet = self.book.create_sheet(f"Sheet{number + 1}")
                self.row = self.shape.at[0]
            if section.tables and not section.texts:
                self.put(self.row, self.left, section.title)
                self.row += 1
            for text in section.texts if self.shape.texts else ():
                self.put(self.row, self.left, self.worded(text.label))
                lines = [f"第{i}段，{text.id}的内容。" for i in (1, 2)]
                for line in lines:
                    self.row += 1
                    self.put(self.row, self.left, line)
                self.made.texts[text.id] = "\n".join(lines)
                self.row += 1
            for table in section.tables:
                self.table(table)
                self.row += self.shape.gap
        buffer = io.BytesIO()
        self.book.save(buffer)
        return replace(self.made, data=buffer.getvalue())

    def put(self, row, column, value, last_row=None, last_column=None):
        self.sheet.cell(row, column).value = value
        if (last_row or row, last_column or column) != (row, column):
            self.sheet.merge_cells(
                start_row=row, start_column=column, end_row=last_row or row, end_column=last_column or column
            )

    def worded(self, text):
        text = text.replace("{year}", str(self.year))
        if self.shape.wording == "official":
            return text
        for old, new in (("（", "("), ("）", ")"), ("“", '"'), ("”", '"'), ("，", ",")):
            if self.chance.random() < 0.5:
                text = text.replace(old, new)
        if text[:1].isdigit() and text[1] == ".":
            text = self.chance.choice(["{}、{}", "（{}）{}", "{}．{}", "{}.{}"]).format(text[0], text[2:])
        if len(text) > 4:
            middle = self.chance.randrange(3, len(text))
            if not text[middle - 1 : middle + 1].isascii():
                text = text[:middle] + self.chance.choice(["\n", " ", "　", ""]) + text[middle:]
        return text

    def tracks(self, lines):
        tracks = [Track(line.id, line.label) for line in lines]
        official = {fold_path(line.label) for line in lines}
        chance = self.chance
        if self.shape.drop:
            gone = set(chance.sample(range(len(tracks)), min(self.shape.drop, len(tracks) - 1)))
            tracks = [track for number, track in enumerate(tracks) if number not in gone]
        if self.shape.shuffle:
            tracks = shuffled(tracks, 0, chance)
        for _ in range(self.shape.insert if tracks[0].label else 0):
            at = chance.randint(0, len(tracks))
            beside = tracks[at - 1].label if at else ()
            label = (*beside[:-1], chance.choice(LOCAL_WORDS))
            if fold_path(label) not in official:  # under official words it would be the official line
                tracks.insert(at, Track(None, label))
        return tracks

    def table(self, table):
        shape = self.shape
        rows, columns = self.tracks(table.rows), self.tracks(table.columns)
        labels = max(len(track.label) for track in rows)
        labels = min(labels, 1) if shape.rows == "indented" else labels
        left = self.left + (1 if shape.serials and labels else 0)
        depth = 1 if shape.heads == "joined" else max(len(track.label) for track in columns)
        if shape.bands and table.band:
            self.put(self.row, self.left, table.band, None, left + labels + len(columns) - 1)
            self.row += 1
        elif table.band and not any(column.label for column in table.columns):
            self.put(self.row, self.left, table.band)  # says the unit, and what the figures are
            self.row += 1
        if depth and any(track.label for track in columns):
            if labels and table.corner:
                self.put(self.row, left, table.corner)
            self.heads(columns, depth, left + labels)
            self.row += depth
        if shape.rows == "indented" and labels and rows[0].label:
            places = self.indented(rows, left)
        else:
            places = {number: self.row + number for number in range(len(rows))}
            self.sides(rows, labels, left)
            self.row += len(rows)
        for number, (row, r) in enumerate(zip(rows, places.values(), strict=True), 1):
            if shape.serials and labels:
                self.put(r, self.left, number)
            for order, column in enumerate(columns):
                self.figure(table, row, column, r, left + labels + order)
            if shape.remarks:
                said = f"说明{next(self.next)}"
                self.put(r, left + labels + len(columns), said)
                self.made.strangers.append(said)

    def figure(self, table, row, column, r, c):
        name = f"{table.id}.{row.id}.{column.id}" if row.id and column.id else None
        if self.values is not None and (name is None or name not in self.values):
            return
        item = self.form.items[name] if name else None
        value = self.values[name] if self.values is not None else next(self.next)
        if item and item.type == "text" and self.values is None:
            value = f"第{value}队"
        self.put(r, c, value)
        if name:
            self.made.items[name], self.made.cells[name] = value, (self.sheet.title, address(r, c))
        else:
            self.made.strangers.append(value)

    def heads(self, columns, depth, first):
        if self.shape.heads == "joined":
            for number, track in enumerate(columns):
                self.put(self.row, first + number, "-".join(map(self.worded, track.label)))
            return
        top = self.row

        def block(level, last_level, start, end):
            return top + level, first + start, top + last_level, first + end

        self.paths(columns, depth, block, self.shape.heads)

    def sides(self, rows, labels, left):
        top = self.row

        def block(level, last_level, start, end):
            return top + start, left + level, top + end, left + last_level

        self.paths(rows, labels, block, self.shape.rows)

    def paths(self, tracks, depth, block, style):
        def lay(start, end, level):
            def part_of(i):
                return (
                    (i, tracks[i].label[level]) if style == "repeated" else tracks[i].label[level : level + 1]
                )

            for _, group in groupby(range(start, end + 1), key=part_of):
                members = list(group)
                label = tracks[members[0]].label
                if len(label) <= level:
                    continue
                is_last = len(label) == level + 1
                for one in members if is_last else members[:1]:
                    row, column, last_row, last_column = block(
                        level, depth - 1 if is_last else level, one, one if is_last else members[-1]
                    )
                    alone = style in ("open", "repeated")
                    ends = (None, None) if alone else (last_row, last_column)
                    self.put(row, column, self.worded(label[level]), *ends)
                if not is_last:
                    lay(members[0], members[-1], level + 1)

        if depth:
            lay(0, len(tracks) - 1, 0)

    def indented(self, rows, left):
        places, above = {}, ()
        for number, track in enumerate(rows):
            for level, part in enumerate(track.label[:-1]):
                if above[: level + 1] != track.label[: level + 1]:
                    self.put(self.row, left, self.worded(part))
                    self.row += 1
            above = track.label[:-1]
            self.put(self.row, left, self.worded(track.label[-1]))
            places[number] = self.row
            self.row += 1
        return places


def fold_path(label):
    return tuple(map(fold, label))


def shuffled(tracks, level, chance):
    """Another order, but what stands under one head stays together."""
    groups = [list(group) for _, group in groupby(tracks, key=lambda track: track.label[: level + 1])]
    chance.shuffle(groups)
    deeper = [
        shuffled(group, level + 1, chance) if len(group[0].label) > level + 1 else group for group in groups
    ]
    return [track for group in deeper for track in group]
