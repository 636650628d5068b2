"""The training loop: one function, read top to bottom, that keeps snapshots and can be resumed.

A checkpoint holds nothing random: every epoch is seeded anew from the run's seed and its number.
"""

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from whypretrain.data.batches import Inputs
from whypretrain.files.artifacts import ArtifactError, atomic_path, exclusive, verified, write_csv
from whypretrain.files.progress import Progress, say
from whypretrain.networks.adapt import (
    add_adapters,
    anchor,
    depths,
    merged,
    set_trained,
    trained_names,
)
from whypretrain.networks.batch_norm import LAYERS, is_trained, reestimated
from whypretrain.networks.build import classifier, head_keys, save_weights
from whypretrain.networks.learned import not_begun, warning
from whypretrain.networks.numerics import repeatable, seed_everything
from whypretrain.settings.base import derived_seed
from whypretrain.settings.training import Recipe

EVALUATION_BATCH = {"cpu": 256, "cuda": 1024}
EVALUATION_NUMBERS = {"cpu": 64 * 3 * 224**2, "cuda": 512 * 3 * 224**2}
"""What a batch may hold, so that large images fit as well."""
CHECKED_EVERY = 20  # steps: a card would wait where each loss is looked at
CHECKPOINT = "checkpoint.pt"
CHECKPOINT_SECONDS = 20.0  # from one to the next, so that short runs write few
CHECKPOINT_VARIABLE = "WHYPRETRAIN_CHECKPOINT_SECONDS"
"""Environment variable that sets another interval. It changes no result."""


class Score(NamedTuple):
    """Mean cross-entropy in nats and accuracy in [0, 1] over a dataset."""

    loss: float
    accuracy: float


class Run(NamedTuple):
    """How a network is trained, and what that leaves.

    Attributes
    ----------
    snapshots : files of weights, by the fraction of the run's steps, 0 and 1 included or not
    history : CSV with one row an epoch that is tested
    tested : whether all epochs are, or the first and the last
    label : what progress lines begin with
    identity : digest of all that determines the run; a checkpoint of another run is discarded
    metadata : written into every snapshot, beside its fraction, step, epoch, precision
        and whether gradients are deterministic
    """

    recipe: Recipe
    seed: int
    device: torch.device
    snapshots: dict[float, Path]
    history: Path
    label: str
    identity: str
    metadata: dict[str, Any]
    tested: Literal["every epoch", "first and last epoch"] = "every epoch"

    @property
    def partial(self) -> Path:
        """Folder of unfinished work."""
        return self.history.with_name(f".{self.history.stem}.partial")


def fit(model: nn.Module, train: Inputs, test: Inputs, run: Run) -> None:
    """Train `model` in place; write its weights at each fraction of the run, and the history.

    All outputs appear at the end, together. Until then snapshots and a checkpoint are kept in a
    folder beside the history, from which a run that was killed goes on at the last epoch kept: it
    ends with the same weights as an undisturbed one. Where another process is at the same outputs,
    this one waits for it; if that one has made these very outputs, nothing is left to be done.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    with exclusive(run.history, run.identity) as done:
        if done and all(path.exists() for path in (*run.snapshots.values(), run.history)):
            say(f"{run.label}: the other process has made this")
        else:
            _fit(model, train, test, run)


def _fit(model: nn.Module, train: Inputs, test: Inputs, run: Run) -> None:
    recipe, device = run.recipe, run.device
    # BatchNorm cannot normalise a batch of one; dropping it loses a random item an epoch.
    drop_last = len(train) > recipe.batch_size and len(train) % recipe.batch_size == 1
    steps_per_epoch = math.ceil(len(train) / recipe.batch_size) - drop_last
    n_steps = recipe.epochs * steps_per_epoch
    # Convolutions are up to a third faster this way, on a CPU and in mixed precision on a card.
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    add_adapters(model, recipe)
    precision = _precision(recipe, device)
    optimizer = _optimizer(model, recipe)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == torch.float16)
    parts = {"model": model, "optimizer": optimizer, "scaler": scaler}
    epoch, history = _resume(run, parts)

    due = {fraction: round(fraction * n_steps) for fraction in run.snapshots}

    def keep_snapshots(step: int) -> None:
        for fraction, path in run.snapshots.items():
            if step == due[fraction]:
                made = run.metadata | {
                    "fraction": fraction,
                    "step": step,
                    "epoch": step / steps_per_epoch,
                    "precision": str(precision).removeprefix("torch."),
                    "deterministic": recipe.deterministic,
                }
                _keep(model, train, run, path.name, made)

    _train_mode(model, recipe, epoch)  # which BatchNorm layers are trained
    if not history:
        tested = _tested(model, train, test, run)
        history.append(_row(0, 0, 0.0, Score(math.nan, math.nan), tested))
        keep_snapshots(0)

    step = epoch * steps_per_epoch
    tested = Score(history[-1]["test_loss"], history[-1]["test_accuracy"])
    progress = Progress(run.label, n_steps - step, "step")
    checkpointed = time.monotonic()
    while epoch < recipe.epochs:
        batches = train.batches(
            recipe.batch_size,
            seed=seed_everything(run.seed, "epoch", epoch),
            drop_last=drop_last,
        )
        _train_mode(model, recipe, epoch)
        total_loss = torch.zeros((), dtype=torch.float64, device=device)
        n_correct, n_seen = torch.zeros((), dtype=torch.int64, device=device), 0
        rate, shown = 0.0, history[-1]["train_loss"]
        for batch in batches:
            rate = recipe.learning_rate * _schedule(step, n_steps, steps_per_epoch, recipe)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["multiplier"]
            optimizer.zero_grad(set_to_none=True)
            loss, correct = _gradients(model, batch, recipe, precision, scaler)
            total_loss += loss
            n_correct += correct
            if recipe.clip_gradient_norm is not None:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_gradient_norm)
            scaler.step(optimizer)
            scaler.update()
            step += 1
            n_seen += len(batch[1])
            if step % CHECKED_EVERY == 0 or step % steps_per_epoch == 0 or step in due.values():
                shown = _finite(float(total_loss) / n_seen, run, step)
            keep_snapshots(step)
            if step % steps_per_epoch:  # an epoch's last step is counted below
                progress.update(note=_note(shown, tested))
        epoch, trained = epoch + 1, Score(shown, int(n_correct) / n_seen)
        if run.tested == "every epoch" or epoch == recipe.epochs:
            tested = _tested(model, train, test, run)
            history.append(_row(epoch, step, rate, trained, tested))
        progress.update(note=_note(trained.loss, tested))
        _warn(run, not_begun(epoch, recipe, trained.loss, classifier(model).out_features))
        if time.monotonic() - checkpointed >= _checkpoint_seconds():
            _save(run, parts, epoch, history)
            checkpointed = time.monotonic()

    _publish(run, model, history, len(test))


def _finite(loss: float, run: Run, step: int) -> float:
    if not math.isfinite(loss):
        message = (
            f"{run.label}: the loss is {loss} by step {step}; lower learning_rate "
            f"(now {run.recipe.learning_rate}) or set clip_gradient_norm"
        )
        raise FloatingPointError(message)
    return loss


def _checkpoint_seconds() -> float:
    return float(os.environ.get(CHECKPOINT_VARIABLE, CHECKPOINT_SECONDS))


def _gradients(
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    recipe: Recipe,
    precision: torch.dtype,
    scaler: torch.amp.GradScaler,
) -> tuple[Tensor, Tensor]:
    """Add the gradients of a batch's mean loss; the sum of its losses, and how many are right."""
    n_batch, device = len(batch[1]), batch[1].device
    n_parts = math.ceil(n_batch / (recipe.micro_batch_size or n_batch))
    losses, right = [], []
    for inputs, labels in zip(*(part.tensor_split(n_parts) for part in batch), strict=True):
        with repeatable(strictly=recipe.deterministic):
            with torch.autocast(device.type, precision, precision != torch.float32):
                logits = model(inputs)
            # A share of the batch's mean, so that gradients add up to the whole batch's.
            loss = functional.cross_entropy(
                logits.float(), labels, label_smoothing=recipe.label_smoothing, reduction="sum"
            ).div(n_batch)
            scaler.scale(loss).backward()
        losses.append(loss.detach().double())
        right.append((logits.argmax(dim=1) == labels).sum())
    return torch.stack(losses).sum() * n_batch, torch.stack(right).sum()


@contextmanager
def _as_measured(model: nn.Module, train: Inputs, run: Run) -> Iterator[nn.Module]:
    """The network as it is tested and kept: adapters merged, BatchNorm statistics estimated."""
    if not run.recipe.reestimate_batch_norm:
        yield merged(model)
        return
    seed = derived_seed(run.seed, "batch norm")  # the same all along the run
    with reestimated(model, train, batch_size=evaluation_batch(train), seed=seed):
        yield merged(model)


def _tested(model: nn.Module, train: Inputs, test: Inputs, run: Run) -> Score:
    with _as_measured(model, train, run) as measured:
        return evaluate(measured, test)


def _keep(model: nn.Module, train: Inputs, run: Run, name: str, made: dict[str, Any]) -> None:
    with _as_measured(model, train, run) as measured:
        save_weights(run.partial / name, measured.state_dict(), made)


@torch.inference_mode()
def evaluate(model: nn.Module, data: Inputs) -> Score:
    """Loss and accuracy of `model`, in eval mode and float32, over all of `data`."""
    model.eval()
    total_loss = torch.zeros((), dtype=torch.float64, device=data.device)
    n_correct = torch.zeros((), dtype=torch.int64, device=data.device)
    for inputs, labels in data.batches(evaluation_batch(data)):
        logits = model(inputs)
        total_loss += functional.cross_entropy(logits, labels, reduction="sum").double()
        n_correct += (logits.argmax(dim=1) == labels).sum()
    return Score(float(total_loss) / len(data), int(n_correct) / len(data))


def evaluation_batch(data: Inputs) -> int:
    """How many inputs are evaluated together, so that they need moderate memory."""
    kind = data.device.type
    each = data.batch(torch.zeros(1, dtype=torch.int64), None).numel()
    return min(EVALUATION_BATCH[kind], max(EVALUATION_NUMBERS[kind] // each, 1))


def _precision(recipe: Recipe, device: torch.device) -> torch.dtype:
    """What the forward pass of training is computed in where that is safe."""
    if device.type != "cuda" or not recipe.mixed_precision:
        return torch.float32
    # bfloat16, from Ampere on, has the range of float32; float16 needs its gradients scaled.
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def _train_mode(model: nn.Module, recipe: Recipe, epoch: int) -> None:
    is_warming = epoch < recipe.head_warmup_epochs
    set_trained(model, head_keys(model) if is_warming else trained_names(model, recipe))
    model.train()
    for module in model.modules():
        if isinstance(module, LAYERS) and (recipe.freeze_batch_norm or not is_trained(module)):
            module.eval()


def _schedule(step: int, n_steps: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Share of the learning rate at a step: linear warm-up, then cosine decay to 0."""
    n_warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if step < n_warmup:
        return (step + 1) / n_warmup
    return 0.5 * (1 + math.cos(math.pi * (step - n_warmup) / max(n_steps - n_warmup, 1)))


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """With a group of parameters for each part that has a learning rate or decay of its own."""
    head, trained_by = head_keys(model), trained_names(model, recipe)
    fused = next(model.parameters()).is_cuda
    depth = depths(model) if recipe.layer_decay < 1 else dict.fromkeys(trained_by, 0)
    top = max(depth.values())
    parts: dict[tuple[bool, int, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if name in trained_by:
            key = (name in head, depth[name], parameter.ndim > 1)
            parts.setdefault(key, []).append(parameter)
    groups: list[dict[str, Any]] = [
        {
            "params": own,
            # Biases and normalisation are not decayed, as is usual; nor is what L2-SP draws.
            "weight_decay": recipe.weight_decay if decayed and (in_head or not recipe.l2_sp) else 0,
            "multiplier": recipe.layer_decay ** (top - at)
            * (recipe.head_learning_rate_multiplier if in_head else 1.0),
            "anchored": not in_head,
        }
        for (in_head, at, decayed), own in parts.items()
    ]
    kinds = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    own = {"momentum": recipe.momentum} if recipe.optimizer == "sgd" else {}
    made: torch.optim.Optimizer = kinds[recipe.optimizer](
        groups, lr=recipe.learning_rate, fused=fused, **own
    )
    if recipe.l2_sp:
        anchor(made, recipe.l2_sp)
    return made


def scores(train: Score, test: Score) -> dict[str, float]:
    """Columns of a history."""
    both = {"train": train, "test": test}
    return {f"{split}_{key}": n for split, one in both.items() for key, n in one._asdict().items()}


def _row(epoch: int, step: int, rate: float, train: Score, test: Score) -> dict[str, Any]:
    return {"epoch": epoch, "step": step, "learning_rate": rate, **scores(train, test)}


def _save(run: Run, parts: dict[str, Any], epoch: int, history: list[dict[str, Any]]) -> None:
    """Keep the state of all parts as it is after an epoch."""
    states = {name: part.state_dict() for name, part in parts.items()}
    states |= {"identity": run.identity, "epoch": epoch, "history": history}
    with atomic_path(run.partial / CHECKPOINT) as temporary:
        torch.save(states, temporary)


def _resume(run: Run, parts: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """Epochs done and their history: from a checkpoint of this very run, else none."""
    path = run.partial / CHECKPOINT
    try:
        for kept in [path, *run.partial.glob("*.safetensors")]:
            verified(kept)
        state: dict[str, Any] = torch.load(path, map_location=run.device, weights_only=True)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with it, the run starts anew)
        if path.exists():
            reason = type(error).__name__
            say(f"{run.label}: {run.partial} cannot be used ({reason}); starting anew")
        state = {}
    if state.get("identity") != run.identity:
        shutil.rmtree(run.partial, ignore_errors=True)
        run.partial.mkdir(parents=True)
        return 0, []
    for name, part in parts.items():
        if state[name]:  # a scaler that is not in use has no state
            part.load_state_dict(state[name])
    say(f"{run.label}: resumed after epoch {state['epoch']}")
    return state["epoch"], state["history"]


def _publish(run: Run, model: nn.Module, history: list[dict[str, Any]], n_test: int) -> None:
    last, n_classes = history[-1], classifier(model).out_features
    _warn(run, warning(last["test_accuracy"], n_test, n_classes, last["train_loss"]))
    # Copied, not moved: a run killed here must still find its snapshots when it goes on.
    for path in run.snapshots.values():
        kept = run.partial / path.name
        with atomic_path(path) as temporary:
            try:
                verified(kept)
            except (ArtifactError, FileNotFoundError) as error:
                _discard(run.partial)
                message = f"{kept}: damaged or gone since it was written; run again"
                raise ArtifactError(message) from error
            shutil.copyfile(kept, temporary)
    write_csv(run.history, pd.DataFrame(history))
    _discard(run.partial)


def _warn(run: Run, told: str) -> None:
    if told:
        say(f"{run.label}: {told}")


def _discard(partial: Path) -> None:
    # The checkpoint goes first: a run that is killed meanwhile must not go on from it without the
    # snapshots that went before.
    (partial / CHECKPOINT).unlink(missing_ok=True)
    shutil.rmtree(partial)


def _note(loss: float, tested: Score) -> str:
    told = "" if math.isnan(loss) else f"loss {loss:.3f}; "  # before the first look at it
    return f"{told}test loss {tested.loss:.3f} accuracy {tested.accuracy:.1%}"
