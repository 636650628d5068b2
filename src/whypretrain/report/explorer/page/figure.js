// What all charts share: a title, a legend, the drawing, its explanation, and its numbers as a table for those
// who do not see it. Drawing and table can be kept as files.

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const STROKES = { probe: "dot", finetune: "solid", scratch: "dash" };
const MARKERS = { probe: "diamond", finetune: "circle", scratch: "square" };
const PATTERNS = { preserve: null, discard: "/", new: "." };
const SECOND = "second fine-tuned run";

// `marks` are pairs of class and text; `axes` what draw() takes besides traces.
function figure({ title, label, marks, note, height, columns, rows, traces, axes }) {
  const plot = h("div.plot", { role: "img", "aria-label": label });
  plot.style.height = `${height}px`;
  const signs = marks.map(([name, text]) => h("li", { title: terms[text] }, mark(name), text));
  const file = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const csv = () => [columns, ...rows].map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")).join("\n");
  const keep = (text, onclick) => h("button", { type: "button", onclick }, text);
  const redraw = plotted(plot, traces, axes);
  const node = h(
    "figure",
    h("h2", title),
    h("ul.legend", { "aria-hidden": "true" }, signs),
    plot,
    h("figcaption", note),
    h(
      "details",
      h("summary", "Numbers as a table, files"),
      h("div.wide", table(title, columns, rows)),
      h(
        "p.files",
        keep("Drawing as SVG", () => download(`${file}.svg`, "image/svg+xml", standalone(plot.querySelector("svg")))),
        keep("Table as CSV", () => download(`${file}.csv`, "text/csv", csv())),
      ),
    ),
  );
  return { node, plot, redraw };
}

const some = (condition, item) => (condition ? [item] : []);
const column = (rows, name) => rows.map((row) => row[name]);
const loop = (there, back) => [...there, ...[...back].reverse()];
// Numbers of rows with their intervals, side by side at some places.
const pointed = (rows, places, markers, tell) => ({
  x: column(rows, "number"),
  y: places,
  along: "x",
  low: column(rows, "low"),
  high: column(rows, "high"),
  markers,
  told: rows.map(tell),
});
