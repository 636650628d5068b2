"""Recipes of training and the snapshot schedule."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from whypretrain.settings.base import Name, Section, check_increasing
from whypretrain.settings.models import Architecture, UpstreamLabels

TrainedVariant = Literal["finetune", "scratch"]


class Augmentation(Section):
    """Random changes of a training image; all off by default. Sentences have none."""

    crop_min_scale: float = Field(default=1.0, gt=0, le=1)
    """Smallest share of the image's area that a random crop keeps; 1 does not crop."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Largest rotation, in degrees."""
    translate: float = Field(default=0.0, ge=0, lt=1)
    """Largest shift, as a share of the image's side."""
    scale: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of size."""
    flip: bool = False
    """Mirror left and right with probability one half."""
    jitter: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of brightness, contrast and saturation, each on its own."""


class Recipe(Section):
    """How a network is trained."""

    epochs: int = Field(default=100, ge=1)
    """Passes over the training split."""
    batch_size: int = Field(default=64, ge=1)
    """Images or sentences a step."""
    micro_batch_size: int | None = Field(default=None, ge=1)
    """Most of them to compute at once: a larger step adds up the gradients of its parts, each with
    BatchNorm statistics of its own. Null takes the step whole."""
    mixed_precision: bool = True
    """On CUDA, train in bfloat16 (before Ampere: float16) where that is safe, and measure in
    float32; a CPU always trains in float32."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The highest, after warm-up."""
    head_learning_rate_multiplier: float = Field(default=1.0, gt=0)
    """How many times faster the classifier learns."""
    weight_decay: float = Field(default=0.05, ge=0)
    """On matrices and kernels; biases and normalisation are not decayed."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of SGD; AdamW keeps its own."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Linear warm-up, before the cosine decay to 0 that every recipe follows."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target spread over all classes."""
    clip_gradient_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient; null does not clip."""
    freeze_batch_norm: bool = False
    """Keep the statistics that BatchNorm layers start from; their weights are trained."""
    augmentation: Augmentation = Augmentation()
    """Random changes of training images."""

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        if self.warmup_epochs > self.epochs:
            message = f"warmup_epochs = {self.warmup_epochs:g}: at most epochs = {self.epochs}"
            raise ValueError(message)
        return self


class RecipeChoice(Section):
    """A named recipe, and the keys of it that one experiment changes."""

    recipe: Name
    """One of `recipes`."""
    override: dict[str, Any] = {}
    """Keys of the recipe with other values."""


class Probe(Section):
    """The linear probe: multinomial logistic regression on penultimate features."""

    l2: float = Field(default=1.0, gt=0)
    """Strength of the L2 penalty on the weights (1/C of scikit-learn); features have unit variance
    on average."""
    max_iterations: int = Field(default=2000, ge=1)
    """Of L-BFGS."""


SNAPSHOT_DIGITS = 4


def snapshot_label(fraction: float) -> str:
    """How file names spell a fraction of training.

    >>> snapshot_label(0.05)
    '0.0500'
    """
    return f"{fraction:.{SNAPSHOT_DIGITS}f}"


def _check_snapshots(fractions: list[float]) -> list[float]:
    check_increasing(fractions)
    if fractions[0] != 0 or fractions[-1] != 1:
        message = f"{fractions} must begin with 0 and end with 1"
        raise ValueError(message)
    for fraction in fractions:
        if round(fraction, SNAPSHOT_DIGITS) != fraction:
            message = f"{fraction} has more than {SNAPSHOT_DIGITS} decimal places"
            raise ValueError(message)
    return fractions


Snapshots = Annotated[
    list[Annotated[float, Field(ge=0, le=1)]],
    Field(min_length=2),
    AfterValidator(_check_snapshots),
]
"""Fractions of a training run at which weights are kept."""


class PretrainSettings(Section):
    """What the stage `pretrain` needs to know."""

    architecture: Architecture
    recipe: Recipe
    labels: UpstreamLabels = "classes"
    seed: int


class ProbeSettings(Section):
    """What the stage `probe` needs to know."""

    architecture: Architecture
    probe: Probe


class TrainSettings(Section):
    """What the stage `train` needs to know."""

    architecture: Architecture
    variant: TrainedVariant
    recipe: Recipe
    snapshots: Snapshots
    seed: int
