// What was compared: rankings, and arms of training.

function rankingsSection() {
  const rankings = list(content.rankings);
  if (!rankings.length) return null;
  const best = (row) => row.auroc ?? row.spearman_error ?? -Infinity;
  const rows = [...rankings].sort((a, b) => best(b) - best(a));
  const named = new Map(rows.map((row) => [row.ranking, row.label ?? row.ranking]));
  const alike = (row) => Object.entries(row.like ?? {}).filter(([name, rho]) => isNumber(rho) && name !== row.ranking)
    .sort((a, b) => b[1] - a[1]).slice(0, 2).map(([name, rho]) => `${named.get(name) ?? name} (${number(rho, 2)})`).join(", ");
  const heads = [["Ranking"], ["Finds wrong ones (AUROC)", "number"], ["Average precision", "number"], ["Goes with the error (Spearman)", "number"], ["Most like"]];
  return {
    id: "rankings", title: "Rankings compared", short: "Rankings",
    parts: [
      make("p", { class: "quiet" }, `How well each order of the cases, hardest first, finds those that the model gets wrong${isNumber(content.below) ? ` (${content.primary?.label ?? "score"} below ${number(content.below, 2)})` : ""}. AUROC 0.5 is chance.`),
      scrolling("Rankings compared", make("table", { class: "plain rankings" },
        make("caption", { class: "hidden" }, "Rankings compared"),
        make("thead", {}, make("tr", {}, ...heads.map(([text, kind]) => make("th", { scope: "col", class: kind }, text)))),
        make("tbody", {}, ...rows.map((row) => make("tr", {},
          make("th", { scope: "row" }, said(row.label ?? row.ranking), row.meaning && said(row.meaning, "small")),
          make("td", { class: "number bar" }, isNumber(row.auroc) && bar(row.auroc), number(row.auroc, 2)),
          make("td", { class: "number" }, number(row.average_precision, 2)), make("td", { class: "number" }, number(row.spearman_error, 2)),
          said(alike(row), "td")))))),
    ],
  };
}

function armsSection() {
  const comparison = list(content.comparison), arms = list(content.arms);
  if (!comparison.length && !arms.length) return null;
  const named = new Map(arms.map((arm) => [arm.name, arm.label ?? arm.name]));
  const forests = d3.groups(comparison, (row) => row.score).map(([score, rows]) => forest({
    caption: String(rows[0].label ?? score), first: "Arm, against", valueLabel: "Difference [95 %]", signs: true, reference: 0,
    beside: telling([], comparison), rows: rows.map((row) => ({
      label: `${named.get(row.model) ?? row.model} − ${named.get(row.reference) ?? row.reference}`, value: row.difference, low: row.low, high: row.high,
      strong: row.low > 0 || row.high < 0, worse: isWorse(row.difference, row), row,
    })),
  }));
  return {
    id: "arms", title: "Arms compared", short: "Arms",
    parts: [
      comparison.length > 0 && make("p", { class: "quiet" }, "Difference between two ways of training, with its 95 % interval; the dashed line is no difference. Bold: the interval leaves it out, in orange for the worse."),
      make("div", { class: "blocks" }, ...forests), arms.length > 0 && armsTable(arms),
    ].filter(Boolean),
  };
}

function armsTable(arms) {
  const scores = [...new Set(arms.flatMap((arm) => Object.keys(arm).filter((key) => isNumber(arm[key]))))];
  return scrolling("Arms", make("table", { class: "plain" },
    make("caption", {}, "Scores of each arm"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Arm"), ...scores.map((score) => said(measureLabel(score), "th", { scope: "col", class: "number" })))),
    make("tbody", {}, ...arms.map((arm) => make("tr", {},
      make("th", { scope: "row" }, said(arm.label ?? arm.name), arm.meaning && said(arm.meaning, "small")),
      ...scores.map((score) => make("td", { class: "number" }, number(arm[score]))))))));
}
