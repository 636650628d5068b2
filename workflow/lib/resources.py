"""What jobs ask a cluster for: memory and time, from the sizes of the network and of the data.

A plain local run ignores both. They are estimates from above, for one card of the year 2020 or
later that is not the fastest, and double with every attempt; a job that ends sooner gives its place
back. docs/cluster.md says what to do where they do not suit.
"""

from pathlib import Path
from typing import NamedTuple

from whypretrain.settings.models import ImageModel, TextModel
from whypretrain.settings.training import Recipe
from whypretrain.settings.whole import ARRAYS_IN_MEMORY

MILLION_PARAMETERS = 100.0
"""Of a model that does not say its size: that of a ViT-Base or a BERT, about."""
ROWS = 50_000
"""Of a file that cannot be read: the stage that reads it says what is wrong with it."""

FIXED_MB = 2000
"""Python and torch, and a network and data of a few megabytes."""
MB_PER_MILLION = 100
"""Weights, gradients, optimiser and activations, most of which are on the card if there is one."""
COPIES_OF_DATA = 4
"""Of the bytes of a data file that are in memory at once, rounded up."""

FIXED_MINUTES = 10
"""To start on a busy file system, and to write."""
TRAINING_TFLOPS = 15.0
"""Sustained by a card in mixed precision, in 10¹² operations a second."""
MEASURING_TFLOPS = 5.0
"""Sustained by a card in float32."""
ITEMS_PER_SECOND = 1000.0
"""Images that the CPUs of a job decode and augment; sentences are faster."""
LARGE = 10.0
"""Millions of parameters from which on a network is fed by several CPUs: one computes, the others
decode and augment."""
CPUS = 4
"""Of a job that trains or measures a large network on a data set."""
BACKWARD = 3
"""Forward passes that a training step costs."""


class Needs(NamedTuple):
    """What a job asks for at an attempt."""

    mem_mb: int
    runtime: int
    """In minutes."""

    def at(self, attempt: int) -> "Needs":
        """Twice as much with every attempt.

        >>> Needs(mem_mb=2000, runtime=10).at(3)
        Needs(mem_mb=8000, runtime=40)
        """
        more = 2 ** (attempt - 1)
        return Needs(self.mem_mb * more, self.runtime * more)


def count_rows(path: str) -> int:
    """Rows of a Parquet file, from its footer.

    Raises
    ------
    FileNotFoundError
        With the path as its `filename`, by which Snakemake knows that it is yet to be made.
    """
    Path(path).stat()
    from pyarrow.parquet import read_metadata  # noqa: PLC0415  # slow, and for few jobs

    try:
        return read_metadata(path).num_rows
    except (OSError, ValueError):
        return ROWS


def count_samples(path: str) -> int:
    """Samples of an HDF5 file of samples or interactions; raises like :func:`count_rows`."""
    Path(path).stat()
    import h5py  # noqa: PLC0415

    try:
        with h5py.File(path) as file:
            return len(file["samples"])
    except (OSError, KeyError, ValueError):
        return ROWS


def gigaflops(model: ImageModel | TextModel) -> float:
    """Of one forward pass, in 10⁹ operations, roughly and from above.

    Image networks of this kind take about 0.4 a million parameters at 224 pixels, encoders 2 a
    million parameters and 1,000 tokens.
    """
    millions = _millions(model)
    if isinstance(model, ImageModel):
        return 0.42 * millions * (model.image_size / 224) ** 2
    return 2e-3 * millions * model.max_tokens


def training(model: ImageModel | TextModel, recipe: Recipe, train: str, test: str) -> Needs:
    """Training on a split, and measuring on another after every epoch."""
    n_train, n_test = count_rows(train), count_rows(test)
    work = gigaflops(model) * (n_train * BACKWARD + n_test) / TRAINING_TFLOPS / 1000
    seconds = recipe.epochs * (work + (n_train + n_test) / ITEMS_PER_SECOND)
    return _needs(model, [train, test], seconds)


def passing(model: ImageModel | TextModel, splits: list[str], times: int) -> Needs:
    """Forward passes of all items of some splits, several times."""
    items = times * sum(count_rows(split) for split in splits)
    each = gigaflops(model) / MEASURING_TFLOPS / 1000 + 1 / ITEMS_PER_SECOND
    return _needs(model, splits, items * each)


def extraction(model: ImageModel | TextModel, samples: str, n: int, n_networks: int) -> Needs:
    """All 2**n masked versions of every sample through some networks, without sharing."""
    passes = count_samples(samples) * 2**n * n_networks
    return _needs(model, [samples], passes * gigaflops(model) / MEASURING_TFLOPS / 1000)


def comparison(interactions: str, n: int, n_networks: int) -> Needs:
    """Tables from the 2**n interactions of every sample of some networks."""
    values = count_samples(interactions) * 2**n
    arrays = values * 8 * ARRAYS_IN_MEMORY / 2**20
    return Needs(FIXED_MB + round(arrays), FIXED_MINUTES + round(values * n_networks / 1e6))


def cpus(model: ImageModel | TextModel) -> int:
    """CPUs of a job that trains or measures a network on a data set."""
    return CPUS if _millions(model) >= LARGE else 1


def loading(model: ImageModel | TextModel) -> Needs:
    """Weights are read, renamed and written."""
    return _needs(model, [], 0)


def _needs(model: ImageModel | TextModel, data: list[str], seconds: float) -> Needs:
    mb = sum(Path(path).stat().st_size for path in data) / 2**20
    return Needs(
        mem_mb=FIXED_MB + round(MB_PER_MILLION * _millions(model) + COPIES_OF_DATA * mb),
        runtime=FIXED_MINUTES + round(seconds / 60),
    )


def _millions(model: ImageModel | TextModel) -> float:
    return model.million_parameters or MILLION_PARAMETERS
