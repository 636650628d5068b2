"""Small real inputs that tests share."""

from pathlib import Path

import pytest
import torch

from whypretrain.config.data import Digits
from whypretrain.config.models import Architecture
from whypretrain.data.sources import load_source
from whypretrain.data.table import Split, read_split, write_split

torch.set_num_threads(1)

SMALL_NETWORKS = ("whypretrain_vgg", "whypretrain_resnet", "whypretrain_vit")


def small(name: str) -> Architecture:
    """One of the embedded suite's architectures."""
    return Architecture(timm=name, image_size=28, channels=1, mean=[0.3], std=[0.35])


@pytest.fixture(params=SMALL_NETWORKS)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return small(request.param)


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared splits of the digits 5 to 7, four training images a class."""
    folder = tmp_path_factory.mktemp("digits")
    splits = load_source(Digits(source="digits", classes=[5, 6, 7], train_per_class=4))
    write_split(folder / "train.parquet", splits.train, splits.classes)
    write_split(folder / "test.parquet", splits.test[::10], splits.classes)
    return folder


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> tuple[Split, Split]:
    """Train and test split of `digits_folder`."""
    return read_split(digits_folder / "train.parquet"), read_split(digits_folder / "test.parquet")
