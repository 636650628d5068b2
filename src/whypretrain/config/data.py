"""Datasets: where images come from and how they are split."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from whypretrain.config.base import Section


class Digits(Section):
    """Handwritten digits, 8×8 pixels, that scikit-learn ships (`load_digits`)."""

    source: Literal["digits"]
    """This kind of dataset."""
    classes: list[Annotated[int, Field(ge=0, le=9)]] = Field(min_length=2)
    """Digits that become the classes 0, 1, … in this order."""
    train_per_class: int | None = Field(default=None, ge=1)
    """Training images drawn per class; the rest is for testing."""
    test_fraction: float | None = Field(default=None, gt=0, lt=1)
    """Or: the share of each class held out for testing."""
    seed: int = 0
    """Of the split."""

    @model_validator(mode="after")
    def _one_split(self) -> Self:
        if (self.train_per_class is None) == (self.test_fraction is None):
            message = "give one of train_per_class and test_fraction"
            raise ValueError(message)
        if len(set(self.classes)) < len(self.classes):
            message = f"classes = {self.classes}: a digit stands twice"
            raise ValueError(message)
        return self


class ImageFolder(Section):
    """A folder of your own: `<path>/train/<class>/<image>` and `<path>/test/<class>/<image>`."""

    source: Literal["image_folder"]
    """This kind of dataset."""
    path: str = Field(min_length=1)
    """The folder that holds `train/` and `test/`, absolute or from where snakemake is started."""


Dataset = Annotated[Digits | ImageFolder, Field(discriminator="source")]


class PrepareSettings(Section):
    """What the stage `prepare` needs to know."""

    dataset: Dataset
