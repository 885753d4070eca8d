"""Papers: what an archive holds for people beside the files themselves: findings, explanations, the board."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from xltools.reporting.beside import FINDINGS
from xltools.reporting.board import BOARD_FILE, PAGE_FILE
from xltools.reporting.export import cleaned, without_halves
from xltools.reporting.json import check_csv, check_document, dump, harmless
from xltools.reporting.page import board_page
from xltools.result import CheckResult
from xltools.rounds.closing import Sealing
from xltools.rounds.standing import Board
from xltools.words import clean
from xltools.writing.board import write_board

FINDINGS_JSON, REASONS = "问题.json", "说明.csv"
HEADS = ("单位", "代码", "文件", "工作表", "格", "问题", "单位的说明")


def papers(sealing: Sealing, board: Board) -> Mapping[str, bytes]:
    """Name in the archive → content."""
    checked = sealing.checked
    return {
        FINDINGS: without_halves(check_csv(checked)).encode("utf-8-sig"),
        FINDINGS_JSON: (dump(cleaned(check_document(checked))) + "\n").encode(),
        REASONS: _reasons(checked).encode("utf-8-sig"),
        BOARD_FILE: write_board(board),
        PAGE_FILE: board_page(board, ()).encode("utf-8"),
    }


def _reasons(checked: CheckResult) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(HEADS)
    for one in checked.filings:
        unit = one.filing.unit
        for finding in one.findings:
            if finding.explained:
                row = (unit.name if unit else "", unit.code if unit else "", one.filing.file, finding.sheet,
                       finding.cell, finding.message, finding.explained)  # fmt: skip
                writer.writerow([harmless(clean(cell) if cell else "") for cell in row])
    return buffer.getvalue()
