// The first view: what the data say about each claim, and the way to each experiment.

const VERDICTS = {
  holds: ["holds", "✓"],
  fails: ["fails", "✗"],
  "not distinguishable from the null": ["unknown", "?"],
};

function verdict(text) {
  const [kind, mark] = VERDICTS[text] ?? ["unknown", "?"];
  const short = text === "not distinguishable from the null" ? "not distinguishable" : text;
  return h(
    "span",
    { class: `verdict ${kind}` },
    h("span", { "aria-hidden": "true" }, `${mark} `),
    short,
  );
}

function claimTable(claim, suite) {
  const rows = claim.rows.map((row) => {
    const { name, title } = suite.experiments[row.experiment];
    return [
      h("a", { href: address({ experiment: name }) }, title),
      verdict(row.verdict),
      `${number(row.number)} ${interval(row.low, row.high)}`,
      number(row.null),
      `${number(row.excess, { sign: true })} ${interval(row.excess_low, row.excess_high)}`,
    ];
  });
  const missing = claim.missing.map((place) => suite.experiments[place].title);
  const names = ["experiment", "verdict", "number", "null", "number − null"];
  return h(
    "section",
    { class: "claim", id: `claim-${claim.key}` },
    h("h2", {}, claim.statement),
    h("p", { class: "muted" }, `Number: ${claim.number}. The paper: ${claim.paper}.`),
    rows.length ? table(claim.statement, names, rows, { className: "claims cards" }) : null,
    missing.length
      ? h(
          "p",
          { class: "notice" },
          `Not judged for ${missing.join(", ")}: `,
          claim.key === "reach"
            ? "no second fine-tuned network was trained (replicate_seed is null)."
            : "it needs more snapshots than there are.",
        )
      : null,
  );
}

function summary(suite) {
  const given = suite.claims.flatMap((claim) => claim.rows.map((row) => row.verdict));
  const counts = Object.keys(VERDICTS).map((text) => [
    text,
    given.filter((other) => other === text).length,
  ]);
  return h(
    "ul",
    { class: "counts", "aria-label": `${given.length} verdicts` },
    counts.map(([text, count]) => h("li", {}, h("b", {}, String(count)), " ", verdict(text))),
  );
}

function experimentCard(one, suite) {
  const { model, dataset, players, seed, replicate_seed: again } = one.setup;
  return h(
    "li",
    {},
    h("a", { href: address({ experiment: one.name }) }, one.title),
    h(
      "p",
      { class: "muted" },
      `${model} on ${dataset}: ${one.n_samples} sample${one.n_samples === 1 ? "" : "s"}, `,
      `${one.n_players} players (${players}), seed ${seed}, `,
      again === null ? "no second fine-tuned network" : `second fine-tuned network: seed ${again}`,
    ),
  );
}

function claimsView(suite) {
  const confidence = percent(suite.confidence);
  const expected = suite.claims.flatMap((claim) => claim.rows).length * (1 - suite.confidence);
  return {
    title: `Claims · ${suite.suite}`,
    node: h(
      "article",
      {},
      h("h1", {}, "What the data say about each claim of the paper"),
      summary(suite),
      h(
        "p",
        { class: "prose" },
        `Brackets hold ${confidence} intervals over samples. The null is what the same models give `,
        "when interactions are permuted among the sets of equal order: strengths agree, nothing else ",
        "does. A claim holds if the number lies in the range of the paper's words and beyond the null; ",
        "it fails if the data exclude one of the two. Without any transfer a claim holds ",
        `in at most ${percent(1 - suite.confidence)} of cases, so up to ${number(expected)} of these `,
        "may hold by chance.",
      ),
      suite.claims.map((claim) => claimTable(claim, suite)),
      h("h2", { id: "experiments" }, "Experiments"),
      suite.experiments.length === 1
        ? h("p", { class: "notice" }, "This suite has one experiment; there is nothing to compare it with.")
        : null,
      h(
        "ul",
        { class: "experiments" },
        suite.experiments.map((one) => experimentCard(one, suite)),
      ),
    ),
  };
}
