"""Models: an architecture of timm's or of transformers', and where its weights come from."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from whypretrain.settings.base import Name, Section, Seed, Title
from whypretrain.settings.hub import Hub

SET_HERE = {
    *("num_classes", "in_chans"),
    # What makes timm load weights, from a pickle if need be: they come through `weights` alone.
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
}
"""Arguments of `timm.create_model` that are not for `options`."""


class ImageArchitecture(Section):
    """A timm model by name, and the images it takes."""

    family: Literal["timm"] = "timm"
    """This kind of model; may be left out."""
    timm: str = Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")
    """Name for `timm.create_model`, no address of a hub or a folder; the project registers three
    small ones, `whypretrain_*`."""
    options: dict[str, Any] = {}
    """Further keyword arguments of `timm.create_model`."""
    image_size: int = Field(default=224, ge=1)
    """Height and width of the input in pixels."""
    channels: Literal[1, 3] = 3
    """1 for grey images, 3 for RGB; images are converted."""
    mean: list[float] = [0.485, 0.456, 0.406]
    """Per channel, for pixel values in [0, 1]; the defaults are ImageNet's."""
    std: list[Annotated[float, Field(gt=0)]] = [0.229, 0.224, 0.225]
    """Per channel, like `mean`."""

    @model_validator(mode="after")
    def _channels_agree(self) -> Self:
        for key, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                message = f"{key} = {values}: needs one value per channel ({self.channels})"
                raise ValueError(message)
        taken = SET_HERE & self.options.keys()
        if taken:
            message = f"options: {sorted(taken)} are set by the workflow; leave them out"
            raise ValueError(message)
        return self


class _TextInput(Section):
    family: Literal["transformers"]
    """This kind of model: the architecture and tokenizer are those of the weights."""
    max_tokens: int = Field(default=128, ge=4)
    """Longer sentences are cut for training, and never chosen as samples."""
    feature: Literal["pooler", "first_token"] = "pooler"
    """Penultimate feature: the pooled output (BERT) or the first token's state (DistilBERT)."""


class TextArchitecture(_TextInput):
    """A transformers encoder as the stages know it: with its folder."""

    folder: str
    """Where `config.json` and the tokenizer stand."""


UpstreamLabels = Literal["classes", "rotation"]
"""What a network learns to tell upstream."""


class Weights(Section):
    """Where pre-trained weights come from: made here, from a hub, or from a local path."""

    dataset: Name | None = None
    """Made here: the upstream task, one of `datasets`; needs `recipe` too."""
    recipe: Name | None = None
    """Made here: how they are trained, one of `recipes`."""
    labels: UpstreamLabels = "classes"
    """Made here: what the network learns to tell: the classes of the dataset, or, without them, in
    which of four rotations an image is shown (self-supervised; Gidaris et al., 2018)."""
    seed: Seed = 0
    """Made here: first weights, order and augmentation."""
    hub: Hub | None = None
    """Or downloaded: repository and revision."""
    path: str | None = Field(default=None, min_length=1)
    """Or local: a safetensors file, or a folder with `model.safetensors` (a timm `local-dir:`, a
    transformers model). `$VARIABLES` are replaced by the environment's."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [key for key in ("dataset", "hub", "path") if getattr(self, key) is not None]
        if len(given) != 1 or (self.dataset is None) != (self.recipe is None):
            message = f"give one of dataset (with recipe), hub, path; given: {given or 'none'}"
            raise ValueError(message)
        if self.dataset is None and self.labels != "classes":
            message = f"labels = '{self.labels}': only of weights made here, from a dataset"
            raise ValueError(message)
        return self


Kind = Literal["cnn", "transformer", "other"]


class ImageModel(ImageArchitecture):
    """An image network and its pre-trained weights."""

    title: Title = ""
    """How figures call it; the configuration's name if empty."""
    kind: Kind = "other"
    """What it is compared as, where CNNs are compared with transformers."""
    weights: Weights
    """Where the pre-trained weights come from."""


class TextModel(_TextInput):
    """A text network and its pre-trained weights."""

    title: Title = ""
    """How figures call it; the configuration's name if empty."""
    kind: Kind = "transformer"
    """What it is compared as, where CNNs are compared with transformers."""
    weights: Weights
    """Where the pre-trained weights come from: hub or path."""


def _family(value: Any) -> str:
    given = value.get("family") if isinstance(value, dict) else getattr(value, "family", None)
    return "TextModel" if given == "transformers" else "ImageModel"


Model = Annotated[
    Annotated[ImageModel, Tag("ImageModel")] | Annotated[TextModel, Tag("TextModel")],
    Discriminator(_family),
]
Architecture = Annotated[
    Annotated[ImageArchitecture, Tag("ImageModel")] | Annotated[TextArchitecture, Tag("TextModel")],
    Discriminator(_family),
]


class ConvertSettings(Section):
    """What the stage `convert` needs to know."""

    architecture: Architecture
