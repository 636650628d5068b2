"""Stages in this process, as Snakemake runs them, and the one line that they end with."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from whypretrain.settings.base import Section
from whypretrain.settings.data import Dataset, PrepareSettings
from whypretrain.settings.interactions import SamplesSettings, Sampling
from whypretrain.settings.models import Architecture, ConvertSettings
from whypretrain.stages import command, convert, prepare, samples

Stage = Callable[[], None]


def run(main: Stage, settings: Section, arguments: Sequence[object]) -> str:
    """Run a stage; returns the line it ends with, empty if all went well."""
    line = ["stage", "--settings", settings.to_json(), *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", line)
        try:
            command.run(main)
        except SystemExit as end:
            message = str(end.code)
            assert message.startswith("error: "), message
            assert len(message.splitlines()) == 1, message
            return message
    return ""


def run_prepare(folder: Path, **dataset: Any) -> str:
    """Prepare a dataset into `folder`."""
    adapter: TypeAdapter[Dataset] = TypeAdapter(Dataset)
    settings = PrepareSettings(dataset=adapter.validate_python(dataset))
    paths = ["--train", folder / "train.parquet", "--test", folder / "test.parquet"]
    return run(prepare.main, settings, paths)


def run_samples(folder: Path, architecture: Architecture, **sampling: Any) -> str:
    """Draw samples from what was prepared in `folder`."""
    chosen = Sampling.model_validate(sampling)
    settings = SamplesSettings(sampling=chosen, architecture=architecture)
    paths = ["--train", folder / "train.parquet", "--test", folder / "test.parquet"]
    paths += ["--samples", folder / "samples.h5", "--table", folder / "samples.csv"]
    return run(samples.main, settings, paths)


def run_convert(folder: Path, architecture: Architecture, source: Path) -> str:
    """Convert weights into `folder`."""
    paths = [f"--source={source}", "--weights", folder / "weights.safetensors"]
    return run(convert.main, ConvertSettings(architecture=architecture), paths)
