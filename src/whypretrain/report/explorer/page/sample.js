// The view of one sample: its picture, what the networks say of it, and its strongest interactions.

function networksTable(sample, data, suite, at) {
  const rows = VARIANTS.map((variant) => {
    const said = sample.models[variant];
    const place = variant === "probe" ? 0 : at;
    const prediction = breakable(data.classes[said.prediction[place]]);
    return [
      suite.labels[variant],
      h("span", prediction, said.right[place] ? " ✓ right" : " ✗ wrong"),
      `${number(said.v[place], { sign: true })} (${percent(1 / (1 + Math.exp(-said.v[place])))})`,
      `${said.n_salient[place]} of ${data.n_sets}`,
      percent(said.error[place]),
    ];
  });
  return table(
    "What each network says, and how well its salient interactions alone rebuild its outputs",
    ["network", "prediction", "log-odds (probability) of the true class", "salient sets", "error of rebuilding"],
    rows,
    "models cards",
  );
}

// One list; `hover(item)` lights an item up for the moment, `pin(item)` for good.
function interactionList(part, sample, suite, scale, { hover, pin }) {
  const found = sample.lists[part];
  const told = h("p.muted");
  const entries = found.items.map((item, place) => {
    const entry = { part, set: item.set, name: nameOf(sample, item.set) };
    const bar = h("span", { class: `bar ${part}` });
    const strength = h("span.strength");
    const spark = lines(sample.values[item.set], 96, 26);
    const button = h(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        tabindex: place === 0 ? 0 : -1,
        "data-set": item.set,
        onpointerenter: () => hover(entry, "pointer"),
        onpointerleave: () => hover(null, "pointer"),
        onfocus: () => hover(entry, "focus"),
        onblur: () => hover(null, "focus"),
        onclick: () => pin(entry),
      },
      h("span.name", h("span.hidden", `${isOr(item.set) ? "any of " : ""}${sample.words ? "words " : "players "}`), entry.name),
      strength,
      h("span.track", { "aria-hidden": "true" }, bar),
      spark.node,
    );
    const sign = (at) => Math.sign(part === "discard" ? sample.values[item.set].probe[0] : sample.values[item.set].finetune[at]);
    const update = (at) => {
      const value = item.strength[at];
      bar.style.width = `${(100 * value) / scale}%`;
      strength.textContent = `${value === 0 ? "" : sign(at) < 0 ? "−" : "+"}${number(value)}`;
      spark.mark(at);
    };
    return { button, update, sign, ...entry };
  });
  const section = h(
    "section",
    { class: `interactions ${part}`, "aria-labelledby": `list-${part}` },
    h("h2", { id: `list-${part}` }, mark(part), h("span.capital", suite.labels[part])),
    entries.length === 0 ? h("p.notice", "None above the noise floor at the end of training.") : told,
    h("ol", entries.map(({ button }) => h("li", button))),
  );
  const tell = (at) => {
    const when = at === found.n.length - 1 ? "end of training" : "chosen snapshot";
    told.textContent =
      `${counted(entries.length, "set")}, strongest at the end; they hold ${percent(found.share[at])} of what is ` +
      `${suite.labels[part]} at the ${when}, in ${found.n[at]} sets`;
  };
  return { section, entries, tell };
}

// One stop of the tab key a list; arrows move within it and between lists.
function arrows(lists) {
  for (const [column, { section, entries }] of lists.entries()) {
    section.addEventListener("keydown", (event) => {
      const place = entries.findIndex(({ button }) => button === document.activeElement);
      if (place < 0) return;
      const across = { ArrowLeft: column - 1, ArrowRight: column + 1 }[event.key] ?? column;
      const down = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: Infinity }[event.key];
      if (across === column && down === undefined) return;
      event.preventDefault();
      const others = lists[across]?.entries ?? [];
      const target = others[Math.min(down ?? place, others.length - 1)];
      if (!target) return;
      for (const { button } of others) button.tabIndex = button === target.button ? 0 : -1;
      target.button.focus();
    });
  }
}

// The values of the interaction that is lit up.
function valuesPanel(sample, data, suite) {
  const node = h("div.values", { "aria-live": "polite" });
  const show = (entry, at) => {
    if (!entry) {
      const shown = sample.words ? "words" : "regions";
      const how = "Point at an interaction, or reach it with the tab and arrow keys, to see its";
      node.replaceChildren(h("p.muted", `${how} ${shown} and its values. Enter or a click keeps it.`));
      return;
    }
    const values = sample.values[entry.set];
    const own = VARIANTS.map((variant) =>
      number(values[variant][variant === "probe" ? 0 : at], { sign: true }),
    );
    const drawing = lines(values, 360, 90, `Its value along ${values.finetune.length} snapshots under each network`);
    drawing.mark(at);
    node.replaceChildren(
      h("h2", `I({${entry.name}})`, h("span.muted", ` in nats, ${moment(data.snapshots[at])}`)),
      h(
        "dl",
        VARIANTS.map((variant, place) =>
          h("div", h("dt", mark(`${variant} line`), suite.labels[variant]), h("dd", own[place])),
        ),
      ),
      h(
        "div.drawing",
        { "aria-hidden": "true" },
        drawing.node,
        h("span.muted", `start to end, snapshots evenly spaced; from ${number(drawing.low)} to ${number(drawing.high)}, grey: zero`),
      ),
    );
  };
  return { node, show };
}

// Which of the listed sets are shown. `pick(player)` asks for those with a player, or for all again.
function setFilter(data, change) {
  const { n_players } = data;
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => String(from + at));
  const select = (id, label, options) => {
    const node = h("select", { id, onchange: change }, h("option", { value: "" }, "any"), options.map(([value, text]) => h("option", { value }, text)));
    return { node, parts: [h("label", { for: id }, label), node] };
  };
  const order = select("of-order", "Order ", range(1, n_players).map((one) => [one, one]));
  const sign = select("of-sign", "sign ", [["1", "+"], ["-1", "−"]]);
  const player = select("of-player", "with player ", range(0, n_players - 1).map((one) => [one, one]));
  const kind = select("of-kind", "kind ", [["and", "AND"], ["or", "OR"]]);
  const fits = (entry, place) => {
    const inside = members(entry.set);
    return (
      (order.node.value === "" || inside.length === Number(order.node.value)) &&
      (sign.node.value === "" || entry.sign(place) === Number(sign.node.value)) &&
      (kind.node.value === "" || isOr(entry.set) === (kind.node.value === "or")) &&
      (player.node.value === "" || inside.includes(Number(player.node.value)))
    );
  };
  const pick = (one) => {
    player.node.value = player.node.value === String(one) ? "" : String(one);
    change();
  };
  return { node: h("p.filter", order.parts, sign.parts, isAndOr(data) ? kind.parts : [], player.parts, h("span.muted", "or click a region or word")), fits, pick };
}

function sampleView(suite, data, sample, route, at, choose) {
  const truth = data.classes[sample.label];
  const filter = setFilter(data, () => refresh());
  const picture = pictureOf(sample, `The sample, of class ${truth}, with ${data.n_players} numbered players`, filter.pick);
  const values = valuesPanel(sample, data, suite);
  const models = h("div.wide");
  const strengths = PARTS.flatMap((part) => sample.lists[part].items.flatMap((item) => item.strength));
  const scale = Math.max(...strengths, 1e-300);

  let place = at;
  let pinned = null;
  const lit = { pointer: null, focus: null };
  const isPinned = ({ set, part }) => pinned?.set === set && pinned.part === part;
  const refresh = () => {
    const entry = lit.pointer ?? lit.focus ?? pinned;
    picture.light(entry ? members(entry.set) : null);
    picture.node.setAttribute("data-part", entry?.part ?? "");
    values.show(entry, place);
    for (const one of every) {
      one.button.setAttribute("aria-pressed", String(isPinned(one)));
      one.button.classList.toggle("lit", entry?.set === one.set);
      one.button.parentNode.hidden = !filter.fits(one, place);
    }
  };
  const tell = () => choose(place, pinned);
  const hover = (entry, how) => {
    lit[how] = entry;
    refresh();
  };
  const pin = (entry) => {
    const again = entry === null || isPinned(entry);
    pinned = again ? null : entry;
    if (again) lit.pointer = lit.focus = null;
    refresh();
    tell();
  };
  const lists = PARTS.map((part) => interactionList(part, sample, suite, scale, { hover, pin }));
  const every = lists.flatMap(({ entries }) => entries);
  arrows(lists);
  const beside = comparison(suite, data, sample);
  const update = (next) => {
    place = next;
    models.replaceChildren(networksTable(sample, data, suite, place));
    for (const one of [...every, ...lists]) (one.update ?? one.tell)(place);
    beside.update(place);
    refresh();
  };
  pinned = every.find(({ part, set }) => part === route.list && set === route.set) ?? null;
  update(place);

  const index = data.samples.indexOf(sample);
  const neighbour = (step, text) => {
    const other = data.samples[index + step];
    const href = other && address({ experiment: data.name, sample: other.id, at: route.at });
    return other ? h("a", { href, rel: step < 0 ? "prev" : "next" }, text) : h("span.muted", text);
  };
  const steps = [neighbour(-1, "← previous"), ` ${index + 1} of ${data.samples.length} `, neighbour(1, "next →")];
  const node = h(
    "article",
    { onkeydown: ({ key }) => key === "Escape" && pin(null) },
    h("div.heading", h("h1", "Sample ", breakable(sample.id)), h("nav", { "aria-label": "Samples" }, steps)),
    h("p", h("span.muted", "True class: "), h("b", breakable(truth))),
    h(
      "div.halves",
      h("div.stage", picture.node, values.node),
      h(
        "div",
        slider(data.snapshots, at, (next) => {
          update(next);
          tell();
        }),
        models,
        h(
          "p.muted.prose",
          "Salient: stronger than ",
          level(suite.metrics.salience_threshold),
          suite.metrics.salience_scale === "model" ? " of the network's strongest interaction. " : " of the sample's strongest interaction. ",
          "The error is that of all 2ⁿ outputs rebuilt from the salient interactions alone, as a share ",
          `of how much the outputs vary. The networks are those of the first seed, ${data.setup.seeds[0]}; the `,
          "probe has no snapshots: it stays as it is.",
          isAndOr(data)
            ? " An AND interaction takes effect where all players of its set are kept, an OR interaction (∨) where any is."
            : "",
        ),
        filter.node,
        h("div.lists", lists.map(({ section }) => section)),
        h(
          "p.muted.prose",
          "Strengths in nats at the chosen snapshot, on one scale for the three lists; which interactions ",
          "are listed, and in which order, is decided by the final fine-tuned network. Small lines: the ",
          "interaction's value along training; the dotted level is the probe's.",
        ),
      ),
    ),
    beside.node,
  );
  return { title: `${sample.id} · ${data.title} · ${suite.suite}`, node };
}
