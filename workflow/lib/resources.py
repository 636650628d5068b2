"""What jobs ask a cluster for: memory and time, from the sizes of the network and of the data.

A plain local run ignores both. They are upper estimates for a card of the year 2020 or later, and
double with every attempt. Nothing here imports torch, so that Snakemake starts quickly.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from whypretrain.settings.models import ImageModel, TextModel
from whypretrain.settings.training import Recipe

MILLIONS = {"whypretrain_": 1, "resnet18": 12, "resnet34": 22, "resnet50": 26, "resnet": 60}
MILLIONS |= {"vgg": 144, "mobilenet": 6, "_tiny": 29, "_small": 50, "_base": 89, "_large": 305}
MILLIONS |= {"distilbert": 67, "bert-base": 110, "bert-large": 336}
MILLIONS |= {"gpt2": 124, "-0.5b": 494, "-135m": 135, "": 100}
"""Millions of parameters of an architecture, by the first of these that its name contains."""
ROWS = 50_000
"""Assumed of a file that cannot be read: the stage that reads it reports what is wrong with it."""
FIXED_MB, FIXED_MINUTES = 2000, 10
"""Python, torch and small data; to start on a busy file system, and to write."""
MB_PER_MILLION, COPIES_OF_DATA = 100, 4
"""Weights, gradients, optimiser and activations; a data file in memory, rounded up."""
ARRAYS_READ, ARRAYS_EXTRACTED, ARRAYS_DECOMPOSED, ARRAYS_COMPARED = 2, 5, 8, 24
"""Float64 arrays of shape (n_samples, 2**n) in memory at once, rounded up: of each network that
`knowledge` reads, of each that `extract` measures or finds measured, of each that `decompose`
splits, and beside them in `knowledge`."""
PER_SPLIT = 2.5e-4
"""Seconds of splitting one output of 16 players into AND and OR, at the default tolerance."""
TRAINING_TFLOPS, MEASURING_TFLOPS = 15.0, 5.0
"""Sustained by a card in mixed precision, and in float32."""
ITEMS_PER_SECOND = 1000.0
"""Images that the CPUs of a job decode and augment; sentences are faster."""
LARGE, CPUS = 10.0, 4
"""Millions of parameters from which on so many CPUs feed a network."""
BACKWARD = 3
"""Forward passes that a training step costs: forward, and twice as much backward."""


class Needs(NamedTuple):
    """What a job asks for at its first attempt; `runtime` is in minutes."""

    mem_mb: int
    runtime: int


def needing(needs: Callable[[Any, Any], Needs]) -> dict[str, Callable[..., int]]:
    """Resources of a rule, from a function of wildcards and input; twice as much each attempt.

    >>> resources = needing(lambda wildcards, input: Needs(mem_mb=2000, runtime=10))
    >>> resources["mem_mb"]({}, [], attempt=3)
    8000
    """

    def resource(name: str) -> Callable[..., int]:
        # Snakemake looks at the names of the arguments.
        return lambda wildcards, input, attempt: (  # noqa: A006
            getattr(needs(wildcards, input), name) << attempt - 1
        )

    return {name: resource(name) for name in Needs._fields}


class Size(NamedTuple):
    """Size of a network, rather too large: 10**6 parameters, 10**9 FLOP of a forward pass."""

    millions: float
    gigaflops: float

    @property
    def cpus(self) -> int:
        """CPUs of a job that trains or measures the network on a data set."""
        return CPUS if self.millions >= LARGE else 1


def network(name: str, model: ImageModel | TextModel) -> Size:
    """Size of a configured model, by the name of its architecture.

    Image networks take about 0.4 GFLOP a million parameters at 224 pixels; encoders take 2 GFLOP a
    million parameters and 1,000 tokens.
    """
    hub = model.weights.hub
    known = model.timm if isinstance(model, ImageModel) else hub.repo if hub else name
    millions = float(next(size for part, size in MILLIONS.items() if part in known.lower()))
    if isinstance(model, ImageModel):
        return Size(millions, 0.42 * millions * (model.image_size / 224) ** 2)
    return Size(millions, 2e-3 * millions * model.max_tokens)


def count_rows(path: str) -> int:
    """Rows of a Parquet file, or samples of an HDF5 file, from what stands at their ends.

    Raises
    ------
    FileNotFoundError
        With the path as its `filename`, by which Snakemake knows that it is yet to be made.
    """
    Path(path).stat()
    try:
        if path.endswith(".h5"):
            import h5py  # noqa: PLC0415  # slow, and for few jobs

            with h5py.File(path) as file:
                return len(file["samples"])
        from pyarrow.parquet import read_metadata  # noqa: PLC0415

        return read_metadata(path).num_rows
    except (OSError, KeyError, ValueError):
        return ROWS


def knowledge_bytes(n_values: int, n_networks: int) -> int:
    """Memory of `knowledge`: arrays of all samples' 2**n values, of all snapshots that it reads."""
    return 8 * n_values * (ARRAYS_READ * n_networks + ARRAYS_COMPARED)


def extraction_bytes(n_values: int, n_networks: int) -> int:
    """Memory of `extract` for the record of so many snapshots, and what it is put together from."""
    return 8 * n_values * ARRAYS_EXTRACTED * n_networks


def training(size: Size, recipe: Recipe, train: str, test: str) -> Needs:
    """Training on a split, and measuring on another at the start and after every epoch."""
    n_train, n_test, epochs = count_rows(train), count_rows(test), recipe.epochs
    passes = epochs * BACKWARD * n_train + (epochs + 1) * n_test
    loading = epochs * (n_train + n_test) / ITEMS_PER_SECOND
    work = passes * size.gigaflops / TRAINING_TFLOPS / 1000
    return _needs(size, [train, test], work + loading)


def passing(size: Size, splits: list[str], times: int) -> Needs:
    """Forward passes of all items of some splits, several times; of none, reading weights."""
    each = size.gigaflops / MEASURING_TFLOPS / 1000 + 1 / ITEMS_PER_SECOND
    return _needs(size, splits, times * sum(map(count_rows, splits)) * each)


def extraction(size: Size, samples: str, n: int, n_networks: int) -> Needs:
    """All 2**n masked versions of every sample through some networks, without sharing."""
    n_values = count_rows(samples) << n
    passes = n_values * n_networks
    needs = _needs(size, [samples], passes * size.gigaflops / MEASURING_TFLOPS / 1000)
    megabytes = extraction_bytes(n_values, n_networks) / 2**20
    return needs._replace(mem_mb=needs.mem_mb + round(megabytes))


def comparison(interactions: str, n: int, n_networks: int, *, and_or: bool) -> Needs:
    """Tables from the 2**n interactions of every sample of some networks, or twice as many."""
    n_values = count_rows(interactions) << n + and_or
    megabytes, minutes = knowledge_bytes(n_values, n_networks) / 2**20, n_values * n_networks / 1e6
    return Needs(FIXED_MB + round(megabytes), FIXED_MINUTES + round(minutes))


def decomposition(record: str, n: int, n_networks: int) -> Needs:
    """AND-OR interactions of every sample of some networks; of each 2**n outputs in two parts."""
    n_values = (count_rows(record) * n_networks) << n
    megabytes = 8 * ARRAYS_DECOMPOSED * n_values / 2**20
    return Needs(FIXED_MB + round(megabytes), FIXED_MINUTES + round(n_values * PER_SPLIT / 60))


def _needs(size: Size, data: list[str], seconds: float) -> Needs:
    mb = sum(Path(path).stat().st_size for path in data) / 2**20
    memory = FIXED_MB + round(MB_PER_MILLION * size.millions + COPIES_OF_DATA * mb)
    return Needs(memory, FIXED_MINUTES + round(seconds / 60))
