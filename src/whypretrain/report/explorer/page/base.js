// Elements, numbers and packed data: what every view uses. All texts from data become text nodes,
// never markup.

const SVG = "http://www.w3.org/2000/svg";
const MISSING = "–";
const VARIANTS = ["probe", "finetune", "scratch"];
const PARTS = ["preserve", "discard", "new"];

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const h = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

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
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  const text = size !== 0 && (size >= 1e5 || size < 1e-4) ? size.toExponential() : String(size);
  const mark = rounded < 0 ? "−" : sign && rounded > 0 ? "+" : "";
  return mark + text.replace("e-", "e−").replace("e+", "e");
}

function percent(value) {
  if (value === null || value === undefined) return MISSING;
  return `${number(100 * value)}\u00a0%`;
}

// Without spaces that would break the line within the brackets.
function interval(low, high, format = number) {
  if (low === null || high === null) return "[no interval]";
  return `[${format(low)}, ${format(high)}]`.replaceAll(" ", "\u00a0");
}

// A name that may be broken behind punctuation, where a line is too short for it.
const breakable = (name) =>
  name.split(/(?<=[_/.-])/).flatMap((part, place) => (place ? [h("wbr"), part] : [part]));

// Players of a coalition: bit i of the number says that player i is in it.
function members(coalition) {
  const found = [];
  for (let player = 0; 2 ** player <= coalition; player += 1) {
    if (Math.floor(coalition / 2 ** player) % 2 === 1) found.push(player);
  }
  return found;
}

function table(caption, columns, rows, { className = "" } = {}) {
  // Roles are written out, as browsers drop them where CSS makes cards of rows.
  const cell = (value, index) =>
    index === 0
      ? h("th", { scope: "row", role: "rowheader" }, value)
      : h("td", { role: "cell", "data-label": columns[index] }, value);
  return h(
    "table",
    { class: className, role: "table" },
    h("caption", {}, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name)),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => h("tr", { role: "row" }, row.map(cell))),
    ),
  );
}

// The address of a view: #/experiment/sample?at=<snapshot>&list=<part>&set=<coalition>
function address({ experiment, sample, at, list, set }) {
  const path = [experiment, sample].filter((part) => part !== undefined && part !== null);
  const query = new URLSearchParams();
  if (at !== undefined && at !== null) query.set("at", at);
  if (list) query.set("list", list);
  if (set) query.set("set", set);
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
      ? `epoch ${number(finetune)}`
      : `epoch ${number(finetune)} (fine-tuned), ${number(scratch)} (from scratch)`;
  const where = { 0: "start", 1: "end" }[fraction] ?? `${percent(fraction)} of training`;
  return `${epoch} · ${where}`;
}

// A slider over the snapshots; `show` is called with the place of the one that is chosen.
function slider(snapshots, at, show) {
  const output = h("output", { for: "snapshot" }, moment(snapshots[at]));
  const input = h("input", {
    type: "range",
    id: "snapshot",
    min: 0,
    max: snapshots.length - 1,
    step: 1,
    "aria-valuetext": moment(snapshots[at]),
    oninput: () => {
      const place = Number(input.value);
      output.textContent = moment(snapshots[place]);
      input.setAttribute("aria-valuetext", moment(snapshots[place]));
      show(place);
    },
  });
  input.value = at;
  return h("div", { class: "slider" }, h("label", { for: "snapshot" }, "Snapshot"), input, output);
}
