"""What jobs ask a cluster for follows the network, the data, the players and the attempt."""

from pathlib import Path

import h5py
import pandas as pd
import pytest

from tests.conftest import DECODERS, write_decoder
from whypretrain.settings.reading import read_over
from whypretrain.settings.whole import Config, check
from workflow.lib import resources
from workflow.lib.rates import count

ROOT = Path(__file__).parents[2]
HOUR = 60
MILLIONS = {"vgg16": 138, "resnet50": 26, "vit_small": 22, "vit_base": 86, "bert_base": 110}
MILLIONS |= {"gpt2": 124, "qwen2_05b": 494, "smollm2_135m": 135}
# Of the tables of docs/suites.md, per forward pass.
GIGAFLOPS = {"vgg16": 30.93, "resnet50": 8.18, "vit_small": 9.20, "vit_base": 35.13}
LEAST = resources.Needs(resources.FIXED_MB, resources.FIXED_MINUTES)


@pytest.fixture(scope="module")
def config() -> Config:
    return check(read_over(ROOT / "config.yaml"))


@pytest.fixture(autouse=True)
def _nothing_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def size_of(config: Config, name: str) -> resources.Size:
    return resources.network(name, config.models[name])


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
    recipe = config.recipes["vit_cifar_scratch"]
    large = resources.training(size_of(config, "vit_base"), recipe, train, test)
    assert 12 * HOUR < large.runtime < 48 * HOUR
    assert 8_000 < large.mem_mb < 32_000
    train, test = table(tmp_path / "train", 100), table(tmp_path / "test", 800)
    recipe = config.recipes["digits_downstream"]
    small = resources.training(size_of(config, "vit_mini"), recipe, train, test)
    assert LEAST.runtime <= small.runtime < 15
    assert LEAST.mem_mb <= small.mem_mb < 2_200


def test_extraction_doubles_with_every_player(config: Config, tmp_path: Path) -> None:
    path = samples(tmp_path / "samples.h5", 50)
    size = size_of(config, "vit_base")
    for n in (10, 14):
        less, more = (resources.extraction(size, path, n + k, 10).runtime for k in (0, 1))
        assert more - LEAST.runtime == pytest.approx(2 * (less - LEAST.runtime), rel=0.1)
    assert resources.extraction(size, path, 12, 10).runtime > 3 * HOUR
    assert resources.comparison(path, 20, 22, and_or=False).mem_mb > 5_000


def test_measuring_grows_with_the_passes(config: Config, tmp_path: Path) -> None:
    test = table(tmp_path / "test", 1_000_000)
    once, often = (
        resources.passing(size_of(config, "resnet50"), [test], times) for times in (1, 6)
    )
    assert often.runtime - LEAST.runtime == pytest.approx(6 * (once.runtime - LEAST.runtime), 0.1)


@pytest.mark.parametrize("name", MILLIONS)
def test_sizes_by_name_are_upper_bounds(config: Config, name: str) -> None:
    assert MILLIONS[name] <= size_of(config, name).millions <= 2.5 * MILLIONS[name]
    if name in GIGAFLOPS:
        assert GIGAFLOPS[name] <= size_of(config, name).gigaflops <= 2.5 * GIGAFLOPS[name]


def test_large_networks_are_fed_by_several_cpus(config: Config) -> None:
    assert size_of(config, "vit_mini").cpus == 1
    assert size_of(config, "vit_base").cpus == resources.CPUS


def test_a_network_of_unknown_name_is_taken_for_a_large_one(config: Config) -> None:
    model = config.models["vit_mini"].model_copy(update={"timm": "unheard_of"})
    size = resources.network("other", model)
    assert size.millions == resources.MILLIONS[""]
    assert resources.passing(size, [], times=0).mem_mb > 10_000


def test_a_damaged_file_is_left_to_the_stage_that_reads_it(tmp_path: Path) -> None:
    for name in ("damaged.parquet", "damaged.h5"):
        path = tmp_path / name
        path.write_bytes(b"neither")
        assert resources.count_rows(str(path)) == resources.ROWS
    with pytest.raises(FileNotFoundError) as raised:
        resources.count_rows("missing")
    assert raised.value.filename == "missing"


@pytest.mark.parametrize("kind", DECODERS)
def test_operations_of_a_decoder_are_counted(kind: str, tmp_path: Path) -> None:
    """Of 32 tokens, two layers of width 16: products alone, and a multiply-add counts as 2."""
    counted = count(write_decoder(tmp_path / kind, kind), 2)
    # GPT-2: three maps of the width, one back, and four widths there and back. The others: queries
    # and output, one of two heads for keys and values, and three maps to and from twice the width.
    maps = 16 * (48 + 16 + 2 * 64) if kind == "GPT2" else 16 * (2 * 16 + 2 * 8 + 3 * 32)
    attention = 2 * 32 * 16
    assert (counted.flops, counted.features) == (2 * 2 * 32 * (maps + attention), 16)
