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
  return h(
    "section",
    { "aria-labelledby": "samples" },
    h("h2", { id: "samples" }, "Samples"),
    shown === 0 ? h("p.notice", none) : h("p.muted", note),
    h("ul.gallery", data.samples.map((sample) => sampleCard(sample, data, suite))),
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
      ),
      gallery(data, suite),
    ),
  };
}
