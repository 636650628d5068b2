// Draws a chart as SVG. Ink, grid and text get their colours from style.css.
//
// A trace has `x` and `y`, lists of equal length in which null ends a line, and what to draw of it: `line`
// (colour, dash, width), `markers` (symbol, size, colour, and a rim), `area` (colour, opacity), `bars` (from
// `base`, `width` in steps of y, colour, pattern), `low` and `high` (ends of intervals along x or y), `texts`
// (above its markers), `headings` (that end there), `told` (what is said of each point). An axis has `range`, `ticks` (pairs of place and
// text) and `title`; that of y may have `sets` of `players` in place of ticks, a matrix as UpSet draws it.

const COLUMN = 14; // pixels of a player in a matrix of sets
const DASHES = { solid: null, dash: "7 4", dot: "2 3" };
const SYMBOLS = {
  circle: (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  square: (r) => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  diamond: (r) => `M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0z`,
  triangle: (r) => `M0 ${-1.2 * r}L${1.1 * r} ${0.8 * r}H${-1.1 * r}z`,
  cross: (r) => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`,
  bar: (r) => `M0 ${-r}V${r}`,
};
const LINES = ["cross", "bar"]; // symbols without a face

// Round places for about so many ticks between two ends.
function ticksOf(low, high, count, format = plain) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const places = Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, at) => (first + at) * step);
  return places.map((place) => [place, format(Number(place.toPrecision(12)))]);
}

function extent(traces, name, along) {
  const found = traces.flatMap((trace) => [
    ...trace[name],
    ...(trace.along === along ? [...trace.low, ...trace.high] : []),
    ...(trace.bars && name === "x" ? trace.bars.base : []),
  ]);
  const known = found.filter((value) => value !== null && value !== undefined);
  return [Math.min(...known), Math.max(...known)];
}

// An axis with everything that is not given: a range with some air, ticks.
function axisOf(given, traces, name, pixels) {
  const [low, high] = given.range ?? extent(traces, name, name);
  const air = given.range ? 0 : 0.04 * (high - low || 1);
  const range = [given.zero && low >= 0 ? 0 : low - air, high + air];
  const ticks = given.ticks ?? ticksOf(...range, Math.max(4, pixels / (name === "x" ? 80 : 45)), given.format);
  return { ...given, range, ticks };
}

function draw(traces, { x: givenX, y: givenY, upright = [] }, width, height) {
  const y = axisOf(givenY, traces, "y", height);
  const lines = y.ticks.flatMap(([, text]) => text.split("\n"));
  const left = 34 + Math.max(COLUMN * (y.players ?? 0), 6.6 * Math.max(...lines.map((line) => line.length)));
  const [top, right, bottom] = [y.players ? 24 : 10, 16, 46];
  const x = axisOf(givenX, traces, "x", width - left);
  const scale = ({ range: [low, high] }, from, to) => (value) => from + ((to - from) * (value - low)) / (high - low);
  const [px, py] = [scale(x, left, width - right), scale(y, height - bottom, top)];
  const within = (value, { range: [low, high] }) => value !== null && value >= low - 1e-9 && value <= high + 1e-9;
  const clamp = (value, { range: [low, high] }) => Math.min(high, Math.max(low, value));
  const path = (trace) => {
    let [pen, found] = ["M", ""];
    trace.x.forEach((value, at) => {
      const other = trace.y[at];
      if (value === null || other === null) pen = "M";
      else {
        found += `${pen}${px(clamp(value, x)).toFixed(1)} ${py(clamp(other, y)).toFixed(1)}`;
        pen = "L";
      }
    });
    return found;
  };
  const points = [];
  const part = (trace) => {
    const { line, area, markers, bars, along } = trace;
    const found = [];
    if (area) found.push(svg("path", { d: `${path(trace)}z`, fill: area.colour, "fill-opacity": area.opacity }));
    if (line) {
      const look = { stroke: line.colour, "stroke-width": line.width, "stroke-dasharray": DASHES[line.dash] };
      found.push(svg("path", { d: path(trace), fill: "none", ...look }));
    }
    trace.x.forEach((value, at) => {
      const [place, other] = [value, trace.y[at]];
      if (value === null || other === null) return;
      if (bars) {
        const [from, to] = [px(bars.base[at]), px(value)];
        const [upper, lower] = [py(other + bars.width / 2), py(other - bars.width / 2)];
        const box = { x: Math.min(from, to), y: upper, width: Math.abs(to - from), height: lower - upper };
        found.push(svg("rect.slab", { ...box, fill: bars.colour }));
        if (bars.pattern) found.push(svg("rect", { ...box, fill: `url(#pattern-${bars.pattern})` }));
        points.push({ x: (from + to) / 2, y: py(other), reach: Math.abs(to - from) / 2, text: trace.told?.[at] });
        return;
      }
      if (along && trace.low[at] !== null && trace.high[at] !== null) {
        const ends = [trace.low[at], trace.high[at]];
        const [one, two] = ends.map((end) => clamp(end, along === "x" ? x : y));
        const d = along === "x" ? `M${px(one)} ${py(other)}H${px(two)}` : `M${px(place)} ${py(one)}V${py(two)}`;
        found.push(svg("path.whisker", { d }));
      }
      if (!within(place, x) || !within(other, y)) return;
      if (trace.headings) {
        const lines = wrapped(trace.headings[at], (width - right) / 7.6).reverse();
        const text = (line, up) => svg("text.heading", { x: px(place), y: py(other) + 6 - 15 * up, "text-anchor": "end" }, line);
        found.push(...lines.map(text));
        return;
      }
      const [cx, cy] = [px(place), py(other)];
      if (markers) {
        const of = (key) => (Array.isArray(markers[key]) ? markers[key][at] : markers[key]);
        const hollow = markers.hollow || LINES.includes(of("symbol"));
        const look = hollow ? { fill: "none", stroke: of("colour"), "stroke-width": 2.2 } : { fill: of("colour") };
        const d = SYMBOLS[of("symbol")](of("size") / 2);
        found.push(svg(hollow ? "path" : "path.faced", { d, transform: `translate(${cx} ${cy})`, ...look }));
      }
      if (trace.texts) found.push(svg("text", { x: cx, y: cy - 11, "text-anchor": "middle" }, trace.texts[at]));
      points.push({ x: cx, y: cy, reach: 14, text: trace.told?.[at] });
    });
    return found;
  };
  const label = (text, place) => svg("text", place, text);
  const grid = [
    ...x.ticks.map(([place]) => svg("path.grid", { d: `M${px(place)} ${top}V${height - bottom}` })),
    ...y.ticks.map(([place]) => svg("path.grid", { d: `M${left} ${py(place)}H${width - right}` })),
    ...(within(0, x) && givenX.line ? [svg("path.zero", { d: `M${px(0)} ${top}V${height - bottom}` })] : []),
    ...(within(0, y) && givenY.line ? [svg("path.zero", { d: `M${left} ${py(0)}H${width - right}` })] : []),
  ];
  const names = y.ticks.flatMap(([place, text]) =>
    text.split("\n").map((line, at, all) =>
      label(line, { x: left - 8, y: py(place) + 4 + 14 * (at - (all.length - 1) / 2), "text-anchor": "end", class: "y tick" }),
    ),
  );
  const middle = (height - bottom + top) / 2;
  const drawn = [
    pattern("/", svg("path", { d: "M-1 7L7 -1M-1 1L1 -1M5 7L7 5", stroke: "#fff", "stroke-width": 1.2 })),
    pattern(".", svg("circle", { cx: 3, cy: 3, r: 1, fill: "#fff" })),
    ...grid,
    ...upright.map((place) => svg("path.upright", { d: `M${px(place)} ${top}V${height - bottom}` })),
    ...traces.flatMap(part),
    ...x.ticks.map(([place, text]) => label(text, { x: px(place), y: height - bottom + 18, "text-anchor": "middle", class: "x tick" })),
    ...names,
    ...matrix(y, py, left - 8, top),
    label(x.title ?? "", { x: Math.min((left + width - right) / 2, width - 3.6 * (x.title ?? "").length), y: height - 8, "text-anchor": "middle" }),
    label(y.title ?? "", { transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" }),
  ];
  const node = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, drawn);
  return { node, points: points.filter(({ text }) => text) };
}

// Words in lines of at most so many characters.
const wrapped = (text, length) =>
  text.split(" ").reduce(([...lines], word) => {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (longer.length <= length && lines.length) lines.pop();
    return [...lines, longer.length <= length ? longer : word];
  }, []);

// A row a set and a column a player, whose number stands above: filled dots are the set's players.
// Before them may stand a sign.
function matrix({ players = 0, sets = [] }, py, right, top) {
  const x = (player) => right - COLUMN * (players - 0.5 - player);
  const all = Array.from({ length: players }, (_, player) => player);
  const row = ([place, inside, sign]) => [
    svg("text.sign", { x: x(0) - 8, y: py(place) + 4, "text-anchor": "end" }, sign),
    svg("path.joined", { d: `M${x(inside[0])} ${py(place)}H${x(inside.at(-1))}` }),
    all.map((player) => svg(`circle.${inside.includes(player) ? "in" : "out"}`, { cx: x(player), cy: py(place), r: 4.2 })),
  ];
  const head = all.map((player) => svg("text", { x: x(player), y: top - 8, "text-anchor": "middle" }, String(player)));
  return [...head, ...sets.map(row)].flat(2);
}

const pattern = (name, sign) =>
  svg("pattern", { id: `pattern-${name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, sign);

// What is said of the point nearest to the pointer or the finger.
function tip(plot, points) {
  const box = h("div.tip", { hidden: true, role: "status" });
  plot.append(box);
  const show = (event) => {
    const { left, top, width } = plot.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const far = (point) => Math.hypot(Math.max(0, Math.abs(point.x - x) - point.reach + 14), point.y - y);
    const nearest = points.reduce((one, other) => (far(other) < far(one) ? other : one), { x: -1e4, y: 0, reach: 0 });
    box.hidden = far(nearest) > 22;
    if (box.hidden) return;
    box.replaceChildren(...nearest.text.split("\n").map((line) => h("span", line)));
    box.style.left = `${Math.min(Math.max(nearest.x, 90), width - 90)}px`;
    box.style.top = `${nearest.y}px`;
  };
  plot.onpointermove = plot.onpointerdown = show;
  plot.onpointerleave = () => {
    box.hidden = true;
  };
}

// Keeps a chart as wide as its place. `redraw(change)` draws it anew after a change of traces and options.
function plotted(plot, traces, options) {
  const now = { traces, options };
  const paint = () => {
    if (!plot.clientWidth) return;
    const { node, points } = draw(now.traces, now.options, plot.clientWidth, plot.clientHeight);
    plot.replaceChildren(node);
    plot.data = now.traces; // for whoever asks the page
    tip(plot, points);
  };
  new ResizeObserver(paint).observe(plot);
  return (change) => {
    Object.assign(now, change);
    paint();
  };
}

// A file for the reader.
function download(name, type, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The chart as a file of its own: what style.css says is written into the elements.
function standalone(drawn) {
  const copy = drawn.cloneNode(true);
  const [from, to] = [drawn, copy].map((node) => [node, ...node.querySelectorAll("*")]);
  from.forEach((node, at) => {
    const style = getComputedStyle(node);
    for (const key of ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size"]) {
      to[at].setAttribute(key, style.getPropertyValue(key));
    }
  });
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("style", `background: ${getComputedStyle(document.body).backgroundColor}`);
  return new XMLSerializer().serializeToString(copy);
}
