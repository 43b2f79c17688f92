// Dot plots with intervals, as a table: a row says in numbers what its dot and whiskers show.

const ROWS_FIRST = 12;
const NOTE = "Note";

// Of the columns beside a plot, those that say something of any row: { text, of: (row) => text }.
const telling = (columns, rows) => [...columns, { text: NOTE, of: (row) => row.note ?? "" }].filter(({ of }) => rows.some((row) => of(row) && of(row) !== "–"));

const extent = (rows) => d3.extent(rows.flatMap((row) => [row.value, row.low, row.high]).filter(isNumber));

// rows: { label, n, value, low, high, strong, worse, row, show: () => … }; beside: more columns, of their row; domain: the reach of
// the axis, where several plots share one.
function forest({ caption, first = "Group", valueLabel, rows, domain = extent(rows), reference, beside = [], withAction = rows.some((row) => row.show), digits = 3, signs = false }) {
  if (!rows.length) return null;
  const [low, high] = d3.extent([...domain, reference].filter(isNumber));
  const room = (high - low) * 0.04 || 0.05;
  const scale = d3.scaleLinear([(low ?? 0) - room, (high ?? 1) + room], [1, 99]);
  const written = signs ? signed : number;
  const withN = rows.some((row) => isNumber(row.n));
  const kind = (text) => (text === NOTE ? "note words" : "number extra");
  const line = (row) => make("tr", { class: row.strong ? `strong ${row.worse ? "worse" : ""}` : null },
    clamped(row.label, "th", { scope: "row" }),
    withN && make("td", { class: "number" }, number(row.n, 0)),
    make("td", { class: "plot" }, interval(row, scale, reference)),
    make("td", { class: "number" }, estimate(row, written, digits)),
    ...beside.map(({ text, of }) => clamped(of(row.row), "td", { class: kind(text) })),
    withAction && make("td", { class: "action" }, row.show && button("Show", { "aria-label": `Show the cases of ${row.label} in the table`, click: row.show })));
  const head = (text, kind_) => make("th", { scope: "col", class: kind_ }, text);
  const rem = (withN ? 4.2 : 0) + 13.5 + (withAction ? 5 : 0) + d3.sum(beside, ({ text }) => (text === NOTE ? 9 : 6.2));
  const body = make("tbody", {}, ...rows.slice(0, ROWS_FIRST).map(line));
  const rest = rows.length - ROWS_FIRST;
  const table_ = make("table", { class: "forest" }, said(caption, "caption"),
    make("thead", {}, make("tr", {}, head(first, "first"), withN && head("n", "number n"), head(axis(scale), "plot"), head(valueLabel, "number value"),
      ...beside.map(({ text }) => head(text, kind(text))), withAction && head("Cases", "action"))),
    body);
  table_.style.setProperty("--rest", `${rem}rem`);
  return make("div", {}, scrolling(caption, table_),
    rest > 0 && button(`Show the other ${number(rest, 0)}`, { class: "more", click: (event) => { body.append(...rows.slice(ROWS_FIRST).map(line)); event.target.remove(); } }));
}

function estimate(row, written, digits) {
  if (!isNumber(row.value)) return "–";
  const range = isNumber(row.low) && isNumber(row.high) ? ` [${written(row.low, digits)}, ${written(row.high, digits)}]` : "";
  return make("span", {}, make("b", {}, written(row.value, digits)), make("span", { class: "range" }, range));
}

function axis(scale) {
  const format = scale.tickFormat(3);
  return make("span", {}, make("span", { class: "hidden" }, "Plot"), draw("svg", { class: "axis", width: "100%", height: 18, "aria-hidden": "true" },
    ...scale.ticks(3).map((tick) => draw("text", { x: `${scale(tick)}%`, y: 14, "text-anchor": "middle" }, format(tick)))));
}

function interval(row, scale, reference) {
  const at = (x) => `${scale(x).toFixed(2)}%`;
  const whiskers = isNumber(row.low) && isNumber(row.high);
  return draw("svg", { class: "interval", width: "100%", height: 22, "aria-hidden": "true" },
    ...scale.ticks(3).map((tick) => draw("line", { class: "grid", x1: at(tick), x2: at(tick), y1: 0, y2: 22 })),
    isNumber(reference) && draw("line", { class: "reference", x1: at(reference), x2: at(reference), y1: 0, y2: 22 }),
    whiskers && draw("line", { class: "whisker", x1: at(row.low), x2: at(row.high), y1: 11, y2: 11 }),
    isNumber(row.value) && draw("circle", { class: whiskers ? "dot" : "dot unsure", cx: at(row.value), cy: 11, r: 4.5 }));
}
