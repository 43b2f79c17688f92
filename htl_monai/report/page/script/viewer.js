// The large view of one case: picture, outlines, slices, scores and metadata; previous and next among those it came from.

const viewer = (() => {
  let order = [], place = 0, slice = 0, one = null;
  const picture = make("div", { class: "large" });
  const side = make("div", { class: "side" });
  const empty = make("p", { class: "quiet", dir: "auto" });
  const zoom = zoomed(picture);
  const title = make("h2", { id: "viewer-title", dir: "auto", tabindex: "-1" });
  const where = make("span", { class: "quiet" });
  const previous = button("‹ Previous", { click: () => step(-1) });
  const next = button("Next ›", { click: () => step(1) });
  const slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Slice", input: () => showSlice(Number(slider.value)) });
  const sliceText = make("output", {});
  const slices = make("div", { class: "slices" }, slider, sliceText);
  const dialog = make("dialog", { class: "viewer", "aria-labelledby": "viewer-title", keydown: pressed, click: (event) => event.target === dialog && dialog.close() },
    make("div", { class: "viewer-head" }, title, where, previous, next, button("Close", { click: () => dialog.close() })),
    make("div", { class: "viewer-body" }, make("div", { class: "stage" }, picture, slices), side));
  picture.addEventListener("wheel", (event) => {
    if (list(one?.slices).length < 2) return;
    event.preventDefault();
    showSlice(slice + Math.sign(event.deltaY));
  }, { passive: false });

  function open(indices, at) {
    if (!dialog.isConnected) document.body.append(dialog);
    [order, place] = [indices, at];
    show();
    dialog.showModal();
    title.focus();
  }

  function show() {
    const index = order[place];
    one = hardest[hardestOf.get(index)] ?? { case: index, title: cases.id(index), facts: factsOf(index), slices: [] };
    title.textContent = String(one.title ?? cases.id(index));
    where.textContent = `${number(place + 1, 0)} of ${number(order.length, 0)}`;
    previous.disabled = place === 0;
    next.disabled = place === order.length - 1;
    const n = list(one.slices).length;
    slices.hidden = n < 2;
    slider.max = Math.max(0, n - 1);
    zoom.reset();
    side.replaceChildren(...[
      outlined.length && n ? outlineLegend() : null, empty,
      one.note && said(one.note, "p", { class: "note" }),
      !hardestOf.has(index) && hardest.length > 0 && make("p", { class: "quiet" }, "Large pictures with outlines are kept of the hardest cases."),
      factList(list(one.facts)),
      classTable(list(one.classes)),
      make("p", { class: "keys quiet" }, keysText(n)),
    ].filter(Boolean));
    showSlice(one.first ?? 0);
  }

  function showSlice(at) {
    const all = list(one.slices);
    slice = Math.min(Math.max(at, 0), Math.max(0, all.length - 1));
    picture.replaceChildren(pictureOf(one, all[slice], 320));
    zoom.apply();
    const silent = networks.filter(({ name }) => all[slice]?.outlines?.[name]?.length === 0).map(({ label }) => label);
    empty.textContent = silent.length ? `Nothing outlined here by: ${silent.join(", ")}` : "";
    empty.hidden = !silent.length;
    if (all.length < 2) return;
    const text = `Slice ${slice + 1} of ${all.length} (position ${all[slice].position ?? slice})${slice === (one.first ?? 0) ? ", largest error" : ""}`;
    slider.value = slice;
    slider.setAttribute("aria-valuetext", text);
    sliceText.textContent = text;
  }

  function step(by) {
    const target = place + by;
    if (target < 0 || target >= order.length) return;
    place = target;
    show();
    announce(`${title.textContent}, ${where.textContent}`);
    if (document.activeElement?.disabled) title.focus();
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inSlider = event.target === slider;
    const actions = {
      ArrowLeft: inSlider ? null : () => step(-1), ArrowRight: inSlider ? null : () => step(1),
      ArrowUp: inSlider ? null : () => showSlice(slice - 1), ArrowDown: inSlider ? null : () => showSlice(slice + 1),
      o: toggleAllOutlines, O: toggleAllOutlines, "+": () => zoom.by(ZOOM), "-": () => zoom.by(1 / ZOOM),
    };
    const key = outlined[Number(event.key) - 1];
    const action = actions[event.key] ?? (key && (() => toggleOutline(key.number)));
    if (!action || (event.key.startsWith("ArrowU") || event.key.startsWith("ArrowD")) && list(one.slices).length < 2) return;
    event.preventDefault();
    action();
  }

  return { open };
})();

const ZOOM = 1.6;
const ZOOM_MOST = 10;

// A picture that is enlarged where it is clicked, or at its middle by keys; outlines keep their width.
function zoomed(frame) {
  let factor = 1, middle = null; // in the picture's pixels
  frame.addEventListener("click", (event) => {
    const svg = event.target.closest(".picture");
    if (!svg) return;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    if (factor === 1) [factor, middle] = [ZOOM * ZOOM, [point.x, point.y]]; else [factor, middle] = [1, null];
    apply();
  });
  function apply() {
    const svg = frame.querySelector(".picture");
    if (!svg) return;
    const image = svg.querySelector("image");
    const [width, height] = ["width", "height"].map((name) => Number(image.getAttribute(name)));
    const [x, y] = middle ?? [width / 2, height / 2];
    const corner = (at, size) => Math.min(Math.max(at - size / factor / 2, 0), size - size / factor);
    svg.setAttribute("viewBox", `${corner(x, width)} ${corner(y, height)} ${width / factor} ${height / factor}`);
    svg.classList.toggle("near", factor > 1);
  }
  return {
    apply,
    by: (step) => { factor = Math.min(Math.max(factor * step, 1), ZOOM_MOST); apply(); },
    reset: () => { [factor, middle] = [1, null]; },
  };
}

function keysText(n) {
  const keys = ["← → cases"];
  if (n > 1) keys.push("↑ ↓ or wheel: slices");
  if (n) keys.push("click or + − zoom");
  if (n && outlined.length) keys.push(`1–${outlined.length} outlines, O all of them`);
  return `Keys: ${[...keys, "Esc closes"].join(" · ")}`;
}

function factsOf(index) {
  return cases.columns.filter((column) => column.name !== "id" && !isMissing(cases.values[column.name][index]))
    .map((column) => [column.label ?? column.name, shown(column, cases.values[column.name][index])]);
}

function factList(facts) {
  return facts.length ? make("dl", { class: "facts" }, ...facts.map(([label, value]) => make("div", {}, said(label, "dt"), said(value ?? "–", "dd")))) : null;
}

// Classification: what is there, and how probable each network calls it.
function classTable(classes) {
  if (!classes.length) return null;
  const asked = networks.filter(({ name }) => name !== "truth" && classes.some((row) => isNumber(row[name])));
  const presence = (truth) => (truth === 1 ? "●\u00a0" : truth === 0 ? "○\u00a0" : "?\u00a0");
  const spoken = (truth) => (truth === 1 ? "present: " : truth === 0 ? "absent: " : "unknown: ");
  return scrolling("Classes", make("table", { class: "plain classes" },
    make("caption", {}, "Probability of each class ", make("small", {}, "● present ○ absent ? unknown, by the label")),
    make("thead", {}, make("tr", {}, ...["Class", ...asked.map(({ label }) => label)].map((text) => said(text, "th", { scope: "col" })))),
    make("tbody", {}, ...classes.map((row) => make("tr", { class: row.truth === 1 ? "strong" : null },
      make("th", { scope: "row" }, make("span", { "aria-hidden": "true" }, presence(row.truth)), make("span", { class: "hidden" }, spoken(row.truth)), said(row.name)),
      ...asked.map(({ name }) => make("td", { class: "bar" }, bar(row[name]), number(row[name], 2))))))));
}

function bar(share) {
  const width = isNumber(share) ? `${100 * Math.min(1, Math.max(0, share))}%` : "0";
  return draw("svg", { class: "share", "aria-hidden": "true", width: "100%", height: 4 },
    draw("rect", { width: "100%", height: 4, class: "track" }), draw("rect", { width, height: 4, class: "filled" }));
}
