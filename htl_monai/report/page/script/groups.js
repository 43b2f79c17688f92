// For whom it fails: groups, pairs of groups and slices that were searched for, each against the whole.

const HOLM = 0.05;
// Of a measure that does not say so, more is better where it is of the primary score.
const isWorse = (gap, { higher_is_better = content.primary?.higher_is_better !== false }) => isNumber(gap) && gap !== 0 && (gap < 0) === higher_is_better;
const differs = (row) => isNumber(row.p_holm) && row.p_holm < HOLM;

// The measures of a table, the primary one first.
function measuresOf(rows) {
  const names = [...new Set(rows.map((row) => row.measure))];
  const primary = content.primary?.name;
  return names.sort((a, b) => (b === primary) - (a === primary));
}

// One block for the measure that is chosen; a select where there are several.
function byMeasure(rows, what, blockOf) {
  const measures = measuresOf(rows);
  const block = make("div", { class: "blocks" });
  const show = (measure) => block.replaceChildren(...blockOf(rows.filter((row) => row.measure === measure), measure));
  show(measures[0]);
  if (measures.length < 2) return [block];
  const select = make("select", { change: () => show(measures[select.selectedIndex]) }, ...measures.map((measure) => option(measure, measureLabel(measure, rows))));
  return [labelled(what, select), block];
}

// The mean of the whole, of which a column's groups are the parts.
function wholeOf(rows) {
  const row = rows.find((one) => isNumber(one.mean) && isNumber(one.gap_whole));
  return row ? row.mean - row.gap_whole : undefined;
}

const P_HOLM = { text: "p (Holm)", of: (row) => probability(row.p_holm) };
const AGAINST_ALL = [{ text: "Gap to all", of: (row) => signed(row.gap_whole) }, P_HOLM];
const AGAINST_REST = [{ text: "Found on n", of: (row) => number(row.n_found, 0) }, { text: "Gap to the rest", of: (row) => signed(row.gap) }, P_HOLM];
const plotted = (row) => ({ value: row.mean, low: row.low, high: row.high });

function groupForest(rows, column, measure, shared) {
  const missing = d3.max(rows, (row) => row.n_missing ?? 0);
  return forest({
    caption: `${columnLabel(column)}${missing ? ` (unknown for ${counted(missing, "case")})` : ""}`,
    valueLabel: `${measure || "Mean"} [95 %]`, reference: wholeOf(rows), ...shared,
    rows: rows.map((row) => ({ label: row.group, n: row.n, ...plotted(row), strong: differs(row), worse: isWorse(row.gap_whole, row), row, show: groupTest(row.column, row.group) })),
  });
}

// A way into the table, where the group is a value of a column of the table.
function groupTest(column, group) {
  const values = cases.byName.get(column)?.kind === "group" && cases.values[column];
  const isIn = (value) => (isMissing(value) ? "unknown" : String(value)) === String(group);
  if (!values || !values.some(isIn)) return null;
  return () => showInTable(`${columnLabel(column)} = ${group}`, (i) => isIn(values[i]));
}

function groupsSection() {
  const groups = list(content.groups), pairs = list(content.pairs);
  if (!groups.length && !pairs.length) return null;
  const blocks = (all, measure) => {
    const rows = all.filter((row) => row.n !== 0);
    const withAction = rows.some((row) => groupTest(row.column, row.group));
    const shared = { domain: extent(rows.map(plotted)), beside: telling(AGAINST_ALL, rows), withAction };
    const drawn = ([column, of]) => groupForest(of, column, measureLabel(measure, all), shared);
    const said_ = ([, of]) => of.some((row) => isNumber(row.low));
    const columns = d3.groups(rows, (row) => row.column);
    const unsaid = columns.filter((one) => !said_(one));
    return [...columns.filter(said_).map(drawn), unsaid.length > 0 && make("details", {},
      make("summary", {}, `Too few cases in each group to say: ${unsaid.map(([column]) => columnLabel(column)).join(", ")}`),
      make("div", { class: "blocks" }, ...unsaid.map(drawn)))].filter(Boolean);
  };
  const paired = pairs.length > 0 && make("details", {}, make("summary", {}, "Pairs of groups"), ...byMeasure(pairs, "Measure of pairs", blocks));
  return {
    id: "groups", title: "Groups", short: "Groups",
    parts: [
      make("p", { class: "quiet" }, "The dot is the group's mean, the line its 95 % interval, the dashed line the mean of all cases. Bold: differs from the rest, corrected for the number of groups (Holm, p < 0.05), in orange for the worse."),
      ...(groups.length ? byMeasure(groups, "Measure", blocks) : []), paired,
    ].filter(Boolean),
  };
}

function conditionTest({ column, at_least, at_most, above, below, is }) {
  const values = cases.values[column];
  if (!values) return null;
  if (is !== undefined) return (i) => String(values[i]) === String(is);
  return (i) => isNumber(values[i]) && (at_least ?? -Infinity) <= values[i] && values[i] <= (at_most ?? Infinity)
    && values[i] > (above ?? -Infinity) && values[i] < (below ?? Infinity);
}

function sliceTest(slice) {
  let conditions = slice.conditions;
  try {
    if (typeof conditions === "string") conditions = JSON.parse(conditions);
  } catch { return null; }
  const tests = list(conditions).map(conditionTest);
  return tests.length && tests.every(Boolean) ? () => showInTable(slice.slice, (i) => tests.every((test) => test(i))) : null;
}

function slicesSection() {
  const slices = list(content.slices);
  if (!slices.length) return null;
  const blocks = (rows, measure) => [forest({
    caption: "Slices, as half of the cases found them and the other half confirmed them", first: "Slice",
    valueLabel: `${measureLabel(measure, rows)} [95 %]`,
    reference: d3.mean(list(cases.values[measure]).filter(isNumber)),
    beside: telling(AGAINST_REST, rows),
    rows: rows.map((row) => ({
      label: row.slice, n: row.n_confirmed, value: row.mean_confirmed, low: row.low, high: row.high, strong: differs(row), worse: isWorse(row.gap, row), row, show: sliceTest(row),
    })),
  })];
  return {
    id: "slices", title: "Slices found", short: "Slices",
    parts: [make("p", { class: "quiet" }, "Searched for among metadata and simple properties of the pictures. n, mean and interval are of the half that the search did not see; the dashed line is the mean of all cases."),
      ...byMeasure(slices, "Measure", blocks)],
  };
}
