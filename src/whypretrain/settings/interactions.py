"""What is explained: samples, players, baseline; and the numerics of extraction."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from whypretrain.settings.base import Section, Seed, require
from whypretrain.settings.models import Architecture

MOST_PLAYERS = 16
"""Beyond it, 2**n outputs of every sample and snapshot are out of reach."""


def _exact(n: int) -> int:
    message = (
        f"at most {MOST_PLAYERS}, as the workflow computes all 2**n interactions; lower n, or "
        "estimate those of single samples in a notebook (explain_image and explain_text, `masks`)"
    )
    require(n <= MOST_PLAYERS, message)
    return n


PlayerCount = Annotated[
    int, Field(ge=2, json_schema_extra={"maximum": MOST_PLAYERS}), AfterValidator(_exact)
]


class GridPlayers(Section):
    """Players are cells of a regular grid, drawn for each sample."""

    kind: Literal["grid"] = "grid"
    n: PlayerCount = 10
    """Number of players of each sample; all 2**n coalitions are evaluated."""
    cells: int = Field(default=8, ge=1)
    """Number of cells along each side."""
    margin: int = Field(default=1, ge=0)
    """Number of rings of cells at the edge from which no player is drawn."""

    def check(self, key: str, image_size: int, model: str) -> None:
        """Raise ValueError if there are too few cells, or the model's images too small."""
        capacity = max(self.cells - 2 * self.margin, 0) ** 2
        message = (
            f"{key}.n = {self.n}: at most {capacity}, the cells of a {self.cells}×{self.cells} "
            f"grid inside a margin of {self.margin}; lower n, raise cells or lower margin"
        )
        require(self.n <= capacity, message)
        message = f"{key}.cells = {self.cells}: at most {image_size}, the image_size of '{model}'"
        require(self.cells <= image_size, message)


class PartPlayers(Section):
    """Players are the parts of an object: cells around its keypoints, inside its bounding box."""

    kind: Literal["parts"]
    n: PlayerCount = 10
    """Number of players of each sample; samples with fewer visible parts are not explained."""


class SuperpixelPlayers(Section):
    """Players are regions of similar colour (SLIC) that cover the image."""

    kind: Literal["superpixels"]
    n: PlayerCount = 10
    """Number of players of each sample; every image is cut into exactly this many regions."""


class AnnotationPlayers(Section):
    """Players are regions that a person drew."""

    kind: Literal["annotations"]
    n: PlayerCount = 10
    """Number of players of each sample; every sample must have exactly this many regions."""
    path: str = Field(min_length=1)
    """JSON file that maps sample ids to one list of pixels [row, column] for each player. Relative
    paths are relative to the folder where Snakemake is started; environment variables are
    expanded."""


class WordPlayers(Section):
    """Players are words of a sentence, drawn for each sample."""

    kind: Literal["words"]
    n: PlayerCount = 10
    """Number of players of each sample; sentences with fewer words are not explained."""


def _grid_by_default(values: Any) -> Any:
    if isinstance(values, dict) and "kind" not in values:
        return {"kind": "grid", **values}
    return values


Players = Annotated[
    GridPlayers | PartPlayers | SuperpixelPlayers | AnnotationPlayers | WordPlayers,
    Field(discriminator="kind"),
    BeforeValidator(_grid_by_default),
]
"""What can be present or masked; a grid if no kind is given."""


Background = Literal["keep", "mask"]


class Sampling(Section):
    """Which test samples are explained, with which players, and how absent players are masked."""

    per_class: int | None = Field(default=2, ge=1)
    """Number of samples of each class, drawn from the test split regardless of predictions.
    Alternatively, set `total`."""
    total: int | None = Field(default=None, ge=1)
    """Total number of samples, spread over the classes as evenly as possible."""
    seed: Seed = 0
    """Seed for drawing samples and players."""
    players: Players = GridPlayers()
    """What can be present or masked."""
    baseline: Literal["pixel_mean", "channel_mean", "zero", "blur", "mask_token"] = "pixel_mean"
    """What replaces a masked pixel: its mean over the training images (`pixel_mean`), the mean of
    its channel, black (`zero`), or the blurred sample. `mask_token` replaces masked words by the
    tokenizer's mask token, or by the model's `baseline_token`."""
    blur_sigma: float = Field(default=10.0, gt=0)
    """Standard deviation of the Gaussian of `baseline: blur`, in pixels of the resized image."""
    background: Background = "keep"
    """Whether pixels and tokens outside all players keep their value in every masked version, or
    show the baseline in every version."""

    @model_validator(mode="before")
    @classmethod
    def _total_replaces_per_class(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("total") is not None:
            return {"per_class": None, **values}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        require((self.per_class is None) != (self.total is None), "give one of per_class and total")
        kind = self.players.kind
        needed = "mask_token" if kind == "words" else "another"
        message = f"baseline = '{self.baseline}': players of kind '{kind}' need {needed}"
        require((kind == "words") == (self.baseline == "mask_token"), message)
        return self

    def of_class(self, label: int, n_classes: int) -> int:
        """Number of samples of a class; the first classes take the remainder of `total`."""
        if self.per_class is not None:
            return self.per_class
        each, odd = divmod(self.total or 0, n_classes)
        return each + (label < odd)


class Extraction(Section):
    """How the 2**n outputs of a sample are computed."""

    batch_size: int | None = Field(default=None, ge=1)
    """Number of coalitions per forward pass; null takes as many as fit into memory, at most 256
    (CUDA: 1024)."""
    sharing: bool = True
    """Compute once what masked versions of an input have in common. The outputs are exact either
    way; false computes every version from its pixels or words."""
    precision: Literal["float32", "tf32x3", "tf32", "bf16"] = "float32"
    """Precision of the forward passes. `tf32x3` replaces each float32 product by three products on
    a card's TF32 cores and is nearly as exact. `tf32` (CUDA) and `bf16` are faster but raise the
    noise floor, mostly at high orders; the trajectory file holds the measured floor."""


class SamplesSettings(Section):
    sampling: Sampling
    architecture: Architecture


class ExtractSettings(Section):
    architecture: Architecture
    background: Background
    extraction: Extraction
