"""Extraction against the naive batched forward of the same masks, per sample."""

import resource
import statistics
from copy import deepcopy
from typing import Literal

import numpy as np
import timm
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

import whypretrain.networks.small  # noqa: F401  (registers the small networks with timm)
from validation.benchmarks.timing import alternate
from whypretrain.interactions.forward import Forward, MaskedInput, PlainForward
from whypretrain.interactions.measure import choose_forward, evaluate, fitting_batch_size
from whypretrain.interactions.players import grid_players
from whypretrain.networks.text import TextNetwork
from whypretrain.settings.models import TextArchitecture

N_PLAYERS, N_DRAWS, SIDE = 10, 5, 224
N_TOKENS, MASK_TOKEN = 32, 103


CASES = {
    "vgg16": ("VGG-16", 4.5),
    "resnet50": ("ResNet-50", 1.75),
    "resnet18": ("ResNet-18", 1.7),
    "mobilenetv2_100": ("MobileNetV2", 1.3),
    "vit_small_patch16_224": ("ViT-Small", 1.08),
    "vit_base_patch16_224": ("ViT-Base", 1.08),
    "bert": ("BERT-base, 32 tokens", 1.07),
    "distilbert": ("DistilBERT, 32 tokens", 1.15),
}
"""Names, and by how much extraction is to beat the naive forward."""
AT_ONCE = 32
"""Most forwards timed at once on a CPU, where a whole batch would take long."""
SMALL = (1, 28, 28)
EMBEDDED = ("whypretrain_vgg", "whypretrain_resnet", "whypretrain_vit")


def network(key: str) -> nn.Module:
    """A network of full size with random weights: speed does not depend on them."""
    torch.manual_seed(0)
    if key not in ("bert", "distilbert"):
        return timm.create_model(key, num_classes=10).eval()
    bert = key == "bert"
    feature: Literal["pooler", "first_token"] = "pooler" if bert else "first_token"
    architecture = TextArchitecture(family="transformers", feature=feature, folder="")
    encoder = BertModel(BertConfig()) if bert else DistilBertModel(DistilBertConfig())
    return TextNetwork(encoder, architecture, 2).eval()


def masked_input(key: str, seed: int, device: torch.device) -> MaskedInput:
    """An input with 10 players: cells of an 8×8 grid without its rim, or words of one token."""
    generator = np.random.default_rng(seed)
    if key in ("bert", "distilbert"):
        tokens = torch.from_numpy(generator.integers(1000, 20000, size=N_TOKENS)).to(device)
        players = np.full(N_TOKENS, -1)
        words = generator.choice(np.arange(1, N_TOKENS - 1), N_PLAYERS, replace=False)
        players[words] = range(N_PLAYERS)
        baseline = torch.full_like(tokens, MASK_TOKEN)
        return MaskedInput(tokens, baseline, torch.from_numpy(players).to(device), N_PLAYERS)
    return masked_image((3, SIDE, SIDE), generator, device, grid=(8, 1))


def masked_image(
    shape: tuple[int, int, int],
    generator: np.random.Generator,
    device: torch.device,
    *,
    n_players: int = N_PLAYERS,
    grid: tuple[int, int] = (4, 0),
) -> MaskedInput:
    """An image of noise of (channels, side, side) whose players are of a grid (cells, margin)."""
    options = {"cells": grid[0], "margin": grid[1], "n_players": n_players}
    drawn = grid_players(*shape[1:], **options, generator=generator)
    pixels = torch.from_numpy(generator.normal(size=(2, *shape)).astype(np.float32))
    image, baseline = pixels.to(device)
    return MaskedInput(image, baseline, torch.from_numpy(drawn).to(device), n_players)


@torch.inference_mode()
def compare(key: str, *, repeats: int, device: torch.device) -> dict[str, float | str]:
    """Ratio of naive to shared time per sample, mean over draws of players.

    What is shared is timed whole, the rest on one batch a turn and multiplied by the number of
    batches. The naive forward is timed with channels last and first, and the faster one counts.
    """
    (name, goal), model = CASES[key], network(key).to(device)
    n_coalitions = 1 << N_PLAYERS
    first = PlainForward(deepcopy(model))
    if device.type == "cpu":  # as extraction has it
        model.to(memory_format=torch.channels_last)
    last = PlainForward(model)
    ratios, rates, naive_rates, differences = [], [], [], []
    for seed in range(N_DRAWS):
        masked = masked_input(key, seed, device)
        shared = choose_forward(model)
        size, naive_size = (fitting_batch_size(f, model, masked) for f in (shared, last))
        if device.type == "cpu":
            # VGG's classifier is all that is left to do, and works on a whole batch at a time.
            size = size if key == "vgg16" else min(size, AT_ONCE)
            naive_size = min(naive_size, AT_ONCE)
        coalitions, naive_coalitions = _some(size, device), _some(naive_size, device)
        assemble = shared.prepare(masked)
        differences.append(_difference(last, shared, masked, naive_coalitions))
        preparation, rest, *naive = alternate(
            lambda: shared.prepare(masked),  # noqa: B023  (called in this turn)
            lambda: shared.rest(assemble(coalitions)),  # noqa: B023  (called in this turn)
            lambda: last.rest(last.prepare(masked)(naive_coalitions)),  # noqa: B023  (called in this turn)
            lambda: first.rest(first.prepare(masked)(naive_coalitions)),  # noqa: B023  (called in this turn)
            repeats=repeats,
        )
        whole_naive = min(naive) * n_coalitions / naive_size
        whole = preparation + rest * n_coalitions / size
        ratios.append(whole_naive / whole)
        rates.append(n_coalitions / whole)
        naive_rates.append(n_coalitions / whole_naive)
    return {
        "what": name,
        "ratio": statistics.mean(ratios),
        "worst draw": min(ratios),
        "goal": goal,
        "naive forwards/s": statistics.mean(naive_rates),
        "forwards/s": statistics.mean(rates),
        "largest difference": max(differences),
    }


def _some(n: int, device: torch.device) -> Tensor:
    drawn = np.random.default_rng(0).integers(1 << N_PLAYERS, size=n)
    return torch.from_numpy(drawn).to(device)


def _difference(plain: Forward, shared: Forward, masked: MaskedInput, coalitions: Tensor) -> float:
    expected = plain.rest(plain.prepare(masked)(coalitions))
    found = shared.rest(shared.prepare(masked)(coalitions))
    return float((found - expected).abs().max() / expected.abs().max())


class Unknown(nn.Module):
    """A network whose structure extraction does not know."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        """Logits; the test of a value keeps the network from being traced."""
        return self.inner(images) if images.sum() != 0 else self.inner(images + 1)


@torch.inference_mode()
def overhead(*, side: int, repeats: int, device: torch.device) -> dict[str, float | str]:
    """The whole of :func:`evaluate` against the bare network on batches that are there already."""
    model = Unknown(timm.create_model("resnet18", num_classes=10)).eval().to(device)
    masked = masked_image((3, side, side), np.random.default_rng(0), device)
    forward = choose_forward(model)
    assert isinstance(forward, PlainForward)
    size = min(fitting_batch_size(forward, model, masked), 64)
    batches = masked.versions(torch.arange(1 << N_PLAYERS, device=device)).split(size)
    bare, ours = alternate(
        lambda: [model(batch) for batch in batches],
        lambda: evaluate(forward, [masked], [0], batch_size=size),
        repeats=repeats,
    )
    return {"what": f"unknown network (ResNet-18, {side} px)", "ratio": bare / ours, "goal": 0.97}


@torch.inference_mode()
def embedded(name: str, *, repeats: int, device: torch.device) -> dict[str, float | str]:
    """A sample of the embedded suite: the whole of :func:`evaluate` with sharing and without."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=5, in_chans=1).eval().to(device)
    if device.type == "cpu":
        model.to(memory_format=torch.channels_last)
    masked = masked_image(SMALL, np.random.default_rng(0), device)
    plain, shared = PlainForward(model), choose_forward(model)
    naive, ours = alternate(
        lambda: evaluate(plain, [masked], [0], batch_size=256),
        lambda: evaluate(shared, [masked], [0], batch_size=256),
        repeats=4 * repeats,
    )
    return {"what": f"{name}, 28 px", "ratio": naive / ours}


@torch.inference_mode()
def growth(*, device: torch.device) -> list[dict[str, float | str]]:
    """Forwards a second and peak memory, by the number of players and of samples."""
    model = timm.create_model("whypretrain_resnet", num_classes=5, in_chans=1).eval().to(device)
    draws = np.random.default_rng(0)
    rows: list[dict[str, float | str]] = []
    forward = PlainForward(model)
    for n_players, n_samples in [*[(n, 4) for n in range(6, 15)], *[(8, 2**k) for k in range(7)]]:
        group = [masked_image(SMALL, draws, device, n_players=n_players) for _ in range(n_samples)]
        together = max(256 >> n_players, 1)
        parts = [group[start : start + together] for start in range(0, n_samples, together)]
        (taken,) = alternate(
            lambda: [evaluate(forward, part, [0] * len(part), batch_size=256) for part in parts],  # noqa: B023  (called in this turn)
            repeats=5,
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak
        speed = {"forwards/s": (n_samples << n_players) / taken, "peak memory, MB": peak / 1e6}
        rows.append({"players": n_players, "samples": n_samples, **speed})
    return rows
