"""A rule's text on its way to a tree: nothing but short, shallow, one-line ASCII ever reaches Python's parser."""

from __future__ import annotations

import ast
import keyword
import re
from decimal import Decimal
from typing import NoReturn

from xltools.errors import FormError
from xltools.expression.tree import Chain, Compare, Logic, Name, Numeric, Range, Same, Truth, Unary

MAX_LENGTH = 2_000
MAX_DEPTH = 50
MAX_DIGITS = 15  # what an Excel number holds; a longer literal would mean two things

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


class Reader:
    """One text on its way to a tree.

    It is first looked through token by token, so that Python's parser only ever sees short, shallow, one-line
    ASCII of known words and signs: no quotes, no keywords, nothing to recurse into or to warn about.
    """

    def __init__(self, text: str, file: str, key: str) -> None:
        self.text, self.file, self.key = text, file, key
        self.leaves: dict[Name | Range, None] = {}  # a set in order of appearance

    def refuse(self, problem: str) -> NoReturn:
        raise FormError(self.file, self.key, problem) from None

    def quote(self, node: ast.expr) -> str:
        return _quoted(self.source(node))

    def source(self, node: ast.expr) -> str:
        return self.text[node.col_offset : node.end_col_offset]

    def rule(self) -> Truth:
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

    def truth(self, node: ast.expr, whose: str, depth: int) -> Truth:
        built = self.build(node, depth)
        if not isinstance(built, Truth):
            self.refuse(f"{whose}要是一个判断，如 a == b；{self.quote(node)}是一个数")
        return built

    def numeric(self, node: ast.expr, whose: str, depth: int) -> Numeric:
        built = self.build(node, depth)
        if isinstance(built, Truth):
            self.refuse(f"{whose}要是一个数；{self.quote(node)}是一个判断")
        return built

    def build(self, node: ast.expr, depth: int) -> Numeric | Truth:
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
                return Logic("NOT", (self.truth(operand, "“not”后面", deeper),))
            case ast.UnaryOp(op=sign, operand=operand):
                number = self.numeric(operand, "正负号后面", deeper)
                return Unary("-", number) if isinstance(sign, ast.USub) else number
            case ast.BoolOp(op=op, values=values):
                function = "AND" if isinstance(op, ast.And) else "OR"
                whose = f"“{function.lower()}”的两边都"
                return Logic(function, tuple(self.truth(value, whose, deeper) for value in values))
            case ast.Compare():
                return self.comparison(node, deeper)
            case ast.Call(func=ast.Name(id="abs"), args=[operand], keywords=[]):
                return Unary("ABS", self.numeric(operand, "abs(甲) 的甲", deeper))
            case ast.Call(func=ast.Name(id="implies"), args=[premise, conclusion], keywords=[]):
                unless = Logic("NOT", (self.truth(premise, "implies(甲, 乙) 的甲", deeper),))
                return Logic("OR", (unless, self.truth(conclusion, "implies(甲, 乙) 的乙", deeper)))
            case ast.Subscript(value=ast.Name(id="sum"), slice=ast.Slice(lower=low, upper=high, step=None)):
                if isinstance(low, ast.Name | ast.Attribute) and isinstance(high, ast.Name | ast.Attribute):
                    found = Range(self.name(low), self.name(high))
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

    def leaf(self, leaf: Name | Range) -> Name | Range:
        self.leaves[leaf] = None
        return leaf

    def chain(self, node: ast.expr, deeper: int) -> Numeric:
        steps: list[tuple[str, ast.expr]] = []
        while isinstance(node, ast.BinOp):
            steps.append((_ARITHMETIC[type(node.op)], node.right))
            node = node.left
        steps.reverse()
        first = self.numeric(node, f"“{steps[0][0]}”的两边都", deeper)
        rest = ((sign, self.numeric(right, f"“{sign}”的两边都", deeper)) for sign, right in steps)
        return Chain(first, tuple(rest))

    def comparison(self, node: ast.Compare, deeper: int) -> Truth:
        signs = [_COMPARISON[type(op)] for op in node.ops]
        sources = (node.left, *node.comparators)
        operands = [self.build(source, deeper) for source in sources]
        numbers = [operand for operand in operands if not isinstance(operand, Truth)]
        truths = [operand for operand in operands if isinstance(operand, Truth)]
        if not truths:
            pairs = tuple(map(Compare, numbers, signs, numbers[1:]))
            return pairs[0] if len(pairs) == 1 else Logic("AND", pairs)
        if not numbers and signs in (["=="], ["!="]):
            return Same(truths[0], signs[0], truths[1])
        kinds = zip(sources, ("判断" if operand in truths else "数" for operand in operands), strict=True)
        said = "，".join(f"{self.quote(source)}是一个{kind}" for source, kind in kinds)
        self.refuse(f"只能比较数与数，或用一个 == 或 != 比较两个判断；这里{said}")


def _quoted(source: str) -> str:
    return f"“{source if len(source) <= 40 else source[:39] + '…'}”"
