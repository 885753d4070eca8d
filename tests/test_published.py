"""27 published reports turned into filings: what is wrong in them is found, the clean ones raise no alarm.

Tables that a report does not show, and rows that it leaves out, are completed with zeros; `COMPLETED` says so by
file.  Figures go in as printed.
"""

import json
from pathlib import Path

import helpers_pipe as pipe
import pytest

from xltools import Answers, Unit, load_form, write_template
from xltools.finding import Level
from xltools.words import label_key

REPORTS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "real-reports").glob("*.json"))
}
COMPLETED = {name for name, report in REPORTS.items() if not report["complete"]}
TABLES = {"active": "disclosure", "applications": "requests", "review": "disputes"}


def form_of(report):
    if "布海" in report["unit"]:
        return load_form("gov-info-disclosure/2019-jilin")
    return load_form(f"gov-info-disclosure/{report['form']}")


def year_for(report, form):
    return report["year"] if form.covers(report["year"]) else form.last_year


def by_label(form, year):
    """Label path's last part (and its parent, where needed) → rows' item ids in order of columns."""
    rows = {}
    for item in form.items.values():
        if item.supplement:
            continue
        words = "/".join(item.row_label[-2:] if item.row_label and item.row_label[-1][0].isdigit() and len(item.row_label) > 2
                         else item.row_label[-1:]).replace("{year}", str(year))  # fmt: skip
        rows.setdefault((item.table == "applications", label_key(words)), []).append(item.id)
    return rows


def cell(text, item):
    """A figure as printed: plain numbers as numbers, everything else as the text that was printed."""
    text = text.strip() if text.strip().isdigit() else text
    if item.type == "money":
        return text
    return int(text) if text.lstrip("-").isdigit() and text.count("-") <= 1 else text


def filing_of(report):
    form = form_of(report)
    year = year_for(report, form)
    items = {item.id: 0 for item in form.inputs}
    rows = by_label(form, year)
    for part in ("active", "applications"):
        for label, figures in report[part] or []:
            head = label_key(label.split("（指")[0])
            ids = rows[part == "applications", head]
            for name, text in zip(ids, figures, strict=False):
                if text.strip() and form.items[name].is_input:
                    items[name] = cell(text, form.items[name])
    ids = [item.id for item in form.items.values() if item.table == "disputes"]
    for name, text in zip(ids, report["review"] or [], strict=False):
        if form.items[name].is_input:
            items[name] = int(text)
    unit = Unit(name=report["unit"], level="county" if report["level"] == "department" else report["level"])
    texts = {name: (report["narrative"].get(name) or "（没有刊出）") for name in form.texts}
    from xltools.issuing import answers_from_json

    answers = answers_from_json(form, {"items": items, "texts": texts})
    return pipe.read(write_template(form, unit, year, answers)), answers


def said(name):
    from xltools.checks import Case, run_checks

    filing, _ = filing_of(REPORTS[name])
    return run_checks(Case(filing))


CLEAN = ["2020-dehui-buhai-town", "2023-jinhu-county", "2023-suqian-city", "2024-suqian-city"]
VIOLATIONS = {
    "2019-tongzhou-bureau": ("V101", "enforcement.penalty.change"),  # --253
    "2022-taojiang-songmutang-town": ("G102", None),  # 规章 2 in a town
    "2023-hengdong-yanglin-town": ("G102", None),  # 规章 1 in a town, in an obsolete edition
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_published_report_is_read_as_printed(name):
    found = said(name)
    assert not any(one.code[0] in "FSR" for one in found)
    if name in VIOLATIONS:
        code, item = VIOLATIONS[name]
        assert any(one.code == code and (item is None or one.item == item) for one in found)


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_report_raises_no_alarm(name):
    assert name not in COMPLETED
    assert [one for one in said(name) if one.level is not Level.NOTE] == []


def test_regulations_of_a_town_are_queried_by_rule():
    rules = {one.rule for one in said("2022-taojiang-songmutang-town") if one.code == "G102"}
    assert {"no-regulation.made", "no-regulation.in_force"} <= rules


def test_a_unit_left_in_the_cell_is_read_and_noted():
    (note,) = said("2020-dehui-buhai-town")
    assert (note.code, note.item, note.found) == ("V110", "procurement.purchase.amount", "180万元")
    filing, _ = filing_of(REPORTS["2020-dehui-buhai-town"])
    assert filing.inputs["procurement.purchase.amount"] == 180


def test_printed_totals_are_our_sums():
    for name in ("2023-jinhu-county", "2023-suqian-city", "2024-suqian-city"):
        report = REPORTS[name]
        filing, _ = filing_of(report)
        rows = by_label(filing.form, filing.year)
        for label, figures in report["applications"]:
            ids = rows[True, label_key(label)]
            assert [filing.figures[i] for i in ids] == [int(text) for text in figures], label
        ids = [item.id for item in filing.form.items.values() if item.table == "disputes"]
        assert [filing.figures[i] for i in ids] == [int(text) for text in report["review"]]


def test_suqian_follows_its_own_last_year():
    from xltools.checks import Case, run_checks
    from xltools.compute import rule_results

    last, _ = filing_of(REPORTS["2023-suqian-city"])
    this, _ = filing_of(REPORTS["2024-suqian-city"])
    assert [one for one in run_checks(Case(this, last=last.figures)) if one.code == "G104"] == []
    found = rule_results(this.form, this.figures, this.unit.level, last=last.figures)
    results = {one.line.id: one.status.value for one in found}
    assert results["carry-over.natural"] == results["stock.normative"] == "通过"
    wrong = {**last.figures, "applications.carried_out.natural": 117}
    (one,) = [f for f in run_checks(Case(this, last=wrong)) if f.code == "G104"]
    assert (one.rule, one.found, one.expected, one.difference) == ("carry-over.natural", "118", "117", "1")


def test_answers_keep_what_was_printed():
    _, answers = filing_of(REPORTS["2019-tongzhou-bureau"])
    assert isinstance(answers, Answers) and answers.items["enforcement.penalty.change"] == "--253"
