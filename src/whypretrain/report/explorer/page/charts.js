// The four charts of an experiment: the suite's figures 2 to 4, for one experiment.

function ordersChart(data, suite) {
  const orders = data.orders.map((row) => row.order);
  const column = (part, name) => data.orders.map((row) => row[part][name] ?? null);
  const preserved = column("preserve", "strength");
  // The end of each part, and where its interval stands: as in the suite's figure fig2.
  const geometry = {
    preserve: { base: orders.map(() => 0), sign: 1, shift: -0.18 },
    discard: { base: orders.map(() => 0), sign: -1, shift: 0 },
    new: { base: preserved, sign: 1, shift: 0.18 },
  };
  const traces = PARTS.flatMap((part) => {
    const { base, sign, shift } = geometry[part];
    const strength = column(part, "strength");
    const ends = (name) => column(part, name).map((value, at) => base[at] + sign * value);
    const end = ends("strength");
    const bounds = [ends("low"), ends("high")].sort((a, b) => a[0] - b[0]);
    const texts = data.orders.map((row) => {
      const own = row[part];
      return (
        `order ${row.order}, ${suite.labels[part]}: ${number(own.strength)} ` +
        `${interval(own.low, own.high)}<br>permuted: ${number(own.permutation)}`
      );
    });
    return [
      {
        type: "bar",
        orientation: "h",
        y: orders,
        x: strength.map((value) => sign * value),
        base,
        width: 0.75,
        marker: {
          color: colour(part),
          line: { color: INK, width: 1 },
          pattern: { shape: PATTERNS[part], fillmode: "overlay", fgcolor: "#ffffff", fgopacity: 0.7, size: 6 },
        },
        hovertext: texts,
        hovertemplate: "%{hovertext}<extra></extra>",
      },
      {
        type: "scatter",
        mode: "markers",
        marker: { size: 1, color: INK, opacity: 0 },
        y: orders.map((order) => order + shift),
        x: end,
        error_x: column(part, "low")[0] === null ? undefined : around(end, ...bounds),
        hoverinfo: "skip",
      },
    ];
  });
  const nulls = column("preserve", "permutation");
  traces.push({
    type: "scatter",
    mode: "lines",
    line: { color: colour("null"), width: 3 },
    x: nulls.flatMap((value) => [value, value, null]),
    y: orders.flatMap((order) => [order - 0.375, order + 0.375, null]),
    hoverinfo: "skip",
  });
  const floors = data.orders.map((row) => row.noise_floor);
  traces.push({
    type: "scatter",
    mode: "lines",
    fill: "toself",
    line: { width: 0 },
    fillcolor: "rgba(127,127,127,0.4)",
    x: [...floors, ...floors.map((floor) => -floor).reverse()],
    y: [...orders, ...[...orders].reverse()],
    hoverinfo: "skip",
  });
  const upper = (part) => column(part, "high").map((value, at) => value ?? column(part, "strength")[at]);
  const right = Math.max(...upper("new").map((value, at) => value + preserved[at]), ...upper("preserve"));
  const ceiling = data.setup.replicate_seed !== null;
  const tableRows = data.orders.flatMap((row) =>
    PARTS.map((part) => [
      `${row.order}, ${suite.labels[part]}`,
      `${number(row[part].strength)} ${interval(row[part].low, row[part].high)}`,
      number(row[part].permutation),
      ...(ceiling ? [number(row[part].self)] : []),
      String(row.n_sets),
    ]),
  );
  return figure({
    title: "Preserved, discarded and new, by order",
    label:
      `Bars for each order of interaction, 1 to ${orders.length}: discarded strength to the left, ` +
      "preserved and then new strength to the right. The numbers are in the table below.",
    marks: [
      ...["discard", "preserve", "new"].map((part) => [part, suite.labels[part]]),
      ["null line", "preserved, if permuted"],
      ["ink line", `${percent(suite.confidence)} interval`],
    ],
    note: [
      "Mean strength |I(S)| over the sets of an order and over samples. Discarded and preserved ",
      "together are the pre-trained model's, preserved and new together the fine-tuned model's. Grey: ",
      "where preserved strength would end if the fine-tuned model's interactions were permuted ",
      "among the sets of their order.",
      data.uncounted.length
        ? ` Orders in the noise floor, which no metric counts: ${data.uncounted.join(", ")}.`
        : "",
    ],
    height: 90 + 32 * orders.length,
    numbers: table(
      "Mean strength by order, in nats",
      [
        "order, part",
        "strength",
        "permuted",
        ...(ceiling ? ["second fine-tuned"] : []),
        "sets",
      ],
      tableRows,
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
  const values = rows.map((row) => row.number);
  const ceiling = data.setup.replicate_seed !== null;
  const texts = rows.map(
    (row) =>
      `${row.reading}: ${percent(row.number)} ${interval(row.low, row.high, percent)}` +
      `<br>permuted: ${percent(row.permutation)}` +
      (ceiling ? `<br>second fine-tuned: ${percent(row.self)}` : ""),
  );
  const marked = (name, symbol, shown) => ({
    type: "scatter",
    mode: "markers",
    y: places,
    x: rows.map((row) => row[name] ?? null),
    marker: { symbol, size: 13, color: shown, line: { width: 3, color: shown } },
    hoverinfo: "skip",
  });
  const traces = [
    marked("permutation", "line-ns-open", colour("null")),
    ...(ceiling ? [marked("self", "x-thin-open", colour("finetune"))] : []),
    {
      type: "scatter",
      mode: "markers",
      y: places,
      x: values,
      error_x:
        rows[0].low === null
          ? undefined
          : around(values, rows.map((row) => row.low), rows.map((row) => row.high)),
      marker: { size: 11, color: colour("preserve"), line: { width: 1.5, color: INK } },
      hovertext: texts,
      hovertemplate: "%{hovertext}<extra></extra>",
    },
  ];
  return figure({
    title: "Share of the preserved strength that training from scratch reaches",
    label: "The ratio under each reading of nothing divided by nothing. The numbers are in the table below.",
    marks: [
      ["preserve dot", "ratio (eq. 8)"],
      ["null line", "if scratch were permuted"],
      ...(ceiling ? [["finetune cross", "a second fine-tuned network"]] : []),
    ],
    note: [
      "Four readings of 0/0, where nothing is preserved; the suite's figure draws ",
      `“${suite.reading}” as its bar. `,
      ceiling ? "" : "No second fine-tuned network was trained, so there is no ceiling to compare with.",
    ],
    height: 250,
    numbers: table(
      "Ratio by reading",
      ["reading", "ratio", "if permuted", ...(ceiling ? ["second fine-tuned"] : [])],
      data.ratio.map((row) => [
        row.reading,
        `${percent(row.number)} ${interval(row.low, row.high, percent)}`,
        percent(row.permutation),
        ...(ceiling ? [percent(row.self)] : []),
      ]),
    ),
    traces,
    options: {
      xaxis: { range: [0, 1.01], tickformat: ".0%", title: { text: "share reached" } },
      yaxis: { tickvals: places, ticktext: rows.map((row) => row.reading), range: [-0.6, 3.6] },
    },
  });
}

// The chart of Jaccard similarities; `mark(at)` moves its marker to a snapshot.
function jaccardChart(data, suite, at) {
  const traces = ["finetune", "scratch"].flatMap((variant) => {
    const own = data.jaccard[variant];
    const line = { color: colour(variant), dash: DASHES[variant], width: 2 };
    const band =
      own.low[0] === null
        ? []
        : [
            {
              type: "scatter",
              mode: "lines",
              x: [...own.epoch, ...[...own.epoch].reverse()],
              y: [...own.high, ...[...own.low].reverse()],
              fill: "toself",
              fillcolor: colour(variant),
              opacity: 0.2,
              line: { width: 0 },
              hoverinfo: "skip",
            },
          ];
    return [
      ...band,
      {
        type: "scatter",
        mode: "lines+markers",
        x: own.epoch,
        y: own.jaccard,
        line,
        marker: { symbol: MARKERS[variant], size: 6 },
        hovertext: own.jaccard.map(
          (value, place) =>
            `${suite.labels[variant]}, epoch ${number(own.epoch[place])}: ${number(value)} ` +
            `${interval(own.low[place], own.high[place])}<br>permuted: ${number(own.permutation[place])}`,
        ),
        hovertemplate: "%{hovertext}<extra></extra>",
      },
      {
        type: "scatter",
        mode: "lines",
        x: own.epoch,
        y: own.permutation,
        line: { ...line, color: colour("null"), width: 1.5 },
        hoverinfo: "skip",
      },
    ];
  });
  const ends = ["finetune", "scratch"].map((variant) => data.jaccard[variant].epoch.at(-1));
  if (data.ceiling !== null) {
    traces.push({
      type: "scatter",
      mode: "lines",
      x: [0, Math.max(...ends)],
      y: [data.ceiling, data.ceiling],
      line: { color: colour("finetune"), dash: "dot", width: 1.5 },
      hoverinfo: "skip",
    });
  }
  const marker = (place) => ({
    x: ["finetune", "scratch"].map((variant) => data.jaccard[variant].epoch[place]),
    y: ["finetune", "scratch"].map((variant) => data.jaccard[variant].jaccard[place]),
  });
  const marking = traces.length;
  traces.push({
    type: "scatter",
    mode: "markers",
    ...marker(at),
    marker: { symbol: "circle-open", size: 16, color: INK, line: { width: 2.5, color: INK } },
    hoverinfo: "skip",
  });
  const line = (place) =>
    [...new Set(marker(place).x)].map((x) => ({
      type: "line",
      x0: x,
      x1: x,
      y0: 0,
      y1: 1,
      line: { color: INK, width: 1, dash: "dot" },
    }));
  const drawing = figure({
    title: "How close to the final interactions, along training",
    label:
      "Jaccard similarity of each snapshot's interactions to the final ones, by epoch, for the " +
      "fine-tuned model and the one from scratch. The numbers are in the table below.",
    marks: [
      ...["finetune", "scratch"].map((variant) => [`${variant} line`, suite.labels[variant]]),
      ["null line", "if permuted"],
      ...(data.ceiling === null ? [] : [["finetune dotted line", "two fine-tuned networks"]]),
      ["ring", "chosen snapshot"],
    ],
    note:
      data.ceiling === null
        ? "Jaccard similarity (eq. 9). No second fine-tuned network was trained, so there is no ceiling."
        : "Jaccard similarity (eq. 9), with intervals over samples. The level line: how alike two " +
          "fine-tuned networks of different seeds are in the end.",
    height: 320,
    numbers: table(
      "Jaccard similarity to the final interactions",
      ["snapshot", "fine-tuned", "if permuted", "from scratch", "if permuted"],
      data.snapshots.map((snapshot, place) => [
        moment(snapshot),
        ...["finetune", "scratch"].flatMap((variant) => {
          const own = data.jaccard[variant];
          const bounds = interval(own.low[place], own.high[place]);
          return [`${number(own.jaccard[place])} ${bounds}`, number(own.permutation[place])];
        }),
      ]),
    ),
    traces,
    options: {
      shapes: line(at),
      xaxis: { title: { text: "epoch" }, rangemode: "tozero" },
      yaxis: { title: { text: "similarity" }, range: [0, 1.03] },
    },
  });
  drawing.mark = (place) =>
    drawing.drawn.then((Plotly) => {
      const { x, y } = marker(place);
      return Plotly.update(drawing.plot, { x: [x], y: [y] }, { shapes: line(place) }, [marking]);
    });
  return drawing;
}

function accuracyChart(data, suite) {
  const rows = [...data.accuracy].reverse();
  const values = rows.map((row) => row.number);
  return figure({
    title: "Test accuracy",
    label: data.accuracy
      .map((row) => `${suite.labels[row.variant]}: ${percent(row.number)}`)
      .join("; "),
    marks: VARIANTS.map((variant) => [`${variant} dot`, suite.labels[variant]]),
    note: `On the whole test split (${data.accuracy[0].n} items), not only on the samples explained.`,
    height: 190,
    numbers: table(
      "Test accuracy",
      ["model", "accuracy", "items"],
      data.accuracy.map((row) => [
        suite.labels[row.variant],
        `${percent(row.number)} ${interval(row.low, row.high, percent)}`,
        String(row.n),
      ]),
    ),
    traces: [
      {
        type: "scatter",
        mode: "markers+text",
        y: rows.map((_, place) => place),
        x: values,
        text: values.map(percent),
        textposition: "top center",
        error_x: around(values, rows.map((row) => row.low), rows.map((row) => row.high)),
        marker: {
          symbol: rows.map((row) => MARKERS[row.variant]),
          color: rows.map((row) => colour(row.variant)),
          size: 12,
          line: { width: 1.5, color: INK },
        },
        hovertext: rows.map((row) => `${percent(row.number)} ${interval(row.low, row.high, percent)}`),
        hovertemplate: "%{hovertext}<extra></extra>",
      },
    ],
    options: {
      xaxis: { tickformat: ".0%", title: { text: "accuracy" } },
      yaxis: {
        tickvals: [0, 1, 2],
        ticktext: rows.map((row) => ({ probe: "probe", finetune: "fine-tuned", scratch: "scratch" })[row.variant]),
        range: [-0.5, 2.7],
      },
    },
  });
}
