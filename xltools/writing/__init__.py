"""Writing: nouns in, workbook bytes out.  The only home of xlsxwriter."""
