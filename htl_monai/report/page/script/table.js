// The table of all cases. Only the rows in view are in the document, so that 10,000 of them are no slower than ten.

const ROWS_BEYOND = 4; // rows drawn above and below what is seen
const PRINTED_ROWS = 40;
const TALLEST = 900; // pixels: on paper the box is as high as its rows, which must not draw more of them

function makeTable() {
  const withThumbnails = list(content.thumbnails?.of).some(isNumber);
  const rowHeight = withThumbnails ? 46 : 34;
  let columns = cases.columns.filter((column, place) => column.show !== false || !place);
  const selected = new Set();
  let kept = filtered({ query: "", groups: new Map(), thresholds: new Map() });
  let order = kept, sortName = null, descending = false, active = 0;
  const rows = new Map(); // place in the order → its row

  const count = make("strong", {});
  const chosenText = make("span", {});
  const all = make("input", { type: "checkbox", "aria-label": "Select all cases shown", change: () => { selectAll(all.checked); } });
  const body = make("tbody", { keydown: pressed, "data-rows": true });
  const [above, below] = [spacer(), spacer()];
  const group = make("colgroup");
  const head = make("tr", { "aria-rowindex": 1 });
  const table = make("table", { class: "cases", "aria-labelledby": "table-title", "aria-describedby": "table-help" },
    group, make("thead", {}, head), above.body, body, below.body);
  const box = make("div", { class: "window", tabindex: "0", role: "group", "aria-label": "Table of all cases, scrolls", scroll: () => requestAnimationFrame(() => fillRows()) }, table);
  box.style.setProperty("--row", `${rowHeight}px`);
  box.style.maxHeight = `${(cases.n + 1) * rowHeight + 40}px`;

  function arrange() {
    order = sorted(kept, sortName, descending);
    active = 0;
    box.scrollTop = 0;
    refresh();
  }
  function refresh() {
    rows.clear();
    body.replaceChildren();
    table.setAttribute("aria-rowcount", order.length + 1);
    fillRows();
    tell();
  }
  function tell() {
    const shownSelected = order.reduce((n, i) => n + selected.has(i), 0);
    count.textContent = order.length === cases.n ? counted(cases.n, "case") : `${number(order.length, 0)} of ${counted(cases.n, "case")}`;
    clearing.hidden = kept.length === cases.n && !filters.any();
    unselecting.hidden = !selected.size;
    chosenText.textContent = selected.size ? `${counted(selected.size, "case")} selected:` : "All shown:";
    all.checked = order.length > 0 && shownSelected === order.length;
    all.indeterminate = shownSelected > 0 && !all.checked;
    announce(`${count.textContent}${selected.size ? `, ${number(selected.size, 0)} selected` : ""}`);
  }
  function fillRows(least = 0) {
    const height = Math.min(box.clientHeight || 600, TALLEST);
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - ROWS_BEYOND);
    const last = Math.min(order.length, first + Math.max(least, Math.ceil(height / rowHeight) + 2 * ROWS_BEYOND));
    for (const [place, row] of rows) if (place < first || place >= last) { row.remove(); rows.delete(place); }
    let after = null;
    for (let place = last - 1; place >= first; place--) {
      if (!rows.has(place)) {
        rows.set(place, makeRow(place));
        body.insertBefore(rows.get(place), after);
      }
      after = rows.get(place);
    }
    above.cell.style.height = `${first * rowHeight}px`;
    below.cell.style.height = `${(order.length - last) * rowHeight}px`;
    if (!order.length) body.replaceChildren(make("tr", {}, make("td", { class: "nothing", colspan: columns.length + 2 }, "No case passes these filters.")));
  }
  function makeRow(place) {
    const i = order[place];
    const tab = place === active ? "0" : "-1";
    const box_ = make("input", { type: "checkbox", tabindex: tab, "aria-label": `Select ${cases.id(i)}`, change: () => select(i, box_.checked) });
    box_.checked = selected.has(i);
    const open = () => viewer.open(order, place);
    return make("tr", { "aria-rowindex": place + 2, "data-case": i, "data-place": place, class: selected.has(i) ? "selected" : null },
      make("td", { class: "tick" }, box_),
      withThumbnails && make("td", { class: "small", click: open }, thumbnailElement(i, rowHeight - 6)),
      ...columns.map((column, position) => bodyCell(column, i, position === 0 && open, tab)));
  }
  function select(i, on) {
    if (on) selected.add(i); else selected.delete(i);
    for (const row of rows.values()) if (Number(row.dataset.case) === i) row.classList.toggle("selected", on);
    tell();
  }
  function selectAll(on) {
    for (const i of order) if (on) selected.add(i); else selected.delete(i);
    refresh();
  }
  function sortBy(name) {
    descending = sortName === name && !descending;
    sortName = name;
    markSorted();
    arrange();
    announce(`sorted by ${columnLabel(name)}, ${descending ? "descending" : "ascending"}`);
  }
  function markSorted() {
    for (const header of head.querySelectorAll("[data-column]")) {
      header.setAttribute("aria-sort", header.dataset.column !== sortName ? "none" : descending ? "descending" : "ascending");
    }
  }
  function pressed(event) {
    const page = Math.max(1, Math.floor(box.clientHeight / rowHeight) - 2);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -order.length, End: order.length }[event.key];
    if (!by || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    moveTo(Math.min(order.length - 1, Math.max(0, Number(event.target.closest("tr").dataset.place) + by)), event.target.type === "checkbox");
  }
  function moveTo(place, onTick) {
    for (const element of rows.get(active)?.querySelectorAll("[tabindex]") ?? []) element.tabIndex = -1;
    active = place;
    const top = place * rowHeight;
    const seen = box.clientHeight - head.offsetHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + seen) box.scrollTop = top + rowHeight - seen;
    fillRows();
    const row = rows.get(place);
    for (const element of row.querySelectorAll("[tabindex]")) element.tabIndex = 0;
    row.querySelector(onTick ? "input" : "button").focus({ preventScroll: true });
  }

  // The headings, anew whenever other columns are chosen.
  function layOut() {
    const widths = columnWidths(columns, withThumbnails);
    table.style.width = `calc(${widths.join(" + ")})`;
    group.replaceChildren(...widths.map(sizedColumn));
    head.replaceChildren(
      make("th", { class: "tick", scope: "col" }, all), ...(withThumbnails ? [make("th", { class: "small", scope: "col" }, "Picture")] : []),
      ...columns.map((column) => make("th", { scope: "col", "data-column": column.name, class: column.kind === "number" ? "number" : null, title: column.hint },
        make("button", { type: "button", class: "sort", click: () => sortBy(column.name) }, said(column.label ?? column.name)))));
    markSorted();
  }
  const chooser = columnChooser(columns, (chosen_) => { columns = chosen_; layOut(); refresh(); });

  layOut();
  const filters = makeFilters((indices) => { kept = indices; arrange(); });
  const chosen = () => (selected.size ? sorted([...selected].sort((a, b) => a - b), sortName, descending) : order);
  const clearing = button("Clear filters", { class: "clear", click: filters.clear });
  const unselecting = button("Select none", { click: () => { selected.clear(); refresh(); } });
  const bar = make("div", { class: "table-bar" }, count, clearing, chooser, make("span", { class: "exports" }, chosenText, ...exportButtons(chosen), unselecting));
  filters.apply();
  new ResizeObserver(() => fillRows()).observe(box);
  addEventListener("beforeprint", () => fillRows(PRINTED_ROWS));
  const onPaper = order.length > PRINTED_ROWS && make("p", { class: "on-paper" }, `On paper: ${PRINTED_ROWS} cases or so; the page shows, and exports, all of them.`);
  return { parts: [filters.element, bar, box, onPaper], only: filters.only };
}

// Which columns are shown; the first, by which a case is known, always is.
function columnChooser(columns, choose) {
  const shown_ = new Set(columns);
  const [first, ...others] = cases.columns;
  const boxes = others.map((column) => {
    const box = make("input", { type: "checkbox", change: () => {
      if (box.checked) shown_.add(column); else shown_.delete(column);
      choose([first, ...others.filter((each) => shown_.has(each))]);
    } });
    box.checked = shown_.has(column);
    return make("label", { title: column.hint }, box, said(column.label ?? column.name));
  });
  return boxes.length > 1 && make("details", { class: "chooser" }, make("summary", {}, "Columns"), make("div", {}, ...boxes));
}

function bodyCell(column, i, opens, tab) {
  const text = shown(column, cases.values[column.name][i]);
  if (opens) return make("th", { scope: "row" }, make("button", { type: "button", class: "open", tabindex: tab, "aria-haspopup": "dialog", title: text, click: opens }, said(text)));
  return column.kind === "number" ? make("td", { class: "number" }, text) : said(text, "td", { title: text });
}

// What stands for the rows that are not drawn.
function spacer() {
  const cell = make("td");
  return { cell, body: make("tbody", { "aria-hidden": "true", class: "spacer" }, make("tr", {}, cell)) };
}

// Fixed widths, in characters of what stands in the column, so that nothing jumps while rows come and go.
function columnWidths(columns, withThumbnails) {
  const [width, height] = content.thumbnails?.tile ?? [1, 1];
  const picture = withThumbnails ? [`${Math.max(64, Math.round((40 * width) / height) + 16)}px`] : [];
  return ["42px", ...picture, ...columns.map((column) => {
    const step = Math.max(1, Math.floor(cases.n / 200));
    let longest = 4;
    for (let i = 0; i < cases.n; i += step) longest = Math.max(longest, shown(column, cases.values[column.name][i]).length);
    const label = Math.max(...String(column.label ?? column.name).split(/\s+/).map((word) => word.length)) + 4;
    return `min(28ch, max(${longest}ch + 2.5rem, ${label}ch, 7ch))`;
  })];
}

function sizedColumn(width) {
  const column = make("col");
  column.style.width = width;
  return column;
}

let table = null;
function tableSection() {
  if (!cases.n || !cases.columns.length) return null;
  table = makeTable();
  const help = make("p", { id: "table-help", class: "quiet" }, "A click on a heading sorts; a click on a case, or Enter, opens it. In the table the arrow keys go from case to case, Space selects.");
  return { id: "table", title: "All cases", short: "Table", parts: [help, ...table.parts] };
}

// Shows in the table what was found elsewhere on the page.
function showInTable(text, test) {
  table.only((conditions) => { conditions.special = { text, test }; });
  document.getElementById("table").scrollIntoView();
  document.getElementById("table-title").focus({ preventScroll: true });
}
