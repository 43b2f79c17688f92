// The selection as a file: CSV as the tables beside the report are written, or JSON.

// As htl_monai.data.formulas: what a spreadsheet takes for the beginning of a formula gets an apostrophe before it.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const defused = (text) => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);

function cell(value) {
  if (isMissing(value)) return "";
  const text = typeof value === "string" ? defused(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(indices) {
  const lines = [cases.columns.map((column) => cell(column.name))];
  for (const i of indices) lines.push(cases.columns.map((column) => cell(cases.values[column.name][i])));
  return lines.map((line) => line.join(",") + "\n").join("");
}

function jsonOf(indices) {
  const records = indices.map((i) => Object.fromEntries(cases.columns.map((column) => [column.name, cases.values[column.name][i] ?? null])));
  return JSON.stringify(records, null, 1) + "\n";
}

function save(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function exportButtons(chosen) {
  return [
    button("CSV", { class: "export", title: "Save these cases as a table", click: () => save("cases.csv", "text/csv", csvOf(chosen())) }),
    button("JSON", { class: "export", title: "Save these cases as JSON", click: () => save("cases.json", "application/json", jsonOf(chosen())) }),
  ];
}
