// The view of one experiment: its five charts and its samples.

function thumbnail(sample) {
  if (sample.words) return h("span.sentence", sample.words.join(" "));
  return h(sample.width < 128 ? "img.pixelated" : "img", { src: sample.image, alt: "" });
}

function sampleCard(sample, data, suite) {
  const said = VARIANTS.map((variant) => {
    const right = sample.models[variant].right.at(-1);
    const [mark, word] = right ? ["✓", " right"] : ["✗", " wrong"];
    return h("span.said", `${suite.short[variant]} ${mark}`, h("span.hidden", word));
  });
  return h(
    "li",
    h(
      "a",
      { href: address({ experiment: data.name, sample: sample.id }), class: sample.words ? "text" : "" },
      thumbnail(sample),
      h("span.id", breakable(sample.id)),
      h("span.class", breakable(data.classes[sample.label])),
      h("span.saids", said),
    ),
  );
}

function gallery(data, suite) {
  const shown = data.samples.length;
  const left = data.n_samples - shown;
  const [seed] = data.setup.seeds;
  const marks = `Under the networks of the first seed, ${seed}; ✓ and ✗: right or wrong at the end of training.`;
  const note =
    left === 0
      ? `All ${shown} samples. ${marks}`
      : `${shown} of ${data.n_samples} samples, evenly spread; the other ${left} were left out to ` +
        `keep the page small (explorer.samples, explorer.megabytes). All of them are in the charts. ${marks}`;
  const none =
    `None of the ${data.n_samples} samples is on this page: explorer.samples is 0, or the page would ` +
    `have become larger than explorer.megabytes (${suite.explorer.megabytes}).`;
  const cards = data.samples.map((sample) => ({ sample, card: sampleCard(sample, data, suite) }));
  const filter = () => {
    const asked = search.value.trim().toLowerCase();
    for (const { sample, card } of cards) {
      const named = `${sample.id} ${data.classes[sample.label]} ${(sample.words ?? []).join(" ")}`.toLowerCase();
      const said = VARIANTS.map((variant) => sample.models[variant].prediction.at(-1));
      card.hidden = !named.includes(asked) || (differing.checked && new Set(said).size === 1);
    }
    const left = cards.filter(({ card }) => !card.hidden).length;
    found.textContent = left === cards.length ? "" : `${left} of ${cards.length}`;
  };
  const search = h("input", { type: "search", id: "search", oninput: filter });
  const differing = h("input", { type: "checkbox", id: "differing", onchange: filter });
  const found = h("output", { for: "search differing" });
  const choice = [h("label", { for: "search" }, "Id, class or word "), search, differing, h("label", { for: "differing" }, "networks disagree"), found];
  return h(
    "section",
    { "aria-labelledby": "samples" },
    h("h2", { id: "samples" }, "Samples"),
    shown === 0 ? h("p.notice", none) : h("p.muted", note),
    shown > 1 ? h("p.chooser.filter", choice) : null,
    h("ul.gallery", cards.map(({ card }) => card)),
  );
}

function experimentView(suite, data, at, choose) {
  const jaccard = jaccardChart(data, suite, at);
  const chosen = slider(data.snapshots, at, (place) => {
    jaccard.mark(place);
    choose(place);
  });
  jaccard.plot.before(chosen);
  return {
    title: `${data.title} · ${suite.suite}`,
    node: h(
      "article",
      h("h1", data.title),
      h(
        "p.muted",
        `${about(data)}.`,
        data.n_samples === 1 ? " One sample has no interval over samples." : "",
      ),
      h(
        "div.figures",
        agreementChart(data, suite).node,
        ordersChart(data, suite).node,
        jaccard.node,
        ratioChart(data, suite).node,
        accuracyChart(data, suite).node,
        data.ways.length ? waysChart(data, suite).node : null,
      ),
      gallery(data, suite),
    ),
  };
}
