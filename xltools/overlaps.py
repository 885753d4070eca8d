"""Overlaps: what would be counted twice if these files were added up, and which of them give way.

Every file brings units: itself, or the leaves of a roll-up.  A unit may come in once only, and one that is
already added up (已汇总) not together with what it is made of.  Files that clash are all left out, for nobody but
the county can know which to take; it says so with --prefer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from xltools.checks.across import listed, said, substance
from xltools.filing import Filing
from xltools.finding import Outcome
from xltools.result import Checked, with_findings
from xltools.rollup import is_unnamed
from xltools.roster import CONSOLIDATED, LEVELS, Roster, Unit
from xltools.sameness import Sameness, words_of
from xltools.words import label_key

RANKS = {level: at for at, level in enumerate(LEVELS)}


def units_of(filing: Filing) -> tuple[Unit, ...]:
    """The units whose figures a file brings."""
    if filing.is_rollup:
        return tuple(leaf.unit for leaf in filing.leaves)
    return (filing.unit,) if filing.unit is not None else ()


class Clash(NamedTuple):
    """Two files that may not be added up (or one that holds a unit twice), with the units in question."""

    one: int
    other: int
    code: str
    units: tuple[Unit, ...]
    whole: Unit | None = None  # the unit already added up, where that is the matter


@dataclass(frozen=True)
class Overlaps:
    """The files at these positions, held against each other."""

    filings: Mapping[int, Filing]
    roster: Roster | None

    @cached_property
    def same(self) -> Sameness:
        owners = [one.unit for one in self.filings.values() if one.unit is not None]
        return Sameness(
            [*owners, *(unit for one in self.filings.values() for unit in units_of(one))], self.roster
        )

    @cached_property
    def clashes(self) -> list[Clash]:
        return [*self._in_both(), *self._whole_and_parts(), *self._same_figures()]

    def _in_both(self) -> Iterator[Clash]:
        """A unit in two files, or twice in one."""
        carriers: dict[object, list[tuple[int, Unit]]] = {}
        for at, filing in self.filings.items():
            for unit in units_of(filing):
                carriers.setdefault(self.same.key(unit), []).append((at, unit))
        pairs: dict[tuple[int, int], list[Unit]] = {}
        for brought in carriers.values():
            for (one, unit), (other, _) in combinations(brought, 2):
                pairs.setdefault((one, other), []).append(unit)
        yield from (Clash(one, other, "R106", tuple(units)) for (one, other), units in pairs.items())

    def _wholes(self) -> Iterator[tuple[int, Unit]]:
        """Units already added up whose parts cannot be seen: forms filled in for a county as a whole."""
        for at, filing in self.filings.items():
            yield from ((at, self.same.known(unit)) for unit in units_of(filing) if unit.kind == CONSOLIDATED)

    @cached_property
    def _placed(self) -> Mapping[int, list[tuple[Unit, set[str]]]]:
        """Position → the units of the file, each with all that stands above it or above the roll-up it came in."""
        found: dict[int, list[tuple[Unit, set[str]]]] = {}
        for at, filing in self.filings.items():
            owners: set[str] = set()
            if filing.is_rollup and filing.unit is not None and not is_unnamed(filing.unit):
                owners = words_of(filing.unit) | self.same.above(filing.unit)
            found[at] = [(unit, self.same.above(unit) | owners) for unit in units_of(filing)]
        return found

    def _parts(self, at: int, whole: Unit) -> list[Unit]:
        """The units of a file that are in a whole; what the county reports itself is in what it has added up."""
        key, words = self.same.key(whole)[0], words_of(whole)
        return [
            unit
            for unit, above in self._placed[at]
            if (unit.kind != CONSOLIDATED if self.same.key(unit)[0] == key else not words.isdisjoint(above))
        ]

    def _whole_and_parts(self) -> Iterator[Clash]:
        for holder, whole in self._wholes():
            for at in self.filings:
                if parts := tuple(self._parts(at, whole)):
                    yield Clash(holder, at, "R109", parts, whole)

    def _same_figures(self) -> Iterator[Clash]:
        """A form that holds a roll-up's figures is that roll-up filled in, whatever kind it claims to be of."""
        sums = {substance(one): at for at, one in self.filings.items() if len(one.leaves) > 1}
        for at, one in self.filings.items() if sums else ():
            other = None if one.is_rollup else sums.get(substance(one) or ())
            if other is not None and one.unit is not None:
                yield Clash(at, other, "R109", units_of(self.filings[other]), one.unit)

    def covers(self, one: int, other: int) -> bool:
        """Whether taking one file in place of another loses nobody."""
        inside = {self.same.key(unit) for unit in units_of(self.filings[one])}
        for whole in (unit for at, unit in self._wholes() if at == one):
            inside |= {self.same.key(unit) for unit in self._parts(other, whole)}
        return all(self.same.key(unit) in inside for unit in units_of(self.filings[other]))

    def earlier_results(self, signer: Unit | None = None) -> Iterator[tuple[int, list[Unit]]]:
        """Position of roll-ups made of units that all have sent files of their own, and the units whose file here
        is another than the one it was made from.

        An earlier result it is where the `signer` of this merge signed it, or most of its very files lie beside it.
        """
        beside: dict[tuple[str, bool], set[str]] = {}
        for one in self.filings.values():
            for unit in () if one.is_rollup else units_of(one):
                beside.setdefault(self.same.key(unit), set()).add(one.sha256)
        for at, one in self.filings.items():
            files = [(leaf, beside.get(self.same.key(leaf.unit))) for leaf in one.leaves]
            if not files or any(found is None for _, found in files):
                continue
            others = [leaf.unit for leaf, found in files if found is not None and leaf.sha256 not in found]
            if 2 * len(others) < len(files) or _is_signer(one.unit, signer):
                yield at, others

    def may_hold(self) -> Iterator[tuple[int, Unit, list[Unit], list[Unit]]]:
        """Position and unit already added up; units of which nobody says whose they are, and those that name
        somebody who is not there, or is there under another spelling (示例县人民政府)."""
        for holder, whole in self._wholes():
            unplaced: list[Unit] = []
            astray: list[Unit] = []
            inside = self._parts_of(whole)
            for at, placed in self._placed.items():
                for unit, above in placed if at != holder else ():
                    if not _is_lower(unit, whole) or unit.key in inside:
                        continue
                    if not above:
                        unplaced.append(unit)
                    elif self._is_astray(unit, above, whole):
                        astray.append(unit)
            if unplaced or astray:
                yield holder, whole, unplaced, astray

    def _parts_of(self, whole: Unit) -> set[str]:
        return {unit.key for at in self.filings for unit in self._parts(at, whole)}

    def _is_astray(self, unit: Unit, above: set[str], whole: Unit) -> bool:
        """Whether none above a unit can be found, or one may be the whole by another name."""
        unknown = (self.same.unknown_above(unit) & above) - self.same.above(whole)
        if not unknown:
            return False
        name = label_key(whole.name)
        return unknown == above - self.same.above(whole) or any(name in one or one in name for one in unknown)

    def doubts(self) -> Iterator[tuple[int, Unit, list[Unit]]]:
        """Position, unit, and the units of the same name that it may be."""
        alone = {
            self.same.known(unit).key: at
            for at, one in self.filings.items()
            if not one.is_rollup
            for unit in units_of(one)
        }
        for at, filing in self.filings.items():
            for unit in units_of(filing):
                others = [
                    one
                    for one in self.same.doubts(unit)
                    if (one.kind == CONSOLIDATED) == (unit.kind == CONSOLIDATED)
                    # of two codes in two roll-ups, each is its own county's matter
                    and (not (one.code and unit.code) or (one.key in alone and not filing.is_rollup))
                ]
                if others:
                    yield at, unit, others


def _is_signer(unit: Unit | None, signer: Unit | None) -> bool:
    """Whether a roll-up was signed by the same unit: of the same code, or, where one has none, of the same name."""
    if unit is None or signer is None:
        return False
    both = bool(unit.code and signer.code)
    return unit.code == signer.code if both else label_key(unit.name) == label_key(signer.name)


def _is_lower(unit: Unit, whole: Unit) -> bool:
    """Whether a unit may be part of a whole by its level: a town or an office of a county, of the county."""
    here, there = RANKS.get(unit.level, 0), RANKS.get(whole.level, 0)
    return here < there or (here == there and unit.kind != CONSOLIDATED)


def settle(
    filings: list[Checked],
    usable: Sequence[int],
    disputed: Sequence[int],
    roster: Roster | None,
    preferred: set[int],
    signer: Unit | None = None,
) -> list[int]:
    """Which of the usable files are added up for `signer`.  Says on the others, and on what is in doubt, why.

    `disputed` are the files of units that sent several: while nobody says which counts, none comes in through a
    roll-up either.
    """

    def among(places: Iterable[int]) -> Overlaps:
        return Overlaps({at: filings[at].filing for at in places}, roster)

    early = _earlier_results(filings, usable, roster, preferred, signer)
    usable = [at for at in usable if at not in early]
    overlaps = among(sorted({*usable, *disputed}))
    clashes = [one for one in overlaps.clashes if not {one.one, one.other} <= set(disputed)]
    given_way: dict[int, int] = {}
    for clash in clashes:
        for one, other in ((clash.one, clash.other), (clash.other, clash.one)):
            if one in preferred and other not in preferred and overlaps.covers(one, other):
                given_way[other] = one
    for at, chosen in given_way.items():
        filings[at] = replaced(filings[at], filings[chosen].filing.file)
    clashes = [one for one in clashes if not {one.one, one.other} & given_way.keys()]
    _say_clashes(filings, clashes)
    left_out = {at for one in clashes for at in (one.one, one.other)} | given_way.keys()
    usable = [at for at in usable if at not in left_out]
    _say_doubts(filings, overlaps if overlaps.filings.keys() == set(usable) else among(usable))
    return usable


def _earlier_results(
    filings: list[Checked],
    usable: Sequence[int],
    roster: Roster | None,
    preferred: set[int],
    signer: Unit | None,
) -> set[int]:
    """The positions of earlier results, which say that they are.

    A unit's own file speaks for it whatever is wrong with it: it is mended or chosen among others, and what the
    earlier result has of the unit is out of date either way.
    """
    if not any(one.filing.leaves for one in filings):
        return set()
    kinds = {(filings[at].filing.form_key, filings[at].filing.year) for at in usable}
    own = {
        at: one.filing
        for at, one in enumerate(filings)
        if not one.filing.is_rollup and (one.filing.form_key, one.filing.year) in kinds
    }
    beside = Overlaps({**own, **{at: filings[at].filing for at in usable if at not in preferred}}, roster)
    found: set[int] = set()
    for at, others in beside.earlier_results(signer):
        count = len(filings[at].filing.leaves)
        names = listed(unit.name for unit in others)
        newer = f"（“{names}”用的是另一份）" if others else ""
        filings[at] = superseded(
            filings[at],
            "R111",
            f"这是先前的汇总结果，它汇总的 {count} 个单位的报表都在{newer}，按各单位的报表汇总，这份不再计入。",
            "不必处理；最好从收件里移走。",
        )
        found.add(at)
    return found


def superseded(one: Checked, code: str, message: str, remedy: str, found: str | None = None) -> Checked:
    """The file with that note alone: nobody has to mend what does not count."""
    note = said(code, one.filing, message, remedy, found=found)
    return replace(one, findings=(note,), outcome=Outcome.NOTED, superseded=True)


def replaced(one: Checked, chosen: str) -> Checked:
    words = f"汇总时写明了用“{chosen}”，这份不计入。"
    return superseded(one, "R110", words, "不必处理。", found=chosen)


def _say_clashes(filings: list[Checked], clashes: Iterable[Clash]) -> None:
    """One finding per file and kind of clash, naming the units and all the other files."""
    units: dict[tuple[int, str], list[str]] = {}
    others: dict[tuple[int, str], set[str]] = {}
    wholes: dict[tuple[int, str], list[str]] = {}
    for clash in clashes:
        for at, other in {(clash.one, clash.other), (clash.other, clash.one)}:
            units.setdefault((at, clash.code), []).extend(unit.name for unit in clash.units)
            others.setdefault((at, clash.code), set()).update(
                {filings[other].filing.file} if other != at else ()
            )
            if clash.whole is not None:
                wholes.setdefault((at, clash.code), []).append(clash.whole.name)
    for (at, code), names in sorted(units.items()):
        files = "、".join(sorted(others[at, code]))
        if code == "R109":
            words = f"“{listed(wholes[at, code])}”已经汇总过，它的数里含有“{listed(names)}”；" + (
                f"两者都在（另见 {files}），会重复相加，都没有汇总。"
                if files
                else "这份里两者都有，会重复相加，没有汇总。"
            )
            cure = (
                "请只留一种：已汇总的报表，或各单位自己的报表；用已汇总的，也可以在汇总时用 --prefer 写明。"
            )
        else:
            where = f"在这份和 {files} 里都有" if files else "在这份汇总件里列了两次"
            words = f"“{listed(names)}”{where}，会重复相加，都没有汇总。"
            cure = "请只留一种：单位自己的报表，或包含它的汇总件；先前的汇总结果请从收件里移走。"
        filings[at] = with_findings(
            filings[at], [said(code, filings[at].filing, words, cure, found=files or None)]
        )


def _say_doubts(filings: list[Checked], overlaps: Overlaps) -> None:
    for at, whole, unplaced, astray in list(overlaps.may_hold()):
        names = listed(unit.name for unit in (*unplaced, *astray))
        said_of = [f"“{listed(unit.name for unit in unplaced)}”没有写上级"] if unplaced else []
        parents = {unit.name: overlaps.same.known(unit).parent or unit.parent for unit in astray}
        if astray:
            above = listed(f"{name}（{parent}）" for name, parent in parents.items())
            said_of.append(f"“{above}”写的上级不在这批文件和名单里")
        words = (
            f"“{whole.name}”已经汇总过；{'，'.join(said_of)}，看不出是不是已经在里面，在的话就重复相加了。"
        )
        cure = "请在名单或报表里写明它们的上级，与上级单位的名称一样；确实不在里面的请说明原因。"
        filings[at] = with_findings(filings[at], [said("R112", filings[at].filing, words, cure, found=names)])
    for at, unit, others in list(overlaps.doubts()):
        names = "、".join(sorted({f"{one.name}（代码 {one.code or '无'}）" for one in others}))
        words = f"“{unit.name}”（代码 {unit.code or '无'}）和这批里的“{names}”同名，分不清是不是同一个单位；是的话就重复相加了。"
        cure = "请与单位核对代码；确实是两个单位的请说明原因，或把它们都写进名单。"
        filings[at] = with_findings(filings[at], [said("R113", filings[at].filing, words, cure, found=names)])
