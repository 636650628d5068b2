"""How often each answer comes out in worlds of known truth.

Worlds become records of networks, and go through the tables, the summary and the rules of real
experiments. The tables of many worlds are made at once, as if they were further samples; summaries
and answers are of each world on its own, and leave out the rows that no claim is about.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from validation.simulation.worlds import EPOCHS, KINDS, TIME, Draw, Networks, World
from whypretrain.claims.verdicts import ANSWERS, judge
from whypretrain.data.samples import Sample, Samples
from whypretrain.files.progress import Progress
from whypretrain.interactions.mobius import zeta
from whypretrain.interactions.record import Record, new_record
from whypretrain.knowledge.compared import Compared, compare
from whypretrain.knowledge.courses import course_tables
from whypretrain.knowledge.stopping import EMERGED
from whypretrain.knowledge.strengths import TRAINED
from whypretrain.knowledge.summary import summarise
from whypretrain.knowledge.tables import comparison_tables
from whypretrain.knowledge.turnover import turnover_tables
from whypretrain.settings.knowledge import Metrics, Statistics

Array = NDArray[np.float64]
Tables = dict[str, pd.DataFrame]
TOGETHER = 1000  # samples whose tables are made at once
N_TEST = 500
BEST = EPOCHS[3]
SPREAD_OF_ITEMS, SPREAD_OF_SEEDS = 1.0, 0.1  # of the log-odds that a network is right
READING = "zero"
WEIGHED = ("preserve", "discard", "new", "preserve_most", "probe", *TRAINED)
PAIRS = ("probe-finetune", "probe-scratch", "finetune-finetune", "preserved-scratch")
JUDGED: dict[str, Mapping[str, tuple[str, ...]]] = {
    "knowledge": {"quantity": WEIGHED, "reference": ("measured",)},
    "ratio": {"order": ("all",), "reference": ("measured",)},
    "agreement": {
        "kind": ("sets",),
        "order": ("1-2", "3-4", "5+", "all"),
        "pair": (*PAIRS, "preserved-finetune"),
    },
    "jaccard": {"reference": ("measured",)},
    "courses": {"order": ("all",), "target": ("own", "second run")},
    "turnover": {"order": ("all",), "part": EMERGED},
    "held": {"order": ("all",), "target": EMERGED},
}
"""Rows that claims are about."""
NUMBERS = {
    "agreement of probe and finetune": {"quantity": "agreement", "variant": "probe-finetune"},
    "agreement of probe and scratch": {"quantity": "agreement", "variant": "probe-scratch"},
    "agreement of two finetune": {"quantity": "agreement", "variant": "finetune-finetune"},
    "transfer": {"quantity": "transfer"},
    "discard / preserve": {"quantity": "discard_over_preserve", "reading": "sets"},
    "smallest discard / preserve": {
        "quantity": "smallest_discard_over_preserve",
        "reading": "sets",
    },
    "ratio": {"quantity": "ratio", "reading": "zero"},
}
"""Numbers over all orders that say what a kind of world is like, as rows of the summary."""


def records(world: World, draw: Draw) -> Compared:
    """The networks of many worlds as those of one experiment with as many samples more."""
    names = [f"{w:03d}-{s:03d}" for w in range(draw.n_worlds) for s in range(draw.n_samples)]
    shown, players = np.zeros((1, 1, 1)), np.zeros((1, 1), dtype=np.int16)
    samples = Samples(
        ["x", "y"],
        draw.n_players,
        [Sample(name, 0, shown, shown, players, [], []) for name in names],
    )

    def record(trajectory: Array, losses: Array) -> Record:
        """Arrays of shape (n_snapshots, n_worlds, n_samples, ...)."""
        n_snapshots = len(trajectory)
        # Of two classes: the loss is log(1 + exp(z1 - z0)).
        second = np.log(np.expm1(losses)).reshape(n_snapshots, -1)
        return new_record(
            samples,
            fractions=[*TIME[-n_snapshots:].ravel()],
            epochs=[*EPOCHS[-n_snapshots:]],
            outputs=zeta(trajectory.reshape(n_snapshots, len(names), -1)),
            logits=np.stack([np.zeros_like(second), second], axis=-1).astype(np.float32),
            noise_floor=np.zeros((n_snapshots, draw.n_players + 1)),
            digests=[[""] * len(names)] * n_snapshots,
        )

    def trained(networks: Networks) -> list[Record]:
        return [
            record(_trajectory(start, final, networks, draw), _losses(networks, draw))
            for start, final in zip(networks.starts, networks.finals, strict=True)
        ]

    probe = record(world.probe[None], np.ones((1, *world.probe.shape[:2])))
    finetune, scratch = trained(world.finetune), trained(world.scratch)
    return compare(range(draw.n_seeds), probe, finetune, scratch)


def _trajectory(start: Array, final: Array, networks: Networks, draw: Draw) -> Array:
    """From a start to the end, on a course on which every sample and seed wavers by itself."""
    course = 1 - np.exp(-_speed(networks, draw) * TIME)
    wavering = networks.pace.wavering * draw.generator.normal(size=(len(EPOCHS), *start.shape[:2]))
    share = np.clip(course / course[-1] + wavering, 0, 1)
    share[0], share[-1] = 0, 1
    of_sets = np.broadcast_to(share[..., None], (*share.shape, final.shape[-1]))
    if networks.late is not None:
        of_sets = np.where(networks.late & (TIME < 1)[..., None], 0, of_sets)
    return np.asarray(of_sets * final + (1 - of_sets) * start)


def _losses(networks: Networks, draw: Draw) -> Array:
    shape = (len(EPOCHS), draw.n_worlds, draw.n_samples)
    wavering = np.exp(networks.pace.wavering * 5 * draw.generator.normal(size=shape))
    return np.asarray(np.exp(-_speed(networks, draw) * TIME) * wavering)


def _speed(networks: Networks, draw: Draw) -> Array:
    own = draw.generator.lognormal(sigma=networks.pace.wavering, size=(draw.n_worlds, 1))
    return np.asarray(networks.pace.speed * own)


def history(world: World, draw: Draw) -> pd.DataFrame:
    """Accuracies, with a column `world`: all networks see the same items.

    Fine-tuned networks are as good at :data:`BEST` as they are at the end.
    """
    rows = []
    for number in range(draw.n_worlds):
        items = draw.generator.normal(scale=SPREAD_OF_ITEMS, size=N_TEST)
        for variant in TRAINED:
            accuracy = getattr(world, variant).pace.accuracy
            for seed in range(draw.n_seeds):
                own = draw.generator.normal(scale=SPREAD_OF_SEEDS)
                right = draw.generator.random(N_TEST) < expit(logit(accuracy) + own + items)
                row = {"world": number, "variant": variant, "seed": str(seed)}
                for epoch in (BEST, EPOCHS[-1]) if variant == "finetune" else EPOCHS[-1:]:
                    at = {"epoch": epoch, "step": 10 * epoch}
                    rows.append(row | {"test_accuracy": right.mean()} | at)
    end = {"n_test": N_TEST, "n_classes": 2}
    unseen = dict.fromkeys(("test_loss", "train_loss", "train_accuracy"), np.nan)
    return pd.DataFrame(rows).assign(**end, **unseen)


def tables(world: World, draw: Draw, *, stopping: bool = False) -> Iterator[Tables]:
    """The tables of each world, with the rows that claims are about.

    Parameters
    ----------
    stopping : also those of the claim `stopping`, which take longer than all others
    """
    compared = records(world, draw)
    made = comparison_tables(compared) | course_tables(compared)
    if stopping:
        made |= turnover_tables(compared, Metrics())
    found = {"history": dict([*history(world, draw).groupby("world")])}
    for name in [one for one in (*JUDGED, "losses") if one in made]:
        table = judged(name, made[name])
        found[name] = dict([*table.groupby(table["sample"].str[:3].astype(int))])
    for number in range(draw.n_worlds):
        yield {name: own[number] for name, own in found.items()}


def judged(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that claims are about."""
    for column, values in JUDGED.get(name, {}).items():
        table = table[table[column].isin(values)]
    return table


def outcomes(kind: str, n_worlds: int, options: Statistics) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers and NUMBERS of many worlds of a kind.

    Returns
    -------
    answers, numbers : tables with columns `claim`, `reading`, `question`, `answer`; `what`,
        `number`
    """
    own = KINDS[kind]
    together = TOGETHER // own.n_samples
    answers, numbers = [], []
    progress = Progress(f"simulation {kind}", n_worlds, "world")
    for start in range(0, n_worlds, together):
        generator = np.random.default_rng([0, [*KINDS].index(kind), start])
        n_drawn = min(together, n_worlds - start)
        draw = Draw(generator, n_drawn, n_seeds=own.n_seeds, n_samples=own.n_samples)
        for drawn in tables(own.draw(draw), draw, stopping=own.stopping):
            summary = summarise(kind, drawn, options)
            answers.append(judge(summary, READING)[["claim", "reading", *ANSWERS]])
            numbers += [{"what": name, "number": _number(summary, name)} for name in NUMBERS]
            progress.update()
    long = pd.concat(answers).melt(["claim", "reading"], var_name="question", value_name="answer")
    return long[long["answer"] != "–"], pd.DataFrame(numbers)


def _number(summary: pd.DataFrame, name: str) -> float:
    rows = summary[summary["order"] == "all"]
    for column, value in NUMBERS[name].items():
        rows = rows[rows[column] == value]
    return float(rows["number"].iloc[0])


def simulate(options: Statistics) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers and numbers in all kinds of worlds.

    Returns
    -------
    rates : how often each answer was given: `world`, `claim`, `reading`, `question`, `answer`,
        `count` of `n` worlds, `rate` with its interval `low`, `high` (95 %, Clopper and Pearson)
    numbers : `world`, `number` (its name), `mean`, `least`, `most`, `n`: over worlds
    """
    answers, numbers = [], []
    for name, kind in KINDS.items():
        n_worlds = -(-options.simulated_worlds // kind.fewer)
        found = outcomes(name, n_worlds, options)
        answers.append(found[0].assign(world=name))
        numbers.append(found[1].assign(world=name))
    return rates(pd.concat(answers)), spread(pd.concat(numbers))


def rates(answers: pd.DataFrame) -> pd.DataFrame:
    """How often each answer was given."""
    keys = ["world", "claim", "reading", "question"]
    table = answers.value_counts([*keys, "answer"], sort=False).reset_index()
    table["n"] = table.groupby(keys)["count"].transform("sum")
    table["rate"] = table["count"] / table["n"]
    table["low"], table["high"] = proportion_confint(table["count"], table["n"], method="beta")
    return table


def spread(numbers: pd.DataFrame) -> pd.DataFrame:
    """Mean, least and most of each number over worlds."""
    of: Any = numbers.groupby(["world", "what"], sort=False)["number"]
    found = of.agg(mean="mean", least="min", most="max", n="size").reset_index()
    return pd.DataFrame(found.rename(columns={"what": "number"}))
