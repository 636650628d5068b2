// A sample with its players: an image with outlines, or a sentence with boxes. `light(players)`
// lights up some of them and dims the rest; null lights nothing up.

function imagePicture(sample, description, pick) {
  const { width, height } = sample;
  const size = Math.max(width, height);
  const kind = width < 128 ? "image.pixelated" : "image";
  const dim = svg("path.dim", { "fill-rule": "evenodd" });
  const outlines = sample.players.map(({ path }, player) =>
    svg("g.player", { onclick: () => pick(player) }, svg("path.halo", { d: path }), svg("path", { d: path })),
  );
  const numbers = sample.players.map(({ x, y, room }, player) => {
    const radius = Math.min(Math.max(room * 0.9, size * 0.022), size * 0.034);
    return svg(
      "g.number",
      svg("circle", { cx: x, cy: y, r: radius }),
      svg("text", { x, y, "font-size": radius * 1.3 }, String(player)),
    );
  });
  const node = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": description, class: "picture" },
    svg(kind, { href: sample.image, width, height, preserveAspectRatio: "none" }),
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

function textPicture(sample, pick) {
  const words = sample.words.map((word, place) => {
    const player = sample.word_players[place];
    if (player < 0) return h("span.word", word);
    const tag = h("span.tag", h("span.hidden", "player "), String(player));
    return h("span.word.player", { onclick: () => pick(player) }, tag, h("span", word));
  });
  const node = h("p.picture.words", words.flatMap((word) => [word, " "]));
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

const pictureOf = (sample, description, pick) =>
  sample.words ? textPicture(sample, pick) : imagePicture(sample, description, pick);

// A set in words: its players' words, or their numbers; ∨ between those of an OR interaction.
function nameOf(sample, set) {
  const inside = members(set);
  const between = isOr(set) ? " ∨ " : ", ";
  if (!sample.words) return inside.join(between);
  return inside
    .map((member) => sample.words.filter((_, place) => sample.word_players[place] === member).join(" "))
    .join(between);
}

// An interaction under the three networks along the snapshots, which stand evenly. The pre-trained
// network has one value. `mark(at)` moves the upright line.
function lines(values, width, height, label) {
  const all = [0, ...VARIANTS.flatMap((variant) => values[variant])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const last = values.finetune.length - 1;
  const pad = 3;
  const x = (place) => pad + ((width - 2 * pad) * place) / Math.max(last, 1);
  const y = (value) => height - pad - ((height - 2 * pad) * (value - low)) / (high - low || 1);
  const marker = svg("line.marker", { y1: 0, y2: height });
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
    svg("line.zero", { x1: 0, x2: width, y1: y(0), y2: y(0) }),
    marker,
    svg("line.line.probe", { x1: x(0), x2: x(last), y1: y(level), y2: y(level) }),
    drawn,
  );
  const mark = (at) => {
    marker.setAttribute("x1", x(at));
    marker.setAttribute("x2", x(at));
  };
  return { node, mark, low, high };
}
