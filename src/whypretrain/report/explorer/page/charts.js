// The five charts of an experiment: agreement, and the suite's figures 2 to 4 for one experiment.

const TRAINED = ["finetune", "scratch"];
const NO_SECOND = "No second fine-tuned network was trained, so there is no ceiling.";
const beside = (row, format) => `${bounded(row, format)}<br>chance level: ${(format ?? number)(row.chance)}`;

// Pairs of networks: colour, dash, marker, words.
const PAIRS = {
  "probe-finetune": ["finetune", "solid", "circle", "probe and fine-tuned"],
  "probe-scratch": ["scratch", "dash", "square", "probe and scratch"],
  "finetune-finetune": ["finetune", "dot", "circle-open", "two fine-tuned"],
  "scratch-scratch": ["scratch", "dot", "square-open", "two from scratch"],
  "finetune-scratch": ["new", "solid", "triangle-up", "fine-tuned and scratch"],
  "probe-untrained": ["null", "dash", "x", "probe and untrained"],
};
const LEGEND = { solid: "line", dash: "dashed line", dot: "dotted line" };

function agreementChart(data, suite) {
  const pairs = Object.entries(PAIRS).filter(([pair]) => data.agreement[pair]);
  const groups = column(data.transfer, "order");
  const all = column(data.agreement[pairs[0][0]], "order");
  const single = all.filter((order) => !groups.includes(order)).sort((one, other) => one - other);
  const orders = [...single, ...groups];
  const places = orders.map((_, at) => at + (at < single.length ? 0 : 0.5));
  const rows = ([pair]) => orders.map((order) => data.agreement[pair].find((row) => row.order === order));
  const traces = pairs.flatMap(([pair, [name, dash, symbol, words]], shift) => {
    const own = rows([pair]);
    const y = column(own, "number");
    const x = places.map((place) => place + (shift - 2.5) / 10);
    return [
      scatter("lines", x.slice(0, single.length), y, { line: { color: colour(name), dash, width: 2 } }),
      scatter("markers", x, y, {
        marker: { symbol, size: 6, color: colour(name) },
        error_y: around(y, column(own, "low"), column(own, "high")),
        ...told(own.map((row) => `${words}, order ${row.order}: ${bounded(row)}<br>${basis(row)}`)),
      }),
    ];
  });
  const names = pairs.map(([, look]) => look.at(-1));
  return figure({
    title: "Agreement of two networks, by order",
    label: "Agreement of pairs of networks at each order and group of orders. The numbers are in the table below.",
    marks: pairs.map(([, [name, dash, , words]]) => [`${name} ${LEGEND[dash]}`, words]),
    note:
      "0: no more in common than chance; 1: as alike as their strengths allow. An untrained network shows " +
      `what no training gives. Upright lines: ${percent(suite.statistics.confidence)} intervals over ` +
      `${basis(data.transfer[0])}; where they leave the chart, the table has them.`,
    height: 320,
    columns: ["orders", ...names],
    rows: orders.map((order, place) => [order, ...pairs.map((pair) => bounded(rows(pair)[place]))]),
    traces,
    options: {
      xaxis: {
        title: { text: "order |S|, and groups of orders" },
        tickvals: places,
        ticktext: orders.map((order) => order.replace("-", "–")),
      },
      yaxis: { title: { text: "agreement" }, zeroline: true, range: [-0.55, 1.05] },
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
        type: "bar",
        orientation: "h",
        y: orders,
        x: of(part, "number").map((value) => sign * value),
        base,
        width: 0.75,
        marker: { color: colour(part), line: { color: INK, width: 1 }, pattern: { ...PATTERN, shape: PATTERNS[part] } },
        ...told(data.orders.map((row) => `order ${row.order}, ${suite.labels[part]}: ${beside(row[part])}`)),
      },
      scatter("markers", ends("number"), orders.map((order) => order + shift), {
        marker: { size: 1, color: INK, opacity: 0 },
        error_x: around(ends("number"), ...bounds),
      }),
    ];
  });
  traces.push(
    scatter(
      "lines",
      of("preserve", "chance").flatMap((value) => [value, value, null]),
      orders.flatMap((order) => [order - 0.375, order + 0.375, null]),
      { line: { color: colour("null"), width: 3 } },
    ),
    area(loop(floors, floors.map((floor) => -floor)), loop(orders, orders), "#7f7f7f", 0.4),
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
      ["ink line", `${percent(suite.statistics.confidence)} interval`],
    ],
    note: [
      `Mean strength |I(S)| over the sets of an order, ${basis(data.orders[0].preserve)}, in nats. Discarded and `,
      "preserved together are the pre-trained model's, preserved and new together the fine-tuned ",
      "model's. Grey: the chance level of preserved strength, where the fine-tuned model's ",
      "interactions are permuted among the sets of their order.",
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
    options: {
      barmode: "overlay",
      xaxis: {
        title: { text: "← discarded · nats · held →" },
        ...steps(Math.max(...upper("discard")), right),
        zeroline: true,
      },
      yaxis: { title: { text: "order |S|" }, tickvals: orders },
    },
  });
}

function ratioChart(data, suite) {
  const rows = [...data.ratio].reverse();
  const places = rows.map((_, place) => place);
  const names = rows.map((row) => suite.readings[row.reading]);
  const second = data.setup.seeds.length > 1;
  const marked = (name, symbol, shown) =>
    scatter("markers", column(rows, name), places, {
      marker: { symbol, size: 13, color: shown, line: { width: 3, color: shown } },
    });
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
      marked("chance", "line-ns-open", colour("null")),
      ...some(second, marked("second_run", "x-thin-open", colour("finetune"))),
      pointed(rows, places, { size: 11, color: colour("preserve") }, (row) =>
        [
          `${suite.readings[row.reading]}: ${beside(row, percent)}`,
          ...some(second, `${SECOND}: ${percent(row.second_run)}`),
        ].join("<br>"),
      ),
    ],
    options: {
      xaxis: { range: [0, 1.01], tickformat: ".0%", title: { text: "share reached" } },
      yaxis: {
        tickvals: places,
        ticktext: names.map((name) => name.replace(/ (?=with|counted|by)|, /, "<br>")),
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
    const line = { color: colour(variant), dash: DASHES[variant], width: 2 };
    return [
      area(loop(epochs, epochs), loop(column(rows, "high"), column(rows, "low")), colour(variant), 0.2),
      scatter("lines+markers", epochs, column(rows, "number"), {
        line,
        marker: { symbol: MARKERS[variant], size: 6 },
        ...told(rows.map((row) => `${suite.labels[variant]}, epoch ${number(row.epoch)}: ${beside(row)}`)),
      }),
      scatter("lines", epochs, column(rows, "chance"), { line: { ...line, color: colour("null"), width: 1.5 } }),
    ];
  });
  if (data.ceiling !== null) {
    const end = Math.max(...TRAINED.map((variant) => data.jaccard[variant].at(-1).epoch));
    const line = { color: colour("finetune"), dash: "dot", width: 1.5 };
    traces.push(scatter("lines", [0, end], [data.ceiling, data.ceiling], { line }));
  }
  const marker = (place) => {
    const rows = TRAINED.map((variant) => data.jaccard[variant][place]);
    return { x: column(rows, "epoch"), y: column(rows, "number") };
  };
  const marking = traces.length;
  traces.push(
    scatter("markers", marker(at).x, marker(at).y, {
      marker: { symbol: "circle-open", size: 16, color: INK, line: { width: 2.5, color: INK } },
    }),
  );
  const upright = (place) =>
    [...new Set(marker(place).x)].map((x) => ({
      ...{ type: "line", x0: x, x1: x, y0: 0, y1: 1 },
      line: { color: INK, width: 1, dash: "dot" },
    }));
  const drawing = figure({
    title: "How close to the final interactions, along training",
    label:
      "Jaccard similarity of each snapshot's interactions to the final ones, by epoch, for the " +
      "fine-tuned model and the one from scratch. The numbers are in the table below.",
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
    traces,
    options: {
      shapes: upright(at),
      xaxis: { title: { text: "epoch" }, rangemode: "tozero" },
      yaxis: { title: { text: "similarity" }, range: [0, 1.03] },
    },
  });
  drawing.mark = (place) =>
    drawing.drawn.then((Plotly) => {
      const { x, y } = marker(place);
      return Plotly.update(drawing.plot, { x: [x], y: [y] }, { shapes: upright(place) }, [marking]);
    });
  return drawing;
}

function accuracyChart(data, suite) {
  const rows = [...data.accuracy].reverse();
  const places = rows.map((_, place) => place);
  const shown = data.accuracy.map((row) => [suite.labels[row.variant], bounded(row, percent), basis(row, "item")]);
  const [symbol, color] = [rows.map(({ variant }) => MARKERS[variant]), rows.map(({ variant }) => colour(variant))];
  return figure({
    title: "Test accuracy",
    label: shown.map(([variant, accuracy]) => `${variant}: ${accuracy}`).join("; "),
    marks: VARIANTS.map((variant) => [`${variant} dot`, suite.labels[variant]]),
    note: `On the whole test split (${basis(data.accuracy.at(-1), "item")}), not only on the samples explained.`,
    height: 190,
    columns: ["model", "accuracy", "over"],
    rows: shown,
    traces: [
      {
        ...pointed(rows, places, { symbol, color, size: 12 }, (row) => bounded(row, percent)),
        mode: "markers+text",
        text: rows.map((row) => percent(row.number)),
        textposition: "top center",
      },
    ],
    options: {
      xaxis: { tickformat: ".0%", title: { text: "accuracy" } },
      yaxis: { tickvals: places, ticktext: rows.map((row) => suite.short[row.variant]), range: [-0.5, 2.7] },
    },
  });
}
