"""One sample under one model, for a person: as a table, as a picture, or for shapiq."""

from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whypretrain.data.samples import Sample
from whypretrain.interactions.mobius import members, n_players_of
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import reconstruction_error, salient
from whypretrain.interactions.sets import coalitions_of, is_or
from whypretrain.report import overlay, style
from whypretrain.report.player_sheet import draw_image_players, draw_text_players


@dataclass(frozen=True)
class Explanation:
    """All interactions of one sample under one model, Harsanyi or AND-OR.

    Attributes
    ----------
    outputs : v(T), the log-odds of `label` in nats, for every coalition T: (2**n_players,), float64
    interactions : Harsanyi interactions I(S) of every set S, of the same shape; entry 5 = 0b101 is
        the set {0, 2}. Or AND-OR interactions, as :mod:`whypretrain.interactions.sets` has them.
    players : the player of every pixel, (height, width), or token, (length,); -1 for none
    logits : of the whole input, (n_classes,), float32
    label : the class whose log-odds are explained
    image : (channels, height, width), as it is to be shown; of images alone, where it is known
    words, word_players : the sentence's words, and the player of each or -1; of texts alone
    classes : names of the classes, where they are known
    """

    outputs: NDArray[np.float64]
    interactions: NDArray[np.float64]
    players: NDArray[np.int16]
    logits: NDArray[np.float32]
    label: int
    image: NDArray[Any] | None = None
    words: list[str] = field(default_factory=list)
    word_players: list[int] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    @property
    def n_players(self) -> int:
        """Number of players."""
        return n_players_of(len(self.outputs))

    @property
    def coalitions(self) -> NDArray[np.int64]:
        """The set of each entry of `interactions`: int64 of the same shape, the empty set first."""
        return coalitions_of(len(self.interactions))

    @property
    def is_or(self) -> NDArray[np.bool_]:
        """Which are OR interactions: of the same shape."""
        return is_or(len(self.interactions))

    @property
    def remark(self) -> str:
        """What tables, pictures and shapiq's plots must say beside the numbers; empty if exact."""
        return ""

    @property
    def prediction(self) -> int:
        """The class that the model predicts on the whole input."""
        return int(self.logits.argmax())

    def class_name(self, label: int) -> str:
        """The name of a class, or its number where names are not known."""
        return self.classes[label] if self.classes else str(label)

    def name(self, coalition: int, *, any_of: bool = False) -> str:
        """A coalition in words: its players' words, or their numbers; of an OR interaction with ∨.

        >>> two = np.zeros(4)
        >>> Explanation(two, two, np.array([0, 1], dtype=np.int16), np.zeros(2), 0).name(3)
        '{0, 1}'
        """
        said = {member: [str(member)] for member in members(coalition)}
        if self.words:
            said = {member: [] for member in said}
            for word, player in zip(self.words, self.word_players, strict=True):
                said.get(player, []).append(word)
        between = " ∨ " if any_of else ", "
        return "{" + between.join(" ".join(words) for words in said.values()) + "}"

    def table(self, *, threshold: float = 0.05) -> pd.DataFrame:
        """One row an interaction, in the order of the array.

        Columns: `players` (what its set S consists of), `order`, `kind` (`and` or `or`; of AND-OR
        interactions alone), `output` (v(S), nats), `interaction` (nats), `salient` (stronger than
        `threshold` times the strongest; never ∅). The index is the coalition.
        """
        table = self._sets(threshold)
        table.insert(2, "output", self.outputs[self.coalitions])
        if self.is_or.any():
            table.insert(2, "kind", np.where(self.is_or, "or", "and"))
        return table

    def _sets(self, threshold: float) -> pd.DataFrame:
        sets = list(zip(self.coalitions.tolist(), self.is_or.tolist(), strict=True))
        return pd.DataFrame(
            {
                "players": [self.name(coalition, any_of=any_of) for coalition, any_of in sets],
                "order": np.bitwise_count(self.coalitions).astype(np.int64),
                "interaction": self.interactions,
                "salient": salient(self.interactions[None], threshold=threshold)[0],
            },
            index=pd.Index(self.coalitions, name="coalition"),
        )

    def strongest(self, count: int = 10) -> pd.DataFrame:
        """The rows of :meth:`table` with the strongest interactions, strongest first, without ∅."""
        ranked = np.argsort(-np.abs(self.interactions[1:]), kind="stable") + 1
        return self.table().iloc[ranked[:count]]

    def rebuilt(self, *, threshold: float = 0.05) -> float:
        """How far the salient interactions alone miss the outputs.

        The RMS over all sets, as a share of that of v(T) - v(∅); 0 is perfect.
        """
        rows = self.interactions[None]
        return float(reconstruction_error(rows, salient(rows, threshold=threshold))[0])

    def plot(self, count: int = 10) -> Figure:
        """The sample with its players, where it is known, beside its strongest interactions.

        The figure belongs to no window: a notebook shows it, `figure.savefig` keeps it.
        """
        bars = self.strongest(count)
        places, height = np.arange(len(bars)), max(2.2, 0.22 * len(bars) + 0.7)
        with mpl.rc_context():  # a notebook's own style stays as it is
            style.apply()
            if self.words:
                figure = Figure(figsize=(5.6, height + 0.9))
                picture, axes = figure.subplots(2, height_ratios=[0.9, height])
                picture.imshow(draw_text_players(self.words, np.array(self.word_players)))
                picture.set_axis_off()
            elif self.image is not None:
                figure = Figure(figsize=(7.0, height))
                picture, axes = figure.subplots(1, 2, width_ratios=[1.6, 1])
                picture.imshow(draw_image_players(self.image, self.players))
                picture.set_axis_off()
            else:
                figure = Figure(figsize=(3.6, height))
                axes = figure.subplots()
            signs = np.where(bars["interaction"] > 0, "positive", "negative")
            colours = [style.COLOURS[sign] for sign in signs]
            axes.barh(places, bars["interaction"], color=colours, height=0.7)
            axes.set_yticks(places, bars["players"])
            axes.invert_yaxis()
            axes.axvline(0, color="black", linewidth=0.6)
            axes.set_xlabel("interaction I(S) [nats]")
            said = f"log-odds {self.outputs[-1]:.2f}"
            explained, predicted = map(self.class_name, (self.label, self.prediction))
            title = f"class {explained}, predicted {predicted}, {said}"
            axes.set_title("\n".join(filter(None, [title, self.remark])))
        return figure

    def plot_sets(self, count: int = 4, *, width: float = 1.7) -> Figure:
        """The `count` strongest sets, each as regions on the image or as words in boxes.

        Parameters
        ----------
        width : of the figure, in inches; of an image at most 1.7

        Raises
        ------
        ValueError
            If neither the image nor the words are known.
        """
        with mpl.rc_context():
            style.apply()
            return overlay.draw({"": self}, count=count, width=width)

    def to_shapiq(self) -> Any:
        """These interactions as `shapiq.InteractionValues`, of index "Moebius", for its plots.

        Raises
        ------
        ImportError
            If shapiq is not installed.
        ValueError
            If these are AND-OR interactions, for which it has no index.
        """
        if self.is_or.any():
            message = "to_shapiq: shapiq has no index of AND-OR interactions, Harsanyi ones alone"
            raise ValueError(message)
        try:
            from shapiq import InteractionValues  # noqa: PLC0415  (not everyone has it)
        except ImportError as error:
            message = "to_shapiq needs shapiq: pip install shapiq"
            raise ImportError(message) from error
        lookup = {members(int(one)): place for place, one in enumerate(self.coalitions)}
        return InteractionValues(
            values=self.interactions.copy(),
            index="Moebius",
            n_players=self.n_players,
            min_order=0,
            max_order=self.n_players,
            interaction_lookup=lookup,
            baseline_value=float(self.interactions[0]),
            estimated=bool(self.remark),
        )


@dataclass(frozen=True, kw_only=True)
class EstimatedExplanation(Explanation):
    """An estimate of the strongest of all 2**n_players interactions, from some of the masks.

    Attributes
    ----------
    outputs : v of no player and of all players alone: (2,), float64, nats
    interactions : of the sets that were found, (n_sets,), float64, nats; all others count as 0
    sets : these sets, int64, the empty set first
    player_count : number of players
    n_masks : masks that were computed
    explained : share of the variance of held-out outputs that the estimate predicts. That may be
        near 1 while most salient sets are missing: see docs/performance.md.
    """

    sets: NDArray[np.int64]
    player_count: int
    n_masks: int
    explained: float

    @property
    def n_players(self) -> int:
        """Number of players."""
        return self.player_count

    @property
    def coalitions(self) -> NDArray[np.int64]:
        """The set of each entry of `interactions`."""
        return self.sets

    @property
    def is_or(self) -> NDArray[np.bool_]:
        """None are."""
        return np.zeros(len(self.sets), dtype=bool)

    @property
    def remark(self) -> str:
        """That this is an estimate, from how many masks, and how well it predicts others."""
        explained = f"{100 * self.explained:.1f} % of held-out variance"
        return f"ESTIMATE from {self.n_masks:,} of 2^{self.n_players} masks, {explained}"

    def table(self, *, threshold: float = 0.05) -> pd.DataFrame:
        """One row a set that was found.

        Columns: as of an exact explanation, without `output`, and `interaction` is an estimate;
        `estimated` (true) says so. `salient` compares with the strongest estimate.
        """
        return self._sets(threshold).assign(estimated=True)

    def rebuilt(self, *, threshold: float = 0.05) -> float:  # noqa: ARG002  (the base class has it)
        """Not of an estimate, which lacks most outputs.

        Raises
        ------
        ValueError
            Always.
        """
        message = "rebuilt needs all 2**n outputs, which an estimate lacks; see `explained`"
        raise ValueError(message)


def of_record(record: Record, position: int, sample: Sample | None = None) -> Explanation:
    """The last snapshot of one sample of a record; what is to be shown of it is `sample`'s."""
    return Explanation(
        classes=record.classes,
        outputs=record.outputs[-1, position],
        interactions=record.interactions[-1, position],
        players=record.players_of(position),
        logits=record.logits[-1, position],
        label=int(record.labels[position]),
        image=sample.inputs if sample and not sample.words else None,
        words=sample.words if sample else [],
        word_players=sample.word_players if sample else [],
    )
