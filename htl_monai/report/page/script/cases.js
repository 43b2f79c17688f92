// The hardest cases: a grid of pictures, each of which opens the large view.

const CASES_FIRST = 12;

function noPicture(text) {
  return make("span", { class: "no-picture" }, said(text || "There is no picture of this case."));
}

const firstSlice = (one) => list(one.slices)[one.first ?? 0] ?? list(one.slices)[0];

function describedCase(one) {
  const facts = list(one.facts).slice(0, 3).map(([label, value]) => `${label} ${value}`);
  return [one.title ?? cases.id(one.case), ...facts].join(", ");
}

// The picture of a card or a view: the slice, else the thumbnail, else a sentence.
function pictureOf(one, slice, height) {
  const gone = (event) => event.target.closest("svg").replaceWith(noPicture(one.note || "The picture is gone."));
  return drawnSlice(slice, `Picture of ${describedCase(one)}`, gone)
    ?? (one.note ? null : thumbnailElement(one.case, height, `Small picture of ${cases.id(one.case)}`))
    ?? noPicture(one.note);
}

// Where no case has a picture, one sentence says so, not a black box each.
const withPictures = hardest.some((one) => list(one.slices).length > 0 || one.note || thumbnail(one.case));

function caseCard(one, place) {
  const n = list(one.slices).length;
  const facts = list(one.facts).slice(0, 2).map(([label, value]) => make("span", { class: "fact", title: `${label} ${value}` }, said(label), " ", said(value, "b")));
  return make("li", {}, make(
    "button",
    { type: "button", class: withPictures ? "card" : "card plain-card", "aria-haspopup": "dialog", click: () => viewer.open(hardest.map((each) => each.case), place) },
    withPictures && make("span", { class: "frame" }, pictureOf(one, firstSlice(one), 160), n > 1 && make("span", { class: "badge" }, `${n} slices`)),
    withPictures && make("span", { class: "place", "aria-hidden": "true" }, String(place + 1)),
    said(one.title ?? cases.id(one.case), "span", { class: "name", title: one.title }),
    ...facts,
  ));
}

function casesSection() {
  if (!hardest.length) return null;
  const grid = make("ol", { class: "cards" }, ...hardest.slice(0, CASES_FIRST).map(caseCard));
  const more = hardest.length > CASES_FIRST && button(`Show the other ${hardest.length - CASES_FIRST}`, {
    class: "more",
    click: (event) => {
      grid.append(...hardest.slice(CASES_FIRST).map((one, place) => caseCard(one, CASES_FIRST + place)));
      event.target.remove();
      grid.children[CASES_FIRST].querySelector("button").focus();
    },
  });
  return { id: "hardest", title: "Hardest cases", short: "Cases", aside: outlineLegend(), parts: [!withPictures && make("p", { class: "quiet" }, "There are no pictures of these cases."), grid, more] };
}
