"""The worked examples of docs/bring-your-own.md, run as they stand there."""

import json
import os
import re

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file
from snakemake.utils import update_config

from tests.conftest import SENTENCES, write_decoder, write_encoder
from tests.project import ROOT, Project

EXPERIMENTS = {"resnet-leaves", "encoder-reviews", "gpt2-reviews"}
LEAVES = {"birch": (40, 160, 40), "maple": (180, 60, 30)}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with the examples' files in the places that they name, run once.

    The first is the whole configuration, the second adds a decoder to it.
    """
    project = Project(tmp_path_factory.mktemp("mine"))
    text = (ROOT / "docs" / "bring-your-own.md").read_text(encoding="utf-8")
    example, decoder = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", text, re.S)[:2])
    update_config(example, decoder)
    (project.folder / "tiny.yaml").write_text(yaml.safe_dump(example), encoding="utf-8")

    generator = np.random.default_rng(0)
    for split, count in (("train", 8), ("test", 4)):
        for name, colour in LEAVES.items():
            folder = project.folder / "my-data" / "leaves" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.normal(colour, 30, size=(70, 50, 3)).clip(0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
    reviews = pd.DataFrame(SENTENCES, columns=["sentence", "label"])
    reviews.to_csv(project.folder / "my-data" / "reviews-train.csv", index=False)
    reviews[:4].to_csv(project.folder / "my-data" / "reviews-test.csv", index=False)

    torch.manual_seed(0)
    weights = project.folder / "my-weights"
    weights.mkdir()
    save_file(timm.create_model("resnet10t").state_dict(), weights / "resnet10t.safetensors")
    write_encoder(weights / "encoder", "bert")
    write_decoder(weights / "gpt2", "GPT2")
    project.snakemake()
    return project


def test_the_example_runs_to_its_figures(mine: Project) -> None:
    for name in ("fig2", "fig3", "fig4", "curves", "robustness"):
        numbers = pd.read_csv(mine.folder / "results/figures/mine" / f"{name}.csv")
        assert set(numbers["experiment"]) == EXPERIMENTS
    assert mine.due() == set()


def test_samples_are_listed_and_pictured_with_their_players(mine: Project) -> None:
    results = mine.folder / "results/experiments"
    for experiment in ("encoder-reviews", "gpt2-reviews"):
        for players in pd.read_csv(results / experiment / "samples.csv")["players"]:
            assert len(players.split()) == 6
    assert len(pd.read_csv(results / "resnet-leaves/samples.csv")) == 4
    for experiment, count in zip(sorted(EXPERIMENTS), (2, 2, 4), strict=True):
        pictures = list((results / experiment / "players").glob("*.png"))
        assert len(pictures) == count


def test_weights_have_the_form_of_those_trained_here(mine: Project) -> None:
    for name, kind in (("my_encoder", "bert"), ("my_gpt2", "gpt2")):
        folder = mine.folder / "results/pretrained" / name
        assert (folder / "weights.safetensors").exists()
        config = json.loads((folder / "transformers/config.json").read_text(encoding="utf-8"))
        assert config["model_type"] == kind


def test_own_files_that_change_are_read_again(mine: Project) -> None:
    image = mine.folder / "my-data/leaves/train/birch/0.png"
    weights = mine.folder / "my-weights/resnet10t.safetensors"
    encoder = mine.folder / "my-weights/encoder/vocab.txt"
    for path, rule, others in (
        (image, "prepare:leaves", "encoder"),
        (weights, "convert:my_resnet", "encoder"),
        (encoder, "convert_text:my_encoder", "resnet"),
    ):
        before = path.stat()
        os.utime(path)
        due = mine.due()
        assert rule in due
        assert not {job for job in due if others in job}
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (mine.folder / "my-data/leaves/train/.DS_Store").write_bytes(b"of a file manager")
    assert mine.due() == set()
    (mine.folder / "my-data/leaves/train/oak.png").write_bytes(image.read_bytes())
    assert "prepare:leaves" in mine.due()
    mine.snakemake("--", "results/datasets/leaves/train.parquet")
    log = (mine.folder / "results/logs/prepare/leaves.log").read_text(encoding="utf-8")
    assert "in no class's folder: 1, the first 'oak.png'" in log
