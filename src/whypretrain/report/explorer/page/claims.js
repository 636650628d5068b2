// The first view: how much was transferred, what the data say about each claim, the experiments.

const SIGNS = { yes: "✓", no: "✗", open: "?" };
const parts = (...children) => h("div", children);
const orders = (group) => (group === "all" ? "all orders" : `orders ${group.replace("-", "–")}`);
const link = ({ name, title }) => h("a", { href: address({ experiment: name }) }, title);

// An answer in a sign and a word; `asked` says what the question was, null that there was none.
function answer(text, asked) {
  const sign = SIGNS[text] && h("span", { "aria-hidden": "true" }, `${SIGNS[text]} `);
  const word = SIGNS[text] ? text : asked === null ? "not asked" : "not judged";
  return h("span", { class: `answer ${SIGNS[text] ? text : "none"}`, title: asked }, sign, word);
}

// A number with its interval on a scale that a column shares; `level` is what it is to be compared with.
function forest({ number: value, low, high, level: against }, rows) {
  const all = rows.flatMap((row) => Object.values(row)).filter((one) => one !== null);
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const x = (one) => 5 + (130 * (one - from)) / (to - from || 1);
  const whisker = low === null ? null : svg("path.whisker", { d: `M${x(low)} 7H${x(high)}` });
  const upright = against === null ? null : svg("path.against", { d: `M${x(against)} 0V14` });
  const dot = value === null ? null : svg("circle", { cx: x(value), cy: 7, r: 3.5 });
  return svg("svg.forest", { viewBox: "0 0 140 14", "aria-hidden": "true" }, upright, whisker, dot);
}
const compared = (row, column, against) => ({
  number: row[column],
  low: row[column === "number" ? "low" : `${column}_low`],
  high: row[column === "number" ? "high" : `${column}_high`],
  level: against,
});

// The row of one experiment under one reading: number and answers, and what they rest on.
function claimRow(row, claim, suite, rows) {
  const asked = (key, column, question) => {
    const [value, low, high] = ["", "_low", "_high"].map((end) => row[column + end]);
    return parts(
      answer(row[key], question),
      value === null ? null : h("small", `${number(value)} ${interval(low, high)}`),
      value === null
        ? null
        : forest(
            compared(row, column, 0),
            rows.filter((one) => one[column] !== null).map((one) => compared(one, column, 0)),
          ),
    );
  };
  const references = [["chance", row.chance], ["second run", row.second_run]]
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${number(value)}`);
  const over = basis(row, claim.key === "accuracy" ? "item" : "sample");
  const spread = row.n_seeds > 1 ? `: ${number(row.least)} to ${number(row.most)}` : "";
  return [
    parts(link(suite.experiments[row.experiment]), row.note ? h("small", row.note) : null),
    parts(
      bounded(row),
      forest(compared(row, "number", row.chance), rows.map((one) => compared(one, "number", one.chance))),
      [references.join(", "), over + spread].filter(Boolean).map((text) => h("small", text)),
    ),
    answer(row.as_worded, claim.paper),
    asked("beyond_chance", "agreement", claim.chance),
    asked("beyond_retraining", "retraining", claim.retraining),
  ];
}

function claimTable(claim, suite) {
  const readings = [...new Set(column(claim.rows, "reading"))];
  const [first, ...others] = readings;
  const answers = Object.values(suite.answers);
  const named = (reading) => (claim.key === "transfer" ? orders(reading) : (suite.readings[reading] ?? reading));
  const shown = (reading) => {
    const own = claim.rows.filter((row) => row.reading === reading);
    const rows = own.map((row) => claimRow(row, claim, suite, own));
    return table(`${claim.statement} ${named(reading)}`, ["experiment", "number", ...answers], rows, "claims cards");
  };
  const questions = [["chance", answers[1]], ["retraining", answers[2]]]
    .filter(([name]) => claim[name])
    .map(([name, words]) => ` ${words[0].toUpperCase()}${words.slice(1)}: ${claim[name]}.`);
  const missing = claim.missing.map((place) => suite.experiments[place].title);
  return h(
    "section.claim",
    { id: `claim-${claim.key}` },
    h("h2", claim.statement),
    h("p.muted", `Number: ${claim.number}. Wording: ${claim.paper}.`, questions),
    readings.length ? shown(first) : null,
    others.length
      ? h(
          "details",
          h("summary", `Above: ${named(first)}. Other readings: ${others.map(named).join("; ")}`),
          others.map((reading) => [h("h3", named(reading)), shown(reading)]),
        )
      : null,
    missing.length ? h("p.notice", `Not judged for ${missing.join(", ")}: there are too few snapshots or seeds.`) : null,
  );
}

// Transfer in every experiment, and agreement by order in the one that is chosen.
function transfer(suite) {
  const groups = column(suite.experiments[0].transfer, "order");
  const rows = suite.experiments.map((one) => [
    parts(link(one), h("small", basis(one.transfer[0]))),
    ...one.transfer.map((row) => bounded(row)),
  ]);
  const place = h("div");
  const draw = async () => {
    const { value } = select;
    const data = await unpackOnce(`experiment-${value}`);
    if (value === select.value) place.replaceChildren(agreementChart(data, suite).node);
  };
  const options = suite.experiments.map(({ title }, index) => h("option", { value: index }, title));
  const select = h("select", { id: "agreeing", onchange: () => draw().catch(fail) }, options);
  draw().catch(fail);
  return h(
    "section.claim",
    { id: "transfer" },
    h("h2", "Transfer: does fine-tuning keep what scratch does not come to?"),
    h(
      "p.prose",
      "Agreement says how much two networks' interactions have in common: 0 at chance, 1 as alike as their ",
      "strengths allow. Transfer is the agreement of the fine-tuned network with the probe, minus ",
      "that of the network from scratch. Brackets: ",
      `${level(suite.statistics.confidence)} intervals over samples and seeds.`,
    ),
    table("Transfer by groups of orders", ["experiment", ...groups.map(orders)], rows, "transfer cards"),
    h("p.chooser", h("label", { for: "agreeing" }, "Agreement by order in "), select),
    place,
  );
}

// What agreement the claims rest on, on one scale: beyond chance, and beyond that of a second run. The numbers of
// the claims themselves have units of their own and stand in their tables.
function forestChart(suite) {
  const answered = suite.claims.filter(({ on_agreement }) => on_agreement).map((claim) => {
    const rows = claim.rows.filter(({ reading, agreement }) => reading === claim.rows[0].reading && agreement !== null);
    return { ...claim, rows };
  });
  const questions = [...new Set(answered.filter(({ rows }) => rows.length).map(({ chance }) => chance))];
  const lines = questions.flatMap((words) => {
    const claims = answered.filter(({ chance }) => chance === words);
    const fullest = claims.find(({ retraining }) => retraining) ?? claims[0];
    return [{ words }, ...fullest.rows.map((row) => ({ words, row }))];
  });
  let foot = 0;
  const places = lines.map(({ row }) => (foot -= row ? 1 : 1.5)); // headings may have two lines
  const told = (line, key, name) =>
    `${line.words}\n${suite.experiments[line.row.experiment].title}, ${name}: ${bounded(compared(line.row, key))}, ${line.row[`beyond_${key === "agreement" ? "chance" : key}`]}`;
  const trace = (key, name, shift, symbol, shade) => {
    const own = [...lines.keys()].filter((line) => (lines[line].row?.[key] ?? null) !== null);
    const rows = own.map((line) => compared(lines[line].row, key));
    const markers = { symbol, size: 10, colour: shade };
    return { ...pointed(rows, own.map((line) => places[line] + shift), markers, () => ""), told: own.map((line) => told(lines[line], key, name)) };
  };
  const [chance, retraining] = Object.values(suite.answers).slice(1);
  const traces = [
    trace("agreement", chance, 0.13, "circle", colour("finetune")),
    trace("retraining", retraining, -0.17, "square", colour("null")),
  ].filter(({ x }) => x.length);
  const [low, high] = [Math.min(0, ...traces.flatMap((one) => one.low)), Math.max(0, ...traces.flatMap((one) => one.high))];
  const air = 0.05 * (high - low);
  const headings = [...lines.keys()].filter((line) => !lines[line].row);
  const asked = lines.filter(({ row }) => row);
  return figure({
    title: "What the claims rest on: agreement beyond chance and beyond retraining",
    label: "Agreement that each claim rests on, with intervals, for every experiment. The numbers are in the table below.",
    marks: [
      ["finetune dot", chance],
      ...some(traces.length > 1, ["null", retraining]),
      ["ink line", `${level(suite.statistics.confidence)} interval`],
    ],
    note: "0 is chance level for a circle, and what a second run gives for a square. An answer is yes or no where the interval leaves 0 out and at least three seeds have the number.",
    height: 80 - 26 * foot,
    columns: ["experiment, agreement", chance, "answer", retraining, "answer"],
    rows: asked.map(({ words, row }) => [
      `${suite.experiments[row.experiment].title}, ${words}`,
      bounded(compared(row, "agreement")),
      row.beyond_chance,
      row.retraining === null ? MISSING : bounded(compared(row, "retraining")),
      row.beyond_retraining,
    ]),
    traces: [
      ...traces,
      { x: headings.map(() => high + air), y: headings.map((line) => places[line]), headings: headings.map((line) => lines[line].words) },
    ],
    axes: {
      x: { title: "agreement", range: [low - air, high + air], line: true },
      y: {
        ticks: lines.flatMap(({ row }, line) => some(row, [places[line], row && suite.experiments[row.experiment].title])),
        range: [foot - 0.7, -0.7],
      },
    },
  });
}

// What everything rests on, for a reader who has never seen an interaction.
function introduction() {
  const entries = Object.entries(terms).map(([term, meaning]) => h("div", h("dt", term), h("dd", meaning)));
  return h(
    "details.terms",
    h("summary", "An interaction in 30 seconds, and every term"),
    h(
      "p.prose",
      "Cut an image into ten regions and show the network all 1,024 combinations of them. If region A alone moves ",
      "the log-odds by 1, B alone by 2, and both together by 5, the two have an interaction of 5 − 1 − 2 = 2: the ",
      "network uses them together. Every set of regions has such a number, and together they are the network's ",
      "output. Two networks that use the same sets with the same sign know the same thing. So one can ask what of ",
      "a pre-trained network's knowledge fine-tuning keeps, and whether training from scratch finds it too.",
    ),
    h("dl", entries),
  );
}

// What an experiment explains, in words.
function about(one) {
  const { setup, n_samples, n_players } = one;
  const { model, dataset, players, seeds } = setup;
  const kind = isAndOr(one) ? ", AND-OR interactions" : "";
  const over = basis({ n: n_samples, n_seeds: seeds.length });
  return `${model} on ${dataset}: ${over} (${seeds.join(", ")}), ${n_players} players each (${players})${kind}`;
}

function claimsView(suite) {
  const alone = suite.experiments.length === 1;
  return {
    title: `Claims · ${suite.suite}`,
    node: h(
      "article",
      h("h1", "What the data say about each claim of the paper"),
      introduction(),
      transfer(suite),
      h("h2", "Three answers to each claim"),
      h(
        "p.prose",
        "As worded: does the interval lie in the range of the paper's words? Beyond chance: is there more ",
        "agreement than chance gives? Beyond retraining: does another seed in the other network's place give ",
        "something else? Each answer is yes, no or open; with fewer than three seeds it is open. Below a number ",
        "stand its chance level, what a second run gives, and the least and the most that single seeds give. In the ",
        "small drawings a dot is the number, a line its interval, and the grey stroke what it is compared with: ",
        "the chance level, or 0 for agreement.",
      ),
      h("div.figures", forestChart(suite).node),
      suite.claims.map((claim) => claimTable(claim, suite)),
      h("h2", { id: "experiments" }, "Experiments"),
      alone ? h("p.notice", "This suite has one experiment; there is nothing to compare it with.") : null,
      h("ul.experiments", suite.experiments.map((one) => h("li", link(one), h("p.muted", about(one))))),
    ),
  };
}
