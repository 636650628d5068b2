"""Models: an architecture of timm's and the input it expects."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from whypretrain.config.base import Name, Section


class Architecture(Section):
    """A timm model by name, and the images it takes."""

    timm: str = Field(min_length=1)
    """Name for `timm.create_model`; the project registers three small ones, `whypretrain_*`."""
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
        taken = {"num_classes", "in_chans", "pretrained"} & self.options.keys()
        if taken:
            message = f"options: {sorted(taken)} are set by the workflow; leave them out"
            raise ValueError(message)
        return self


class UpstreamWeights(Section):
    """Pre-trained weights made here, by training on an upstream dataset."""

    dataset: Name
    """The upstream task: one of `datasets`."""
    recipe: Name
    """One of `recipes`."""
    seed: int = 0
    """First weights, order and augmentation."""


class Model(Architecture):
    """An architecture and where its pre-trained weights come from."""

    title: str = ""
    """How figures call it; the configuration's name if empty."""
    weights: UpstreamWeights
    """Where the pre-trained weights come from."""

    def architecture(self) -> Architecture:
        """The part that a network is built from."""
        return Architecture(**self.model_dump(include=set(Architecture.model_fields)))
