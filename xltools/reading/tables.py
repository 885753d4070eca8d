"""Tables: where the items of a form stand on a sheet, by the words of heads and rows.

A head is found first: the row or rows where most column labels of a table stand.  Beneath it, down to the
next head, band or title, its rows are looked for.  A table may be found in several pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from xltools.form import Form, Table
from xltools.reading.ground import Ground, Word, is_figure
from xltools.reading.labels import Alignment, Lines, Mark, fold
from xltools.words import label_key

At = tuple[int, int]
MOST_WORDS = 3_000  # of the form's on one sheet; all its tables have some 150
MOST_HEADS = 300


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an item stands: every cell of its field that holds something.  One is a figure, two are a doubt."""

    ground: Ground
    cells: tuple[At, ...]
    wants_unit: bool = False  # its label says nothing of the unit that the form declares


@dataclass(slots=True)
class Piece:
    """A table, or a part of it, as found on a sheet."""

    table: Table
    ground: Ground
    top: int
    above: int  # last row of its head
    bottom: int  # last row of its body
    first: int  # column of the first figures
    spots: dict[str, list[Spot]] = field(default_factory=dict)
    labels: set[At] = field(default_factory=set)

    @property
    def is_blank(self) -> bool:
        return not any(spot.cells for spots in self.spots.values() for spot in spots)


class Vocabulary:
    """The words of a form that say where things stand."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.columns = {table.id: Lines(table.columns) for table in form.tables.values()}
        self.rows = {table.id: Lines(table.rows) for table in form.tables.values()}

    @cached_property
    def breaks(self) -> frozenset[str]:
        """Where what stood above is over: bands, titles of sections, labels of texts."""
        words = [table.band for table in self.form.tables.values() if table.band]
        words += [sheet.title for sheet in self.form.sheets]
        words += [text.label for text in self.form.texts.values()]
        return frozenset(filter(None, map(fold, words)))

    @cached_property
    def known(self) -> frozenset[str]:
        """Every word of the form."""
        lines = (*self.columns.values(), *self.rows.values())
        words = [key for one in lines for keys in (one.named, one.short, one.joined) for key in keys]
        return frozenset(words) | self.breaks


@dataclass(frozen=True, slots=True)
class _Head:
    table: Table
    top: int
    bottom: int
    columns: Alignment
    left: int  # how far words stand in a row without a gap: where it is read, and what ends where it begins
    right: int

    @property
    def first(self) -> int:
        return min(mark.step for mark in self.columns.found.values())


def find_pieces(ground: Ground, vocabulary: Vocabulary) -> list[Piece]:
    """Every piece of every table of the form on this sheet."""
    tables = vocabulary.form.tables.values()
    if sum(word.key in vocabulary.known for word in ground.words.values()) > MOST_WORDS:
        return []
    heads = [head for table in tables for head in _heads(ground, table, vocabulary.columns[table.id])]
    if len(heads) > MOST_HEADS:
        return []
    pieces = [_under(ground, head, heads, vocabulary) for head in heads]
    pieces += [
        _headless(ground, table, heads, vocabulary)
        for table in tables
        if len(table.columns) == 1 and not table.columns[0].label
    ]
    return [piece for piece in pieces if piece.spots]


# ---- heads


def _heads(ground: Ground, table: Table, lines: Lines) -> Iterator[_Head]:
    depth = lines.depth
    if not depth:
        return
    rows = sorted(
        {
            word.row
            for word in ground.words.values()
            if lines.knows(word.key) and not _starts_a_row(ground, word)
        }
    )
    clusters: list[list[int]] = []
    for row in rows:
        last = clusters[-1] if clusters else []
        if last and depth > 1 and row - last[-1] <= 2 and row - last[0] < 2 * depth:
            last.append(row)
        else:
            clusters.append([row])
    for cluster in clusters:
        words = [
            word
            for word in ground.words_in(range(cluster[0], cluster[-1] + 1))
            if not _starts_a_row(ground, word)
        ]
        for run in _runs(words, lines) if depth == 1 else [words]:
            found = lines.align(_mark_of_head(ground, word) for word in run)
            if found.found and 2 * len(found.found) >= len(table.columns):
                marks = found.found.values()
                bottom = max(ground.end(mark.depth, mark.step)[0] for mark in marks)
                left, right = _reach(words, {mark.step for mark in marks})
                yield _Head(table, cluster[0], bottom, found, left, right)


def _reach(words: list[Word], columns: set[int]) -> tuple[int, int]:
    """From the first to the last column of the words that stand together with these."""
    taken = {column for word in words for column in range(word.column, word.last_column + 1)}
    left, right = min(columns), max(columns)
    while left - 1 in taken:
        left -= 1
    while right + 1 in taken:
        right += 1
    return left, right


def _starts_a_row(ground: Ground, word: Word) -> bool:
    after = ground.next_in_row(word)
    return after is not None and is_figure(ground.cells[after])


def _runs(words: list[Word], lines: Lines) -> list[list[Word]]:
    """The heads of tables side by side: a new one begins where a complete one is begun again."""
    whole = {path[-1] for path in lines.paths}
    runs: list[list[Word]] = [[]]
    for word in sorted(words, key=lambda word: word.column):
        seen = {one.key for one in runs[-1]}
        if word.key in whole and word.key in seen and whole <= seen:
            runs.append([])
        runs[-1].append(word)
    complete = all(whole <= {word.key for word in run} for run in runs)
    return runs if complete else [words]


def _mark_of_head(ground: Ground, word: Word) -> Mark:
    wide = word.last_column > word.column
    return Mark(
        word.column, word.row, word.text, word.key, word.last_column if wide and ground.merges_hold else None
    )


# ---- rows under a head


def _under(ground: Ground, head: _Head, heads: list[_Head], vocabulary: Vocabulary) -> Piece:
    table, rows = head.table, vocabulary.rows[head.table.id]
    beside = [
        one.right
        for one in heads
        if one.right < head.first and one.top <= head.bottom and head.top <= one.bottom
    ]
    left = max(beside, default=0) + 1  # tables may stand side by side
    bottom = _end_of_body(ground, head, heads, vocabulary, left)
    piece = Piece(table, ground, head.top, head.bottom, bottom, head.first)
    piece.labels.update((mark.depth, mark.step) for mark in head.columns.known)
    body = range(head.bottom + 1, bottom + 1)
    if not rows.depth:
        _take_single_row(piece, head, body)
        return piece
    marks = [
        _mark_of_row(ground, word, is_local=ground.figures_right_of(word.row, word.column))
        for word in ground.words_in(body)
        if left <= word.column < head.first
    ]
    found = rows.align(marks)
    piece.labels.update((mark.step, mark.depth) for mark in found.known)
    for row in table.rows:
        for column in table.columns:
            across, down = head.columns.found.get(column.id), found.found.get(row.id)
            if across is None or down is None:
                continue
            last_row = max(down.step, ground.end(down.step, down.depth)[0])
            last_column = ground.end(across.depth, across.step)[1]
            cells = ground.filled(down.step, last_row, across.step, last_column)
            shortened = column.id in head.columns.shortened
            wants = shortened and column.unit is not None and not _says(across.text, column.unit)
            spot = Spot(ground, tuple(at for at in cells if at not in piece.labels), wants)
            piece.spots[f"{table.id}.{row.id}.{column.id}"] = [spot]
    return piece


def _says(text: str, unit: str) -> bool:
    return label_key(text).rstrip(")").endswith(label_key(unit))


def _mark_of_row(ground: Ground, word: Word, *, is_local: bool) -> Mark:
    high = word.last_row > word.row
    last = word.last_row if high and ground.merges_hold else None
    return Mark(word.row, word.column, word.text, word.key, last, is_local)


def _end_of_body(ground: Ground, head: _Head, heads: list[_Head], vocabulary: Vocabulary, left: int) -> int:
    """The last row before anything else begins in these columns."""
    rows = vocabulary.rows[head.table.id]
    others = [
        other.top
        for other in heads
        if other.top > head.bottom and other.left <= head.right and other.right >= left
    ]
    over = [
        word.row
        for word in ground.words.values()
        if word.row > head.bottom
        and word.key in vocabulary.breaks
        and not rows.knows(word.key)
        and word.column <= head.right
        and word.last_column >= left
    ]
    return min([*others, *over, ground.last_row + 1]) - 1


def _take_single_row(piece: Piece, head: _Head, body: range) -> None:
    """A table whose only row has no label: the row beneath its heads.  Two rows of figures are a doubt."""
    ground, table = piece.ground, piece.table
    (row,) = table.rows if len(table.rows) == 1 else (None,)
    if row is None:
        return
    fields = {
        column.id: (mark.step, ground.end(mark.depth, mark.step)[1])
        for column in table.columns
        if (mark := head.columns.found.get(column.id))
    }
    filled = {
        r
        for r in body
        for first, last in fields.values()
        if any(is_figure(ground.cells[at]) for at in ground.filled(r, r, first, last))
    }
    where = sorted(filled)
    for name, (first, last) in fields.items():
        spots = [Spot(ground, tuple(ground.filled(r, r, first, last))) for r in where]
        piece.spots[f"{table.id}.{row.id}.{name}"] = spots or [Spot(ground, ())]


# ---- tables without heads


def _headless(ground: Ground, table: Table, heads: list[_Head], vocabulary: Vocabulary) -> Piece:
    """A table of one column without a head: its figures are what stands right of the row labels.

    It is found beneath its band; without one in the form, by labels that are distinct by themselves.
    """
    rows, (column,) = vocabulary.rows[table.id], table.columns
    band = fold(table.band or "")
    bands = [word.row for word in ground.words.values() if word.key == band]
    top, bottom = 0, ground.last_row
    if band:
        top = bands[0] if len(bands) == 1 else bottom
        over = [head.top for head in heads] + [
            word.row
            for word in ground.words.values()
            if word.key in vocabulary.breaks and not rows.knows(word.key)
        ]
        over += [row for row in ground.rows if _looks_like_heads(ground, row, rows)]
        bottom = min([row for row in over if row > top] + [bottom + 1]) - 1
    marks = [
        _mark_of_row(ground, word, is_local=ground.figures_right_of(word.row, word.column))
        for word in ground.words_in(range(top + 1, bottom + 1))
        if rows.knows(word.key) or (band and ground.figures_right_of(word.row, word.column))
    ]
    found = rows.align(marks)
    found.found = {line: mark for line, mark in found.found.items() if band or rows.is_distinct_line(line)}
    piece = Piece(table, ground, top, top, bottom, 1)
    if not found.found:
        return piece
    steps = [mark.step for mark in found.known]
    piece.top, piece.above, piece.bottom = min(steps), min(steps) - 1, max(steps)
    piece.first = min(mark.depth for mark in found.found.values()) + 1
    piece.labels.update((mark.step, mark.depth) for mark in found.known)
    for row in table.rows:
        if mark := found.found.get(row.id):
            after = [(mark.step, c) for c in ground.rows[mark.step] if c > mark.depth]
            figures = [at for at in after if is_figure(ground.cells[at])]
            words = [at for at in after if at in ground.words and ground.words[at].key in vocabulary.known]
            alone = after if len(after) == 1 and not words else []
            spot = Spot(ground, tuple(figures or alone))
            piece.spots[f"{table.id}.{row.id}.{column.id}"] = [spot]
    return piece


def _looks_like_heads(ground: Ground, row: int, rows: Lines) -> bool:
    """Several words and no figure, and not all of them row labels: another table begins."""
    words = [ground.words[row, c] for c in ground.rows[row] if (row, c) in ground.words]
    return (
        len(words) > 1 and not ground.figures_right_of(row, 0) and not all(rows.knows(w.key) for w in words)
    )


# ---- the form as a whole


@dataclass(frozen=True, slots=True)
class Located:
    """Where the items of one form were found in a workbook."""

    vocabulary: Vocabulary
    pieces: tuple[Piece, ...]
    spots: dict[str, Spot]  # items that have one place
    doubled: dict[str, list[Spot]]

    @property
    def form(self) -> Form:
        return self.vocabulary.form

    @property
    def missing(self) -> int:
        return len(self.form.items) - len(self.spots)


def locate(grounds: list[Ground], form: Form) -> Located:
    """The places of a form's items in a workbook; blank copies of a table beside a filled one do not count."""
    vocabulary = Vocabulary(form)
    pieces = [piece for ground in grounds for piece in find_pieces(ground, vocabulary)]
    filled = {item for piece in pieces if not piece.is_blank for item in piece.spots}
    places: dict[str, list[Spot]] = {}
    for piece in pieces:
        for item, spots in piece.spots.items():
            if not piece.is_blank or item not in filled:
                places.setdefault(item, []).extend(spots)
    unique = {item: spots[0] for item, spots in places.items() if len(spots) == 1}
    doubled = {item: spots for item, spots in places.items() if len(spots) > 1}
    return Located(vocabulary, tuple(pieces), unique, doubled)
