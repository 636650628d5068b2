"""The training loop: one function, read top to bottom, that keeps snapshots and can be resumed."""

import math
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from whypretrain.artifacts import atomic_path
from whypretrain.config.training import Recipe
from whypretrain.data.images import Images
from whypretrain.models.build import save_weights
from whypretrain.numerics import seed_everything
from whypretrain.progress import Progress, say

CHECKPOINT_INTERVAL = 20.0  # seconds between checkpoints, so that short runs write few
EVALUATION_BATCH = 256


class Score(NamedTuple):
    """Mean cross-entropy in nats and accuracy in [0, 1] over a dataset."""

    loss: float
    accuracy: float


class Outputs(NamedTuple):
    """Where a run leaves its results: a file a snapshot, and the history of every epoch."""

    snapshots: dict[float, Path]
    history: Path


def fit(
    model: nn.Module,
    train: Images,
    test: Images,
    outputs: Outputs,
    *,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    label: str,
    identity: str,
    metadata: dict[str, Any],
) -> None:
    """Train `model` in place; write its weights at each fraction of the run, and the history.

    All outputs appear at the end, together. Until then snapshots and a checkpoint are kept in a
    folder beside the history, from which a run that was killed goes on at the last epoch kept: it
    ends with the same weights as an undisturbed one.

    Parameters
    ----------
    outputs : the keys of `snapshots` are fractions of the run's steps, 0 and 1 included or not
    label : what progress lines begin with
    identity : digest of all that determines the run; a checkpoint of another run is discarded
    metadata : written into every snapshot, beside its fraction, step and epoch

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    steps_per_epoch = _n_batches(train, recipe)
    n_steps = recipe.epochs * steps_per_epoch
    due = {fraction: round(fraction * n_steps) for fraction in outputs.snapshots}
    model.to(device)
    optimizer = _optimizer(model, recipe)
    partial = outputs.history.parent / f".{outputs.history.stem}.partial"
    epoch, history = _resume(
        partial, model, optimizer, identity=identity, device=device, label=label
    )

    def keep_snapshots(step: int) -> None:
        for fraction, at in due.items():
            if at == step:
                spot = {"fraction": fraction, "step": step, "epoch": step / steps_per_epoch}
                save_weights(partial / outputs.snapshots[fraction].name, model, metadata | spot)

    if not history:
        first = evaluate(model, test, device)
        history.append(_row(0, 0, 0.0, None, first))
        keep_snapshots(0)

    step = epoch * steps_per_epoch
    progress = Progress(label, recipe.epochs - epoch, "epoch")
    checkpointed = time.monotonic()
    while epoch < recipe.epochs:
        seed_everything(seed, "epoch", epoch)
        loader = DataLoader(
            train, recipe.batch_size, shuffle=True, drop_last=_leaves_one(train, recipe)
        )
        model.train()
        total_loss, n_correct, n_seen, rate = 0.0, 0, 0, 0.0
        for batch in loader:
            images, labels = (part.to(device) for part in batch)
            rate = recipe.learning_rate * _schedule(step, n_steps, steps_per_epoch, recipe)
            for group in optimizer.param_groups:
                group["lr"] = rate
            logits = model(images)
            loss = functional.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
            if not torch.isfinite(loss):
                message = (
                    f"{label}: the loss is {loss.item()} at step {step}; "
                    f"lower learning_rate (now {recipe.learning_rate}) or set clip_gradient_norm"
                )
                raise FloatingPointError(message)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if recipe.clip_gradient_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_gradient_norm)
            optimizer.step()
            step += 1
            total_loss += loss.item() * len(labels)
            n_correct += int((logits.argmax(dim=1) == labels).sum())
            n_seen += len(labels)
            keep_snapshots(step)
        epoch += 1
        trained = Score(total_loss / n_seen, n_correct / n_seen)
        tested = evaluate(model, test, device)
        history.append(_row(epoch, step, rate, trained, tested))
        progress.update(note=f"loss {tested.loss:.3f} accuracy {tested.accuracy:.1%} (test)")
        if time.monotonic() - checkpointed > CHECKPOINT_INTERVAL:
            _checkpoint(partial, model, optimizer, identity=identity, epoch=epoch, history=history)
            checkpointed = time.monotonic()

    # Copied, not moved: a run killed here must still find its snapshots when it goes on.
    for path in outputs.snapshots.values():
        with atomic_path(path) as temporary:
            shutil.copyfile(partial / path.name, temporary)
    with atomic_path(outputs.history) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    shutil.rmtree(partial)


@torch.inference_mode()
def evaluate(model: nn.Module, data: Images, device: torch.device) -> Score:
    """Loss and accuracy of `model` in eval mode over all of `data`."""
    model.eval()
    total_loss, n_correct = 0.0, 0
    for batch in DataLoader(data, EVALUATION_BATCH):
        images, labels = (part.to(device) for part in batch)
        logits = model(images)
        total_loss += functional.cross_entropy(logits, labels, reduction="sum").item()
        n_correct += int((logits.argmax(dim=1) == labels).sum())
    return Score(total_loss / len(data), n_correct / len(data))


def _schedule(step: int, n_steps: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Share of the learning rate at a step: linear warm-up, then cosine decay to 0."""
    n_warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if step < n_warmup:
        return (step + 1) / n_warmup
    return 0.5 * (1 + math.cos(math.pi * (step - n_warmup) / max(n_steps - n_warmup, 1)))


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    # Biases and normalisation are not decayed, as is usual.
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _leaves_one(train: Images, recipe: Recipe) -> bool:
    # BatchNorm cannot normalise a batch of one; dropping it loses a random image an epoch.
    return len(train) > recipe.batch_size and len(train) % recipe.batch_size == 1


def _n_batches(train: Images, recipe: Recipe) -> int:
    full = math.ceil(len(train) / recipe.batch_size)
    return full - 1 if _leaves_one(train, recipe) else full


def _row(epoch: int, step: int, rate: float, train: Score | None, test: Score) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "step": step,
        "learning_rate": rate,
        "train_loss": train.loss if train else None,
        "train_accuracy": train.accuracy if train else None,
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
    }


def _checkpoint(
    partial: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    identity: str,
    epoch: int,
    history: list[dict[str, Any]],
) -> None:
    state = {
        "identity": identity,
        "epoch": epoch,
        "history": history,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with atomic_path(partial / "checkpoint.pt") as temporary:
        torch.save(state, temporary)


def _resume(
    partial: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    identity: str,
    device: torch.device,
    label: str,
) -> tuple[int, list[dict[str, Any]]]:
    """Epochs done and their history: from a checkpoint of this very run, else none."""
    path = partial / "checkpoint.pt"
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the run starts anew)
        if path.exists():
            say(f"{label}: {path} cannot be read ({type(error).__name__}); starting anew")
        state = {}
    if state.get("identity") != identity:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return 0, []
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    say(f"{label}: resumed after epoch {state['epoch']}")
    return state["epoch"], state["history"]
