// The five charts of an experiment: agreement, and the suite's figures 2 to 4 for one experiment.

const TRAINED = ["finetune", "scratch"];
const NO_SECOND = "No second fine-tuned network was trained, so there is no ceiling.";
const beside = (row, format) => `${bounded(row, format)}\nchance level: ${(format ?? number)(row.chance)}`;

// Pairs of networks: colour, dash, marker, words.
const PAIRS = {
  "probe-finetune": ["finetune", "solid", "circle", "probe and fine-tuned"],
  "probe-scratch": ["scratch", "dash", "square", "probe and scratch"],
  "finetune-finetune": ["finetune", "dot", "circle", "two fine-tuned"],
  "scratch-scratch": ["scratch", "dot", "square", "two from scratch"],
  "finetune-scratch": ["new", "solid", "triangle", "fine-tuned and scratch"],
  "probe-untrained": ["null", "dash", "cross", "probe and untrained"],
};
const LEGEND = { solid: "line", dash: "dashed line", dot: "dotted line" };

function agreementChart(data, suite) {
  const pairs = Object.entries(PAIRS).filter(([pair]) => data.agreement[pair]);
  const groups = column(data.transfer, "order");
  const all = column(data.agreement[pairs[0][0]], "order");
  const single = all.filter((order) => !groups.includes(order)).sort((one, other) => one - other);
  const orders = [...single, ...groups];
  const places = orders.map((_, at) => at + Math.max(0, at + 1 - single.length) * 0.6);
  const rows = ([pair]) => orders.map((order) => data.agreement[pair].find((row) => row.order === order));
  const traces = pairs.flatMap(([pair, [name, dash, symbol, words]], shift) => {
    const own = rows([pair]);
    const y = column(own, "number");
    const x = places.map((place) => place + (shift - 2.5) / 10);
    return [
      {
        x: x.slice(0, single.length),
        y: y.slice(0, single.length),
        line: { colour: colour(name), dash, width: 2 },
      },
      {
        ...{ x, y, along: "y", low: column(own, "low"), high: column(own, "high") },
        markers: { symbol, size: 7, colour: colour(name), hollow: dash === "dot" },
        told: own.map((row) => `${words}, order ${row.order}: ${bounded(row)}\n${basis(row)}`),
      },
    ];
  });
  const names = pairs.map(([, look]) => look.at(-1));
  return figure({
    title: "Agreement of two networks, by order",
    label: "Agreement of pairs of networks at each order and group of orders. The numbers are in the table below.",
    marks: pairs.map(([, [name, dash, , words]]) => [`${name} ${LEGEND[dash]}`, words]),
    note:
      "0: no more in common than chance; 1: as alike as their strengths allow. An untrained network shows " +
      `what no training gives. Upright lines: ${level(suite.statistics.confidence)} intervals over ` +
      `${basis(data.transfer[0])}; where they leave the chart, the table has them.`,
    height: 320,
    columns: ["orders", ...names],
    rows: orders.map((order, place) => [order, ...pairs.map((pair) => bounded(rows(pair)[place]))]),
    traces,
    axes: {
      x: {
        title: "order |S|, and groups of orders",
        ticks: places.map((place, at) => [place, orders[at].replace("-", "–")]),
      },
      y: { title: "agreement", line: true, range: [-0.55, 1.05] },
    },
  });
}

function ordersChart(data, suite) {
  const orders = column(data.orders, "order");
  const of = (part, name) => data.orders.map((row) => row[part][name]);
  const preserved = of("preserve", "number");
  const floors = column(data.orders, "noise_floor");
  // The end of each part, and where its interval stands: as in the suite's figure fig2.
  const geometry = {
    preserve: { base: orders.map(() => 0), sign: 1, shift: -0.18 },
    discard: { base: orders.map(() => 0), sign: -1, shift: 0 },
    new: { base: preserved, sign: 1, shift: 0.18 },
  };
  const traces = PARTS.flatMap((part) => {
    const { base, sign, shift } = geometry[part];
    const ends = (name) =>
      of(part, name).map((value, at) => (value === null ? null : base[at] + sign * value));
    const bounds = sign > 0 ? [ends("low"), ends("high")] : [ends("high"), ends("low")];
    return [
      {
        x: base.map((from, at) => from + sign * data.orders[at][part].number),
        y: orders,
        bars: { base, width: 0.75, colour: colour(part), pattern: PATTERNS[part] },
        told: data.orders.map((row) => `order ${row.order}, ${suite.labels[part]}: ${beside(row[part])}`),
      },
      {
        ...{ x: ends("number"), y: orders.map((order) => order - shift), along: "x" },
        ...{ low: bounds[0], high: bounds[1] },
      },
    ];
  });
  traces.push(
    {
      x: of("preserve", "chance").flatMap((value) => [value, value, null]),
      y: orders.flatMap((order) => [order - 0.375, order + 0.375, null]),
      line: { colour: colour("null"), width: 3 },
    },
    {
      x: loop(floors, floors.map((floor) => -floor)),
      y: loop(orders, orders),
      area: { colour: colour("null"), opacity: 0.4 },
    },
  );
  const upper = (part) => of(part, "high").map((value, at) => value ?? of(part, "number")[at]);
  const right = Math.max(...upper("new").map((value, at) => value + preserved[at]), ...upper("preserve"));
  const second = data.setup.seeds.length > 1;
  return figure({
    title: "Preserved, discarded and new, by order",
    label:
      `Bars for each order of interaction, 1 to ${orders.length}: discarded strength to the left, ` +
      "preserved and then new strength to the right. The numbers are in the table below.",
    marks: [
      ...["discard", "preserve", "new"].map((part) => [part, suite.labels[part]]),
      ["null line", "preserved, chance level"],
      ["ink line", `${level(suite.statistics.confidence)} interval`],
    ],
    note: [
      `Mean strength |I(S)| over the sets of an order, ${basis(data.orders[0].preserve)}, in nats. Discarded and `,
      "preserved together are the probe's, preserved and new together the fine-tuned ",
      "network's. Grey: the chance level of preserved strength, where the fine-tuned network's ",
      `interactions are permuted among the sets of their order${isAndOr(data) ? " and kind" : ""}.`,
      data.uncounted.length
        ? ` Orders in the noise floor of a network shown here, which no metric counts: ${data.uncounted.join(", ")}.`
        : "",
    ],
    height: 90 + 32 * orders.length,
    columns: ["order, part", "strength", "chance level", ...some(second, SECOND), "sets"],
    rows: data.orders.flatMap((row) =>
      PARTS.map((part) => [
        `${row.order}, ${suite.labels[part]}`,
        bounded(row[part]),
        number(row[part].chance),
        ...some(second, number(row[part].second_run)),
        String(row.n_sets),
      ]),
    ),
    traces,
    axes: {
      x: {
        title: "← discarded · nats · held →",
        range: [-1.04 * Math.max(...upper("discard")), 1.04 * right],
        format: (place) => plain(Math.abs(place)), // the left half counts upwards too
        line: true,
      },
      y: {
        title: "order |S|",
        ticks: orders.map((order) => [order, String(order)]),
        range: [0.4, orders.length + 0.6],
      },
    },
  });
}

function ratioChart(data, suite) {
  const rows = [...data.ratio].reverse();
  const places = rows.map((_, place) => place);
  const names = rows.map((row) => suite.readings[row.reading]);
  const second = data.setup.seeds.length > 1;
  const marked = (name, symbol, shown) =>
    ({ x: column(rows, name), y: places, markers: { symbol, size: 13, colour: shown } });
  return figure({
    title: "Share of the preserved strength that training from scratch reaches",
    label: "The ratio under each reading of nothing divided by nothing. The numbers are in the table below.",
    marks: [
      ["preserve dot", "ratio (eq. 8)"],
      ["null line", "chance level"],
      ...some(second, ["finetune cross", SECOND]),
    ],
    note: [
      `Mean over ${basis(data.ratio[0])}, under four readings of 0/0, where nothing is preserved. `,
      second ? "" : NO_SECOND,
    ],
    height: 250,
    columns: ["reading", "ratio", "chance level", ...some(second, SECOND)],
    rows: data.ratio.map((row) => [
      suite.readings[row.reading],
      bounded(row, percent),
      percent(row.chance),
      ...some(second, percent(row.second_run)),
    ]),
    traces: [
      marked("chance", "bar", colour("null")),
      ...some(second, marked("second_run", "cross", colour("finetune"))),
      pointed(rows, places, { symbol: "circle", size: 11, colour: colour("preserve") }, (row) =>
        [
          `${suite.readings[row.reading]}: ${beside(row, percent)}`,
          ...some(second, `${SECOND}: ${percent(row.second_run)}`),
        ].join("\n"),
      ),
    ],
    axes: {
      x: { range: [0, 1.01], format: level, title: "share reached" },
      y: {
        ticks: places.map((place) => [place, names[place].replace(/ (?=with|counted|by)|, /, "\n")]),
        range: [-0.6, 3.6],
      },
    },
  });
}

// The chart of Jaccard similarities; `mark(at)` moves its marker to a snapshot.
function jaccardChart(data, suite, at) {
  const traces = TRAINED.flatMap((variant) => {
    const rows = data.jaccard[variant];
    const epochs = column(rows, "epoch");
    const line = { colour: colour(variant), dash: STROKES[variant], width: 2 };
    return [
      {
        x: loop(epochs, epochs),
        y: loop(column(rows, "high"), column(rows, "low")),
        area: { colour: colour(variant), opacity: 0.2 },
      },
      {
        x: epochs,
        y: column(rows, "number"),
        line,
        markers: { symbol: MARKERS[variant], size: 7, colour: colour(variant) },
        told: rows.map((row) => `${suite.labels[variant]}, epoch ${plain(row.epoch)}: ${beside(row)}`),
      },
      { x: epochs, y: column(rows, "chance"), line: { ...line, colour: colour("null"), width: 1.5 } },
    ];
  });
  if (data.ceiling !== null) {
    const end = Math.max(...TRAINED.map((variant) => data.jaccard[variant].at(-1).epoch));
    const line = { colour: colour("finetune"), dash: "dot", width: 1.5 };
    traces.push({ x: [0, end], y: [data.ceiling, data.ceiling], line });
  }
  const marker = (place) => {
    const rows = TRAINED.map((variant) => data.jaccard[variant][place]);
    return { x: column(rows, "epoch"), y: column(rows, "number") };
  };
  const ring = { symbol: "circle", size: 16, colour: "currentColor", hollow: true };
  const marked = (place) => ({ traces: [...traces, { ...marker(place), markers: ring }] });
  const axes = (place) => ({
    upright: [...new Set(marker(place).x)],
    x: { title: "epoch", zero: true },
    y: { title: "similarity", range: [0, 1.03] },
  });
  const drawing = figure({
    title: "How close to the final interactions, along training",
    label:
      "Jaccard similarity of each snapshot's interactions to the final ones, by epoch, for the " +
      "fine-tuned network and the one from scratch. The numbers are in the table below.",
    marks: [
      ...TRAINED.map((variant) => [`${variant} line`, suite.labels[variant]]),
      ["null line", "chance level"],
      ...some(data.ceiling !== null, ["finetune dotted line", "two fine-tuned runs"]),
      ["ring", "chosen snapshot"],
    ],
    note: [
      `Jaccard similarity (eq. 9), with intervals over ${basis(data.jaccard.finetune[0])}. `,
      data.ceiling === null
        ? NO_SECOND
        : "The level line: how alike two fine-tuned runs of different seeds are in the end.",
    ],
    height: 320,
    columns: ["snapshot", "fine-tuned", "chance level", "from scratch", "chance level"],
    rows: data.snapshots.map((snapshot, place) => [
      moment(snapshot),
      ...TRAINED.map((variant) => data.jaccard[variant][place]).flatMap((row) => [
        bounded(row),
        number(row.chance),
      ]),
    ]),
    ...marked(at),
    axes: axes(at),
  });
  drawing.mark = (place) => drawing.redraw({ ...marked(place), options: axes(place) });
  return drawing;
}

function accuracyChart(data, suite) {
  const rows = [...data.accuracy].reverse();
  const places = rows.map((_, place) => place);
  const shown = data.accuracy.map((row) => [suite.labels[row.variant], bounded(row, percent), basis(row, "item")]);
  const symbol = rows.map(({ variant }) => MARKERS[variant]);
  const shades = rows.map(({ variant }) => colour(variant));
  return figure({
    title: "Test accuracy",
    label: shown.map(([variant, accuracy]) => `${variant}: ${accuracy}`).join("; "),
    marks: VARIANTS.map((variant) => [`${variant} dot`, suite.labels[variant]]),
    note: `On the whole test split (${basis(data.accuracy.at(-1), "item")}), not only on the samples explained.`,
    height: 190,
    columns: ["network", "accuracy", "over"],
    rows: shown,
    traces: [
      {
        ...pointed(rows, places, { symbol, colour: shades, size: 12 }, (row) => bounded(row, percent)),
        texts: rows.map((row) => percent(row.number)),
      },
    ],
    axes: {
      x: { format: level, title: "accuracy" },
      y: { ticks: places.map((place) => [place, suite.short[rows[place].variant]]), range: [-0.5, 2.7] },
    },
  });
}

// Accuracy against what each way of adapting keeps of the probe.
function waysChart(data, suite) {
  const colours = ["finetune", "scratch", "new", "discard", "preserve", "probe", "null"];
  const shapes = ["circle", "square", "triangle", "diamond", "cross"];
  const names = data.ways.map(({ way, title }, at) => `${at + 1} ${title || suite.labels[way]}`);
  const look = (at) => ({ symbol: shapes[at % shapes.length], size: 11, colour: colour(colours[at % colours.length]) });
  const told = (row) => (row ? bounded(row) : MISSING);
  return figure({
    title: "Ways of adapting: accuracy against what is kept of the probe",
    label: "Test accuracy and agreement with the linear probe of every way of adapting. The numbers are in the table below.",
    marks: [["ink line", `${level(suite.statistics.confidence)} interval`]],
    note: `Agreement with the linear probe at orders 1–2, beyond chance. ${names.join(" · ")}.`,
    height: 380,
    columns: ["way of adapting", "accuracy", "agreement with the probe", "agreement of two seeds", "share preserved"],
    rows: data.ways.map((one, at) => [
      names[at],
      bounded(one.accuracy, percent),
      ...[one.probe, one.seeds].map(told),
      one.preserved ? bounded(one.preserved, percent) : MISSING,
    ]),
    traces: data.ways.map((one, at) => ({
      ...pointed([one.probe], [one.accuracy.number], look(at), () => ""),
      told: [`${names[at]}: accuracy ${bounded(one.accuracy, percent)}\nagreement ${bounded(one.probe)}`],
      texts: [String(at + 1)],
    })),
    axes: {
      x: { title: "agreement with the probe, orders 1–2", line: true },
      y: { title: "test accuracy", format: level },
    },
  });
}
