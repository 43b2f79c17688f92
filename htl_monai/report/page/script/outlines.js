// Outlines over a picture: a colour and a dash each, told apart without colour, and a legend that turns them on and off.

const TRUTH = { color: "#f0e442", dash: null };
const DENSE = { color: "#5cc4ff", dash: "9 4" };
const PRUNED = { color: "#ff66e0", dash: "4 3" };
const ARMS = [
  { color: "#45e6b0", dash: "10 3 2 3" }, { color: "#ffffff", dash: "14 4" }, { color: "#ffa04d", dash: "2 4" },
  { color: "#c9b3ff", dash: "6 2 2 2 2 2" }, { color: "#c4e04a", dash: "5 5" },
];

const networks = (() => {
  const named = list(content.networks);
  const used = new Set(hardest.flatMap((one) => list(one.slices).flatMap((slice) => Object.keys(slice.outlines ?? {}))));
  const order = [...named, ...[...used].filter((name) => !named.some((one) => one.name === name)).map((name) => ({ name }))];
  let arms = 0;
  return order.map((network) => {
    const role = network.role ?? network.name;
    const look = { truth: TRUTH, dense: DENSE, pruned: PRUNED }[role] ?? ARMS[arms++ % ARMS.length];
    return { name: network.name, label: String(network.label ?? network.name), drawn: used.has(network.name), ...look };
  });
})();

const hidden = new Set(); // of numbers in networks
const outlined = networks.map((network, number_) => ({ ...network, number: number_ })).filter((network) => network.drawn);

function toggleOutlines(numbers, hide) {
  for (const number_ of numbers) {
    if (hide) hidden.add(number_); else hidden.delete(number_);
    for (const outline of document.querySelectorAll(`[data-outline="${number_}"]`)) outline.classList.toggle("off", hide);
    for (const key of document.querySelectorAll(`[data-outline-key="${number_}"]`)) key.setAttribute("aria-pressed", String(!hide));
  }
}

const toggleOutline = (number_) => toggleOutlines([number_], !hidden.has(number_));
const toggleAllOutlines = () => toggleOutlines(outlined.map((one) => one.number), hidden.size < outlined.length);

function outlineLegend() {
  if (!outlined.length) return null;
  const keys = outlined.map(({ number: number_, label, color, dash }, place) => make(
    "button",
    {
      type: "button", class: "key", "data-outline-key": number_, "aria-pressed": String(!hidden.has(number_)),
      title: `Show or hide this outline (key ${place + 1})`, click: () => toggleOutline(number_),
    },
    draw("svg", { width: 34, height: 14, "aria-hidden": "true" },
      draw("rect", { width: 34, height: 14, rx: 3, fill: "#26292e" }),
      draw("line", { x1: 3, x2: 31, y1: 7, y2: 7, stroke: color, "stroke-width": 2.5, "stroke-dasharray": dash })),
    said(label),
  ));
  return make("div", { class: "legend", role: "group", "aria-label": "Outlines" }, ...keys);
}

const pathOf = (polygons) => list(polygons).filter((polygon) => list(polygon).length > 1)
  .map((polygon) => `M${polygon.map(([x, y]) => `${x},${y}`).join("L")}Z`).join("");

// A picture with its outlines, as one drawing in the picture's own pixels; null where there is no picture.
function drawnSlice(slice, description, whenGone) {
  const address = pictureAddress(slice?.picture);
  const [width, height] = list(slice?.size);
  if (!address || !(width > 0) || !(height > 0)) return null;
  const outlines = outlined.map(({ number: number_, name, color, dash }) => {
    const d = pathOf(slice.outlines?.[name]);
    return d && draw("g", { "data-outline": number_, class: hidden.has(number_) ? "outline off" : "outline" },
      draw("path", { d, class: "halo", "stroke-dasharray": dash }), draw("path", { d, stroke: color, "stroke-dasharray": dash }));
  });
  return draw("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": description },
    draw("image", { href: address, width, height, error: whenGone }), ...outlines.filter(Boolean));
}
