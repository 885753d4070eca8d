"""Is it the copy that was handed out to this unit?  A round's ledger knows, and so does the key of a round.

What the ledger says of a number goes before what the file says of itself, which is only compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xltools.checks.registry import Case, Check, check, registered
from xltools.filing import Filing
from xltools.finding import Finding, Level
from xltools.issued import NUMBER, Issued, Register, code_holds, has_code
from xltools.roster import Unit

IDENTITY_WORDS = {"unit": "填报单位", "code": "单位代码", "kind": "类别", "level": "级别", "parent": "上级"}
USE_OWN = "请用下发给本单位的那一份填报，不要改表头，也不要用别的单位的。"


@check("R201", "与下发台账不符", requires=("S003",), of="many")
def unlike_the_ledger(this: Check, case: Case) -> Iterator[Finding]:
    """每份模板下发时都记了签发号；报回来的单位、年度、表式要和台账里这个签发号的一样。

    通过：下发给布海镇的那份，报回来还是布海镇的　名单里改了名称，报表用新名称或旧名称
    不通过：签发号是布海镇的，表头改成了米沙子镇　年度改过
    改正：用下发给本单位的那一份填报。
    """
    return iter(())  # said by look_up(), which has the ledger


@check("R202", "签发号不在台账里", Level.NOTE, requires=("S003",), of="many")
def not_in_the_ledger(this: Check, case: Case) -> Iterator[Finding]:
    """由收报文件夹下发的模板各有一个签发号；台账里没有的，是别的收报文件夹下发的，单位和年度按文件自己写的算。

    通过：本次下发的模板
    提示：上一轮下发的模板　别的县下发的模板
    改正：核对是不是本次下发的；是就不必处理。
    """
    return iter(())  # said by look_up(), which has the ledger


@check("R203", "核验码不对", requires=("S003",), of="many")
def wrong_code(this: Check, case: Case) -> Iterator[Finding]:
    """签发号后面的核验码由密钥和表式、单位、年度算出；有密钥的一方算出来要一样。

    通过：下发后没有改过单位、级别和年度的
    不通过：改过单位、级别或年度的　核验码是编的　用另一把密钥下发的
    改正：用下发给本单位的那一份填报；收表单位核对密钥是不是这一轮的。
    """
    return iter(())  # said by look_up(), which has the key


@check("R204", "核验码没有核对", Level.NOTE, requires=("S003",), of="many")
def code_not_looked_at(this: Check, case: Case) -> Iterator[Finding]:
    """带核验码的报表，要有下发时的台账或密钥才能核对；没有就只能按文件自己写的算。

    通过：有台账　有密钥
    提示：收表的一方没有密钥
    改正：用 --key 指明密钥文件；没有就不必处理。
    """
    return iter(())  # said by look_up(), which has neither


@check("R205", "没有核验码", Level.QUERY, requires=("S003",), of="many")
def without_code(this: Check, case: Case) -> Iterator[Finding]:
    """有密钥的一方收表时，下发的模板都应带核验码；没有的，看不出是不是下发的那一份。汇总件不下发，不看这一项。

    通过：带核验码的
    不通过：没有密钥时下发的模板　去掉了核验码的
    改正：与填报单位核对；确属实情的写明原因。
    """
    return iter(())  # said by look_up(), which has the key


@check("R206", "名称现在是别的单位的", Level.QUERY, requires=("S003",), of="many")
def name_of_another(this: Check, case: Case) -> Iterator[Finding]:
    """名单改过以后，报表上写的名称要是这个单位的旧名或新名；成了名单里别的单位的名称，可能是名单里的代码对调了。

    通过：名单里改了名称，报表用旧名称
    不通过：名单里两个单位的代码对调了，这份报表就算到了另一个单位名下
    改正：核对名单里的代码和这份报表是哪个单位的；没有错的写明原因。
    """
    return iter(())  # said by look_up(), which has the ledger


def look_up(filing: Filing, register: Register) -> tuple[Filing, tuple[Finding, ...]]:
    """The filing under the unit and year that the ledger has for its number, and what its own words differ in."""
    unit = filing.unit
    if filing.form is None or unit is None:
        return filing, ()
    if copy := register.copies.get(filing.issue):
        known = replace(filing, unit=copy.now, year=copy.year)
        return known, (*_differences(filing, unit, copy), *_of_another(known, unit, copy, register))
    found = _of_number(filing, unit, register)
    return filing, (found,) if found is not None else ()


def _of_number(filing: Filing, unit: Unit, register: Register) -> Finding | None:
    """What is to be said of a number that the ledger does not know."""
    number, key = filing.issue, register.key
    if register.copies:
        if not NUMBER.fullmatch(number):
            return None  # of a workbook made outside a round, which says by itself whether it was edited
        return _said("R202", filing, f"签发号“{number}”不在本次的台账里。", "请核对是不是本次下发的模板。")
    if not has_code(number):
        if key is None or filing.is_rollup:
            return None
        return _said(
            "R205",
            filing,
            f"签发号“{number}”没有核验码，看不出是不是下发的那一份。",
            "请与填报单位核对；确属实情的请说明原因。",
        )
    if key is None:
        return _said(
            "R204",
            filing,
            "签发号带有核验码，这里没有台账，也没有密钥，没有核对。",
            "有密钥的，用 --key 指明密钥文件。",
        )
    if filing.year is not None and code_holds(number, filing.form_key or "", unit, filing.year, key):
        return None
    return _said(
        "R203",
        filing,
        f"核验码与所写的表式、单位“{unit.name}”、级别、年度对不上：其中有一项被改过，或不是用这把密钥下发的。",
        USE_OWN,
    )


def _differences(filing: Filing, unit: Unit, copy: Issued) -> Iterator[Finding]:
    """One finding per thing that the file says otherwise; what a unit is called today is as good as what it was."""
    own = unit.identity()
    if own not in (copy.then.identity(), copy.now.identity()):
        for name, meant in copy.then.identity().items():
            if own[name] not in (meant, copy.now.identity()[name]):
                yield _unlike(filing, copy, IDENTITY_WORDS[name], own[name] or "空", meant or "空")
    if filing.year is not None and filing.year != copy.year:
        yield _unlike(filing, copy, "报告年度", str(filing.year), str(copy.year))
    if filing.form_key != copy.form_key:
        yield _unlike(filing, copy, "表式", filing.form_key or "空", copy.form_key)


def _of_another(filing: Filing, unit: Unit, copy: Issued, register: Register) -> Iterator[Finding]:
    """Codes that were exchanged in the roster would move a report to another unit without a word."""
    if unit.name == copy.now.name:
        return
    others = (other.now for other in register.copies.values() if other.now.key != copy.now.key)
    if any(other.name == unit.name for other in others):
        yield _said(
            "R206",
            filing,
            f"报表写的是“{unit.name}”，按签发号现在算到“{copy.now.name}”名下；名单里“{unit.name}”是另一个单位。",
            "请核对名单里的单位代码是不是对调了、这份报表是哪个单位的；没有错的请说明原因。",
            unit.name,
            copy.now.name,
        )


def _unlike(filing: Filing, copy: Issued, words: str, own: str, meant: str) -> Finding:
    message = f"{words}写的是“{own}”；签发号 {copy.number} 在台账里是下发给“{copy.then.name}”的，{words}是“{meant}”。"
    return _said("R201", filing, message, USE_OWN, found=own, expected=meant)


def _said(
    code: str,
    filing: Filing,
    message: str,
    remedy: str,
    found: str | None = None,
    expected: str | None = None,
) -> Finding:
    return registered()[code].finding(Case(filing), message, remedy, found=found, expected=expected)
