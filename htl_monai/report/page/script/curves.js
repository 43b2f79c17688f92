// What pruning costs: a score by the share of weights removed, a line a subject, its interval as a band.

const MARGIN = { top: 12, right: 20, bottom: 40, left: 54 };
const LABELS = 124; // pixels beside the lines, where there are several
const HEIGHT = 260;
const LINE_DASHES = [null, "7 4", "2 3", "9 3 2 3", "4 2"];

// A chart that is drawn anew for the width that it has.
function resized(label, drawing) {
  const frame = make("div", { class: "chart" });
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.round(frame.clientWidth);
    if (now && now !== width) frame.replaceChildren(drawing((width = now)));
  }).observe(frame);
  return frame;
}

const wide = ([low, high]) => (low < high ? [low, high] : [low - 0.05, high + 0.05]);

function axes(x, y, height, labels, formatX) {
  const [left, right] = x.range();
  const bottom = d3.axisBottom(x).ticks(Math.min(8, (right - left) / 60)).tickSizeOuter(0);
  const group = draw("g", { class: "axes" });
  d3.select(group).append("g").attr("transform", `translate(0,${height - MARGIN.bottom})`).call(formatX ? bottom.tickFormat(formatX) : bottom);
  d3.select(group).append("g").attr("transform", `translate(${MARGIN.left},0)`).call(d3.axisLeft(y).ticks(5).tickSizeOuter(0));
  group.append(
    draw("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, labels.x),
    labels.y ? draw("text", { transform: `translate(12,${(height - MARGIN.bottom + MARGIN.top) / 2}) rotate(-90)`, "text-anchor": "middle" }, labels.y) : "");
  return group;
}

// Labels at the ends of the lines, pushed apart where they would lie on each other.
function endLabels(ends, x) {
  const placed = [...ends].sort((a, b) => a.y - b.y);
  placed.forEach((end, i) => { if (i && end.y < placed[i - 1].y + 15) end.y = placed[i - 1].y + 15; });
  return placed.map(({ y, text, number: number_ }) => draw("text", { class: `label line-${number_ % 5}`, x: x + 8, y: y + 4 }, text.length > 17 ? `${text.slice(0, 16)}…` : text, draw("title", {}, text)));
}

function curvesChart(y_, curves, width) {
  const points = curves.flatMap((curve) => curve.points);
  const reach = points.flatMap((point) => [point.mean, point.low, point.high]).filter(isNumber);
  const right = width - (curves.length > 1 ? LABELS : MARGIN.right);
  const x = d3.scaleLinear(wide(d3.extent(points, (point) => point.sparsity)), [MARGIN.left, right]);
  const y = d3.scaleLinear(wide(d3.extent(reach)), [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(5);
  const line = d3.line((point) => x(point.sparsity), (point) => y(point.mean)).defined((point) => isNumber(point.mean));
  const area = d3.area((point) => x(point.sparsity), (point) => y(point.low), (point) => y(point.high)).defined((point) => isNumber(point.low) && isNumber(point.high));
  const known = (curve) => curve.points.filter((point) => isNumber(point.mean));
  const ends = curves.map((curve, i) => ({ y: y(known(curve).at(-1)?.mean ?? 0), text: String(curve.name), number: i }));
  return draw("svg", { width, height: HEIGHT, role: "img", "aria-label": `${y_} by sparsity; the numbers are below` },
    axes(x, y, HEIGHT, { x: "share of weights removed" }, d3.format(".0%")),
    ...curves.map((curve, i) => draw("g", { class: `line-${i % 5}` },
      draw("path", { class: "band", d: area(curve.points) ?? "" }),
      draw("path", { class: "line", d: line(curve.points) ?? "", "stroke-dasharray": LINE_DASHES[i % 5] }),
      ...known(curve).map((point) => draw("circle", { cx: x(point.sparsity), cy: y(point.mean), r: 3.5 },
        draw("title", {}, `${curve.name}, ${d3.format(".0%")(point.sparsity)}: ${number(point.mean)}${isNumber(point.low) ? ` [${number(point.low)}, ${number(point.high)}]` : ""}`))))),
    ...(curves.length > 1 ? endLabels(ends, right) : []));
}

function curvesNumbers(y_, curves, open) {
  const levels = [...new Set(curves.flatMap((curve) => curve.points.map((point) => point.sparsity)))].sort(d3.ascending);
  const at = (curve, level) => curve.points.find((point) => point.sparsity === level);
  return make("details", { open }, make("summary", {}, "The numbers"), scrolling(`Numbers of ${y_}`, make("table", { class: "plain" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Sparsity"), ...curves.map((curve) => said(curve.name, "th", { scope: "col", class: "number" })))),
    make("tbody", {}, ...levels.map((level) => make("tr", {}, make("th", { scope: "row" }, d3.format(".0%")(level)),
      ...curves.map((curve) => make("td", { class: "number" }, estimate({ value: at(curve, level)?.mean, ...at(curve, level) }, number, 3)))))))));
}

function curvesSection() {
  const curves = list(content.curves).map((curve) => ({ ...curve, points: list(curve.points).filter((point) => isNumber(point.sparsity)) }))
    .filter((curve) => curve.points.some((point) => isNumber(point.mean)));
  if (!curves.length) return null;
  const drawn = (of) => of.some((curve) => curve.points.length > 1);
  const charts = d3.groups(curves, (curve) => curve.y).map(([y, of]) => make("figure", {}, said(y, "h3"),
    of.length === 1 && of[0].name !== y && said(of[0].name, "p", { class: "quiet" }), drawn(of) && resized(y, (width) => curvesChart(y, of, width)), curvesNumbers(y, of, !drawn(of))));
  return { id: "curves", title: "What pruning costs", short: "Curves", parts: [make("div", { class: "charts" }, ...charts)] };
}
