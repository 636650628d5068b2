"""Training: recipes, the linear probe and the snapshot schedule."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from whypretrain.settings.base import Name, Section, Title, check_increasing, require
from whypretrain.settings.models import Architecture, UpstreamLabels

TrainedVariant = Literal["finetune", "scratch"]
Start = Literal[TrainedVariant, "continued"]
"""How a training begins: as `finetune` from pre-trained weights, as `scratch` from random ones, or
from the end of another run."""


LARGEST_MAGNITUDE, LARGEST_TURN = 10, 30
"""Of RandAugment, and how far that turns, in degrees."""


class RandAugment(Section):
    """A few operations drawn for each image, all of one magnitude (arXiv:1909.13719)."""

    n_ops: int = Field(default=2, ge=1)
    """Number of operations per image, drawn from 14: identity, two shears, two shifts, rotation,
    brightness, colour, contrast, sharpness, posterize, solarize, autocontrast, equalize."""
    magnitude: float = Field(default=9.0, ge=0, le=LARGEST_MAGNITUDE)
    """Strength of the operations, from 0 to 10 as in RandAugment's paper and in timm (`rand-m9`); 0
    changes nothing. torchvision's scale ends at 30, so its 9 is 3 here."""

    @property
    def strength(self) -> float:
        """The magnitude as a share of the largest."""
        return self.magnitude / LARGEST_MAGNITUDE


class Augmentation(Section):
    """Random changes of training images; all are off by default. Sentences are not augmented."""

    crop_min_scale: float = Field(default=1.0, gt=0, le=1)
    """Smallest share of the area that a random crop keeps; 1 turns cropping off."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Largest rotation, in degrees."""
    translate: float = Field(default=0.0, ge=0, lt=1)
    """Largest shift, as a share of the side."""
    scale: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of size."""
    flip: bool = False
    """Mirror left and right with probability one half."""
    jitter: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of brightness, of contrast and of saturation."""
    randaugment: RandAugment | None = None
    """RandAugment in addition, for example `{n_ops: 2, magnitude: 9}`. Its geometric operations
    become part of the one affine map; its colour operations come last. Null turns it off."""

    @property
    def largest_turn(self) -> float:
        """How far an image may be turned, in degrees."""
        own = self.randaugment
        return self.rotate + (0 if own is None else own.n_ops * own.strength * LARGEST_TURN)


class Recipe(Section):
    """How a network is trained."""

    epochs: int = Field(default=100, ge=1)
    """Number of passes over the training split."""
    batch_size: int = Field(default=64, ge=1)
    """Number of images or sentences per optimiser step."""
    micro_batch_size: int | None = Field(default=None, ge=1)
    """Largest number of samples per forward pass; gradients are accumulated to `batch_size`, and
    each pass has its own BatchNorm statistics. Null computes `batch_size` at once."""
    mixed_precision: bool = True
    """On CUDA, train in bfloat16 (float16 before Ampere) where that is safe. CPUs train in float32.
    Networks are always evaluated in float32."""
    deterministic: bool = True
    """On CUDA, compute gradients by operations that give the same bytes each time. False is faster
    for networks that attend with a mask, and required where torch has no such operation. Snapshots
    record which was used."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Highest learning rate, reached at the end of the warm-up."""
    head_learning_rate_multiplier: float = Field(default=1.0, gt=0)
    """Factor by which the classifier's learning rate is multiplied."""
    classifier_std: float | None = Field(default=None, ge=0)
    """Standard deviation of the fresh classifier's weights; its biases are then 0. Null keeps the
    library's initialisation, but reduces a standard deviation above 1/√features (timm's
    EfficientNets and MobileNets) to torch's 1/√(3·features), so that the first loss is near
    ln(classes)."""
    weight_decay: float = Field(default=0.05, ge=0)
    """Weight decay of matrices and kernels; biases and normalisation layers have none."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of SGD; AdamW does not use it."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Length of the linear warm-up in epochs; then the learning rate decays to 0 on a cosine."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target probability that is spread over all classes."""
    clip_gradient_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient; null turns clipping off."""
    trained: Literal["all", "classifier", "last_blocks", "biases", "lora"] = "all"
    """What of the network is trained, besides the classifier: `all` of it; nothing (`classifier`);
    its `last_blocks` and what follows them; `biases` and normalisation; or `lora`, low-rank changes
    of all linear layers (arXiv:2106.09685), which are merged into the weights of every snapshot.
    What is not trained keeps its bytes, BatchNorm statistics included."""
    last_blocks: int = Field(default=1, ge=1)
    """With `trained: last_blocks`, how many of the last blocks or layers are trained."""
    lora_rank: int = Field(default=8, ge=1)
    """With `trained: lora`, the rank of each change."""
    lora_alpha: float = Field(default=16.0, gt=0)
    """With `trained: lora`, changes are scaled by lora_alpha / lora_rank."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Layer-wise learning rates: each block's is this factor times that of the block after it; the
    classifier's is `learning_rate`. 1 gives all the same."""
    l2_sp: float = Field(default=0.0, ge=0)
    """L2-SP (arXiv:1802.01483): all but the classifier is pulled towards the weights it started
    from, as by the penalty l2_sp / 2 · ‖w − start‖², instead of decayed towards 0. The pull is
    decoupled from the gradient, as AdamW's weight decay."""
    head_warmup_epochs: int = Field(default=0, ge=0)
    """Number of epochs at the start in which the classifier alone is trained; with as many as
    `epochs`, nothing else is."""
    freeze_batch_norm: bool = False
    """Keep the initial statistics of BatchNorm layers; the layers' weights are still trained."""
    reestimate_batch_norm: bool = False
    """Re-estimate the statistics of BatchNorm layers on training images without augmentation (at
    most 10,000), for every snapshot and for the accuracy after every epoch. Training itself
    continues with the running averages, which lag behind the weights if an epoch has few steps.
    This costs a forward pass over these images per epoch. Networks without BatchNorm are not
    changed."""
    augmentation: Augmentation = Augmentation()
    """Random changes of training images."""

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        message = f"warmup_epochs = {self.warmup_epochs:g}: at most epochs = {self.epochs}"
        require(self.warmup_epochs <= self.epochs, message)
        message = "l2_sp: LoRA's changes start from nothing; set l2_sp to 0, or trained to all"
        require(not self.l2_sp or self.trained != "lora", message)
        return self

    @model_validator(mode="after")
    def _batch_norm_is_frozen_or_not(self) -> Self:
        message = (
            "reestimate_batch_norm = true: freeze_batch_norm = true keeps the statistics; "
            "set one of them to false"
        )
        require(not (self.reestimate_batch_norm and self.freeze_batch_norm), message)
        return self


class RecipeChoice(Section):
    """A recipe, and the keys that one experiment changes in it."""

    recipe: Name
    """One of `recipes`."""
    override: dict[str, Any] = {}
    """Keys of the recipe with their new values."""


class Way(RecipeChoice):
    """A further way of adapting the network: what it starts from, and a recipe."""

    start: Name = "pretrained"
    """What it starts from: `pretrained` weights or `random` ones, each with a fresh classifier; or
    the end of another of the experiment's networks, classifier included: `probe` (linear probe,
    then fine-tuning), `finetune`, `scratch` or another of `variants`, of the same seed."""
    title: Title = ""
    """Name in figures; if empty, the variant's."""


class Probe(Section):
    """The linear probe: multinomial logistic regression on penultimate features."""

    l2: float = Field(default=1.0, gt=0)
    """L2 penalty: l2 / (2 · items) times the sum of squared weights is added to the mean loss, on
    features scaled to mean variance 1. This is 1/C of scikit-learn; with two classes, where
    scikit-learn has one row of weights, it is 2/C."""
    max_iterations: int = Field(default=200, ge=1)
    """Largest number of Newton steps; about 20 are usual. The probe is fitted to its optimum, and a
    warning says if it does not reach it."""


SNAPSHOT_DIGITS = 4


def snapshot_label(fraction: float) -> str:
    """A fraction of training as file names spell it, such as `0.0500`."""
    return f"{fraction:.{SNAPSHOT_DIGITS}f}"


def _check_snapshots(fractions: list[float]) -> list[float]:
    check_increasing(fractions)
    ends = (fractions[0], fractions[-1])
    require(ends == (0, 1), f"{fractions} must begin with 0 and end with 1")
    for fraction in fractions:
        message = f"{fraction} has more than {SNAPSHOT_DIGITS} decimal places"
        require(round(fraction, SNAPSHOT_DIGITS) == fraction, message)
    return fractions


Snapshots = Annotated[
    list[Annotated[float, Field(ge=0, le=1)]],
    Field(min_length=2),
    AfterValidator(_check_snapshots),
]
"""Fractions of a training run after which weights are kept."""


class PretrainSettings(Section):
    architecture: Architecture
    recipe: Recipe
    labels: UpstreamLabels = "classes"
    seed: int


class ProbeSettings(Section):
    architecture: Architecture
    probe: Probe


class TrainSettings(Section):
    architecture: Architecture
    variant: Start
    recipe: Recipe
    snapshots: Snapshots
    tested: Literal["every epoch", "first and last epoch"] = "every epoch"
    """When loss and accuracy are measured; the history has a row for each."""
    seed: int
