// How elements are made: text only ever becomes a text node, so that no name or value is read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// An HTML element; a function among the attributes listens to the event of that name.
function make(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function draw(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

// Text of a user's: its own direction of writing, kept apart from what stands around it.
function said(text, name = "span", attributes = {}) {
  return make(name, { dir: "auto", ...attributes }, String(text ?? ""));
}

// The same, cut after a few lines where it is very long; the whole is its tooltip.
function clamped(text, name = "span", attributes = {}) {
  const long = String(text ?? "").length > 40;
  return make(name, attributes, said(text, "span", long ? { class: "clamp", title: String(text) } : {}));
}

function button(label, attributes) {
  return make("button", { type: "button", ...attributes }, label);
}

function labelled(text, control, attributes = {}) {
  return make("label", { class: "field", ...attributes }, make("span", {}, text), control);
}

function option(value, text = value, chosen = false) {
  return make("option", { value, selected: chosen }, String(text));
}

// A box that scrolls on a narrow screen, also from the keyboard.
function scrolling(label, ...children) {
  return make("div", { class: "scrolling", role: "group", tabindex: "0", "aria-label": label }, ...children);
}

const list = (value) => (Array.isArray(value) ? value : []);
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isMissing = (value) => value === null || value === undefined || value === "";

// 12,345 or 0.123; a true minus; a dash for what is unknown.
function number(value, digits) {
  if (!isNumber(value)) return "–";
  const places = digits ?? (Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 1 : 3);
  const text = value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
  return Number(text.replaceAll(",", "")) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

const signed = (value, digits) => (isNumber(value) && value > 0 ? `+${number(value, digits)}` : number(value, digits));
const counted = (n, one, many = `${one}s`) => `${number(n, 0)} ${n === 1 ? one : many}`;

function probability(p) {
  if (!isNumber(p)) return "–";
  return p < 0.001 ? "< 0.001" : number(p, 3);
}

// Said to a screen reader once things have come to rest; nothing is seen.
let announcing;
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => { document.getElementById("announcements").textContent = text; }, 400);
}
