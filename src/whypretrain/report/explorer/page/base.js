// Elements, numbers and packed data: what every view uses. All texts from data become text nodes,
// never markup.

const SVG = "http://www.w3.org/2000/svg";
const MISSING = "–";
const VARIANTS = ["probe", "finetune", "scratch"];
const PARTS = ["preserve", "discard", "new"];

// What words mean, from the suite's glossary: shown where a word is pointed at.
const terms = {};

// Elements, their classes after dots: h("p.muted", "text") or h("a.brand", { href: "#/" }, "text").
const maker = (create) => (tag, ...children) => {
  const [name, ...classes] = tag.split(".");
  const node = create(name);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  const isPlain = children[0] && Object.getPrototypeOf(children[0]) === Object.prototype;
  for (const [key, value] of Object.entries(isPlain ? children.shift() : {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
};
const h = maker((name) => document.createElement(name));
const svg = maker((name) => document.createElementNS(SVG, name));

// Text of a gzip in base64, as the page holds its data.
async function unpack(id) {
  const packed = atob(document.getElementById(id).textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// Each experiment is unpacked once, when it is first looked at.
const unpacked = new Map();
function unpackOnce(id) {
  if (!unpacked.has(id)) unpacked.set(id, unpack(id).then(JSON.parse));
  return unpacked.get(id);
}

// Three significant digits, with a true minus sign.
function number(value, { sign = false } = {}) {
  if (value === null || value === undefined) return MISSING;
  const size = Math.abs(value);
  const digits = size >= 1e-4 ? size.toPrecision(3) : size && size.toExponential(2);
  const text = size >= 999.5 ? String(Math.round(size)) : digits;
  const mark = Number(text) === 0 ? "" : value < 0 ? "−" : sign ? "+" : "";
  return mark + String(text).replace("e-", "e−").replace("e+", "e");
}

// A number that was chosen, not measured: without zeros at its end.
const plain = (value) =>
  value === null || value === undefined ? MISSING : String(Number(value.toPrecision(3))).replace("-", "−");

const percent = (value) =>
  value === null || value === undefined ? MISSING : `${number(100 * value)}\u00a0%`;
const level = (value) => `${plain(100 * value)}\u00a0%`;

// Without spaces that would break the line within the brackets.
function interval(low, high, format = number) {
  if (low === null || high === null) return "[no interval]";
  return `[${format(low)}, ${format(high)}]`.replaceAll(" ", "\u00a0");
}

// A row's number with its interval.
const bounded = (row, format = number) =>
  `${format(row.number)} ${interval(row.low, row.high, format)}`;

// What a number rests on.
const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const basis = ({ n, n_seeds }, what = "sample") => `${counted(n, what)}, ${counted(n_seeds, "seed")}`;

// The sign of a network or a part, in its colour.
const mark = (name) => h("span", { class: `mark ${name}`, "aria-hidden": "true" });

// A name that may be broken behind punctuation, where a line is too short for it.
const breakable = (name) =>
  name.split(/(?<=[_/.-])/).flatMap((part, place) => (place ? [h("wbr"), part] : [part]));

// An interaction's set is the number of its coalition, of which bit i says that player i is in it. Of OR interactions
// it is negative.
const isOr = (set) => set < 0;
const isAndOr = ({ setup }) => setup.interactions === "and_or";
function members(set) {
  const coalition = Math.abs(set);
  const found = [];
  for (let player = 0; 2 ** player <= coalition; player += 1) {
    if (Math.floor(coalition / 2 ** player) % 2 === 1) found.push(player);
  }
  return found;
}

function table(caption, columns, rows, className = "") {
  // Roles are written out, as browsers drop them where CSS makes cards of rows.
  const row = (cells) => h("tr", { role: "row" }, cells);
  const head = (name) => h("th", { scope: "col", role: "columnheader", title: terms[name] }, name);
  const cell = (value, index) =>
    index === 0
      ? h("th", { scope: "row", role: "rowheader" }, value)
      : h("td", { role: "cell", "data-label": columns[index] }, value);
  return h(
    "table",
    { class: className, role: "table" },
    h("caption", caption),
    h("thead", { role: "rowgroup" }, row(columns.map(head))),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => row(cells.map(cell)))),
  );
}

// The address of a view: #/experiment/sample?at=<snapshot>&list=<part>&set=<coalition>
function address({ experiment, sample, at, list, set }) {
  const given = (value) => value !== undefined && value !== null;
  const path = [experiment, sample].filter(given);
  const asked = Object.entries({ at, list, set }).filter(([, value]) => given(value));
  const query = new URLSearchParams(asked);
  const tail = query.size ? `?${query}` : "";
  return `#/${path.map(encodeURIComponent).join("/")}${tail}`;
}

function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  let parts = [];
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    parts = [path]; // not an address this page wrote
  }
  const asked = new URLSearchParams(query);
  return {
    experiment: parts[0],
    sample: parts[1],
    at: asked.get("at"),
    list: asked.get("list"),
    set: asked.has("set") ? Number(asked.get("set")) : null,
  };
}

// Where in training a snapshot stands, in words.
function moment(snapshot) {
  const { fraction, finetune, scratch } = snapshot;
  const epoch =
    finetune === scratch
      ? `epoch ${plain(finetune)}`
      : `epoch ${plain(finetune)} (fine-tuned), ${plain(scratch)} (from scratch)`;
  const where = { 0: "start", 1: "end" }[fraction] ?? `${level(fraction)} of training`;
  return `${epoch} · ${where}`;
}

// A slider over the snapshots; `show` is called with the place of the one that is chosen.
function slider(snapshots, at, show) {
  const output = h("output", { for: "snapshot" });
  const tell = (place) => {
    output.textContent = moment(snapshots[place]);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const oninput = () => {
    tell(Number(input.value));
    show(Number(input.value));
  };
  const last = snapshots.length - 1;
  const input = h("input", { type: "range", id: "snapshot", min: 0, max: last, step: 1, oninput });
  input.value = at;
  tell(at);
  return h("div.slider", h("label", { for: "snapshot" }, "Snapshot"), input, output);
}
