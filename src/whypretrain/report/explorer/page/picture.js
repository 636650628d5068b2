// A sample with its players: an image with outlines, or a sentence with boxes. `light(players)`
// lights up some of them and dims the rest; null lights nothing up.

function imagePicture(sample, description) {
  const { width, height } = sample;
  const size = Math.max(width, height);
  const dim = svg("path", { class: "dim", "fill-rule": "evenodd" });
  const outlines = sample.players.map(({ path }) =>
    svg("g", { class: "player" }, svg("path", { class: "halo", d: path }), svg("path", { d: path })),
  );
  const numbers = sample.players.map(({ x, y, room }, player) => {
    const radius = Math.min(Math.max(room * 0.9, size * 0.022), size * 0.034);
    return svg(
      "g",
      { class: "number" },
      svg("circle", { cx: x, cy: y, r: radius }),
      svg("text", { x, y, "font-size": radius * 1.3 }, String(player)),
    );
  });
  const node = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": description, class: "picture" },
    svg("image", {
      href: sample.image,
      width,
      height,
      class: width < 128 ? "pixelated" : "",
      preserveAspectRatio: "none",
    }),
    dim,
    outlines,
    numbers,
  );
  const light = (players) => {
    const inside = players ?? [];
    const holes = inside.map((player) => sample.players[player].path).join("");
    dim.setAttribute("d", players ? `M0 0h${width}v${height}h-${width}z${holes}` : "");
    for (const [player, outline] of outlines.entries()) {
      const lit = inside.includes(player);
      outline.classList.toggle("lit", lit);
      outline.classList.toggle("dimmed", players !== null && !lit);
      numbers[player].classList.toggle("dimmed", players !== null && !lit);
    }
    // What is drawn last is seen whole.
    for (const player of inside) node.insertBefore(outlines[player], numbers[0] ?? null);
  };
  return { node, light };
}

function textPicture(sample) {
  const words = sample.words.map((word, place) => {
    const player = sample.word_players[place];
    if (player < 0) return h("span", { class: "word" }, word);
    return h(
      "span",
      { class: "word player" },
      h("span", { class: "tag" }, h("span", { class: "hidden" }, "player "), String(player)),
      h("span", {}, word),
    );
  });
  const node = h("p", { class: "picture words" }, words.flatMap((word) => [word, " "]));
  const light = (players) => {
    for (const [place, word] of words.entries()) {
      const lit = players?.includes(sample.word_players[place]) ?? false;
      word.classList.toggle("lit", lit);
      word.classList.toggle("dimmed", players !== null && !lit);
    }
    // Where a long sentence scrolls in its place, the first word that is lit up comes into sight.
    const first = words.find((word) => word.classList.contains("lit"));
    if (first && node.scrollHeight > node.clientHeight) node.scrollTop = first.offsetTop - 8;
  };
  return { node, light };
}

const pictureOf = (sample, description) =>
  sample.words ? textPicture(sample) : imagePicture(sample, description);

// A coalition in words: its players' words, or their numbers.
function nameOf(sample, coalition) {
  const inside = members(coalition);
  if (!sample.words) return inside.join(", ");
  return inside
    .map((member) => sample.words.filter((_, place) => sample.word_players[place] === member).join(" "))
    .join(", ");
}

// An interaction under the three models along the snapshots, which stand evenly. The pre-trained
// model has one value. `mark(at)` moves the upright line.
function lines(values, width, height, label) {
  const all = [0, ...VARIANTS.flatMap((variant) => values[variant])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const last = values.finetune.length - 1;
  const pad = 3;
  const x = (place) => pad + ((width - 2 * pad) * place) / Math.max(last, 1);
  const y = (value) => height - pad - ((height - 2 * pad) * (value - low)) / (high - low || 1);
  const marker = svg("line", { class: "marker", y1: 0, y2: height });
  const drawn = ["scratch", "finetune"].map((variant) =>
    svg("polyline", {
      class: `line ${variant}`,
      points: values[variant].map((value, place) => `${x(place)},${y(value)}`).join(" "),
    }),
  );
  const [level] = values.probe;
  const node = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      class: "lines",
      preserveAspectRatio: "none",
      ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
    },
    svg("line", { class: "zero", x1: 0, x2: width, y1: y(0), y2: y(0) }),
    marker,
    svg("line", { class: "line probe", x1: x(0), x2: x(last), y1: y(level), y2: y(level) }),
    drawn,
  );
  const mark = (at) => {
    marker.setAttribute("x1", x(at));
    marker.setAttribute("x2", x(at));
  };
  return { node, mark };
}
