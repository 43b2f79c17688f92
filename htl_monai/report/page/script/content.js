// What the report says, read once; any part of it may be missing.

const content = JSON.parse(document.getElementById("content").textContent) ?? {};
const words = content.words ?? {};

const cases = (() => {
  const values = content.cases?.values ?? {};
  const columns = list(content.cases?.columns).filter((column) => Array.isArray(values[column.name]));
  const n = content.cases?.n ?? Math.max(0, ...columns.map((column) => values[column.name].length));
  const byName = new Map(columns.map((column) => [column.name, column]));
  return { n, columns, values, byName, id: (index) => String(values.id?.[index] ?? `case ${index + 1}`) };
})();

const hardest = list(content.hardest);
const hardestOf = new Map(hardest.map((one, place) => [one.case, place]));
const columnLabel = (name) => String(cases.byName.get(name)?.label ?? name ?? "");

function shown(column, value) {
  if (isMissing(value)) return "–";
  return column.kind === "number" ? number(value, column.digits) : String(value);
}

// The words of a measure: those of its row, of the column of cases, or its name.
function measureLabel(name, rows = []) {
  const row = rows.find((one) => one.measure === name && one.label);
  if (row) return String(row.label);
  return name === content.primary?.name ? String(content.primary.label ?? name) : columnLabel(name);
}

// Only pictures in the file or in the folder beside it: nothing is asked of anyone else.
const PICTURE = /^(data:image\/(webp|png|jpeg);base64,[A-Za-z0-9+/=]*|pictures\/[\w./ -]+)$/;
function pictureAddress(text) {
  return typeof text === "string" && PICTURE.test(text) && !text.includes("..") ? text : null;
}

// Where a case's thumbnail lies: the sprite's address and the corner of the tile; null where there is none.
function thumbnail(index) {
  const { tile, per_row, per_sprite, sprites, of } = content.thumbnails ?? {};
  const number_ = of?.[index];
  if (!isNumber(number_) || !Array.isArray(tile)) return null;
  const address = pictureAddress(sprites?.[Math.floor(number_ / per_sprite)]);
  const place = number_ % per_sprite;
  const corner = [(place % per_row) * tile[0], Math.floor(place / per_row) * tile[1]];
  return address && { address, tile, corner, columns: per_row, rows: Math.ceil(per_sprite / per_row) };
}

// Sprites are decoded as a whole: what is to be read stands there a frame before the small pictures do.
const waiting = [];
function later(action) {
  if (waiting.push(action) > 1) return;
  requestAnimationFrame(() => setTimeout(() => { for (const each of waiting.splice(0)) each(); }));
}

// A thumbnail as an element of a given height, cut out of its sprite.
function thumbnailElement(index, height, description) {
  const found = thumbnail(index);
  if (!found) return null;
  const [width, tall] = found.tile;
  const scale = height / tall;
  const element = make("span", { class: "thumbnail", ...(description ? { role: "img", "aria-label": description } : { "aria-hidden": "true" }) });
  element.style.width = `${width * scale}px`;
  element.style.height = `${height}px`;
  later(() => { element.style.backgroundImage = `url("${found.address}")`; });
  element.style.backgroundPosition = found.corner.map((x) => `${-x * scale}px`).join(" ");
  element.style.backgroundSize = `${found.columns * width * scale}px auto`;
  return element;
}
