// The filters above the table: search, groups, a threshold on any number; what is set stands as a chip that removes it.

const CHOICES = 60; // a group column with more values is searched
const GROUPS_AT_ONCE = 4;

function makeFilters(changed) {
  const conditions = { query: "", groups: new Map(), thresholds: new Map(), special: null };
  const chips = make("div", { class: "chips" });
  const controls = [];

  function apply() {
    chips.replaceChildren(...chipsOf(conditions, (remove) => { remove(); update(); }));
    changed(filtered(conditions));
  }
  function update() {
    for (const control of controls) control();
    apply();
  }
  function clear() {
    Object.assign(conditions, { query: "", groups: new Map(), thresholds: new Map(), special: null });
  }

  const search = make("input", { type: "search", placeholder: "id, metadata …", autocomplete: "off", input: () => { conditions.query = search.value; apply(); } });
  controls.push(() => { search.value = conditions.query; });
  const groups = cases.columns.filter((column) => column.kind === "group").map((column) => groupFilter(column, conditions, apply, controls)).filter(Boolean);
  const element = make("div", { class: "filters", role: "search", "aria-label": "Filter the cases" },
    make("div", { class: "row" }, labelled("Search", search), ...groups.slice(0, GROUPS_AT_ONCE)),
    groups.length > GROUPS_AT_ONCE && make("details", {}, make("summary", {}, `${groups.length - GROUPS_AT_ONCE} more groups`),
      make("div", { class: "row" }, ...groups.slice(GROUPS_AT_ONCE))),
    thresholdFilter(conditions, apply, controls),
    chips);
  return {
    element,
    apply,
    any: () => chips.childElementCount > 0,
    clear: () => { clear(); update(); },
    only: (set) => { clear(); set(conditions); update(); },
  };
}

function groupFilter(column, conditions, apply, controls) {
  const counts = new Map();
  for (const value of cases.values[column.name]) {
    const key = isMissing(value) ? null : String(value);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (counts.size < 2) return null;
  const label = column.label ?? column.name;
  const set = (wanted) => {
    if (wanted) conditions.groups.set(column.name, wanted); else conditions.groups.delete(column.name);
    apply();
  };
  if (counts.size > CHOICES) {
    const input = make("input", { type: "search", placeholder: `${number(counts.size, 0)} values`, autocomplete: "off", "data-group": column.name, input: () => set(input.value && { contains: input.value }) });
    controls.push(() => { input.value = conditions.groups.get(column.name)?.contains ?? ""; });
    return labelled(label, input);
  }
  const names = inNaturalOrder([...counts.keys()].filter((key) => key !== null));
  const select = make("select", { "data-group": column.name, change: () => set(JSON.parse(select.value)) },
    option("null", "all"), ...names.map((name) => option(JSON.stringify({ is: name }), `${name} (${number(counts.get(name), 0)})`)),
    counts.has(null) && option('{"unknown":true}', `unknown (${number(counts.get(null), 0)})`));
  controls.push(() => { select.value = JSON.stringify(conditions.groups.get(column.name) ?? null); });
  return labelled(label, select);
}

// One slider for whichever column of numbers is chosen; thresholds on other columns stay, as chips.
function thresholdFilter(conditions, apply, controls) {
  const columns = cases.columns.filter((column) => column.kind === "number" && cases.values[column.name].some(isNumber));
  if (!columns.length) return null;
  const first = columns.find((column) => column.name.startsWith(content.primary?.name ?? "\n")) ?? columns[0];
  const which = make("select", { change: choose }, ...columns.map((column) => option(column.name, column.label ?? column.name, column === first)));
  const sense = make("select", { change: moved }, option("most", "at most"), option("least", "at least"));
  const slider = make("input", { type: "range", class: "threshold", input: moved });
  const says = make("output", {});
  const spread = draw("svg", { class: "spread", viewBox: "0 0 40 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  let column = first;

  function choose() {
    column = cases.byName.get(which.value);
    const values = cases.values[column.name].filter(isNumber);
    const [low, high] = d3.extent(values);
    const step = high > low ? d3.tickStep(low, high, 200) : 1;
    Object.assign(slider, { step, min: Math.floor(low / step + 1e-9) * step, max: Math.ceil(high / step - 1e-9) * step });
    const bins = d3.bin().domain([Number(slider.min), Number(slider.max) || 1]).thresholds(40)(values);
    const tallest = d3.max(bins, (bin) => bin.length) || 1;
    const width = 40 / bins.length;
    spread.replaceChildren(...bins.map((bin, i) => draw("rect", { x: i * width, width: width * 0.9, height: (10 * bin.length) / tallest, y: 10 - (10 * bin.length) / tallest })));
    restore();
  }
  function restore() {
    const set = conditions.thresholds.get(column.name);
    if (set) sense.value = set.atLeast ? "least" : "most";
    slider.value = set?.value ?? (sense.value === "least" ? slider.min : slider.max);
    tell();
  }
  function tell() {
    const text = number(Number(slider.value), column.digits);
    says.textContent = text;
    slider.setAttribute("aria-valuetext", `${columnLabel(column.name)} ${sense.selectedOptions[0].text} ${text}`);
  }
  function moved(event) {
    if (event.target === sense && !conditions.thresholds.has(column.name)) slider.value = sense.value === "least" ? slider.min : slider.max;
    const atLeast = sense.value === "least";
    const idle = slider.value === (atLeast ? slider.min : slider.max);
    if (idle) conditions.thresholds.delete(column.name);
    else conditions.thresholds.set(column.name, { atLeast, value: Number(slider.value) });
    tell();
    apply();
  }
  choose();
  controls.push(restore);
  return make("div", { class: "row" }, labelled("Only cases with", which), labelled("that is", sense),
    make("label", { class: "field wide" }, make("span", {}, "threshold"), make("span", { class: "slide" }, make("span", { class: "track" }, spread, slider), says)));
}

function chipsOf(conditions, remove) {
  const chip = (text, take) => make("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${text}`, click: () => remove(take) }, said(text), make("span", { "aria-hidden": "true" }, "✕"));
  return [
    conditions.special && chip(conditions.special.text, () => { conditions.special = null; }),
    conditions.query && chip(`“${conditions.query}”`, () => { conditions.query = ""; }),
    ...[...conditions.groups].map(([name, wanted]) => chip(
      `${columnLabel(name)} ${wanted.contains ? `contains “${wanted.contains}”` : `= ${wanted.unknown ? "unknown" : wanted.is}`}`, () => conditions.groups.delete(name))),
    ...[...conditions.thresholds].map(([name, { atLeast, value }]) => chip(
      `${columnLabel(name)} ${atLeast ? "≥" : "≤"} ${number(value, cases.byName.get(name)?.digits)}`, () => conditions.thresholds.delete(name))),
  ].filter(Boolean);
}
