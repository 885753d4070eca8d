"""Run by the system's Python, which has UNO: opens workbooks in LibreOffice and does as it is told.

Started with a new folder for LibreOffice's profile.  Standard input has JSON lines
{"open": path, "do": [[deed, argument, …], …], "save": [[path, filter], …], "formulas": bool, "shown": bool};
the deeds are the functions under DEEDS.  Each line is answered by one, after a hard recalculation:
{"refused": the deeds that a lock forbade, "formulas": {sheet: {cell: [formula, value or text, error]}},
"shown": {sheet: {cell: number or text}}}.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.uno import RuntimeException

PATIENCE = 120  # seconds for one order; then LibreOffice is put an end to
FORMULA = 16  # com.sun.star.sheet.CellFlags
ERROR = 4  # com.sun.star.sheet.FormulaResult
# A Chinese desk.  The question before pasting over filled cells would wait for an answer that nobody gives.
SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>zh-CN</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Input">
<prop oor:name="ReplaceCellsWarning" oor:op="fuse"><value>false</value></prop></item>
</oor:items>
"""


def option(name, value):
    made = PropertyValue()
    made.Name, made.Value = name, value
    return made


def connect(pipe):
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(240):
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except Exception:
            time.sleep(0.25)
    raise SystemExit("LibreOffice did not answer")


class Desk:
    """One open workbook and what a clerk does to it.  Locked cells refuse, as they do on a screen."""

    def __init__(self, desktop, path):
        self.desktop, self.book = desktop, load(desktop, path)

    def sheet(self, name):
        return self.book.Sheets.getByName(name)

    def type(self, sheet, cell, text):
        """As the keyboard does: digits become a number, 1/2 a date, 50% a half, the rest a text."""
        self.sheet(sheet).getCellRangeByName(cell).FormulaLocal = text

    def clear(self, sheet, cells):
        self.sheet(sheet).getCellRangeByName(cells).clearContents(1 | 2 | 4 | 16)  # whatever a cell holds

    def paste(self, source, from_sheet, cells, sheet, cell):
        """Copied from another workbook, with formats and locks."""
        other = load(self.desktop, source)
        at, there = self.book.CurrentController, other.CurrentController
        there.select(other.Sheets.getByName(from_sheet).getCellRangeByName(cells))
        at.setActiveSheet(self.sheet(sheet))
        at.select(self.sheet(sheet).getCellRangeByName(cell))
        at.insertTransferable(there.getTransferable())
        other.close(True)

    def paste_values(self, source, from_sheet, cells, sheet, to_cells):
        other = load(self.desktop, source)
        values = other.Sheets.getByName(from_sheet).getCellRangeByName(cells).getDataArray()
        self.sheet(sheet).getCellRangeByName(to_cells).setDataArray(values)
        other.close(True)

    def cut(self, sheet, cells, to_cell):
        """Cut and pasted elsewhere on the sheet: references follow."""
        here = self.sheet(sheet)
        place = here.getCellRangeByName(to_cell).CellAddress
        here.moveRange(place, here.getCellRangeByName(cells).RangeAddress)

    def insert_rows(self, sheet, row, count=1):
        self.sheet(sheet).Rows.insertByIndex(row - 1, count)

    def delete_rows(self, sheet, row, count=1):
        self.sheet(sheet).Rows.removeByIndex(row - 1, count)

    def insert_columns(self, sheet, column, count=1):
        self.sheet(sheet).Columns.insertByIndex(column - 1, count)

    def hide_rows(self, sheet, row, count=1):
        for at in range(row - 1, row - 1 + count):
            self.sheet(sheet).Rows.getByIndex(at).IsVisible = False

    def rename(self, sheet, name):
        self.sheet(sheet).Name = name

    def place_sheet(self, sheet, position):
        self.book.Sheets.moveByName(sheet, position)

    def unprotect(self):
        self.book.unprotect("")
        for sheet in self.book.Sheets:
            sheet.unprotect("")


DEEDS = {name: deed for name, deed in vars(Desk).items() if not name.startswith("_") and name != "sheet"}


def load(desktop, path):
    url = uno.systemPathToFileUrl(path)
    book = desktop.loadComponentFromURL(url, "_blank", 0, (option("Hidden", True),))
    if book is None:
        raise SystemExit(f"LibreOffice cannot open {path}")
    return book


def column_letters(number):
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def arrays(sheet, method):
    """Cell → what the method gives for it, over all of the sheet that is used."""
    cursor = sheet.createCursor()
    cursor.gotoStartOfUsedArea(False)
    cursor.gotoEndOfUsedArea(True)
    top = cursor.RangeAddress
    return {
        column_letters(column) + str(row): value
        for row, line in enumerate(getattr(cursor, method)(), top.StartRow + 1)
        for column, value in enumerate(line, top.StartColumn + 1)
    }


def within(ranges):
    """The cells of these ranges."""
    for area in ranges.RangeAddresses:
        for row in range(area.StartRow, area.EndRow + 1):
            for column in range(area.StartColumn, area.EndColumn + 1):
                yield column_letters(column + 1) + str(row + 1)


def formulas(book):
    found = {}
    for sheet in book.Sheets:
        texts, values = arrays(sheet, "getFormulaArray"), arrays(sheet, "getDataArray")
        wrong = set(within(sheet.queryFormulaCells(ERROR)))
        found[sheet.Name] = {
            cell: [texts[cell], values[cell], cell in wrong]
            for cell in within(sheet.queryContentCells(FORMULA))
        }
    return found


def shown(book):
    return {
        sheet.Name: {cell: value for cell, value in arrays(sheet, "getDataArray").items() if value != ""}
        for sheet in book.Sheets
    }


def obey(desktop, order):
    desk = Desk(desktop, order["open"])
    try:
        refused = [
            [deed, *arguments] for deed, *arguments in order["do"] if not allowed(desk, deed, arguments)
        ]
        desk.book.calculateAll()
        for path, kind in order["save"]:
            desk.book.storeToURL(uno.systemPathToFileUrl(path), (option("FilterName", kind),))
        return {
            "refused": refused,
            "formulas": formulas(desk.book) if order["formulas"] else {},
            "shown": shown(desk.book) if order["shown"] else {},
        }
    finally:
        desk.book.close(True)


def allowed(desk, deed, arguments):
    """Does the deed, unless a lock forbids it: UNO has no other word for that than this exception."""
    try:
        DEEDS[deed](desk, *arguments)
    except RuntimeException:
        return False
    return True


def main(profile):
    settings = Path(profile) / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True)
    settings.write_text(SETTINGS, "utf-8")
    pipe = "xltools" + uuid.uuid4().hex
    office = subprocess.Popen(
        ["soffice", f"-env:UserInstallation={Path(profile).as_uri()}", "--headless", "--norestore", "--nologo",
         f"--accept=pipe,name={pipe};urp;"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip

    def end():
        os.killpg(office.pid, signal.SIGKILL)  # the profile is thrown away, nothing is left to be saved

    try:
        desktop = connect(pipe)
        for line in sys.stdin:
            patience = threading.Timer(PATIENCE, end)
            patience.daemon = True
            patience.start()
            print(json.dumps(obey(desktop, json.loads(line))), flush=True)
            patience.cancel()
    finally:
        if office.poll() is None:
            end()
        office.wait(30)


if __name__ == "__main__":
    main(sys.argv[1])
