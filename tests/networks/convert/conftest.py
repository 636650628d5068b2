"""The stage `convert` as Snakemake runs it, and the one line that it ends with on a mistake."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whypretrain.settings.models import (
    Architecture,
    ConvertSettings,
    TextArchitecture,
)
from whypretrain.stages import command, convert


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "results" / "net" / "weights.safetensors"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, target: Path) -> Callable[..., None]:
    """The stage as Snakemake runs it."""

    def run(architecture: Architecture, source: object) -> None:
        settings = ConvertSettings(architecture=architecture).to_json()
        arguments = ["--settings", settings, "--source", str(source), "--weights", str(target)]
        monkeypatch.setattr(sys, "argv", ["convert", *arguments])
        command.run(convert.main)

    return run


@pytest.fixture
def mistake(run: Callable[..., None], target: Path) -> Callable[..., str]:
    """The one line that the stage ends with; it leaves no weights."""

    def mistake(architecture: Architecture, source: object) -> str:
        with pytest.raises(SystemExit) as end:
            run(architecture, source)
        message = str(end.value)
        assert message.startswith("error: ")
        assert len(message.splitlines()) == 1
        assert not target.exists()
        return message

    return mistake


def beside(target: Path, encoder: TextArchitecture) -> TextArchitecture:
    """The architecture as the workflow names it: its folder is beside the weights."""
    return encoder.model_copy(update={"folder": str(target.parent / "transformers")})
