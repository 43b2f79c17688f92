// What matters first, in words and a few numbers; and, at the end, where it comes from.

function sentences(texts, most = 3) {
  const all = list(texts).map((text) => said(text, "li"));
  if (!all.length) return null;
  const rest = all.slice(most);
  return make("div", {}, make("ul", { class: "sentences" }, ...all.slice(0, most)),
    rest.length > 0 && make("details", {}, make("summary", {}, `${rest.length} more`), make("ul", { class: "sentences" }, ...rest)));
}

function notice(heading, texts, kind = "") {
  return list(texts).length ? make("section", { class: `notice ${kind}`, "aria-label": heading }, make("h2", {}, heading), sentences(texts, 1)) : null;
}

// An interval behind a number is smaller than the number.
function tileValue(value) {
  const [, mean, range] = String(value ?? "–").match(/^(\S+)\s+(\[.*\])$/s) ?? [null, String(value ?? "–"), ""];
  return make("b", { dir: "auto", class: mean.length > 9 ? "wordy" : null }, mean, range && make("span", { class: "range" }, ` ${range}`));
}

function summary() {
  const verdict = list(words.verdict);
  const column = (heading, texts) => (list(texts).length ? make("section", {}, make("h2", {}, heading), sentences(texts)) : null);
  const tiles = list(content.tiles).slice(0, 5).map(({ label, value, hint }) => make("div", { class: "tile", title: hint },
    clamped(label, "dt"), make("dd", {}, tileValue(value), hint && clamped(hint, "small"))));
  return make("header", { class: "summary" },
    said(content.title ?? "Report", "h1"),
    make("div", { class: "about" }, content.subtitle && said(content.subtitle, "p", { class: "subtitle" }),
      list(words.done).length > 0 && make("details", {}, make("summary", {}, "What was done"), ...words.done.map((text) => said(text, "p")))),
    notice("Unfinished: a report of what is there", content.unfinished),
    verdict.length > 0 && make("div", { class: "verdict" }, said(verdict[0], "p"), sentences(verdict.slice(1), 2)),
    make("div", { class: "columns" }, column("For whom it fails", words.fails_for), column("What to do next", words.next)),
    tiles.length > 0 && make("dl", { class: "tiles" }, ...tiles),
    notice("Note", words.warnings, "mind"));
}

function pairsList(pairs) {
  return make("dl", { class: "facts" }, ...pairs.map(([label, value]) => make("div", {}, said(label, "dt"), said(value ?? "–", "dd"))));
}

function filesTable(files) {
  return make("table", { class: "plain" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "File"), make("th", { scope: "col" }, "What it holds"))),
    make("tbody", {}, ...files.map(([name, holds]) => make("tr", {}, said(name, "th", { scope: "row" }), said(holds, "td")))));
}

function provenanceSection() {
  const provenance = list(content.provenance), files = list(content.files);
  if (!provenance.length && !files.length) return null;
  const folded = (text, inside) => make("details", {}, make("summary", {}, text), inside);
  return {
    id: "provenance", title: "Where this comes from", short: "Provenance",
    parts: [
      provenance.length && folded("Settings, versions and hashes", pairsList(provenance)),
      files.length && folded("Files beside this page", scrolling("Files", filesTable(files))),
    ].filter(Boolean),
  };
}
