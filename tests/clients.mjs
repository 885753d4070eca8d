// Saves workbooks again as programs outside do: one process for the whole batch.
//
// First argument: the folder that has node_modules.  Standard input: JSON lines
// {"by": "sheetjs" | "sheetjs with formats" | "exceljs", "open": path, "set": [[sheet, cell, value], …], "save": path}, where a value
// is a number, a text, true or false, null (emptied) or {"formula": "SUM(A1:A2)"}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "clients.js"));
const sheetjs = require("xlsx");
const exceljs = require("exceljs");

const TYPES = { number: "n", string: "s", boolean: "b" }; // SheetJS has one letter for each

// By default SheetJS reads no formats and no cells that have nothing to show, and so writes none.
async function bySheetjs({ open, set, save }, options = {}) {
  const book = sheetjs.readFile(open, options);
  for (const [sheet, cell, value] of set) {
    if (value === null) delete book.Sheets[sheet][cell];
    else if (value.formula) book.Sheets[sheet][cell] = { t: "n", f: value.formula };
    else book.Sheets[sheet][cell] = { t: TYPES[typeof value], v: value };
  }
  sheetjs.writeFile(book, save, { compression: true });
}

async function byExceljs({ open, set, save }) {
  const book = new exceljs.Workbook();
  await book.xlsx.readFile(open);
  for (const [sheet, cell, value] of set) book.getWorksheet(sheet).getCell(cell).value = value;
  await book.xlsx.writeFile(save);
}

const CLIENTS = {
  sheetjs: bySheetjs,
  "sheetjs with formats": (order) => bySheetjs(order, { cellNF: true, cellStyles: true }),
  exceljs: byExceljs,
};
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  await CLIENTS[order.by](order);
}
