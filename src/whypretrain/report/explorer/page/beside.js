// Two networks beside each other on one sample: for each its strongest sets, and how they add up to its output.

const OTHERS = "all other sets";
const sum = (values) => values.reduce((one, other) => one + other, 0);

// What adds up to a network's output at a snapshot, from v(∅) to v(N): names, sizes, where each begins and ends.
function steps({ sample, variant, at }) {
  const place = variant === "probe" ? 0 : at;
  const value = (coalition) => sample.values[coalition][variant][place];
  const sets = [...sample.strongest[variant]].sort((one, other) => Math.abs(value(other)) - Math.abs(value(one)));
  const [empty, full] = [sample.models[variant].empty[place], sample.models[variant].v[place]];
  const sizes = [empty, ...sets.map(value)];
  sizes.push(full - sum(sizes), full);
  const last = sizes.length - 1;
  const from = sizes.map((_, row) => (row === 0 || row === last ? 0 : sum(sizes.slice(0, row))));
  const names = ["v(∅)", ...sets.map((one) => `{${nameOf(sample, one)}}`), OTHERS, "v(N)"];
  return { sets, names, sizes, from, to: from.map((start, row) => start + sizes[row]) };
}

// An UpSet matrix of the strongest sets with a waterfall from v(∅) to v(N) beside it.
function strongestChart(network, suite, range) {
  const { data, variant, at } = network;
  const { sets, names, sizes, from, to } = steps(network);
  const rows = sizes.map((_, row) => sizes.length - 1 - row); // the first at the top
  const trace = (chosen, look) => ({
    x: chosen.map((row) => to[row]),
    y: chosen.map((row) => rows[row]),
    bars: { base: chosen.map((row) => from[row]), width: 0.7, ...look },
    told: chosen.map((row) => `${names[row]}: ${number(sizes[row], { sign: true })} nats`),
  });
  const inner = [...sizes.keys()].slice(1, -1);
  const when = variant === "probe" ? "" : `, ${moment(data.snapshots[at])}`;
  return figure({
    title: `${suite.labels[variant]}${when}, ${data.title}${isAndOr(data) ? ", AND-OR" : ""}`,
    label: `The ${sets.length} strongest sets and their sum, from v of no player to v of all. The numbers are in the table below.`,
    marks: [
      [variant, "raises the log-odds"],
      [`${variant} lowers`, "lowers them"],
      ["null", "v: log-odds of the true class"],
    ],
    note: `The ${sets.length} sets that are strongest at the end of training; filled dots: the players of a set${sets.some(isOr) ? "; ∨: an OR interaction" : ""}.`,
    height: 80 + 24 * rows.length,
    columns: ["set", "interaction, nats", "sum up to here, nats"],
    rows: names.map((name, row) => [name, number(sizes[row], { sign: true }), number(to[row], { sign: true })]),
    traces: [
      trace([0, sizes.length - 1], { colour: colour("null") }),
      trace(inner.filter((row) => sizes[row] >= 0), { colour: colour(variant) }),
      trace(inner.filter((row) => sizes[row] < 0), { colour: colour(variant), pattern: "/" }),
    ],
    axes: {
      x: { title: "log-odds of the true class, nats", range, line: true },
      y: {
        ticks: [0, sizes.length - 2, sizes.length - 1].map((row) => [rows[row], names[row]]),
        range: [-0.6, rows.length - 0.4],
        players: data.n_players,
        sets: sets.map((one, place) => [rows[place + 1], members(one), isOr(one) ? "∨" : ""]),
      },
    },
  });
}

// In how many of their strongest sets two networks agree.
function overlap(one, other) {
  const sign = ({ sample, variant, at }, set) => Math.sign(sample.values[set][variant][variant === "probe" ? 0 : at]);
  const both = one.sample.strongest[one.variant].filter((set) => other.sample.strongest[other.variant].includes(set));
  const same = both.filter((set) => sign(one, set) === sign(other, set));
  return `${both.length} of these ${counted(one.sample.strongest[one.variant].length, "set")} are among the strongest of both networks, ${same.length} with the same sign.`;
}

const isSame = (one, other) => one.image === other.image && String(one.words) === String(other.words);
const hasPlayers = (one, other) =>
  JSON.stringify([one.players, one.word_players]) === JSON.stringify([other.players, other.word_players]);

// The network that is looked at, at the snapshot of the slider, and another one: of any experiment that shows the
// sample, of any way of training, at any snapshot.
function comparison(suite, data, sample) {
  const select = (id, label, options, chosen) => {
    const node = h("select", { id, onchange: () => draw().catch(fail) }, options.map(([value, text]) => h("option", { value }, text)));
    node.value = chosen;
    return { node, parts: h("span", h("label", { for: id }, label), node) };
  };
  const ways = VARIANTS.map((variant) => [variant, suite.labels[variant]]);
  const here = select("here", "This network: ", ways, "finetune");
  const there = select("there", "beside it: ", ways, "probe");
  const titles = suite.experiments.map(({ name, title }) => [name, title]);
  const of = select("there-of", "of ", titles, data.name);
  const moments = data.snapshots.map((snapshot, place) => [place, moment(snapshot)]);
  const when = select("there-at", "at ", moments, data.snapshots.length - 1);
  const place = h("div.pair");
  const said = h("p.muted", { "aria-live": "polite" });
  let at = data.snapshots.length - 1;
  const draw = async () => {
    const asked = suite.experiments.findIndex(({ name }) => name === of.node.value);
    const others = await unpackOnce(`experiment-${asked}`);
    if (suite.experiments[asked].name !== of.node.value) return; // chosen anew meanwhile
    const found = others.samples.find((one) => one.id === sample.id && isSame(one, sample));
    const one = { data, sample, variant: here.node.value, at };
    when.node.disabled = there.node.value === "probe";
    if (!found) {
      said.textContent = `${others.title} does not show this sample.`;
      place.replaceChildren();
      return;
    }
    const last = others.snapshots.length - 1;
    const other = { data: others, sample: found, variant: there.node.value, at: Math.min(Number(when.node.value), last) };
    const ends = [one, other].flatMap((network) => [...steps(network).from, ...steps(network).to]);
    const air = 0.04 * (Math.max(...ends) - Math.min(...ends));
    const range = [Math.min(...ends) - air, Math.max(...ends) + air];
    if (!hasPlayers(found, sample)) said.textContent = "The two experiments divide this sample into other players, so their sets are not the same ones.";
    else if (isAndOr(others) !== isAndOr(data)) said.textContent = "One network has AND-OR interactions here and the other Harsanyi interactions, which differ on the same set.";
    else said.textContent = overlap(one, other);
    place.replaceChildren(...[one, other].map((network) => strongestChart(network, suite, range).node));
  };
  const node = h(
    "section.claim",
    { "aria-labelledby": "beside" },
    h("h2", { id: "beside" }, "Two networks beside each other: what adds up to the output"),
    h("p.filter", [here, there, of, when].map(({ parts }) => parts)),
    said,
    place,
  );
  const update = (next) => {
    at = next;
    draw().catch(fail);
  };
  return { node, update };
}
