// The first view: how much was transferred, what the data say about each claim, the experiments.

const SIGNS = { yes: "✓", no: "✗", open: "?", "–": "–" };

function answer(text, about) {
  const kind = SIGNS[text] ? text : "–";
  const sign = h("span", { "aria-hidden": "true" }, `${SIGNS[kind]} `);
  return h("span", { class: `answer ${kind === "–" ? "none" : kind}`, title: about }, sign, kind === "–" ? "not asked" : text);
}

const estimated = (row, name) =>
  row[name] === null ? null : `${number(row[name])} ${interval(row[`${name}_low`], row[`${name}_high`])}`;

function claimRow(row, claim, suite) {
  const { name, title } = suite.experiments[row.experiment];
  const told = (key, column) => [
    answer(row[key], claim[column === "agreement" ? "chance" : "retraining"]),
    h("small", estimated(row, column)),
  ];
  return [
    [h("a", { href: address({ experiment: name }) }, title), row.note ? h("small", row.note) : null],
    [bounded(row), h("small", row.chance === null ? null : `chance ${number(row.chance)}`)],
    answer(row.as_worded),
    told("beyond_chance", "agreement"),
    told("beyond_retraining", "retraining"),
  ];
}

function claimTable(claim, suite) {
  const first = claim.rows[0]?.reading;
  const [rows, others] = [true, false].map((wanted) =>
    claim.rows.filter((row) => (row.reading === first) === wanted),
  );
  const names = ["experiment", "number", ...Object.values(suite.answers)];
  const shown = (some) => some.map((row) => claimRow(row, claim, suite));
  const missing = claim.missing.map((place) => suite.experiments[place].title);
  const asked = [claim.chance && ` Beyond chance: ${claim.chance}.`, claim.retraining && ` Beyond retraining: ${claim.retraining}.`];
  const readings = [...new Set(others.map((row) => row.reading))];
  return h(
    "section.claim",
    { id: `claim-${claim.key}` },
    h("h2", claim.statement),
    h("p.muted", `Number: ${claim.number}. The paper: ${claim.paper}.`, asked.filter(Boolean)),
    rows.length ? table(claim.statement, names, shown(rows), "claims cards") : null,
    readings.length
      ? h(
          "details",
          h("summary", `Other readings than “${first}”`),
          readings.map((reading) =>
            table(reading, [reading, ...names.slice(1)], shown(others.filter((row) => row.reading === reading)), "claims cards"),
          ),
        )
      : null,
    missing.length
      ? h("p.notice", `Not judged for ${missing.join(", ")}: there are too few snapshots or seeds.`)
      : null,
  );
}

function transfer(suite) {
  const groups = suite.experiments[0].transfer.map((row) => row.order);
  const rows = suite.experiments.map((one) => [
    h("a", { href: address({ experiment: one.name }) }, one.title),
    ...one.transfer.map((row) => bounded(row)),
  ]);
  const names = groups.map((group) => (group === "all" ? "all orders" : `orders ${group.replace("-", "–")}`));
  return h(
    "section.claim",
    { id: "transfer" },
    h("h2", "Transfer: does fine-tuning keep what scratch does not come to?"),
    h(
      "p.prose",
      "Agreement says how much two networks' interactions have in common: 0 at chance, 1 as alike as their ",
      "strengths allow. Transfer is the agreement of the fine-tuned network with the pre-trained one, minus ",
      "that of the network from scratch. Each experiment's page shows agreement by order.",
    ),
    table("Transfer by groups of orders", ["experiment", ...names], rows, "transfer cards"),
  );
}

// What an experiment explains, in words.
function about({ setup, n_samples, n_players }) {
  const samples = `${n_samples} sample${n_samples === 1 ? "" : "s"}`;
  const seeds = `${setup.seeds.length} seed${setup.seeds.length === 1 ? "" : "s"}`;
  return `${setup.model} on ${setup.dataset}: ${samples}, ${seeds}, ${n_players} players each (${setup.players})`;
}

function experimentCard(one) {
  return h(
    "li",
    h("a", { href: address({ experiment: one.name }) }, one.title),
    h("p.muted", `${about(one)}; seeds ${one.setup.seeds.join(", ")}`),
  );
}

function claimsView(suite) {
  const confidence = percent(suite.statistics.confidence);
  return {
    title: `Claims · ${suite.suite}`,
    node: h(
      "article",
      h("h1", "What the data say about each claim of the paper"),
      transfer(suite),
      h(
        "p.prose",
        `Three answers to each claim. As worded: does the ${confidence} interval over samples and seeds lie in the `,
        "range of the paper's words? Beyond chance: is there more agreement than chance gives? Beyond ",
        "retraining: does another seed in the other network's place give something else? With fewer than ",
        "three seeds an answer is open.",
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
