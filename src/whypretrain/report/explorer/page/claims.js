// The first view: what the data say about each claim, and the way to each experiment.

const VERDICTS = {
  holds: ["holds", "✓"],
  fails: ["fails", "✗"],
  "not distinguishable from chance": ["unknown", "?"],
};

function verdict(text) {
  const [kind, mark] = VERDICTS[text] ?? ["unknown", "†"];
  const short = text.replace(/ from chance$|: .*/, "");
  return h("span", { class: `verdict ${kind}` }, h("span", { "aria-hidden": "true" }, `${mark} `), short);
}

function claimTable(claim, suite) {
  const rows = claim.rows.map((row) => {
    const { name, title } = suite.experiments[row.experiment];
    return [
      h("a", { href: address({ experiment: name }) }, title),
      verdict(row.verdict),
      bounded(row),
      number(row.chance),
      `${number(row.excess, { sign: true })} ${interval(row.excess_low, row.excess_high)}`,
    ];
  });
  const missing = claim.missing.map((place) => suite.experiments[place].title);
  const names = ["experiment", "verdict", "number", "chance level", "number − chance"];
  return h(
    "section.claim",
    { id: `claim-${claim.key}` },
    h("h2", claim.statement),
    h("p.muted", `Number: ${claim.number}. The paper: ${claim.paper}.`),
    rows.length ? table(claim.statement, names, rows, "claims cards") : null,
    missing.length
      ? h(
          "p.notice",
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
  const counted = (text) => String(given.filter((other) => other === text).length);
  return h(
    "ul.counts",
    { "aria-label": `${given.length} verdicts` },
    Object.keys(VERDICTS).map((text) => h("li", h("b", counted(text)), " ", verdict(text))),
  );
}

// What an experiment explains, in words.
function about({ setup, n_samples, n_players }) {
  const samples = `${n_samples} sample${n_samples === 1 ? "" : "s"}`;
  return `${setup.model} on ${setup.dataset}: ${samples}, ${n_players} players each (${setup.players})`;
}

function experimentCard(one) {
  const { seed, replicate_seed: again } = one.setup;
  return h(
    "li",
    h("a", { href: address({ experiment: one.name }) }, one.title),
    h(
      "p.muted",
      `${about(one)}, seed ${seed}, `,
      again === null ? "no second fine-tuned network" : `second fine-tuned network: seed ${again}`,
    ),
  );
}

function claimsView(suite) {
  const confidence = percent(suite.statistics.confidence);
  const expected = suite.claims.flatMap((claim) => claim.rows).length * (1 - suite.statistics.confidence);
  return {
    title: `Claims · ${suite.suite}`,
    node: h(
      "article",
      h("h1", "What the data say about each claim of the paper"),
      summary(suite),
      h(
        "p.prose",
        `Brackets hold ${confidence} intervals over samples. The chance level is what the same models `,
        "give when interactions are permuted among the sets of equal order: strengths agree, nothing else ",
        "does. A claim holds if the number lies in the range of the paper's words and beyond chance; ",
        "it fails if the data exclude one of the two. Without any transfer a claim holds ",
        `in at most ${percent(1 - suite.statistics.confidence)} of cases, so up to ${number(expected)} of these `,
        "may hold by chance.",
      ),
      suite.claims.map((claim) => claimTable(claim, suite)),
      h("h2", { id: "experiments" }, "Experiments"),
      suite.experiments.length === 1
        ? h("p.notice", "This suite has one experiment; there is nothing to compare it with.")
        : null,
      h("ul.experiments", suite.experiments.map(experimentCard)),
    ),
  };
}
