"""Checkpoints of training: the state after an epoch, from which a run that was killed goes on.

Nothing random needs to be kept: every epoch is seeded anew from the run's seed and its number.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from whypretrain.files.artifacts import atomic_path, verified
from whypretrain.files.progress import say

CHECKPOINT = "checkpoint.pt"
INTERVAL = 20.0  # seconds between checkpoints, so that short runs write few
VARIABLE = "WHYPRETRAIN_CHECKPOINT_SECONDS"
"""Environment variable that sets another interval. It changes no result."""


def interval() -> float:
    """Seconds from one checkpoint to the next.

    Raises
    ------
    ValueError
        If the environment variable is no number.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return INTERVAL
    try:
        return float(text)
    except ValueError:
        message = f"{VARIABLE} = '{text}': must be a number of seconds"
        raise ValueError(message) from None


def save(
    partial: Path,
    parts: dict[str, Any],
    *,
    identity: str,
    epoch: int,
    history: list[dict[str, Any]],
) -> None:
    """Keep the state of all parts as it is after an epoch."""
    states = {name: part.state_dict() for name, part in parts.items()}
    with atomic_path(partial / CHECKPOINT) as temporary:
        torch.save(states | {"identity": identity, "epoch": epoch, "history": history}, temporary)


def resume(
    partial: Path,
    parts: dict[str, Any],
    *,
    identity: str,
    device: torch.device,
    label: str,
) -> tuple[int, list[dict[str, Any]]]:
    """Epochs done and their history: from a checkpoint of this very run, else none."""
    path = partial / CHECKPOINT
    try:
        for kept in [path, *partial.glob("*.safetensors")]:
            verified(kept)
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the run starts anew)
        if path.exists():
            say(f"{label}: {partial} cannot be used ({type(error).__name__}); starting anew")
        state = {}
    if state.get("identity") != identity:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return 0, []
    for name, part in parts.items():
        if state[name]:  # a scaler that is not in use has no state
            part.load_state_dict(state[name])
    say(f"{label}: resumed after epoch {state['epoch']}")
    return state["epoch"], state["history"]


def discard(partial: Path) -> None:
    """Delete a folder of unfinished work.

    The checkpoint goes first: a run that is killed meanwhile must not go on from it without the
    snapshots that went before.
    """
    (partial / CHECKPOINT).unlink(missing_ok=True)
    shutil.rmtree(partial)
