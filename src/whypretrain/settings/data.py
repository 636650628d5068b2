"""Datasets: where images and sentences come from and how they are split."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from whypretrain.settings.base import Section, Seed
from whypretrain.settings.fetch import Archive, FetchSettings
from whypretrain.settings.hub import Hub

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
    train_from: int = Field(default=0, ge=0)
    """With `train_per_class`: how many images of a class are passed over before the first for
    training. Datasets with the same `classes` and `seed` draw in the same order."""
    test_from: int | None = Field(default=None, ge=1)
    """With `train_per_class`: how many images of a class are passed over before the first for
    testing; null tests on all but the training images."""
    test_fraction: float | None = Field(default=None, gt=0, lt=1)
    """Or: the share of each class held out for testing."""
    distortion: Literal["none", "invert", "shuffle"] = "none"
    """Of every image: dark and light swapped, or the 64 pixels in another order, drawn once and the
    same for all images."""
    seed: Seed = 0
    """Of the split and of the order of shuffled pixels."""

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
        if self.train_per_class is None and (self.train_from or self.test_from is not None):
            message = "train_from and test_from go with train_per_class"
            raise ValueError(message)
        first = self.train_from + (self.train_per_class or 0)
        if self.test_from is not None and self.test_from < first:
            message = f"test_from = {self.test_from}: at least {first}, after the training images"
            raise ValueError(message)
        return self

    def may_train_on_tests_of(self, other: "Digits") -> bool:
        """Whether an image to train on here may be one to test on there, distorted or not.

        >>> upstream = Digits(source="digits", classes=[5, 6], train_from=20, train_per_class=80)
        >>> split = {"source": "digits", "classes": [5, 6], "train_per_class": 20}
        >>> upstream.may_train_on_tests_of(Digits(**split))
        True
        >>> upstream.may_train_on_tests_of(Digits(**split, test_from=100))
        False
        """
        if not set(self.classes) & set(other.classes):
            return False
        if (self.classes, self.seed) != (other.classes, other.seed):
            return True  # drawn in orders that have nothing to do with each other
        if self.train_per_class is None or other.train_per_class is None:
            return self.test_fraction != other.test_fraction
        last = self.train_from + self.train_per_class
        if other.test_from is not None:
            return last > other.test_from
        return self.train_from < other.train_from or last > other.train_from + other.train_per_class


class SplitSizes(Section):
    """How many items the splits of a dataset have."""

    train: int = Field(ge=1)
    """Items to train on."""
    test: int = Field(ge=1)
    """Items to test on."""


class _Files(_Source):
    """A dataset in files: in a local folder, or downloaded."""

    path: str | None = Field(default=None, min_length=1)
    """The folder, absolute or from where snakemake is started; `$VARIABLES` are replaced by the
    environment's. Either this or a download."""
    hub: Hub | None = None
    """Or: the dataset's repository on the hub."""
    n_classes: int | None = Field(default=None, ge=2)
    """How many classes there must be; not checked if left out."""
    sizes: SplitSizes | None = None
    """How many items the splits must have, as drawn; not checked if left out. With `n_classes`,
    what `python -m workflow.lib.plan` goes by before the dataset is there."""

    @property
    def own_files(self) -> list[str]:
        """Local files and folders that are read; none of a download."""
        return [self.path] if self.path else []

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
        if not all(name.strip() for name in self.classes):
            message = f"classes = {self.classes}: a name is empty"
            raise ValueError(message)
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
    seed: Seed = 0
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
    def own_files(self) -> list[str]:
        """The two tables, and not what else is in their folder."""
        return [f"{self.path}/{name}" for name in (self.train, self.test)] if self.path else []

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
