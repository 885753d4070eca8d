"""The board as one HTML page that needs nothing but itself: no script, no outside resource, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from xltools.reporting.text import one_line
from xltools.rounds.chasing import (
    closing_words,
    day_words,
    late_receipts,
    late_words,
    problem_words,
    state_words,
    time_words,
)
from xltools.rounds.standing import Board, Receipt, State, UnitStanding
from xltools.words import clean
from xltools.writing.files import beside

HEADS = ("单位", "状态", "第几次", "问题", "最近一次", "期限", "文件", "联系人", "电话")
CLASSES = {
    State.NOT_ISSUED: "quiet",
    State.ISSUED: "plain",
    State.RECEIVED: "seen",
    State.RETURNED: "bad",
    State.QUERIED: "wait",
    State.PASSED: "good",
    State.MERGED: "good",
    State.OVERDUE: "bad",
}
# Nothing may be fetched and nothing may run, whatever found its way into a name.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: #222; background: #fff;
  font: 16px/1.5 "Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; } a { color: #0b57a4; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: .75rem 0; list-style: none; }
.counts li, .state { border: 1px solid #bbb; border-radius: .4rem; padding: .05rem .5rem; }
.state { display: inline-block; }
.good { background: #e2efda; border-color: #7ea96b; color: #234d13; }
.wait { background: #ffe699; border-color: #b58a00; color: #553f00; }
.bad, .amiss { background: #ffc7ce; border-color: #b3404a; color: #7d000b; font-weight: bold; }
.seen { background: #ddebf7; border-color: #6f9bc4; } .quiet { color: #666; border-style: dashed; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #ccc; padding: .35rem .5rem; text-align: left; vertical-align: top; unicode-bidi: isolate; }
th { background: #f2f2f2; white-space: nowrap; } .kind { color: #666; font-size: .85em; }
td:nth-child(2), td:nth-child(5), td:nth-child(6), td:nth-child(9) { white-space: nowrap; }
.amiss { border: 1px solid; border-radius: .4rem; padding: .3rem .6rem; }
details { border: 1px solid #ccc; border-radius: .4rem; margin: .4rem 0; padding: .3rem .6rem; }
summary { cursor: pointer; }
pre { white-space: pre-wrap; font: inherit; background: #f7f7f7; padding: .5rem; margin: .4rem 0; user-select: all; }
@media screen and (max-width: 48rem) {
  body { padding: .6rem; } thead { display: none; }
  table, tbody, tr, td { display: block; width: 100%; }
  tr { border: 1px solid #bbb; border-radius: .5rem; margin: .5rem 0; padding: .3rem .2rem; }
  td { border: 0; padding: .1rem .5rem; white-space: normal !important; } td:empty { display: none; }
  td::before { content: attr(data-head) "："; color: #666; }
  td:first-child { font-weight: bold; } td:first-child::before { content: ""; }
}
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  body { max-width: none; padding: 0; font-size: 9pt; } thead { display: table-header-group; }
  tr { break-inside: avoid; } a { color: inherit; text-decoration: none; } .chat { display: none; }
  .state, .counts li { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""


def board_page(board: Board, texts: Iterable[tuple[UnitStanding, str]] = ()) -> str:
    """The whole page; `texts` are what each open unit is told in a chat."""
    return "\n".join(_lines(board, list(texts))) + "\n"


def said(text: str) -> str:
    """A text from outside as the words of a page, never as its markup."""
    return escape(one_line(text))


def _lines(board: Board, texts: Sequence[tuple[UnitStanding, str]]) -> Iterator[str]:
    title = said(" ".join(filter(None, (board.county, board.title))))
    yield "<!DOCTYPE html>"
    yield '<html lang="zh-CN"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>看板　{title}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    due = f"期限{said(day_words(board.due))}　" if board.due else ""
    yield f"<p>{due}制表 {said(time_words(board.made_at))}</p>"
    if board.closing is not None:
        yield f"<p>{said(closing_words(board.closing))}</p>"
    yield f"<p>共 {len(board.units)} 个单位{late_words(board)}。</p>"
    yield from _counts(board)
    yield from (f'<p class="amiss">{said(words)}</p>' for words in board.amiss)
    yield f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in HEADS)}</tr></thead><tbody>"
    yield from (_row(one, board) for one in board.units)
    yield "</tbody></table>"
    if board.late:
        yield f"<h2>封存后收到的文件（{len(board.late)} 个）</h2><ul>"
        yield from (f"<li>{said(words)}</li>" for words in late_receipts(board))
        yield "</ul>"
    yield from _others(board)
    if texts:
        yield '<section class="chat"><h2>要说的话（点开，再点一下全选，复制到聊天里）</h2>'
        for one, text in texts:
            summary = f"{said(one.unit.name)}　{_state(one, board)}"
            yield f"<details><summary>{summary}</summary><pre>{escape(clean(text))}</pre></details>"
        yield "</section>"
    yield "</body></html>"


def _counts(board: Board) -> Iterator[str]:
    states = [one.state for one in board.units]
    yield '<ul class="counts">'
    for state in State:
        if count := states.count(state):
            yield f'<li class="{CLASSES[state]}">{state} {count}</li>'
    yield "</ul>"


def _state(one: UnitStanding, board: Board) -> str:
    return f'<span class="state {CLASSES[one.state]}">{said(state_words(one, board))}</span>'


def _row(one: UnitStanding, board: Board) -> str:
    receipt, unit = one.current, one.unit
    cells = (
        f'{said(unit.name)} <span class="kind">{said(unit.kind)}</span>',
        _state(one, board),
        str(receipt.number) if receipt else "",
        said(problem_words(receipt)),
        said(time_words(receipt.at)) if receipt else "",
        said(one.due or board.due),
        "<br>".join(_files(receipt, board.folder)) if receipt else "",
        said(unit.contact),
        _phone(unit.phone),
    )
    shown_cells = (f'<td data-head="{head}">{cell}</td>' for head, cell in zip(HEADS, cells, strict=True))
    return f"<tr>{''.join(shown_cells)}</tr>"


def _phone(text: str) -> str:
    """A number that a phone can dial; anything else that stands there is shown as it is."""
    number = re.sub(r"[ ()-]", "", text)
    return (
        f'<a href="tel:{number}">{said(text)}</a>' if re.fullmatch(r"[+]?[0-9]{3,20}", number) else said(text)
    )


def _files(receipt: Receipt, folder: Path) -> Iterator[str]:
    """What came in and what went back; a link where it lies beside the page."""
    marked = receipt.marked
    for path, name in ((receipt.path, receipt.name), (marked, "退回件" if marked else "")):
        if way := beside(path, folder):
            yield f'<a href="{escape(quote(way))}">{said(name)}</a>'
        elif name:
            yield said(name)


def _others(board: Board) -> Iterator[str]:
    if board.strangers:
        yield f"<h2>名单里没有的单位（{len(board.strangers)} 个），没有计入</h2><ul>"
        for one in board.strangers:
            why = "名单里已删去" if one.dropped else "名单里没有"
            files = "、".join(said(receipt.name) for receipt in one.receipts)
            yield f"<li>{said(one.unit.name)}（{why}）：{files}</li>"
        yield "</ul>"
    if board.strays:
        yield f"<h2>没有算作报送的文件（{len(board.strays)} 个）</h2><ul>"
        yield from (f"<li>{said(one.name)}：{said(one.sentence)}</li>" for one in board.strays)
        yield "</ul>"
