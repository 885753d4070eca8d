"""Run by the system's Python, which has UNO: opens workbooks in LibreOffice and does as it is told.

Standard input: JSON lines {"open": path, "type": [[sheet, cell, text], …], "save": path or null}.  Each is
answered by a line {"cells": {sheet: {cell: [formula, value, text, error]}}} of formula cells after a hard
recalculation.
"""

import json
import subprocess
import sys
import time
import uuid

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.table.CellContentType import FORMULA


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


def formulas(document):
    found = {}
    for sheet in document.Sheets:
        cursor = sheet.createCursor()
        cursor.gotoEndOfUsedArea(False)
        last = cursor.RangeAddress
        cells = found.setdefault(sheet.Name, {})
        for row in range(last.EndRow + 1):
            for column in range(last.EndColumn + 1):
                cell = sheet.getCellByPosition(column, row)
                if cell.Type == FORMULA:
                    name = cell.AbsoluteName.rpartition(".")[2].replace("$", "")
                    cells[name] = [cell.Formula, cell.Value, cell.String, cell.getError()]
    return found


def main(profile):
    pipe = "xltools" + uuid.uuid4().hex
    office = subprocess.Popen(
        ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--norestore", "--nologo",
         f"--accept=pipe,name={pipe};urp;"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    desktop = connect(pipe)
    try:
        for line in sys.stdin:
            order = json.loads(line)
            url = uno.systemPathToFileUrl(order["open"])
            document = desktop.loadComponentFromURL(url, "_blank", 0, (option("Hidden", True),))
            for sheet, name, text in order["type"]:
                cell = document.Sheets.getByName(sheet).getCellRangeByName(name)
                cell.setFormula(text)  # as the keyboard does: digits become a number, the rest a text
            document.calculateAll()
            answer = json.dumps({"cells": formulas(document)})
            if order["save"]:
                target = uno.systemPathToFileUrl(order["save"])
                document.storeToURL(target, (option("FilterName", "Calc MS Excel 2007 XML"),))
            document.close(True)
            print(answer, flush=True)
    finally:
        try:
            desktop.terminate()
        except Exception:
            office.terminate()
        office.wait(30)


if __name__ == "__main__":
    main(sys.argv[1])
