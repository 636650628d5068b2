// What all charts share; plotly.js draws them. Ink, grid and text get their colours from
// style.css, so that a change of theme needs no redrawing; each chart has its numbers as a table
// beside it for those who do not see it.

let library = null;
function plotly() {
  library ??= unpack("plotly").then((code) => {
    document.head.append(h("script", code));
    return window.Plotly;
  });
  return library;
}

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };
const DASHES = { probe: "dot", finetune: "solid", scratch: "dash" };
const MARKERS = { probe: "diamond", finetune: "circle", scratch: "square" };
const PATTERNS = { preserve: "", discard: "/", new: "." };
const PATTERN = { fillmode: "overlay", fgcolor: "#ffffff", fgopacity: 0.7, size: 6 };
const SECOND = "second fine-tuned run";
const INK = "#808080"; // what style.css paints over

function layout(overrides) {
  const axis = { fixedrange: true, zeroline: false, automargin: true };
  return {
    autosize: true,
    dragmode: false,
    font: { family: "system-ui, sans-serif", size: 13 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 50, r: 24, t: 8, b: 44 },
    hoverlabel: { bgcolor: "#222222", bordercolor: "#222222", font: { color: "#ffffff" } },
    showlegend: false,
    ...overrides,
    xaxis: { ...axis, ...overrides.xaxis },
    yaxis: { ...axis, ...overrides.yaxis },
  };
}

// A chart with its title, legend, explanation and table. `marks` are pairs of class and text.
function figure({ title, label, marks, note, height, columns, rows, traces, options }) {
  const plot = h("div.plot", { role: "img", "aria-label": label });
  plot.style.height = `${height}px`;
  const signs = marks.map(([name, text]) => h("li", mark(name), text));
  const node = h(
    "figure",
    h("h2", title),
    h("ul.legend", { "aria-hidden": "true" }, signs),
    plot,
    h("figcaption", note),
    h("details", h("summary", "Numbers as a table"), h("div.wide", table(title, columns, rows))),
  );
  const drawn = plotly().then((Plotly) =>
    Plotly.newPlot(plot, traces, layout(options), CONFIG).then(() => Plotly),
  );
  return { node, plot, drawn };
}

// Round steps for an axis on both sides of zero, whose left half counts upwards too.
function steps(left, right) {
  const rough = (left + right) / 8 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const [before, after] = [Math.ceil(left / step), Math.ceil(right / step)];
  const places = Array.from({ length: before + 1 + after }, (_, at) => (at - before) * step);
  return { tickvals: places, ticktext: places.map((place) => number(Math.abs(place))) };
}

const around = (value, low, high) => ({
  type: "data",
  symmetric: false,
  array: high.map((bound, place) => (bound === null ? 0 : Math.max(0, bound - value[place]))),
  arrayminus: low.map((bound, place) => (bound === null ? 0 : Math.max(0, value[place] - bound))),
  color: INK,
  thickness: 1.5,
  width: 0,
});

// Rows of numbers as plotly takes them.
const some = (condition, item) => (condition ? [item] : []);
const column = (rows, name) => rows.map((row) => row[name]);
const told = (texts) => ({ hoverinfo: "text", hovertext: texts });
const scatter = (mode, x, y, look) => ({ type: "scatter", mode, x, y, hoverinfo: "skip", ...look });
const loop = (there, back) => [...there, ...[...back].reverse()];
const area = (x, y, fillcolor, opacity) =>
  scatter("lines", x, y, { fill: "toself", fillcolor, opacity, line: { width: 0 } });
const pointed = (rows, places, marker, tell) =>
  scatter("markers", column(rows, "number"), places, {
    error_x: around(column(rows, "number"), column(rows, "low"), column(rows, "high")),
    marker: { line: { width: 1.5, color: INK }, ...marker },
    ...told(rows.map(tell)),
  });
