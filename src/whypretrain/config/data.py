"""Datasets: where images and sentences come from and how they are split."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from whypretrain.config.base import Section
from whypretrain.config.fetch import Archive, FetchSettings
from whypretrain.config.hub import Hub

Task = Literal["image", "text"]
"""What a dataset classifies."""


class _Source(Section):
    """A dataset; some kinds may be downloaded."""

    def download_folder(self, name: str) -> str | None:
        """Where the download of the dataset called `name` goes; None if there is none."""
        remote = getattr(self, "hub", None) or getattr(self, "archive", None)
        return f"resources/datasets/{name}" if remote else None

    def fetch(self, name: str) -> FetchSettings:
        """Settings of its download. Raises pydantic's ValidationError if there is none."""
        return FetchSettings(
            path_key=f"datasets.{name}.path",
            hub=getattr(self, "hub", None),
            archive=getattr(self, "archive", None),
        )


class Digits(_Source):
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

    @property
    def task(self) -> Task:
        """What is classified."""
        return "image"

    @model_validator(mode="after")
    def _one_split(self) -> Self:
        if (self.train_per_class is None) == (self.test_fraction is None):
            message = "give one of train_per_class and test_fraction"
            raise ValueError(message)
        if len(set(self.classes)) < len(self.classes):
            message = f"classes = {self.classes}: a digit stands twice"
            raise ValueError(message)
        return self


class _Files(_Source):
    """A dataset in files: in a local folder, or downloaded."""

    path: str | None = Field(default=None, min_length=1)
    """The folder, absolute or from where snakemake is started; `$VARIABLES` are replaced by the
    environment's. Either this or a download."""
    hub: Hub | None = None
    """Or: the dataset's repository on the hub."""
    n_classes: int | None = Field(default=None, ge=2)
    """How many classes there must be; not checked if left out."""

    @model_validator(mode="after")
    def _one_location(self) -> Self:
        places = [key for key in ("path", "hub", "archive") if key in type(self).model_fields]
        given = [key for key in places if getattr(self, key) is not None]
        if len(given) != 1:
            message = f"give one of {', '.join(places)}; given: {', '.join(given) or 'none'}"
            raise ValueError(message)
        return self


class _ImageFiles(_Files):
    @property
    def task(self) -> Task:
        """What is classified."""
        return "image"


class ImageFolder(_ImageFiles):
    """A folder of your own: `<path>/train/<class>/<image>` and `<path>/test/<class>/<image>`."""

    source: Literal["image_folder"]
    """This kind of dataset."""


class Cub(_ImageFiles):
    """Caltech-UCSD Birds 200-2011 as released, with boxes and parts; classes may be missing."""

    source: Literal["cub"]
    """This kind of dataset."""
    archive: Archive | None = None
    """Or: the release, `https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz`."""


class Cars(_ImageFiles):
    """Stanford Cars as released: `devkit/`, `cars_train/` and `cars_test/`, with boxes."""

    source: Literal["cars"]
    """This kind of dataset."""


class _Table(_Files):
    """What sources with a column of labels share."""

    label_column: str = "label"
    """Column of the labels."""
    text_column: str = "sentence"
    """Column of the sentences."""
    classes: list[str] | None = Field(default=None, min_length=2)
    """Names of the labels 0, 1, …; if left out, those in the files, else the labels themselves."""

    @model_validator(mode="after")
    def _classes_agree(self) -> Self:
        if self.classes is None:
            return self
        if len(set(self.classes)) < len(self.classes):
            message = f"classes = {self.classes}: a name stands twice"
            raise ValueError(message)
        if self.n_classes not in (None, len(self.classes)):
            message = f"n_classes = {self.n_classes}, but classes names {len(self.classes)}"
            raise ValueError(message)
        return self


class HubParquet(_Table):
    """The hub's layout, `<split>-*.parquet` or `<split>/*.parquet`, or a dataset saved to disk."""

    source: Literal["parquet"]
    """This kind of dataset."""
    task: Task = "image"
    """What is classified: which of the two columns is read."""
    image_column: str = "image"
    """Column of the encoded images."""
    train_split: str = "train"
    """Split to train on."""
    test_split: str = "test"
    """Split to test on; `validation` where the test split is published without labels (SST-2)."""
    max_train_per_class: int | None = Field(default=None, ge=1)
    """At most so many training rows of each class, drawn at random."""
    max_test_per_class: int | None = Field(default=None, ge=1)
    """At most so many test rows of each class, drawn at random."""
    seed: int = 0
    """Of the draws; a larger number keeps the rows of a smaller one."""

    @model_validator(mode="after")
    def _two_splits(self) -> Self:
        if self.train_split == self.test_split:
            message = f"train_split and test_split are both '{self.train_split}'"
            raise ValueError(message)
        return self


class TextTable(_Table):
    """Your own tables of sentences: CSV, TSV (without quoting), JSON lines or Parquet."""

    source: Literal["text_table"]
    """This kind of dataset."""
    train: str = Field(min_length=1)
    """File to train on, within the folder."""
    test: str = Field(min_length=1)
    """File to test on, within the folder."""

    @property
    def task(self) -> Task:
        """What is classified."""
        return "text"

    @model_validator(mode="after")
    def _two_files(self) -> Self:
        if self.train == self.test:
            message = f"train and test are both '{self.train}'"
            raise ValueError(message)
        return self


Dataset = Annotated[
    Digits | ImageFolder | HubParquet | Cub | Cars | TextTable, Field(discriminator="source")
]


class PrepareSettings(Section):
    """What the stage `prepare` needs to know."""

    dataset: Dataset
