// The page: its parts in order, a table of contents that stays in view, light and dark.

const SECTIONS = [casesSection, tableSection, groupsSection, slicesSection, curvesSection, rankingsSection, quadrantsSection, armsSection, provenanceSection];

function sectionElement({ id, title, aside, parts }) {
  return make("section", { id, "aria-labelledby": `${id}-title` },
    make("div", { class: "section-head" }, make("h2", { id: `${id}-title`, tabindex: "-1" }, title), aside), ...parts.filter(Boolean));
}

// What cannot be drawn says so, and leaves the rest of the page standing.
function attempted(part) {
  try {
    return part();
  } catch (error) {
    console.error(error);
    return { id: `failed-${part.name}`, title: "A part of this report could not be drawn", short: "Failed", parts: [said(error.message, "p")] };
  }
}

function themeButton() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("htl-theme"); } catch { return null; } };
  const toggle = button("Dark", { class: "theme", click: () => { apply(!isDark(), true); } });
  const isDark = () => document.documentElement.dataset.theme === "dark";
  function apply(on, keep) {
    document.documentElement.dataset.theme = on ? "dark" : "light";
    toggle.setAttribute("aria-pressed", String(on));
    try { if (keep) localStorage.setItem("htl-theme", on ? "dark" : "light"); } catch { /* a sandboxed page keeps nothing */ }
  }
  dark.addEventListener("change", () => { if (!stored()) apply(dark.matches); });
  apply(stored() ? stored() === "dark" : dark.matches);
  return toggle;
}

function contents(sections) {
  const links = sections.map(({ id, short }) => make("a", { href: `#${id}` }, short));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links) {
        if (link.hash === `#${target.id}`) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
      }
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  return { seen, element: make("nav", { "aria-label": "On this page" }, ...links, themeButton()) };
}

function build() {
  document.title = String(content.title ?? "Report");
  const sections = SECTIONS.map(attempted).filter(Boolean);
  const nav = contents(sections);
  const top = attempted(summary);
  const main = make("main", { id: "main", tabindex: "-1" }, top instanceof Element ? top : sectionElement(top), ...sections.map(sectionElement));
  document.body.prepend(make("a", { class: "skip", href: "#main" }, "Skip to the report"), nav.element, main);
  for (const section of main.querySelectorAll("main > section[id]")) nav.seen.observe(section);
  performance.mark("report-ready");
}

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => { for (const details of folded) details.open = false; });

build();
