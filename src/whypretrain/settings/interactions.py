"""Samples, players, baseline and the numerics of extraction."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from whypretrain.settings.base import Section, Seed
from whypretrain.settings.models import Architecture, ImageModel, TextModel


class GridPlayers(Section):
    """Players are cells of a regular grid, drawn per sample."""

    kind: Literal["grid"] = "grid"
    """This kind of players; what is meant where no kind is given."""
    n: int = Field(default=10, ge=1)
    """Players a sample; 2**n coalitions are evaluated."""
    cells: int = Field(default=8, ge=1)
    """Cells a side."""
    margin: int = Field(default=1, ge=0)
    """Rings of cells at the rim that no player is drawn from."""


def check_grid(players: GridPlayers, image_size: int, key: str, model: str) -> None:
    """Check that a grid has enough cells, and a model's images enough pixels. Raises ValueError."""
    capacity = max(players.cells - 2 * players.margin, 0) ** 2
    if players.n > capacity:
        message = (
            f"{key}.n = {players.n}: at most {capacity}, the cells of a "
            f"{players.cells}×{players.cells} grid inside a margin of {players.margin}; "
            f"lower n, raise cells or lower margin"
        )
        raise ValueError(message)
    if players.cells > image_size:
        message = (
            f"{key}.cells = {players.cells}: at most {image_size}, "
            f"the image_size of model '{model}'"
        )
        raise ValueError(message)


class PartPlayers(Section):
    """Players are the parts of an object: cells around its keypoints, inside its bounding box."""

    kind: Literal["parts"]
    """This kind of players; the dataset must come with keypoints and boxes."""
    n: int = Field(default=10, ge=1)
    """Players a sample; samples with fewer visible parts are passed over."""


class SuperpixelPlayers(Section):
    """Players are regions of like colour (SLIC) that cover the image."""

    kind: Literal["superpixels"]
    """This kind of players."""
    n: int = Field(default=10, ge=1)
    """Players a sample; every image is cut into exactly as many."""


class AnnotationPlayers(Section):
    """Players are regions that a person drew."""

    kind: Literal["annotations"]
    """This kind of players."""
    n: int = Field(default=10, ge=1)
    """Players a sample; every sample must have exactly as many regions."""
    path: str = Field(min_length=1)
    """JSON file from the ids of samples to one list of pixels [row, column] a player, absolute or
    from where snakemake is started; `$VARIABLES` are replaced by the environment's."""

    @model_validator(mode="after")
    def _no_wildcard(self) -> Self:
        if re.search("[{}]", re.sub(r"\$\{\w+\}", "", self.path)):
            message = f"path = {self.path!r}: Snakemake takes braces for wildcards; rename the file"
            raise ValueError(message)
        return self


class WordPlayers(Section):
    """Players are words of a sentence, drawn per sample."""

    kind: Literal["words"]
    """This kind of players."""
    n: int = Field(default=10, ge=1)
    """Players a sample; sentences with fewer words are passed over."""


def _grid_by_default(values: Any) -> Any:
    if isinstance(values, dict) and "kind" not in values:
        return {"kind": "grid", **values}
    return values


Players = Annotated[
    Annotated[
        GridPlayers | PartPlayers | SuperpixelPlayers | AnnotationPlayers | WordPlayers,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_grid_by_default),
]
"""What can be present or masked; `grid` where no kind is given."""


SPECIAL_TOKENS = 2
"""Tokens that a text network's input holds at least besides the words: first and last."""


def check_room(players: Players, model: ImageModel | TextModel, key: str, name: str) -> None:
    """Check that a model's inputs have a site for every player. Raises ValueError."""
    if isinstance(model, ImageModel):
        most, what = model.image_size**2, f"image_size = {model.image_size}"
    else:
        most = model.max_tokens - SPECIAL_TOKENS
        what = f"max_tokens = {model.max_tokens}"
    if players.n > most:
        message = f"{key} = {players.n}: at most {most}, as model '{name}' has {what}"
        raise ValueError(message)


Background = Literal["keep", "mask"]


class Sampling(Section):
    """Which test samples are explained, by which players and how what is absent is masked."""

    per_class: int | None = Field(default=2, ge=1)
    """Samples a class, drawn from the test split whether or not a model is right about them; null
    where `total` is given."""
    total: int | None = Field(default=None, ge=1)
    """Or: samples in all, spread over the classes as evenly as possible."""
    seed: Seed = 0
    """Of the choice of samples and of players."""
    players: Players = GridPlayers()
    """What can be present or masked."""
    baseline: Literal["pixel_mean", "channel_mean", "zero", "blur", "mask_token"] = "pixel_mean"
    """What a masked pixel shows: the mean of that pixel over the training images, the mean of its
    channel, black, or the blurred sample; what stands for a masked word: the mask token."""
    blur_sigma: float = Field(default=10.0, gt=0)
    """Standard deviation of the Gaussian of `baseline: blur`, in pixels of the resized image."""
    background: Background = "keep"
    """Whether pixels and tokens of no player keep their value in every masked version, or show the
    baseline in every one."""

    @model_validator(mode="before")
    @classmethod
    def _total_replaces_per_class(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("total") is not None:
            return {"per_class": None, **values}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.per_class is None) == (self.total is None):
            message = "give one of per_class and total"
            raise ValueError(message)
        if (self.players.kind == "words") != (self.baseline == "mask_token"):
            needed = "mask_token" if self.players.kind == "words" else "another"
            message = (
                f"baseline = '{self.baseline}': players of kind '{self.players.kind}' need {needed}"
            )
            raise ValueError(message)
        return self

    def of_class(self, label: int, n_classes: int) -> int:
        """How many samples a class gives; of `total`, the first classes give the odd ones.

        >>> [Sampling(total=5).of_class(label, 3) for label in range(3)]
        [2, 2, 1]
        """
        if self.per_class is not None:
            return self.per_class
        each, odd = divmod(self.total or 0, n_classes)
        return each + (label < odd)


class Extraction(Section):
    """How the 2**n outputs of a sample are computed."""

    batch_size: int | None = Field(default=None, ge=1)
    """Coalitions a forward pass; null takes what fits into memory, at most 256, on CUDA 1024."""
    sharing: bool = True
    """Compute once what masked versions of an input have in common. Exact; false computes every
    version from its pixels or words on."""
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """Of the forward passes. `tf32` (on CUDA) and `bf16` are faster and raise the noise floor, by
    far the most for high orders; the file of interactions holds the floor that was measured."""


class SamplesSettings(Section):
    """What the stage `samples` needs to know."""

    sampling: Sampling
    architecture: Architecture


class ExtractSettings(Section):
    """What the stage `extract` needs to know."""

    architecture: Architecture
    background: Background
    extraction: Extraction
