"""A round's board, laid out on the page: one line a unit, as the ledger would tell it.

| 单位   | 类别     | 状态   | 次 | 改 | 说明 | 期限       |
| 东河镇 | 乡镇街道 | 退回   |  2 |  3 |    1 | 2024-01-15 |     次: which receipt counts; blank: none came
"""

import hashlib
from pathlib import Path

from xltools.finding import Outcome
from xltools.roster import Unit
from xltools.rounds.standing import Board, Receipt, State, UnitStanding

MADE_AT = "2024-01-18T09:30:00"
OUTCOMES = {State.RETURNED: Outcome.RETURNED, State.QUERIED: Outcome.QUERIED}


def board_on(page, folder=Path("round"), **more):
    head, *lines = [[cell.strip() for cell in line.strip().strip("|").split("|")]
                    for line in page.strip().splitlines()]  # fmt: skip
    units = [standing(number, folder, **dict(zip(head, line, strict=True)))
             for number, line in enumerate(lines)]  # fmt: skip
    said = {"folder": folder, "units": tuple(units), "title": "2023年政府信息公开工作年度报告", "form_key": "gov-info-disclosure/2021", "year": 2023,
            "county": "示例县", "due": "2024-01-15", "made_at": MADE_AT}  # fmt: skip
    return Board(**{**said, **more})


def standing(number, folder, 单位, 状态, 类别="乡镇街道", 次="", 改="0", 说明="0", 期限="", **contact):
    state = State(状态)
    receipts = tuple(
        receipt(单位, n, folder, state if n == int(次) else State.RETURNED, int(改 or 0), int(说明 or 0),
                superseded=n < int(次))
        for n in range(1, int(次 or 0) + 1)
    )  # fmt: skip
    return UnitStanding(
        unit=Unit(name=单位, code=f"U{number:02d}", kind=类别, contact=contact.get("联系人", ""),
                  phone=contact.get("电话", ""), due=期限, order=number),
        state=state,
        overdue=state is State.OVERDUE or (state is State.RETURNED and (期限 or "2024-01-15") < MADE_AT[:10]),
        returns=sum(one.outcome is Outcome.RETURNED for one in receipts),
        issued=state is not State.NOT_ISSUED,
        due=期限 or "2024-01-15",
        receipts=receipts,
    )  # fmt: skip


def receipt(unit, number, folder, state, errors, queries, **more):
    name = f"{unit}（第{number}次）.xlsx"
    return Receipt(
        number=number, sha256=hashlib.sha256(f"{unit}{number}".encode()).hexdigest(), name=name,
        source=f"邮件/{name}", at=f"2024-01-{10 + number}T08:05:00", outcome=OUTCOMES.get(state, Outcome.ACCEPTED),
        errors=errors, queries=queries, notes=0, path=folder / "02收件" / f"{number} {unit}.xlsx",
        marked=folder / "03退回" / f"{unit}（退回）.xlsx" if state is State.RETURNED else None, **more,
    )  # fmt: skip
