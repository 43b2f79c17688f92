// Which cases are shown, and in which order: pure functions of columns and conditions.

// Text in the order of a person: case and accents aside, numbers in it by their size. Plain comparisons of such keys are
// many times as fast as a collator's, of thousands of names.
const naturalKey = (text) => String(text).normalize("NFKD").toLowerCase().replace(/\d+/g, (digits) => digits.padStart(16, "0"));
function inNaturalOrder(texts) {
  const keyed = texts.map((text) => [naturalKey(text), text]);
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, text]) => text);
}

const ranksOf = new Map(); // of a column's name: one number a case, so that sorting compares numbers only

// What a value sorts by; what is unknown comes last in either direction.
function ranks(name) {
  if (ranksOf.has(name)) return ranksOf.get(name);
  const values = cases.values[name];
  const made = new Float64Array(cases.n).fill(NaN);
  if (cases.byName.get(name)?.kind === "number") {
    for (let i = 0; i < cases.n; i++) if (isNumber(values[i])) made[i] = values[i];
  } else {
    const unique = inNaturalOrder([...new Set(values)].filter((value) => !isMissing(value)));
    const place = new Map(unique.map((value, rank) => [value, rank]));
    for (let i = 0; i < cases.n; i++) made[i] = place.get(values[i]) ?? NaN;
  }
  ranksOf.set(name, made);
  return made;
}

// Indices in the order of a column; equal ones stay as they were.
function sorted(indices, name, descending) {
  if (!name) return indices;
  const rank = ranks(name);
  const sign = descending ? -1 : 1;
  const known = indices.filter((i) => !Number.isNaN(rank[i])).sort((a, b) => sign * (rank[a] - rank[b]) || a - b);
  return known.concat(indices.filter((i) => Number.isNaN(rank[i])));
}

let searched; // one text a case, in lower case
function searchTexts() {
  if (!searched) {
    const texts = cases.columns.filter((column) => column.kind !== "number").map((column) => cases.values[column.name]);
    searched = Array.from({ length: cases.n }, (_, i) => texts.map((values) => values[i] ?? "").join("\n").toLowerCase());
  }
  return searched;
}

// The tests that a case has to pass, one for each condition.
function testsOf({ query, groups, thresholds, special }) {
  const tests = [];
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (parts.length) tests.push((i) => parts.every((part) => searchTexts()[i].includes(part)));
  for (const [name, wanted] of groups) {
    const values = cases.values[name];
    if (wanted.contains) tests.push((i) => String(values[i] ?? "").toLowerCase().includes(wanted.contains.toLowerCase()));
    else if (wanted.unknown) tests.push((i) => isMissing(values[i]));
    else tests.push((i) => String(values[i]) === wanted.is);
  }
  for (const [name, { atLeast, value }] of thresholds) {
    const values = cases.values[name];
    tests.push((i) => isNumber(values[i]) && (atLeast ? values[i] >= value : values[i] <= value));
  }
  if (special) tests.push(special.test);
  return tests;
}

function filtered(conditions) {
  const tests = testsOf(conditions);
  const kept = [];
  for (let i = 0; i < cases.n; i++) if (tests.every((test) => test(i))) kept.push(i);
  return kept;
}
