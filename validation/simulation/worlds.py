"""Worlds of known truth: the networks of experiments whose interactions are drawn.

Each world is a probe and networks of several seeds either way of training. Those of one way share a
part and have a part of their own: a set of players has the interaction of all seeds with a chance
that differs from seed to seed, 0.5 on average, and else one of the seed's own. What the ways of
training share with each other is what a kind of world is about.

Many worlds are drawn at once, as arrays of shape (n_worlds, n_samples, ...).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.mobius import orders

Array = NDArray[np.float64]
EPOCHS = np.arange(6.0)
TIME = (EPOCHS / EPOCHS[-1])[:, None, None]
OWN_STRENGTH = 0.1  # standard deviation of a seed's strength, as a logarithm
JITTER = 0.2  # of interactions that are kept, as a logarithm: their signs stay


class Pace(NamedTuple):
    """How networks of one way of training come to their end, and how good they are there.

    `wavering`: standard deviation of the share of the way that a snapshot has come.
    """

    speed: float = 2.0
    wavering: float = 0.1
    accuracy: float = 0.8


USUAL = Pace()


class Networks(NamedTuple):
    """Networks of one way of training, one a seed.

    `starts`, `finals`: interactions, each of shape (n_worlds, n_samples, 2**n_players)
    `late`: sets that are as at the start until the last snapshot, of that shape
    """

    starts: list[Array]
    finals: list[Array]
    pace: Pace = USUAL
    late: NDArray[np.bool_] | None = None


class World(NamedTuple):
    """The networks of many worlds."""

    probe: Array
    finetune: Networks
    scratch: Networks


@dataclass(frozen=True)
class Draw:
    """Draws of one batch of worlds, and their size."""

    generator: np.random.Generator
    n_worlds: int
    n_seeds: int = 3
    n_samples: int = 20
    n_players: int = 6

    @property
    def orders(self) -> NDArray[np.int64]:
        """Order of each set, of shape (2**n_players,)."""
        return orders(self.n_players)

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of one network's interactions."""
        return self.n_worlds, self.n_samples, 1 << self.n_players

    def fresh(self, *laws: str) -> Array:
        """Interactions that no other network has: worlds take turns with laws of their sizes.

        Laws: ``normal``, ``laplace``, ``student`` (t with 2.5 degrees of freedom) and ``lognormal``
        (sigma 1.5, either sign). Samples differ in strength, orders do not.
        """
        drawn = np.empty(self.shape)
        for place, law in enumerate(laws or ("normal", "laplace")):
            own = drawn[place :: len(laws or (1, 2))]
            own[...] = self._law(law, own.shape)
        samples = self.generator.lognormal(sigma=0.5, size=(*self.shape[:2], 1))
        return drawn * samples

    def _law(self, law: str, shape: tuple[int, ...]) -> Array:
        if law == "student":
            return self.generator.standard_t(2.5, size=shape)
        if law == "lognormal":
            signs = self.generator.choice([-1.0, 1.0], size=shape)
            return np.asarray(signs * self.generator.lognormal(sigma=1.5, size=shape))
        return np.asarray(getattr(self.generator, law)(size=shape))

    def chosen(self, share: float | Array) -> NDArray[np.bool_]:
        """Sets chosen at random, each with the chance `share`."""
        return self.generator.random(self.shape) < share

    def seeds(self, shared: Array, *laws: str) -> list[Array]:
        """Networks of each seed: a part of what all have, the rest fresh, a strength of its own."""
        found = []
        for _ in range(self.n_seeds):
            share = self.generator.uniform(0.3, 0.7, size=(self.n_worlds, 1, 1))
            own = np.where(self.chosen(share), shared, self.fresh(*laws))
            strength = self.generator.lognormal(sigma=OWN_STRENGTH, size=(self.n_worlds, 1, 1))
            found.append(own * strength)
        return found

    def unrelated(self, *laws: str, pace: Pace = USUAL) -> Networks:
        """Networks that share a part with each other and nothing with others."""
        return Networks(
            [self.fresh(*laws) for _ in range(self.n_seeds)],
            self.seeds(self.fresh(*laws), *laws),
            pace,
        )


def independent(draw: Draw, laws: tuple[str, ...] = ()) -> World:
    """The ways of training have nothing to do with each other, and are alike."""
    return World(draw.fresh(*laws), draw.unrelated(*laws), draw.unrelated(*laws))


def alike(draw: Draw) -> World:
    """Probe, fine-tuned and scratch networks share as much as seeds do: it makes no difference."""
    shared = draw.fresh()
    probe = np.where(draw.chosen(0.5), shared, draw.fresh())
    start = [draw.fresh() for _ in range(2 * draw.n_seeds)]
    finals = draw.seeds(shared), draw.seeds(shared)
    return World(
        probe,
        Networks(start[: draw.n_seeds], finals[0]),
        Networks(start[draw.n_seeds :], finals[1]),
    )


def kept(
    draw: Draw,
    share: float | Array,
    strength: float = 1.0,
    laws: tuple[str, ...] = (),
    *,
    same: bool = True,
    paces: tuple[Pace, Pace] = (Pace(4.0, accuracy=0.9), Pace(accuracy=0.7)),
) -> World:
    """Fine-tuning starts at the probe and keeps a share of its sets; scratch knows nothing of it.

    Parameters
    ----------
    strength : that kept sets have, relative to the probe's, up to a jitter
    same : whether all seeds keep the same sets
    """
    probe = draw.fresh(*laws)
    held = draw.chosen(share)
    finals = []
    for own in draw.seeds(draw.fresh(*laws), *laws):
        keeps = held if same else draw.chosen(share)
        jitter = draw.generator.lognormal(sigma=JITTER, size=draw.shape)
        finals.append(np.where(keeps, strength * jitter * probe, own))
    finetune = Networks([probe] * draw.n_seeds, finals, paces[0])
    return World(probe, finetune, draw.unrelated(*laws, pace=paces[1]))


def paper(draw: Draw) -> World:
    """As the paper has it: what is kept is of low orders, and scratch is slow and unsteady."""
    share = np.where(draw.orders < 2, 0.7, 0.7 / np.maximum(draw.orders, 1) ** 2)
    return kept(draw, share, paces=(Pace(6.0, 0.05, 0.9), Pace(1.0, 0.25, 0.7)))


def identical(draw: Draw) -> World:
    """All networks are one, at every snapshot."""
    probe, start = draw.fresh(), [draw.fresh()] * draw.n_seeds
    still = Networks(start, [probe] * draw.n_seeds, Pace(wavering=0.0))
    return World(probe, still, still)


def permuted(draw: Draw) -> World:
    """Every network is the probe with its interactions permuted among the sets of each order."""
    probe = draw.fresh()
    ways = []
    for _ in range(2):
        finals = []
        for _ in range(draw.n_seeds):
            final = np.empty_like(probe)
            for order in range(draw.n_players + 1):
                sets = draw.orders == order
                final[..., sets] = draw.generator.permuted(probe[..., sets], axis=-1)
            finals.append(final)
        ways.append(Networks([draw.fresh() for _ in finals], finals))
    return World(probe, *ways)


def overfitting(draw: Draw) -> World:
    """Half of what fine-tuning learns comes late, with either sign; the rest raises the outputs."""
    late = draw.chosen(0.5)
    found = draw.unrelated()
    finals = [np.where(late, final, np.abs(final)) for final in found.finals]
    still = [np.zeros(draw.shape)] * draw.n_seeds
    return World(draw.fresh(), Networks(still, finals, late=late), draw.unrelated())


HEAVY = ("student", "lognormal")


class Kind(NamedTuple):
    """A kind of world: how it is drawn, its size, and how few of them there are.

    `fewer`: of the worlds that settings ask for, one in so many. Errors are rare, and take many.
    `stopping`: whether the claim of this name is judged, which takes long.
    """

    draw: Callable[[Draw], World]
    n_seeds: int = 3
    n_samples: int = 20
    fewer: int = 12
    stopping: bool = False


KINDS = {
    "independent": Kind(independent, fewer=1),
    "independent, heavy tails": Kind(partial(independent, laws=HEAVY), fewer=4),
    "alike": Kind(alike, fewer=2),
    "permuted": Kind(permuted),
    "identical": Kind(identical),
    "kept 0.1": Kind(partial(kept, share=0.1), fewer=4),
    "kept 0.1 of each seed's own": Kind(partial(kept, share=0.1, same=False)),
    "kept 0.1, 5 seeds": Kind(partial(kept, share=0.1), n_seeds=5),
    "kept 0.1, 100 samples": Kind(partial(kept, share=0.1), n_samples=100),
    "kept 0.1 at 0.3": Kind(partial(kept, share=0.1, strength=0.3)),
    "kept 0.1 at 0.3, 100 samples": Kind(partial(kept, share=0.1, strength=0.3), n_samples=100),
    "kept 0.1, heavy tails": Kind(partial(kept, share=0.1, laws=HEAVY)),
    "kept 0.3": Kind(partial(kept, share=0.3)),
    "kept 0.3 at 0.3": Kind(partial(kept, share=0.3, strength=0.3)),
    "kept 0.5": Kind(partial(kept, share=0.5)),
    "kept 0.5 at 0.3": Kind(partial(kept, share=0.5, strength=0.3)),
    "kept 1": Kind(partial(kept, share=1.0)),
    "kept 1 at 0.3": Kind(partial(kept, share=1.0, strength=0.3)),
    "kept 1 at 0.3, heavy tails": Kind(partial(kept, share=1.0, strength=0.3, laws=HEAVY)),
    "as the paper": Kind(paper),
    "independent, to the best snapshot": Kind(independent, fewer=4, stopping=True),
    "overfitting": Kind(overfitting, stopping=True),
}
"""Six players; three seeds and 20 samples unless their names say otherwise."""
