"""Expression: the language in which a form file writes its rules.

`new + carried_in == handled + carried_out` is parsed here once and read in two ways: the exact evaluation
(`holds`, `sides`) and the live Excel formula (`formula`, `side_formulas`).  The two agree: a difference that
Excel's ROUND(…,6) makes zero is zero here too.

Which names exist and what they mean is the caller's: `bind` asks for every name and every range.  So are
blanks in a live formula (COUNT on the leaf inputs), the words of a broken rule, and every Excel library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xltools.errors import FormError
from xltools.expression.formula import Writer
from xltools.expression.linear import Equation, equation_of
from xltools.expression.parsing import Reader
from xltools.expression.tree import Compare, Exact, Leaf, Lookup, Name, Range, Ref, Same, Test, Truth
from xltools.expression.working import Compiler, Side, Sides, exact, gather, shown

__all__ = [
    "MAX_FORMULA",
    "Bound",
    "Equation",
    "Exact",
    "Expression",
    "Name",
    "Ref",
    "Sides",
    "exact",
    "parse",
]

MAX_FORMULA = 8_192  # characters, Excel's limit
MAX_NESTING = 64  # function levels, Excel's limit


def parse(text: str, *, file: str = "", key: str = "that") -> Expression:
    """The rule that `text` says; `file` and `key` tell whose it is.

    >>> parse("carried_in == last.applications.carried_out").names
    (Name(parts=('carried_in',), last=False), Name(parts=('applications', 'carried_out'), last=True))
    >>> parse("handled == sum[granted:other]").ranges
    ((Name(parts=('granted',), last=False), Name(parts=('other',), last=False)),)

    Raises FormError, and nothing else, when it is not a rule.

    >>> parse("public + 1")
    Traceback (most recent call last):
    xltools.errors.FormError: that 整条规则要是一个判断，如 a == b；“public + 1”是一个数
    """
    reader = Reader(text.strip(" "), file, key)
    tree, leaves = reader.rule(), tuple(reader.leaves)
    names = tuple(leaf for leaf in leaves if isinstance(leaf, Name))
    ranges = tuple((leaf.first, leaf.final) for leaf in leaves if isinstance(leaf, Range))
    return Expression(reader.text, names, ranges, file, key, tree, leaves)


@dataclass(frozen=True, slots=True)
class Expression:
    """A rule as written, before its names mean anything.

    `names` are all the names but the ends of ranges, `ranges` the ends of each sum[a:b]; both in order of
    appearance and without repetition.
    """

    text: str
    names: tuple[Name, ...]
    ranges: tuple[tuple[Name, Name], ...]
    _file: str = field(compare=False, repr=False)
    _key: str = field(compare=False, repr=False)
    _tree: Truth = field(compare=False, repr=False)
    _leaves: tuple[Name | Range, ...] = field(compare=False, repr=False)

    def bind(self, name: Callable[[Name], Ref], span: Callable[[Name, Name], tuple[Ref, ...]]) -> Bound:
        """The same rule over items.  `name` and `span` are asked once for each, and raise what they like.

        >>> rule = parse("public >= disclosed")
        >>> rule.bind(lambda name: Ref(f"documents.{name.parts[0]}"), lambda first, final: ()).refs
        (Ref(item='documents.public', last=False), Ref(item='documents.disclosed', last=False))
        """
        places: dict[Leaf, tuple[Ref, ...]] = {}
        for leaf in self._leaves:
            places[leaf] = (name(leaf),) if isinstance(leaf, Name) else tuple(span(leaf.first, leaf.final))
            if not places[leaf]:
                raise FormError(self._file, self._key, "的 sum[ ] 里一项也没有")
        places |= {ref: (ref,) for refs in tuple(places.values()) for ref in refs}
        compiler = Compiler(places)
        test = compiler.truth(self._tree)
        refs = tuple(compiler.index)
        first = _first_comparison(self._tree)
        pair = len(refs) == 2 and first is not self._tree
        left, right = refs if pair else (first.left, first.right)
        sides = (Side.of(left, places), Side.of(right, places))
        equation = equation_of(self._tree, places)
        return Bound(self.text, refs, not pair, equation, self, tuple(places.items()), test, sides)


def _first_comparison(tree: Truth) -> Compare:
    while not isinstance(tree, Compare):
        tree = tree.left if isinstance(tree, Same) else tree.parts[0]
    return tree


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule over items, compiled: evaluate it, show its sides, write it as a formula.

    The two sides are those of the comparison when the rule is a single one (`a + b == c`).  Otherwise, when
    it speaks of exactly two items, they are these two, and there is no difference to speak of; otherwise
    those of the first comparison in it.

    >>> from decimal import Decimal
    >>> rule = parse("(projects == 0) == (amount == 0)")
    >>> bound = rule.bind(lambda name: Ref(name.parts[0]), lambda first, final: ())
    >>> projects, amount = bound.refs
    >>> given = {projects: 3, amount: Decimal("0.5")}
    >>> bound.holds(given.get), bound.holds({**given, projects: 0}.get), bound.holds({}.get)
    (True, False, None)
    >>> bound.sides(given.get)
    Sides(left=3, right=Decimal('0.5'), difference=None)
    >>> bound.formula({projects: "B2", amount: "C2"}.__getitem__, lambda ref: ref == amount)
    '(B2=0)=(ROUND(C2-0,6)=0)'
    """

    text: str
    refs: tuple[Ref, ...]  # all of them, in order of appearance, ranges expanded
    has_difference: bool
    equation: Equation | None  # where the rule is a single == of sums and multiples, else None
    _expression: Expression = field(compare=False, repr=False)
    _places: tuple[tuple[Leaf, tuple[Ref, ...]], ...] = field(repr=False)
    _test: Test = field(compare=False, repr=False)
    _sides: tuple[Side, Side] = field(compare=False, repr=False)

    @property
    def left_refs(self) -> tuple[Ref, ...]:
        return self._sides[0].refs

    @property
    def right_refs(self) -> tuple[Ref, ...]:
        return self._sides[1].refs

    def holds(self, value: Lookup) -> bool | None:
        """Whether the rule holds; None, undecided, when any input is missing or any divisor is zero.

        Everything is evaluated before anything is decided, for so do Excel's AND and OR.
        """
        numbers = gather(self.refs, value)
        return None if numbers is None else self.decides(numbers)

    def decides(self, numbers: Sequence[Exact]) -> bool | None:
        """The same for the `exact` numbers of all `refs`, in their order."""
        try:
            return self._test(numbers)
        except ZeroDivisionError:
            return None

    def sides(self, value: Lookup) -> Sides:
        """What stands on either side, each judged by itself, and left minus right."""
        left, right = (side.worth(value) for side in self._sides)
        difference = None if left is None or right is None or not self.has_difference else left - right
        return Sides(shown(left), shown(right), shown(difference))

    def formula(self, address: Callable[[Ref], str], is_money: Callable[[Ref], bool]) -> str:
        """The rule as an Excel formula without "=", TRUE or FALSE once every input is a number.

        Where money, a fraction or a division comes in, the difference is rounded before it is compared with
        zero, because Excel's numbers are binary: 0.1 + 0.2 is not 0.3 there.
        """
        return self._fitting(Writer(dict(self._places), address, is_money).truth(self._expression._tree))

    def side_formulas(self, address: Callable[[Ref], str]) -> tuple[str, str]:
        """The two sides as Excel formulas without "="."""
        writer = Writer(dict(self._places), address, lambda ref: False)
        left, right = (self._fitting(writer.number(side.node).text) for side in self._sides)
        return left, right

    def _fitting(self, formula: str) -> str:
        depth = deepest = 0
        for bracket in re.findall("[()]", re.sub("'[^']*'", "", formula)):  # a sheet's name may hold some
            depth += 1 if bracket == "(" else -1
            deepest = max(deepest, depth)
        if len(formula) > MAX_FORMULA or deepest > MAX_NESTING:
            problem = f"写成公式有 {len(formula)} 个字符、{deepest} 层括号"
            allowed = f"Excel 最多 {MAX_FORMULA} 个、{MAX_NESTING} 层；请拆成几条"
            raise FormError(self._expression._file, self._expression._key, f"{problem}，{allowed}")
        return formula
