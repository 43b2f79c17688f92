// Hard or mislabelled: two rankings against each other; a click opens the case next to it.

const SHAPES = {
  rest: "m-2.5,0a2.5,2.5 0 1,0 5,0a2.5,2.5 0 1,0 -5,0", hard: "m-3,-3h6v6h-6z", mislabelled: "m0,-4.2l4.2,7.4h-8.4z", both: "m0,-5l5,5l-5,5l-5,-5z",
};
const NAMES = { hard: "Hard to learn", mislabelled: "Perhaps mislabelled", both: "Hard, and perhaps mislabelled" };
const NEAR = 14; // pixels

function quadrantOf(x, y, { x_cut, y_cut }) {
  if (x >= x_cut) return y >= y_cut ? "both" : "hard";
  return y >= y_cut ? "mislabelled" : "rest";
}

// Far below the cut nothing is at stake: the few cases there, one in fifty, stand at the edge, so that the rest has room.
function reach(points, axis, cut) {
  const values = points.map((point) => point[axis]);
  return wide([Math.min(d3.quantile(values, 0.02), cut), Math.max(d3.max(values), cut)]);
}

function quadrantsChart(points, quadrants, width) {
  const height = Math.min(440, Math.max(300, width * 0.5));
  const x = d3.scaleLinear(reach(points, "x", quadrants.x_cut), [MARGIN.left, width - MARGIN.right]).nice().clamp(true);
  const y = d3.scaleLinear(reach(points, "y", quadrants.y_cut), [height - MARGIN.bottom, MARGIN.top]).nice().clamp(true);
  const paths = Object.keys(SHAPES).map((kind) => draw("path", {
    class: `points ${kind}`,
    d: points.filter((point) => point.kind === kind).map((point) => `M${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}${SHAPES[kind]}`).join(""),
  }));
  const mark = draw("circle", { class: "mark", r: 8, visibility: "hidden" });
  const tree = d3.quadtree(points, (point) => x(point.x), (point) => y(point.y));
  const near = (event) => tree.find(...d3.pointer(event, svg), NEAR);
  const tip = draw("text", { class: "tip", x: width - MARGIN.right, y: MARGIN.top + 8, "text-anchor": "end" });
  const svg = draw("svg", {
    width, height, role: "img", "aria-label": `${columnLabel(quadrants.y)} against ${columnLabel(quadrants.x)}; the cases are in the table`,
    pointermove: (event) => {
      const found = near(event);
      mark.setAttribute("visibility", found ? "visible" : "hidden");
      svg.classList.toggle("over", Boolean(found));
      tip.textContent = found ? cases.id(found.case).slice(0, 60) : "";
      if (found) { mark.setAttribute("cx", x(found.x)); mark.setAttribute("cy", y(found.y)); }
    },
    click: (event) => {
      const found = near(event);
      if (!found) return;
      const alike = points.filter((point) => point.kind === found.kind).map((point) => point.case);
      viewer.open(alike, alike.indexOf(found.case));
    },
  },
  draw("line", { class: "cut", x1: x(quadrants.x_cut), x2: x(quadrants.x_cut), y1: MARGIN.top, y2: height - MARGIN.bottom }),
  draw("line", { class: "cut", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(quadrants.y_cut), y2: y(quadrants.y_cut) }),
  ...paths, axes(x, y, height, { x: columnLabel(quadrants.x), y: columnLabel(quadrants.y) }), mark, tip);
  return svg;
}

function quadrantsSection() {
  const quadrants = content.quadrants ?? {};
  const [xs, ys] = [cases.values[quadrants.x], cases.values[quadrants.y]];
  if (!Array.isArray(xs) || !Array.isArray(ys) || !isNumber(quadrants.x_cut) || !isNumber(quadrants.y_cut)) return null;
  const kinds = Array.from({ length: cases.n }, (_, i) => (isNumber(xs[i]) && isNumber(ys[i]) ? quadrantOf(xs[i], ys[i], quadrants) : null));
  const points = kinds.flatMap((kind, i) => (kind ? [{ case: i, x: xs[i], y: ys[i], kind }] : []));
  if (!points.length) return null;
  const cards = Object.entries(NAMES).map(([kind, name]) => {
    const n = kinds.filter((one) => one === kind).length;
    return make("section", { class: `quadrant ${kind}` },
      make("h3", {}, draw("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" }, draw("path", { class: `points ${kind}`, d: `M0,0${SHAPES[kind]}` })), `${name}: ${counted(n, "case")}`),
      quadrants.says?.[kind] && said(quadrants.says[kind], "p"),
      n > 0 && button("Show in the table", { "aria-label": `Show in the table: ${name}`, click: () => showInTable(name, (i) => kinds[i] === kind) }));
  });
  const left = cases.n - points.length;
  return {
    id: "quadrants", title: "Hard, or mislabelled?", short: "Hard or mislabelled",
    parts: [resized("quadrants", (width) => quadrantsChart(points, quadrants, width)),
      make("p", { class: "quiet" }, "A point is a case; a click opens it. The few that lie far to the left or far below stand at the edge."),
      left > 0 && make("p", { class: "quiet" }, `${counted(left, "case")} without one of the two numbers ${left === 1 ? "is" : "are"} left out.`),
      make("div", { class: "charts" }, ...cards)].filter(Boolean),
  };
}
