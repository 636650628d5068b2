"""How often the verdicts are wrong, on data whose answer is known.

Worlds of three models and a replicate are drawn, summarised as real experiments are and judged by
the rules of real claims. In the world ``independent`` no model has anything to do with another and
no claim is true, so every ``holds`` is a false positive.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from whypretrain.claims.verdicts import judge
from whypretrain.files.artifacts import atomic_path
from whypretrain.files.progress import Progress
from whypretrain.interactions.mobius import orders
from whypretrain.knowledge.strengths import Models, comparisons, jaccard, permuted_jaccard
from whypretrain.knowledge.summary import summarise
from whypretrain.knowledge.tables import knowledge_table, ratio_table
from whypretrain.settings.knowledge import Statistics
from whypretrain.stages import command

Array = NDArray[np.float64]
Tables = dict[str, pd.DataFrame]
N_PLAYERS = 6
ORDERS = orders(N_PLAYERS)
N_SAMPLES, N_TEST = 20, 500
EPOCHS = np.arange(6.0)
TIME = (EPOCHS / EPOCHS[-1])[:, None]
TRAINED = ("finetune", "scratch")
UNSEEN = dict.fromkeys(("test_loss", "train_loss", "train_accuracy"), np.nan)


class World(NamedTuple):
    """Final interactions; how far trajectories have come at every epoch; losses and accuracies.

    `paths`, of finetune and scratch, each of shape (n_epochs, n_samples): the share of the final
    interactions that a snapshot holds, the rest being unrelated. `losses` have the same shape.
    """

    models: Models
    paths: tuple[Array, Array]
    losses: tuple[Array, Array]
    accuracies: tuple[float, float]


def interactions(generator: np.random.Generator, law: str) -> Array:
    """Independent interactions of one model, whose strength falls with the order."""
    drawn = getattr(generator, law)(size=(N_SAMPLES, 1 << N_PLAYERS))
    strength = generator.lognormal(sigma=0.5, size=(N_SAMPLES, 1))  # samples differ
    return np.asarray(drawn * strength * 0.8**ORDERS)


def path(generator: np.random.Generator, speed: float) -> Array:
    """From 0 to 1 on a course that no sample shares with another."""
    course = 1 - np.exp(-speed * TIME)
    wavering = generator.normal(scale=0.1, size=(len(EPOCHS), N_SAMPLES))
    return np.asarray(np.clip(course / course[-1] + wavering, 0, 1))


def losses(generator: np.random.Generator, speed: float) -> Array:
    """Falling losses, shape (n_epochs, n_samples)."""
    wavering = generator.lognormal(sigma=0.5, size=(len(EPOCHS), N_SAMPLES))
    return np.asarray(np.exp(-speed * TIME) * wavering)


def independent(generator: np.random.Generator) -> World:
    """Nothing has to do with anything; all models are drawn alike."""
    law = ("laplace", "normal")[generator.integers(2)]
    return World(
        Models(*[interactions(generator, law) for _ in range(4)]),
        (path(generator, 2.0), path(generator, 2.0)),
        (losses(generator, 2.0), losses(generator, 2.0)),
        accuracies=(0.8, 0.8),
    )


def half_shared(generator: np.random.Generator) -> World:
    """Fine-tuning keeps one half of the sets as they are, scratch shares nothing and is slower."""
    probe, finetune, scratch, replicate = independent(generator).models
    assert replicate is not None
    kept = generator.random(probe.shape) < 0.5
    return World(
        Models(probe, np.where(kept, probe, finetune), scratch, np.where(kept, probe, replicate)),
        (path(generator, 6.0), path(generator, 1.0)),
        (losses(generator, 4.0), losses(generator, 1.5)),
        accuracies=(0.9, 0.7),
    )


def identical(generator: np.random.Generator) -> World:
    """All models are one."""
    model = interactions(generator, "laplace")
    course, loss = path(generator, 2.0), losses(generator, 2.0)
    return World(Models(*[model] * 4), (course, course), (loss, loss), (0.8, 0.8))


def claimed(generator: np.random.Generator) -> World:
    """As the paper has it: fine-tuning keeps low orders and turns the others round.

    What it keeps, its replicate keeps too; scratch is more likely to hold the opposite.
    """
    probe, fresh, scratch, _ = independent(generator).models
    kept = generator.random(probe.shape) < np.where(ORDERS == 1, 0.8, 0.3 / np.maximum(ORDERS, 1))
    finetune = np.where(kept, probe, -np.sign(probe) * np.abs(fresh))
    opposite = generator.random(probe.shape) < 0.3
    scratch = np.where(opposite, -np.sign(probe) * np.abs(scratch), scratch)
    steady = path(generator, 8.0) ** 0.5
    unsteady = path(generator, 1.0) + generator.normal(scale=0.3, size=steady.shape)
    return World(
        Models(probe, finetune, scratch, finetune),
        (steady, np.clip(unsteady, 0, 1)),
        (losses(generator, 5.0), losses(generator, 1.0)),
        accuracies=(0.9, 0.7),
    )


WORLDS: dict[str, Callable[[np.random.Generator], World]] = {
    world.__name__: world for world in (independent, half_shared, identical, claimed)
}


def tables(world: World, generator: np.random.Generator, options: Statistics) -> Tables:
    """Tables of a world, as the stage `knowledge` makes them of a real experiment."""
    samples = [f"{i:02d}" for i in range(N_SAMPLES)]
    counted = ORDERS > 0
    finals = dict(zip(("probe", *TRAINED), world.models[:3], strict=True))
    parts = defaultdict[str, list[pd.DataFrame]](list)
    for reference, compared in comparisons(world.models, options):
        strengths: dict[str, Any] = compared._asdict()
        held = strengths.pop("held")
        if reference == "measured":
            strengths |= {name: np.abs(own) for name, own in finals.items()}
        knowledge = knowledge_table(samples, strengths, np.zeros(N_PLAYERS + 1))
        parts["knowledge"].append(knowledge.assign(reference=reference))
        ratio = ratio_table(samples, held, compared.reached, counted)
        parts["ratio"].append(ratio.assign(reference=reference))
    for variant, course, lost in zip(TRAINED, world.paths, world.losses, strict=True):
        final = finals[variant]
        for epoch, share, loss in zip(EPOCHS, course, lost, strict=True):
            noise = generator.permutation(final.ravel()).reshape(final.shape)
            whole = (share if epoch < EPOCHS[-1] else np.ones_like(share))[:, None]
            snapshot = whole * final + (1 - whole) * noise
            spot = {"variant": variant, "fraction": epoch / EPOCHS[-1], "epoch": epoch}
            parts["losses"].append(pd.DataFrame({**spot, "sample": samples, "loss": loss}))
            similarity = {
                "measured": jaccard(snapshot[:, counted], final[:, counted]),
                "chance": permuted_jaccard(snapshot, final, counted, options),
            }
            for name, values in similarity.items():
                columns = {**spot, "sample": samples, "reference": name, "jaccard": values}
                parts["jaccard"].append(pd.DataFrame(columns))
    tested = {"epoch": EPOCHS[-1], "n_test": N_TEST, "n_classes": 2}
    history = pd.DataFrame({"variant": TRAINED, **tested, **UNSEEN})
    accuracies = generator.binomial(N_TEST, world.accuracies) / N_TEST
    parts["history"].append(history.assign(test_accuracy=accuracies))
    return {name: pd.concat(own, ignore_index=True) for name, own in parts.items()}


def verdicts(world: str, n_worlds: int, options: Statistics) -> pd.DataFrame:
    """Verdicts of many worlds of a kind, with columns `claim`, `verdict` and `world`."""
    found, progress = [], Progress(f"simulation {world}", n_worlds, "world")
    for number in range(n_worlds):
        generator = np.random.default_rng([0, number])
        drawn = tables(WORLDS[world](generator), generator, options)
        found.append(judge(summarise(world, drawn, options), reading="positive"))
        progress.update()
    return pd.concat(found, ignore_index=True)[["claim", "verdict"]].assign(world=world)


def rates(found: pd.DataFrame) -> pd.DataFrame:
    """How often each verdict was given: `count` of `n` worlds, with Clopper and Pearson's interval.

    Columns: `world`, `claim`, `verdict`, `count`, `n`, `rate`, `low`, `high` (95 %).
    """
    table = found.value_counts(["world", "claim", "verdict"], sort=False).reset_index()
    table["n"] = table.groupby(["world", "claim"])["count"].transform("sum")
    table["rate"] = table["count"] / table["n"]
    table["low"], table["high"] = proportion_confint(table["count"], table["n"], method="beta")
    return table


def main() -> None:
    """Command line."""
    paths = {"output": "table of rates to write, CSV"}
    arguments, options = command.parse("simulation", __doc__, Statistics, paths)
    many = options.simulated_worlds
    few = -(-many // 10)  # enough to see power; false positives are rare
    found = [verdicts(w, many if w == "independent" else few, options) for w in WORLDS]
    with atomic_path(arguments.output) as temporary:
        rates(pd.concat(found, ignore_index=True)).to_csv(temporary, index=False)


if __name__ == "__main__":
    command.run(main)
