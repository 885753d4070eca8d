"""Expression: the language in which a form file writes its rules.

`new + carried_in == handled + carried_out` is parsed here once and read in two ways: the exact evaluation
(`holds`, `sides`) and the live Excel formula (`formula`, `side_formulas`).  The two agree: a difference that
Excel's ROUND(…,6) makes zero is zero here too.

Which names exist and what they mean is the caller's: `bind` asks for every name and every range.  So are
blanks in a live formula (COUNT on the leaf inputs), the words of a broken rule, and every Excel library.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Any, NamedTuple, NoReturn, TypeAlias

from xltools.errors import FormError

MAX_LENGTH = 2_000
MAX_DEPTH = 50
MAX_DIGITS = 15  # what an Excel number holds; a longer literal would mean two things
MAX_FORMULA = 8_192  # characters, Excel's limit
MAX_NESTING = 64  # function levels, Excel's limit
MAX_ARGUMENTS = 30  # of one function, in the oldest spreadsheet programs (255 in newer ones)

# --- what a rule is made of --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written: `last.documents.made` is Name(("documents", "made"), last=True)."""

    parts: tuple[str, ...]
    last: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """What a name stands for: the flat id of an item, of this year's filing or of last year's."""

    item: str
    last: bool = False


@dataclass(frozen=True, slots=True)
class _Range:  # sum[first:final]
    first: Name
    final: Name


@dataclass(frozen=True, slots=True)
class _Unary:
    function: str  # "-", "ABS"
    operand: _Numeric


@dataclass(frozen=True, slots=True)
class _Chain:  # first + a - b …, worked from the left, so that a long sum is not a deep one
    first: _Numeric
    steps: tuple[tuple[str, _Numeric], ...]


@dataclass(frozen=True, slots=True)
class _Compare:  # two numbers
    left: _Numeric
    sign: str
    right: _Numeric


@dataclass(frozen=True, slots=True)
class _Same:  # two truths, with == or !=
    left: _Truth
    sign: str
    right: _Truth


@dataclass(frozen=True, slots=True)
class _Logic:  # a < b < c is AND of two, implies(a, b) is OR(NOT(a), b)
    function: str  # "AND", "OR", "NOT"
    parts: tuple[_Truth, ...]


_Leaf: TypeAlias = Name | _Range | Ref  # a Ref stands for itself, where a side is a single item
_Numeric: TypeAlias = int | Decimal | Name | _Range | Ref | _Unary | _Chain
_Truth: TypeAlias = _Compare | _Same | _Logic
_Places: TypeAlias = Mapping[_Leaf, tuple[Ref, ...]]
Exact: TypeAlias = int | Fraction  # decimals and quotients are worked as fractions: 1 / 3 * 3 == 1
_Work: TypeAlias = Callable[[Sequence[Exact]], Exact]
_Test: TypeAlias = Callable[[Sequence[Exact]], bool]
Lookup: TypeAlias = Callable[[Ref], int | Decimal | None]


@dataclass(frozen=True, slots=True)
class Sides:
    """What a rule compares, for a finding; None where an input is missing or a divisor is zero.

    An int stays an int; anything else is an exact Decimal, but a quotient that never ends has 15 digits.
    """

    left: int | Decimal | None
    right: int | Decimal | None
    difference: int | Decimal | None


@dataclass(frozen=True, slots=True)
class Equation:
    """A rule as one linear equation: the terms, each times its coefficient, and the constant add up to zero."""

    terms: tuple[tuple[Ref, Fraction], ...]  # in order of appearance; those that cancel out are left out
    constant: Fraction


# --- reading a text ----------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"(?P<number>\.?[0-9][\w.]*)|(?P<word>[A-Za-z_][\w.]*)|(?P<sign>[=!<>:]=|<<|>>|<>|\*\*|//|[^ ])", re.ASCII
)
_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_ID = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {*keyword.kwlist, "sum", "abs", "implies", "last"}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISON = {ast.Eq: "==", ast.NotEq: "!=", ast.LtE: "<=", ast.GtE: ">=", ast.Lt: "<", ast.Gt: ">"}
_SIGNS = {*_ARITHMETIC.values(), *_COMPARISON.values(), *"()[],:"}
_ALLOWED = "可用：+ - * /、== != <= >= < >、and or not、sum[甲:乙]、abs(甲)、implies(甲, 乙)、last.甲"


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
    reader = _Reader(text.strip(" "), file, key)
    tree, leaves = reader.rule(), tuple(reader.leaves)
    names = tuple(leaf for leaf in leaves if isinstance(leaf, Name))
    ranges = tuple((leaf.first, leaf.final) for leaf in leaves if isinstance(leaf, _Range))
    return Expression(reader.text, names, ranges, file, key, tree, leaves)


class _Reader:
    """One text on its way to a tree.

    It is first looked through token by token, so that Python's parser only ever sees short, shallow, one-line
    ASCII of known words and signs: no quotes, no keywords, nothing to recurse into or to warn about.
    """

    def __init__(self, text: str, file: str, key: str) -> None:
        self.text, self.file, self.key = text, file, key
        self.leaves: dict[Name | _Range, None] = {}  # a set in order of appearance

    def refuse(self, problem: str) -> NoReturn:
        raise FormError(self.file, self.key, problem) from None

    def quote(self, node: ast.expr) -> str:
        return _quoted(self.source(node))

    def source(self, node: ast.expr) -> str:
        return self.text[node.col_offset : node.end_col_offset]

    def rule(self) -> _Truth:
        self.look_through()
        try:
            root = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            where = f"第 {error.offset} 个字符附近" if error.offset else "末尾"
            self.refuse(f"{where}读不通，少了或多了名字、运算符或括号")
        except (RecursionError, MemoryError):
            self.refuse("太复杂，请拆成几条")
        return self.truth(root, "整条规则", 0)

    def look_through(self) -> None:
        if not self.text:
            self.refuse("是空的，应写一个判断，如 a == b")
        if len(self.text) > MAX_LENGTH:
            self.refuse(f"有 {len(self.text)} 个字符，最多 {MAX_LENGTH} 个")
        if odd := re.search(r"[^ -~]", self.text):
            shown = _quoted(odd[0]) if odd[0].isprintable() else f"U+{ord(odd[0]):04X}"
            where = f"第 {odd.start() + 1} 个字符是 {shown}"
            self.refuse(f"{where}；规则写在一行里，只用半角的英文字母、数字和符号")
        opened: list[int] = []
        prefixes = 0  # minuses and nots that wait for their operand
        after_operand = False
        for match in _TOKEN.finditer(self.text):
            token, logical = match[0], match[0] in ("and", "or", "not")
            if match["number"] and (not _NUMBER.fullmatch(token) or len(token.replace(".", "")) > MAX_DIGITS):
                self.refuse(f"不认得数{_quoted(token)}；数写成 12 或 0.5 这样，最多 {MAX_DIGITS} 位")
            if (match["sign"] and token not in _SIGNS) or (keyword.iskeyword(token) and not logical):
                self.refuse(f"不认得{_quoted(token)}；{_ALLOWED}")
            if token == "not" or (token in ("+", "-") and not after_operand):
                prefixes += 1
            else:
                if token in ("(", "["):
                    opened.append(prefixes + 1)
                elif token in (")", "]") and opened:
                    opened.pop()
                prefixes = 0
            self.check_depth(sum(opened) + prefixes)
            after_operand = not logical and (not match["sign"] or token in (")", "]"))

    def check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.refuse(f"套得太深，括号和运算最多套 {MAX_DEPTH} 层")

    def truth(self, node: ast.expr, whose: str, depth: int) -> _Truth:
        built = self.build(node, depth)
        if not isinstance(built, _Truth):
            self.refuse(f"{whose}要是一个判断，如 a == b；{self.quote(node)}是一个数")
        return built

    def numeric(self, node: ast.expr, whose: str, depth: int) -> _Numeric:
        built = self.build(node, depth)
        if isinstance(built, _Truth):
            self.refuse(f"{whose}要是一个数；{self.quote(node)}是一个判断")
        return built

    def build(self, node: ast.expr, depth: int) -> _Numeric | _Truth:
        match node:
            case ast.Constant():  # the value Python read is a float: 0.1 is not 0.1
                digits = self.source(node)
                return Decimal(digits) if "." in digits else int(digits)
            case ast.Name() | ast.Attribute():
                return self.leaf(self.name(node))
        self.check_depth(depth)
        deeper = depth + 1
        match node:
            case ast.BinOp():
                return self.chain(node, deeper)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _Logic("NOT", (self.truth(operand, "“not”后面", deeper),))
            case ast.UnaryOp(op=sign, operand=operand):
                number = self.numeric(operand, "正负号后面", deeper)
                return _Unary("-", number) if isinstance(sign, ast.USub) else number
            case ast.BoolOp(op=op, values=values):
                function = "AND" if isinstance(op, ast.And) else "OR"
                whose = f"“{function.lower()}”的两边都"
                return _Logic(function, tuple(self.truth(value, whose, deeper) for value in values))
            case ast.Compare():
                return self.comparison(node, deeper)
            case ast.Call(func=ast.Name(id="abs"), args=[operand], keywords=[]):
                return _Unary("ABS", self.numeric(operand, "abs(甲) 的甲", deeper))
            case ast.Call(func=ast.Name(id="implies"), args=[premise, conclusion], keywords=[]):
                unless = _Logic("NOT", (self.truth(premise, "implies(甲, 乙) 的甲", deeper),))
                return _Logic("OR", (unless, self.truth(conclusion, "implies(甲, 乙) 的乙", deeper)))
            case ast.Subscript(value=ast.Name(id="sum"), slice=ast.Slice(lower=low, upper=high, step=None)):
                if isinstance(low, ast.Name | ast.Attribute) and isinstance(high, ast.Name | ast.Attribute):
                    found = _Range(self.name(low), self.name(high))
                    if found.first.last != found.final.last:
                        self.refuse(f"{self.quote(node)}的两端要么都有 last.，要么都没有")
                    return self.leaf(found)
        self.refuse(f"{self.quote(node)}不是规则的写法；{_ALLOWED}")

    def name(self, node: ast.expr) -> Name:
        source = self.source(node)
        parts = tuple(source.removeprefix("last.").split("."))
        if not all(_ID.fullmatch(part) and part not in _RESERVED for part in parts):
            self.refuse(
                f"{self.quote(node)}不是编号：编号以小写字母开头，只用小写字母、数字和下划线，用点相连；"
                f"sum、abs、implies 不能单用，last 只放在最前面"
            )
        return Name(parts, source.startswith("last."))

    def leaf(self, leaf: Name | _Range) -> Name | _Range:
        self.leaves[leaf] = None
        return leaf

    def chain(self, node: ast.expr, deeper: int) -> _Numeric:
        steps: list[tuple[str, ast.expr]] = []
        while isinstance(node, ast.BinOp):
            steps.append((_ARITHMETIC[type(node.op)], node.right))
            node = node.left
        steps.reverse()
        first = self.numeric(node, f"“{steps[0][0]}”的两边都", deeper)
        rest = ((sign, self.numeric(right, f"“{sign}”的两边都", deeper)) for sign, right in steps)
        return _Chain(first, tuple(rest))

    def comparison(self, node: ast.Compare, deeper: int) -> _Truth:
        signs = [_COMPARISON[type(op)] for op in node.ops]
        sources = (node.left, *node.comparators)
        operands = [self.build(source, deeper) for source in sources]
        numbers = [operand for operand in operands if not isinstance(operand, _Truth)]
        truths = [operand for operand in operands if isinstance(operand, _Truth)]
        if not truths:
            pairs = tuple(map(_Compare, numbers, signs, numbers[1:]))
            return pairs[0] if len(pairs) == 1 else _Logic("AND", pairs)
        if not numbers and signs in (["=="], ["!="]):
            return _Same(truths[0], signs[0], truths[1])
        kinds = zip(sources, ("判断" if operand in truths else "数" for operand in operands), strict=True)
        said = "，".join(f"{self.quote(source)}是一个{kind}" for source, kind in kinds)
        self.refuse(f"只能比较数与数，或用一个 == 或 != 比较两个判断；这里{said}")


def _quoted(source: str) -> str:
    return f"“{source if len(source) <= 40 else source[:39] + '…'}”"


# --- binding it to items -----------------------------------------------------------------------------


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
    _tree: _Truth = field(compare=False, repr=False)
    _leaves: tuple[Name | _Range, ...] = field(compare=False, repr=False)

    def bind(self, name: Callable[[Name], Ref], span: Callable[[Name, Name], tuple[Ref, ...]]) -> Bound:
        """The same rule over items.  `name` and `span` are asked once for each, and raise what they like.

        >>> rule = parse("public >= disclosed")
        >>> rule.bind(lambda name: Ref(f"documents.{name.parts[0]}"), lambda first, final: ()).refs
        (Ref(item='documents.public', last=False), Ref(item='documents.disclosed', last=False))
        """
        places: dict[_Leaf, tuple[Ref, ...]] = {}
        for leaf in self._leaves:
            places[leaf] = (name(leaf),) if isinstance(leaf, Name) else tuple(span(leaf.first, leaf.final))
            if not places[leaf]:
                raise FormError(self._file, self._key, "的 sum[ ] 里一项也没有")
        places |= {ref: (ref,) for refs in tuple(places.values()) for ref in refs}
        compiler = _Compiler(places)
        test = compiler.truth(self._tree)
        refs = tuple(compiler.index)
        first = _first_comparison(self._tree)
        pair = len(refs) == 2 and first is not self._tree
        left, right = refs if pair else (first.left, first.right)
        sides = (_Side.of(left, places), _Side.of(right, places))
        equation = _equation(self._tree, places)
        return Bound(self.text, refs, not pair, equation, self, tuple(places.items()), test, sides)


def _first_comparison(tree: _Truth) -> _Compare:
    while not isinstance(tree, _Compare):
        tree = tree.left if isinstance(tree, _Same) else tree.parts[0]
    return tree


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule over items, compiled: evaluate it, show its sides, write it as a formula.

    The two sides are those of the comparison when the rule is a single one (`a + b == c`).  Otherwise, when
    it speaks of exactly two items, they are these two, and there is no difference to speak of; otherwise
    those of the first comparison in it.

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
    _places: tuple[tuple[_Leaf, tuple[Ref, ...]], ...] = field(repr=False)
    _test: _Test = field(compare=False, repr=False)
    _sides: tuple[_Side, _Side] = field(compare=False, repr=False)

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
        numbers = _gather(self.refs, value)
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
        return Sides(_shown(left), _shown(right), _shown(difference))

    def formula(self, address: Callable[[Ref], str], is_money: Callable[[Ref], bool]) -> str:
        """The rule as an Excel formula without "=", TRUE or FALSE once every input is a number.

        Where money, a fraction or a division comes in, the difference is rounded before it is compared with
        zero, because Excel's numbers are binary: 0.1 + 0.2 is not 0.3 there.
        """
        return self._fitting(_Writer(dict(self._places), address, is_money).truth(self._expression._tree))

    def side_formulas(self, address: Callable[[Ref], str]) -> tuple[str, str]:
        """The two sides as Excel formulas without "="."""
        writer = _Writer(dict(self._places), address, lambda ref: False)
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


# --- the exact evaluation ----------------------------------------------------------------------------

_HALF = Fraction(1, 2_000_000)  # ROUND(…,6) makes zero of whatever is nearer to zero than this


def _difference(left: Exact, right: Exact) -> Exact:
    """left - right, as a comparison sees it."""
    difference = left - right
    return difference if isinstance(difference, int) or abs(difference) >= _HALF else 0


_SIGN: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": Fraction,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_DECIDE: dict[str, Callable[[list[bool]], bool]] = {
    "AND": all,
    "OR": any,
    "NOT": lambda truths: not truths[0],
}


def exact(number: int | Decimal | None) -> Exact | None:
    """A number as rules are worked; None when it is missing, or past any number Excel can hold (1E+999999999)."""
    if isinstance(number, int):
        return number
    if number is None or not number.is_finite() or abs(number.adjusted()) > 400:
        return None
    return Fraction(number)


def _gather(refs: Sequence[Ref], value: Lookup) -> list[Exact] | None:
    """The values of all; None when one is missing."""
    numbers: list[Exact] = []
    for ref in refs:
        found = exact(value(ref))
        if found is None:
            return None
        numbers.append(found)
    return numbers


def _shown(number: Exact | None) -> int | Decimal | None:
    if not isinstance(number, Fraction):
        return number
    above, below = Decimal(number.numerator), Decimal(number.denominator)
    try:
        return Context(prec=60, traps=[Inexact]).divide(above, below)
    except Inexact:
        return Context(prec=15).divide(above, below)


class _Side(NamedTuple):
    """One side of a rule: its tree, the items that make it, and its evaluation over their values."""

    node: _Numeric
    refs: tuple[Ref, ...]
    work: _Work

    @classmethod
    def of(cls, node: _Numeric, places: _Places) -> _Side:
        compiler = _Compiler(places)
        work = compiler.number(node)
        return cls(node, tuple(compiler.index), work)

    def worth(self, value: Lookup) -> Exact | None:
        numbers = _gather(self.refs, value)
        try:
            return None if numbers is None else self.work(numbers)
        except ZeroDivisionError:
            return None


class _Compiler:
    """Turns a tree into closures over a list of values; `index` says which item stands where in the list."""

    def __init__(self, places: _Places) -> None:
        self.places = places
        self.index: dict[Ref, int] = {}

    def number(self, node: _Numeric) -> _Work:
        match node:
            case int() | Decimal():
                constant = node if isinstance(node, int) else Fraction(node)
                return lambda values: constant
            case Name() | _Range() | Ref():
                at = [self.index.setdefault(ref, len(self.index)) for ref in self.places[node]]
                pick: Callable[[Any], Any] = operator.itemgetter(*at)
                if len(at) == 1:
                    return pick
                return lambda values: sum(pick(values))
            case _Unary(function, operand):
                inner = self.number(operand)
                apply: Callable[[Any], Any] = operator.neg if function == "-" else abs
                return lambda values: apply(inner(values))
            case _Chain(first, steps):
                start = self.number(first)
                rest = [(_SIGN[sign], self.number(operand)) for sign, operand in steps]

                def run(values: Sequence[Exact]) -> Exact:
                    result = start(values)
                    for work, operand in rest:
                        result = work(result, operand(values))
                    return result

                return run

    def truth(self, node: _Truth) -> _Test:
        match node:
            case _Compare(left, sign, right):
                test, one, other = _SIGN[sign], self.number(left), self.number(right)
                return lambda values: bool(test(_difference(one(values), other(values)), 0))
            case _Same(left, sign, right):
                test, this, that = _SIGN[sign], self.truth(left), self.truth(right)
                return lambda values: bool(test(this(values), that(values)))
            case _Logic(function, parts):
                decide, tests = _DECIDE[function], [self.truth(part) for part in parts]
                return lambda values: decide([test(values) for test in tests])  # a list: all are evaluated


# --- the linear equation -----------------------------------------------------------------------------

_Sum: TypeAlias = dict[Ref | None, Fraction]  # coefficients; None stands for the constant


def _equation(tree: _Truth, places: _Places) -> Equation | None:
    """left - right == 0, where both sides are linear."""
    if not isinstance(tree, _Compare) or tree.sign != "==":
        return None
    left, right = _linear(tree.left, places), _linear(tree.right, places)
    if left is None or right is None:
        return None
    whole = _added(left, right, -1)
    terms = ((ref, factor) for ref, factor in whole.items() if ref is not None and factor)
    return Equation(tuple(terms), whole.get(None, Fraction(0)))


def _linear(node: _Numeric, places: _Places) -> _Sum | None:
    """The node as a sum of multiples; None where it is not one: abs(a), a * b, a / b, a / 0."""
    match node:
        case int() | Decimal():
            return {None: Fraction(node)}
        case Name() | _Range() | Ref():
            whole: _Sum = {}
            for ref in places[node]:
                whole = _added(whole, {ref: Fraction(1)})
            return whole
        case _Unary("-", operand):
            inner = _linear(operand, places)
            return None if inner is None else _added({}, inner, -1)
        case _Unary():
            return None
        case _Chain(first, steps):
            so_far = _linear(first, places)
            for sign, operand in steps:
                other = _linear(operand, places)
                if so_far is None or other is None:
                    return None
                so_far = _stepped(so_far, sign, other)
            return so_far


def _stepped(so_far: _Sum, sign: str, other: _Sum) -> _Sum | None:
    if sign in "+-":
        return _added(so_far, other, 1 if sign == "+" else -1)
    if sign == "*" and set(so_far) <= {None}:
        so_far, other = other, so_far
    if set(other) - {None}:
        return None  # items on both sides of a product, or below the line
    factor = other.get(None, Fraction(0))
    if sign == "/":
        if not factor:
            return None
        factor = 1 / factor
    return _added({}, so_far, factor)


def _added(one: _Sum, other: _Sum, times: int | Fraction = 1) -> _Sum:
    whole = dict(one)
    for ref, factor in other.items():
        whole[ref] = whole.get(ref, Fraction(0)) + times * factor
    return whole


# --- the Excel formula -------------------------------------------------------------------------------

_ADDING, _TIMES, _SIGNED, _ATOM = range(4)  # how tightly a piece of formula holds together
_STRENGTH = {"+": _ADDING, "-": _ADDING, "*": _TIMES, "/": _TIMES}
_EXCEL = {"==": "=", "!=": "<>"}


class _Piece(NamedTuple):
    text: str
    strength: int
    rounded: bool  # binary numbers may be a little off here

    @property
    def subtrahend(self) -> str:  # a-b*c, but a-(b+c) and a-(-b)
        return self.text if self.strength in (_TIMES, _ATOM) else f"({self.text})"


@dataclass(frozen=True, slots=True)
class _Writer:
    places: _Places
    address: Callable[[Ref], str]
    is_money: Callable[[Ref], bool]

    def number(self, node: _Numeric) -> _Piece:
        match node:
            case int():
                return _Piece(str(node), _ATOM, False)
            case Decimal():
                return _Piece(f"{node:f}", _ATOM, True)
            case Name() | _Range() | Ref():
                refs = self.places[node]
                addresses = [self.address(ref) for ref in refs]
                text = _call("SUM", addresses) if isinstance(node, _Range) else addresses[0]
                return _Piece(text, _ATOM, any(map(self.is_money, refs)))
            case _Unary(function, operand):
                text, strength, rounded = self.number(operand)
                if function == "-":
                    return _Piece(f"-{text}" if strength == _ATOM else f"-({text})", _SIGNED, rounded)
                return _Piece(_call(function, [text]), _ATOM, rounded)
            case _Chain(first, steps):
                text, reached, rounded = self.number(first)
                for sign, operand in steps:
                    right, strength = self.number(operand), _STRENGTH[sign]
                    if reached < strength:
                        text = f"({text})"
                    bare = right.strength == _ATOM or (strength == _ADDING and right.strength == _TIMES)
                    text += sign + (right.text if bare else f"({right.text})")
                    reached, rounded = strength, rounded or right.rounded or sign == "/"
                return _Piece(text, reached, rounded)

    def truth(self, node: _Truth) -> str:
        match node:
            case _Compare(left, sign, right):
                one, other, sign = self.number(left), self.number(right), _EXCEL.get(sign, sign)
                if one.rounded or other.rounded:
                    return f"ROUND({one.text}-{other.subtrahend},6){sign}0"
                return f"{one.text}{sign}{other.text}"
            case _Same(left, sign, right):
                return f"({self.truth(left)}){_EXCEL[sign]}({self.truth(right)})"
            case _Logic(function, parts):
                return _call(function, [self.truth(part) for part in parts])


def _call(function: str, arguments: Sequence[str]) -> str:
    """A call; SUM, AND and OR of too many are nested."""
    while len(arguments) > MAX_ARGUMENTS:
        starts = range(0, len(arguments), MAX_ARGUMENTS)
        arguments = [f"{function}({','.join(arguments[at : at + MAX_ARGUMENTS])})" for at in starts]
    return f"{function}({','.join(arguments)})"
