"""The tables of one experiment as arrays whose last axis is the samples, always in one order."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.references import Reference

Array = NDArray[np.float64]


class Evidence:
    """What the headline numbers are computed from.

    Parameters
    ----------
    tables : of one experiment, by name: `knowledge`, `ratio`, `jaccard`, and `losses`
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self._tables = tables
        self._strengths: dict[tuple[str, Reference], Array] = {}
        knowledge = tables["knowledge"]
        models = knowledge[knowledge["quantity"].isin(["probe", "finetune", "scratch"])]
        strengths = models.groupby(["order", "quantity"])[["strength", "noise_floor"]].mean()
        heard = (strengths["strength"] >= strengths["noise_floor"]).groupby("order").all()
        self.orders = np.array([order for order, is_heard in heard.items() if order and is_heard])
        """Orders that are counted: from 1 on, above the noise floor in all models."""
        self.n_samples = knowledge["sample"].nunique()

    def has(self, reference: Reference) -> bool:
        """Whether the experiment has this reference."""
        return bool((self._tables["knowledge"]["reference"] == reference).any())

    def has_curve(self, reference: Reference) -> bool:
        """Whether the similarity along training has this reference."""
        return bool((self._tables["jaccard"]["reference"] == reference).any())

    def strength(self, quantity: str, reference: Reference) -> Array:
        """Sum over the sets of each order, of shape (n_orders, n_samples)."""
        if (quantity, reference) not in self._strengths:
            table = self._tables["knowledge"]
            chosen = table[(table["quantity"] == quantity) & (table["reference"] == reference)]
            sums = chosen.assign(total=chosen["strength"] * chosen["n_sets"])
            wide = sums.pivot(index="order", columns="sample", values="total")
            self._strengths[quantity, reference] = wide.loc[self.orders].to_numpy()
        return self._strengths[quantity, reference]

    def ratio(self, reading: str, reference: Reference) -> tuple[Array, Array]:
        """Numerators and denominators of the ratio over all orders, each (n_samples,)."""
        table = self._tables["ratio"]
        chosen = table[
            (table["order"] == "all")
            & (table["reading"] == reading)
            & (table["reference"] == reference)
        ].sort_values("sample")
        return chosen["numerator"].to_numpy(), chosen["denominator"].to_numpy()

    def curve(self, variant: str, reference: Reference) -> tuple[Array, Array]:
        """Fractions of training, (n_snapshots,), and similarity, (n_snapshots, n_samples)."""
        table = self._tables["jaccard"]
        chosen = table[(table["variant"] == variant) & (table["reference"] == reference)]
        wide = chosen.pivot(index="fraction", columns="sample", values="jaccard")
        return wide.index.to_numpy(), wide.to_numpy()

    def losses(self, variant: str) -> tuple[Array, Array]:
        """Epochs, (n_snapshots,), and losses of the samples, (n_snapshots, n_samples)."""
        table = self._tables["losses"]
        chosen = table[table["variant"] == variant]
        wide = chosen.pivot(index="epoch", columns="sample", values="loss")
        return wide.index.to_numpy(), wide.to_numpy()
