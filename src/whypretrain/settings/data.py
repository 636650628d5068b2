"""Datasets: where images and sentences come from, and how they are split."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from whypretrain.settings.base import Section, Seed, require
from whypretrain.settings.fetch import Archive, Hub

Task = Literal["image", "text"]
"""What a dataset classifies."""


class _Source(Section):
    def download_folder(self, name: str) -> str | None:
        """Folder of the download of the dataset called `name`; None if nothing is downloaded."""
        remote = getattr(self, "hub", None) or getattr(self, "archive", None)
        return f"resources/datasets/{name}" if remote else None


class Digits(_Source):
    """The handwritten digits of scikit-learn (`load_digits`), 8×8 pixels."""

    source: Literal["digits"]
    classes: list[Annotated[int, Field(ge=0, le=9)]] = Field(min_length=2)
    """The digits to use; they become the classes 0, 1, … in this order."""
    train_per_class: int | None = Field(default=None, ge=1)
    """Number of training images drawn per class; the rest is for testing."""
    train_from: int = Field(default=0, ge=0)
    """With `train_per_class`: number of images of each class to skip before the first training
    image. Datasets with the same `classes` and `seed` draw in the same order."""
    test_from: int | None = Field(default=None, ge=1)
    """The same for test images; null tests on all images except the training images."""
    test_fraction: float | None = Field(default=None, gt=0, lt=1)
    """Share of each class held out for testing; use it instead of `train_per_class`."""
    distortion: Literal["none", "invert", "shuffle"] = "none"
    """Change of every image: dark and light swapped, or pixels shuffled, in one order for all
    images."""
    seed: Seed = 0
    """Seed of the split and of the order of shuffled pixels."""
    task: ClassVar[Task] = "image"

    @model_validator(mode="after")
    def _one_split(self) -> Self:
        drawn = self.train_per_class is not None
        message = "give one of train_per_class and test_fraction"
        require(drawn != (self.test_fraction is not None), message)
        repeated = len(set(self.classes)) < len(self.classes)
        require(not repeated, f"classes = {self.classes}: a digit is given twice")
        message = "train_from and test_from need train_per_class"
        require(drawn or not (self.train_from or self.test_from), message)
        first = self.train_from + (self.train_per_class or 0)
        message = f"test_from = {self.test_from}: at least {first}, after the training images"
        require(self.test_from is None or self.test_from >= first, message)
        return self

    def may_train_on_tests_of(self, other: "Digits") -> bool:
        """Whether a training image here may be a test image of `other`, distorted or not."""
        if not set(self.classes) & set(other.classes):
            return False
        if (self.classes, self.seed) != (other.classes, other.seed):
            return True  # drawn in unrelated orders
        if self.train_per_class is None or other.train_per_class is None:
            return self.test_fraction != other.test_fraction
        last = self.train_from + self.train_per_class
        if other.test_from is not None:
            return last > other.test_from
        return self.train_from < other.train_from or last > other.train_from + other.train_per_class


class SplitSizes(Section):
    """Number of items in the splits of a dataset."""

    train: int = Field(ge=1)
    """Training items."""
    test: int = Field(ge=1)
    """Test items."""


class _Files(_Source):
    """A dataset in files, local or downloaded."""

    path: str | None = Field(default=None, min_length=1)
    """Local folder; set it to use local files instead of downloading. Relative paths are relative
    to the folder where Snakemake is started; environment variables are expanded."""
    hub: Hub | None = None
    """The repository on the hub to download."""
    n_classes: int | None = Field(default=None, ge=2)
    """Number of classes; not checked if left out."""
    sizes: SplitSizes | None = None
    """Number of items in each split; not checked if left out. Before a download, `python -m
    workflow.lib.plan` bases its estimate on `sizes` and `n_classes`."""

    @property
    def own_files(self) -> list[str]:
        """Local files and folders that are read; none for a download."""
        return [self.path] if self.path else []

    @model_validator(mode="after")
    def _one_location(self) -> Self:
        places = [key for key in ("path", "hub", "archive") if key in type(self).model_fields]
        given = [key for key in places if getattr(self, key) is not None]
        message = f"give one of {', '.join(places)}; given: {', '.join(given) or 'none'}"
        require(len(given) == 1, message)
        return self


class _ImageFiles(_Files):
    task: ClassVar[Task] = "image"


class ImageFolder(_ImageFiles):
    """Your own images: `<path>/train/<class>/<image>` and `<path>/test/<class>/<image>`."""

    source: Literal["image_folder"]


class Cub(_ImageFiles):
    """Caltech-UCSD Birds 200-2011 as released, or some classes of it, with boxes and parts."""

    source: Literal["cub"]
    archive: Archive | None = None
    """The release to download,
    `https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz`."""


class Cars(_ImageFiles):
    """Stanford Cars as released: `devkit/`, `cars_train/` and `cars_test/`, with boxes."""

    source: Literal["cars"]


class _Table(_Files):
    """What datasets with a column of labels share."""

    label_column: str = "label"
    """Column of the labels."""
    text_column: str = "sentence"
    """Column of the sentences."""
    classes: list[str] | None = Field(default=None, min_length=2)
    """Names of the labels 0, 1, …. If left out, the names in the files are used, or else the labels
    themselves."""

    @field_validator("classes")
    @classmethod
    def _are_names(cls, names: list[str] | None) -> list[str] | None:
        require(all(map(str.strip, names or [])), "a name is empty")
        require(names is None or len(set(names)) == len(names), "a name is given twice")
        return names


class HubParquet(_Table):
    """Parquet as on the hub (`<split>-*.parquet`, `<split>/*.parquet`) or as of `save_to_disk`."""

    source: Literal["parquet"]
    task: Task = "image"
    """Whether to classify the column of images or of sentences."""
    image_column: str = "image"
    """Column of the encoded images."""
    train_split: str = "train"
    """Name of the training split."""
    test_split: str = "test"
    """Name of the test split; use `validation` if the test split has no labels (SST-2)."""
    max_train_per_class: int | None = Field(default=None, ge=1)
    """Largest number of training rows per class; they are drawn at random."""
    max_test_per_class: int | None = Field(default=None, ge=1)
    """Largest number of test rows per class; they are drawn at random."""
    seed: Seed = 0
    """Seed of the draws; a larger draw contains the rows of a smaller one."""


class TextTable(_Table):
    """Your own tables of sentences: CSV, TSV (without quoting), JSON lines or Parquet."""

    source: Literal["text_table"]
    task: ClassVar[Task] = "text"
    train: str = Field(min_length=1)
    """Training file in the folder."""
    test: str = Field(min_length=1)
    """Test file in the folder."""

    @property
    def own_files(self) -> list[str]:
        """The two tables; other files in their folder do not count."""
        return [f"{self.path}/{name}" for name in (self.train, self.test)] if self.path else []


Dataset = Annotated[
    Digits | ImageFolder | HubParquet | Cub | Cars | TextTable, Field(discriminator="source")
]


class PrepareSettings(Section):
    dataset: Dataset
