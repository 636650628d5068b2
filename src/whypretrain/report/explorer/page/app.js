// Header, theme, addresses: shows the view that the address after # names.

const content = document.getElementById("content");
const root = document.documentElement;

// The reader's own choice, where the browser keeps one (some keep nothing for files); else the
// system's.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function stored(theme) {
  try {
    if (theme) localStorage.setItem("whypretrain-theme", theme);
    return localStorage.getItem("whypretrain-theme");
  } catch {
    return null;
  }
}
function themeButton() {
  const set = (theme) => {
    root.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const follow = () => set(stored() ?? (dark.matches ? "dark" : "light"));
  const onclick = () => {
    set(root.dataset.theme === "dark" ? "light" : "dark");
    stored(root.dataset.theme);
  };
  const button = h("button", { type: "button", id: "theme", onclick }, "Dark");
  follow();
  dark.addEventListener("change", follow);
  return button;
}

function header(suite) {
  const options = suite.experiments.map((one) => h("option", { value: one.name }, one.title));
  const onchange = async () => {
    const { sample, at } = parse(location.hash);
    const place = suite.experiments.findIndex(({ name }) => name === select.value);
    const kept = sample && place >= 0 && (await unpackOnce(`experiment-${place}`)).samples.some(({ id }) => id === sample);
    location.hash = address({ experiment: select.value || undefined, ...(kept ? { sample, at } : {}) });
  };
  const all = h("option", { value: "" }, "all claims");
  const select = h("select", { id: "experiment", onchange }, all, options);
  return h(
    "div.bar-of-page",
    h("a.brand", { href: "#/" }, "whypretrain", h("span.muted", ` · ${suite.suite}`)),
    h("label", { for: "experiment", class: "hidden" }, "Show"),
    select,
    h("nav", { id: "trail", "aria-label": "Breadcrumbs" }),
    themeButton(),
  );
}

function footer(suite) {
  return h(
    "p.muted",
    `Suite “${suite.suite}”, whypretrain ${suite.version}. Written by the workflow's rule “explorer” `,
    "(python -m whypretrain.stages.explorer) from tables and interactions of the suite. Numbers have three ",
    "significant digits.",
  );
}

function trail(data, sample) {
  const steps = [h("a", { href: "#/" }, "Claims")];
  if (data) steps.push(h("a", { href: address({ experiment: data.name }) }, data.title));
  if (sample) steps.push(h("span", { "aria-current": "page" }, breakable(sample.id)));
  const items = steps.map((step) => h("li", step));
  document.getElementById("trail").replaceChildren(h("ol", items));
}

function nowhere(text) {
  return {
    title: "Not on this page",
    node: h("article", h("h1", "Not on this page"), h("p", text), h("p", h("a", { href: "#/" }, "All claims"))),
  };
}

// The chosen snapshot stays from view to view: a place among the snapshots, null for the last.
let chosen = null;
let showing = null; // the address that is shown, to tell a change of view from one within it
let focusing = false; // not at the start: the reader begins at the top

async function show(suite) {
  const hash = location.hash;
  const route = parse(hash);
  const key = JSON.stringify([route.experiment, route.sample]);
  const index = suite.experiments.findIndex((one) => one.name === route.experiment);
  const data = index < 0 ? null : await unpackOnce(`experiment-${index}`);
  if (hash !== location.hash) return; // the reader went on meanwhile
  if (data) {
    const asked = data.snapshots.findIndex(({ fraction }) => String(fraction) === route.at);
    if (asked >= 0) chosen = asked;
  }
  const last = data ? data.snapshots.length - 1 : 0;
  const at = Math.min(chosen ?? last, last);
  const settle = (place, entry) => {
    chosen = place;
    const next = address({
      ...route,
      at: place === last ? null : data.snapshots[place].fraction,
      list: entry?.part,
      set: entry?.set,
    });
    history.replaceState(null, "", next);
  };
  const sample = data?.samples.find((one) => one.id === route.sample);
  let view;
  if (!route.experiment) view = claimsView(suite);
  else if (!data) view = nowhere(`The suite has no experiment “${route.experiment}”.`);
  else if (!route.sample) view = experimentView(suite, data, at, (place) => settle(place, null));
  else if (!sample) {
    view = nowhere(
      `Sample “${route.sample}” of ${data.title} is not shown: it does not exist, or it was left out to keep the page small.`,
    );
  } else view = sampleView(suite, data, sample, route, at, settle);
  content.replaceChildren(view.node);
  trail(data, sample);
  document.getElementById("experiment").value = data?.name ?? "";
  document.title = view.title;
  if (key !== showing) {
    window.scrollTo(0, 0);
    if (focusing) content.focus({ preventScroll: true });
  }
  showing = key;
  focusing = true;
  root.dataset.ready = key;
}

async function start() {
  const suite = await unpackOnce("suite");
  Object.assign(terms, suite.terms);
  document.getElementById("header").append(header(suite));
  document.getElementById("footer").append(footer(suite));
  // An address of its own would lead away from the view.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    content.focus();
  });
  window.addEventListener("hashchange", () => show(suite).catch(fail));
  await show(suite);
}

function fail(error) {
  content.replaceChildren(
    h("h1", "This page cannot be shown"),
    h("p", "It needs a browser of 2023 or later (Chrome 103, Firefox 113, Safari 16.4)."),
    h("p", String(error)),
  );
  throw error;
}

start().catch(fail);
