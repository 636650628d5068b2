// The view of one experiment: its four charts and its samples.

function thumbnail(sample) {
  if (sample.words) return h("span", { class: "sentence" }, sample.words.join(" "));
  const small = sample.width < 128;
  return h("img", { src: sample.image, alt: "", class: small ? "pixelated" : "" });
}

function sampleCard(sample, data, suite) {
  const said = VARIANTS.map((variant) => {
    const right = sample.models[variant].right.at(-1);
    const name = { probe: "probe", finetune: "fine-tuned", scratch: "scratch" }[variant];
    return h("span", { class: "said" }, `${name} `, right ? "✓" : "✗", h("span", { class: "hidden" }, right ? " right" : " wrong"));
  });
  return h(
    "li",
    {},
    h(
      "a",
      { href: address({ experiment: data.name, sample: sample.id }), class: sample.words ? "text" : "" },
      thumbnail(sample),
      h("span", { class: "id" }, breakable(sample.id)),
      h("span", { class: "class" }, breakable(data.classes[sample.label])),
      h("span", { class: "saids" }, said),
    ),
  );
}

function gallery(data, suite) {
  const shown = data.samples.length;
  const left = data.n_samples - shown;
  return h(
    "section",
    { "aria-labelledby": "samples" },
    h("h2", { id: "samples" }, "Samples"),
    shown === 0
      ? h(
          "p",
          { class: "notice" },
          `None of the ${data.n_samples} samples is on this page: explorer.samples is 0, or the page would `,
          `have become larger than explorer.megabytes (${suite.megabytes}).`,
        )
      : h(
          "p",
          { class: "muted" },
          left === 0
            ? `All ${shown} samples. ✓ and ✗: right or wrong at the end of training.`
            : `${shown} of ${data.n_samples} samples, evenly spread; the other ${left} were left out to ` +
                "keep the page small (explorer.samples, explorer.megabytes). All of them are in the " +
                "charts. ✓ and ✗: right or wrong at the end of training.",
        ),
    h("ul", { class: "gallery" }, data.samples.map((sample) => sampleCard(sample, data, suite))),
  );
}

function experimentView(suite, data, at, choose) {
  const jaccard = jaccardChart(data, suite, at);
  const chosen = slider(data.snapshots, at, (place) => {
    jaccard.mark(place);
    choose(place);
  });
  jaccard.plot.before(chosen);
  const { model, dataset, players } = data.setup;
  return {
    title: `${data.title} · ${suite.suite}`,
    node: h(
      "article",
      {},
      h("h1", {}, data.title),
      h(
        "p",
        { class: "muted" },
        `${model} on ${dataset}: ${data.n_samples} sample${data.n_samples === 1 ? "" : "s"}, `,
        `${data.n_players} players each (${players}).`,
        data.n_samples === 1 ? " One sample has no interval over samples." : "",
      ),
      h(
        "div",
        { class: "figures" },
        ordersChart(data, suite).node,
        jaccard.node,
        ratioChart(data, suite).node,
        accuracyChart(data, suite).node,
      ),
      gallery(data, suite),
    ),
  };
}
