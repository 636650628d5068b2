"""What jobs ask a cluster for follows the network, the data, the players and the attempt."""

import tempfile
from pathlib import Path

import h5py
import pandas as pd
import pytest
import torch
import yaml
from transformers import BertConfig, DistilBertConfig

from whypretrain.networks.build import build
from whypretrain.settings.models import ImageArchitecture, Model
from whypretrain.settings.whole import Config, check
from workflow.lib import resources

ROOT = Path(__file__).parents[1]
HOUR = 60
ENCODERS = {"bert_base": BertConfig, "distilbert": DistilBertConfig}  # of base sizes
# Of the tables of docs/paper-suite.md, per forward pass.
GIGAFLOPS = {"vgg16": 30.93, "resnet50": 8.18, "vit_small": 9.20, "vit_base": 35.13}
LEAST = resources.Needs(resources.FIXED_MB, resources.FIXED_MINUTES)


@pytest.fixture(scope="module")
def config() -> Config:
    return check(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))


def table(path: Path, rows: int) -> str:
    pd.DataFrame({"label": [0] * rows}).to_parquet(path)
    return str(path)


def samples(path: Path, count: int) -> str:
    with h5py.File(path, "w") as file:
        for position in range(count):
            file.create_group(f"samples/{position:05d}")
    return str(path)


def test_a_vit_base_on_cifar_asks_for_hours_and_many_gigabytes_the_digits_for_neither(
    config: Config, tmp_path: Path
) -> None:
    train, test = table(tmp_path / "train", 50_000), table(tmp_path / "test", 10_000)
    large = resources.training(
        config.models["vit_base"], config.recipes["vit_cifar_scratch"], train, test
    )
    assert 12 * HOUR < large.runtime < 48 * HOUR
    assert 8_000 < large.mem_mb < 32_000
    train, test = table(tmp_path / "train", 100), table(tmp_path / "test", 800)
    small = resources.training(
        config.models["vit_mini"], config.recipes["digits_downstream"], train, test
    )
    assert LEAST.runtime <= small.runtime < 15
    assert LEAST.mem_mb <= small.mem_mb < 2_100


def test_extraction_doubles_with_every_player(config: Config, tmp_path: Path) -> None:
    path = samples(tmp_path / "samples.h5", 50)
    model = config.models["vit_base"]
    for n in (10, 14):
        less, more = (resources.extraction(model, path, n + k, 10).runtime for k in (0, 1))
        assert more - LEAST.runtime == pytest.approx(2 * (less - LEAST.runtime), rel=0.1)
    assert resources.extraction(model, path, 12, 10).runtime > 3 * HOUR
    assert resources.comparison(path, 20, 22).mem_mb > 5_000


def test_measuring_grows_with_the_passes(config: Config, tmp_path: Path) -> None:
    test = table(tmp_path / "test", 1_000_000)
    once, often = (resources.passing(config.models["resnet50"], [test], k) for k in (1, 6))
    assert often.runtime - LEAST.runtime == pytest.approx(6 * (once.runtime - LEAST.runtime), 0.1)


@pytest.mark.parametrize("name", GIGAFLOPS)
def test_operations_are_a_close_upper_bound(config: Config, name: str) -> None:
    assert GIGAFLOPS[name] <= resources.gigaflops(config.models[name]) <= 2 * GIGAFLOPS[name]


def counted(config: Config, name: str) -> float:
    architecture = config.architecture(name)
    with tempfile.TemporaryDirectory() as folder, torch.device("meta"):
        if not isinstance(architecture, ImageArchitecture):
            ENCODERS[name]().save_pretrained(folder)
            architecture = architecture.model_copy(update={"folder": folder})
        network = build(architecture, 10)
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def test_models_are_as_large_as_they_say(config: Config) -> None:
    for name in ("vgg_mini", "resnet_mini", "vit_mini", *GIGAFLOPS, *ENCODERS):
        said = config.models[name].million_parameters
        assert said == pytest.approx(counted(config, name), rel=0.15, abs=0.1), name


def test_a_model_that_does_not_say_its_size_is_taken_for_a_large_one(config: Config) -> None:
    model: Model = config.models["vit_mini"].model_copy(update={"million_parameters": None})
    assert resources.loading(model).mem_mb > 10_000
    assert resources.cpus(model) == 4
    assert resources.cpus(config.models["vit_mini"]) == 1


def test_a_damaged_file_is_left_to_the_stage_that_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(b"neither")
    assert resources.count_rows(str(path)) == resources.ROWS
    assert resources.count_samples(str(path)) == resources.ROWS
    for count in (resources.count_rows, resources.count_samples):
        with pytest.raises(FileNotFoundError) as raised:
            count("missing")
        assert raised.value.filename == "missing"
