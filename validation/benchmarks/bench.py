"""Run all benchmarks in one session (`make bench`), and write a table as JSON and Markdown.

Both sides of a ratio are measured in the same run; times say little about another machine.
"""

import argparse
import json
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

import whypretrain.networks.build  # noqa: F401  (registers the small networks with timm)
from whypretrain.explain import explain_image
from whypretrain.interactions.forward import (
    Assemble,
    Forward,
    MaskedInput,
    PlainForward,
    log_odds,
)
from whypretrain.interactions.measure import choose_forward, evaluate, fitting_batch_size
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.players import grid_players
from whypretrain.networks.build import TextNetwork
from whypretrain.networks.numerics import configure
from whypretrain.settings.models import TextArchitecture

Row = dict[str, float | str]
N_PLAYERS, N_DRAWS, N_REPEATS = 10, 5, 5
OUTPUT = Path("results/benchmarks/bench")
N_TOKENS, MASK_TOKEN = 32, 103
TEXT = ("bert", "distilbert")
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
PLANNED = ("vgg16", "resnet50", "mobilenetv2_100")
"""Networks that new samples are timed of: a plan depends on the sample's players."""
EMBEDDED = ("whypretrain_vgg", "whypretrain_resnet", "whypretrain_vit")


def now() -> float:
    """Seconds, once a card has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def alternate(*works: Callable[[], object], repeats: int = N_REPEATS) -> list[float]:
    """Median seconds of each of several works, each called in turn, after one turn of warming up.

    In turn, so that a machine that slows down or speeds up does so for all of them.
    """
    turns = []
    for _ in range(1 + repeats):
        stops = [now()]
        for work in works:
            work()
            stops.append(now())
        turns.append(np.diff(stops))
    return [float(median) for median in np.median(turns[1:], axis=0)]


def machine(*packages: str) -> dict[str, str]:
    """What the figures depend on besides the code."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    driver = Path("/proc/driver/nvidia/version")
    found = re.search(r"\d+(\.\d+)+", driver.read_text()) if driver.exists() else None
    return {
        "processor": told.partition("model name\t: ")[2].partition("\n")[0],
        "threads": str(torch.get_num_threads()),
        "card": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "driver": found[0] if found else "unknown",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def against_shapiq(*, n_players: int, n_rows: int) -> Row:
    """A batch of games against shapiq's Möbius transform of one of them, times the batch."""
    from shapiq import ExactComputer  # noqa: PLC0415  (check_gpu, which needs not this, goes without)

    outputs = np.random.default_rng(0).normal(size=(n_rows, 1 << n_players))
    weights = 1 << np.arange(n_players)

    def oracle() -> object:
        return ExactComputer(lambda masks: outputs[0][masks @ weights], n_players)("Moebius")

    theirs = alternate(oracle, repeats=1)[0] * n_rows  # minutes for the batch: one game, once
    (ours,) = alternate(lambda: mobius(outputs))
    what = f"Möbius, batch of {n_rows}, n={n_players}, against shapiq"
    return {"what": what, "ratio": theirs / ours, "goal": 2000, "ms": ours * 1e3}


def whole_call(device: torch.device, *, n_players: int = N_PLAYERS, side: int = 224) -> Row:
    """A call of :func:`explain_image` against shapiq's exact one of the same game, in batches."""
    from shapiq import ExactComputer  # noqa: PLC0415  (as above)

    model = network("resnet18").to(device)
    masked = masked_image(
        np.random.default_rng(0), device, (3, side, side), n_players=n_players, cells=8, margin=1
    )
    size = fitting_batch_size(PlainForward(model), model, masked)
    size = min(size, AT_ONCE) if device.type == "cpu" else size

    @torch.inference_mode()
    def game(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        coalitions = torch.from_numpy(masks @ (1 << np.arange(n_players))).to(device)
        parts = [log_odds(model(masked.versions(part)), 0) for part in coalitions.split(size)]
        return torch.cat(parts).cpu().numpy()

    players = masked.players.cpu().numpy()
    theirs, ours = alternate(
        lambda: ExactComputer(game, n_players)("Moebius"),
        lambda: explain_image(
            model, masked.inputs, label=0, players=players, baseline=masked.baseline
        ),
        repeats=2,  # of which each takes a minute on a CPU
    )
    what = f"explain_image, ResNet-18, n={n_players}, against shapiq's exact call"
    return {"what": what, "ratio": theirs / ours, "goal": 4, "ms": ours * 1e3}


def against_copy(*, n_players: int, n_rows: int) -> Row:
    """Time of one of the n passes over the array, in plain copies of it (lower is better)."""
    outputs = np.random.default_rng(0).normal(size=(n_rows, 1 << n_players))
    target = np.empty_like(outputs)
    ours, copy = alternate(
        lambda: mobius(outputs), lambda: np.copyto(target, outputs), repeats=3 * N_REPEATS
    )
    what = f"Möbius, batch of {n_rows}, n={n_players}: a pass, in plain copies (at most)"
    return {"what": what, "ratio": ours / n_players / copy, "goal": 3, "ms": ours * 1e3}


def network(key: str, **options: Any) -> nn.Module:
    """A network with random weights, of full size but for its options."""
    torch.manual_seed(0)
    if key not in TEXT:
        return timm.create_model(key, num_classes=10, **options).eval()
    feature: Literal["pooler", "first_token"] = "pooler" if key == "bert" else "first_token"
    architecture = TextArchitecture(family="transformers", feature=feature, folder="")
    encoder = AutoModel.from_config(AutoConfig.for_model(key, **options))  # type: ignore[no-untyped-call]
    return TextNetwork(encoder, architecture, 2).eval()


def masked_words(generator: np.random.Generator, device: torch.device) -> MaskedInput:
    """A sentence whose players are words of one token."""
    tokens = torch.from_numpy(generator.integers(1000, 20000, size=N_TOKENS)).to(device)
    players = np.full(N_TOKENS, -1)
    words = generator.choice(np.arange(1, N_TOKENS - 1), N_PLAYERS, replace=False)
    players[words] = range(N_PLAYERS)
    baseline = torch.full_like(tokens, MASK_TOKEN)
    return MaskedInput(tokens, baseline, torch.from_numpy(players).to(device), N_PLAYERS)


def masked_image(
    generator: np.random.Generator,
    device: torch.device,
    shape: tuple[int, int, int] = (1, 28, 28),
    *,
    n_players: int = N_PLAYERS,
    cells: int = 4,
    margin: int = 0,
) -> MaskedInput:
    """An image of noise of (channels, side, side) whose players are cells of a grid."""
    grid = {"cells": cells, "margin": margin, "n_players": n_players}
    drawn = grid_players(*shape[1:], **grid, generator=generator)
    pixels = torch.from_numpy(generator.normal(size=(2, *shape)).astype(np.float32))
    image, baseline = pixels.to(device)
    return MaskedInput(image, baseline, torch.from_numpy(drawn).to(device), n_players)


def logits(
    forward: Forward, masked: MaskedInput, coalitions: Tensor, assemble: Assemble | None = None
) -> Tensor:
    """Logits of versions of an input whose shared part may be known."""
    return forward.rest((assemble or forward.prepare(masked))(coalitions))


@torch.inference_mode()
def compare(key: str, device: torch.device) -> Row:
    """Ratio of naive to shared time per sample, mean over draws of players.

    What is shared is timed whole, the rest on one batch a turn and multiplied by the number of
    batches. The naive forward is timed with channels last and first, and the faster one counts.
    """
    (name, goal), model = CASES[key], network(key).to(device)
    first = PlainForward(deepcopy(model))
    if device.type == "cpu":  # as extraction has it
        model.to(memory_format=torch.channels_last)
    last, shared = PlainForward(model), choose_forward(model)
    draws = []
    for seed in range(N_DRAWS):
        generator = np.random.default_rng(seed)
        if key in TEXT:
            masked = masked_words(generator, device)
        else:
            masked = masked_image(generator, device, (3, 224, 224), cells=8, margin=1)
        size, naive_size = (fitting_batch_size(f, model, masked) for f in (shared, last))
        if device.type == "cpu":
            # VGG's classifier is all that is left to do, and works on a whole batch at a time.
            size = size if key == "vgg16" else min(size, AT_ONCE)
            naive_size = min(naive_size, AT_ONCE)
        some, naive_some = (
            torch.from_numpy(np.random.default_rng(0).integers(1 << N_PLAYERS, size=n)).to(device)
            for n in (size, naive_size)
        )
        expected, found = (logits(forward, masked, naive_some) for forward in (last, shared))
        preparation, rest, *naive = alternate(
            partial(shared.prepare, masked),
            partial(logits, shared, masked, some, shared.prepare(masked)),
            *[partial(logits, forward, masked, naive_some) for forward in (last, first)],
        )
        # Seconds a masked version.
        ours, theirs = preparation / (1 << N_PLAYERS) + rest / size, min(naive) / naive_size
        difference = float((found - expected).abs().max() / expected.abs().max())
        rates = {"naive forwards/s": 1 / theirs, "forwards/s": 1 / ours}
        draws.append({"ratio": theirs / ours, **rates, "largest difference": difference})
    table = pd.DataFrame(draws)
    extremes = {"worst draw": table["ratio"].min(), "largest difference": table.iloc[:, -1].max()}
    return {"what": name, "goal": goal, **table.mean(), **extremes}


@torch.inference_mode()
def new_samples(key: str, device: torch.device, *, side: int = 224) -> Row:
    """A sample that is new each time against one that is repeated: plan, shared part and a batch.

    What is planned or searched for anew, for each new number of rows, is in the first alone.
    """
    model = network(key).to(device)
    if device.type == "cpu":
        model.to(memory_format=torch.channels_last)
    shared = choose_forward(model)
    planned, drawn = (
        [
            masked_image(np.random.default_rng(seed), device, (3, side, side), cells=8, margin=1)
            for seed in range(first, first + 1 + N_REPEATS)
        ]
        for first in (0, 100)
    )
    (plan,) = alternate(lambda: shared.example(planned.pop()))
    some = torch.arange(AT_ONCE, device=device)
    new, again = alternate(
        lambda: logits(shared, drawn[-1], some), lambda: logits(shared, drawn.pop(), some)
    )
    what = f"{CASES[key][0]}: a repeated sample, against a new one each time"
    times = {"ms": new * 1e3, "plan, ms": plan * 1e3}
    return {"what": what, "ratio": again / new, "goal": 0.9, **times}


@torch.inference_mode()
def overhead(side: int, device: torch.device) -> Row:
    """The whole of :func:`evaluate` against the bare network on batches that are there already."""
    model = network("resnet18").to(device)
    masked = masked_image(np.random.default_rng(0), device, (3, side, side))
    forward = PlainForward(model)  # as for a network whose structure extraction does not know
    size = min(fitting_batch_size(forward, model, masked), 64)
    batches = masked.versions(torch.arange(1 << N_PLAYERS, device=device)).split(size)
    bare, ours = alternate(
        lambda: [model(batch) for batch in batches],
        lambda: evaluate(forward, [masked], [0], batch_size=size),
    )
    return {"what": f"unknown network (ResNet-18, {side} px)", "ratio": bare / ours, "goal": 0.97}


def small_network(name: str, device: torch.device) -> nn.Module:
    """One of the embedded suite's networks, with random weights."""
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=5, in_chans=1).eval().to(device)


@torch.inference_mode()
def embedded(name: str, device: torch.device) -> Row:
    """A sample of the embedded suite: the whole of :func:`evaluate` with sharing and without."""
    model = small_network(name, device)
    if device.type == "cpu":
        model.to(memory_format=torch.channels_last)
    masked = masked_image(np.random.default_rng(0), device)
    naive, ours = alternate(
        *[
            partial(evaluate, forward, [masked], [0], batch_size=256)
            for forward in (PlainForward(model), choose_forward(model))
        ],
        repeats=4 * N_REPEATS,
    )
    return {"what": f"{name}, 28 px", "ratio": naive / ours}


@torch.inference_mode()
def growth(device: torch.device) -> Iterator[Row]:
    """Forwards a second and peak memory, by the number of players and of samples."""
    forward = PlainForward(small_network("whypretrain_resnet", device))
    draws = np.random.default_rng(0)
    for n_players, n_samples in [*[(n, 4) for n in range(6, 15)], *[(8, 2**k) for k in range(7)]]:
        group = [masked_image(draws, device, n_players=n_players) for _ in range(n_samples)]
        together = max(256 >> n_players, 1)
        parts = [group[start : start + together] for start in range(0, n_samples, together)]
        (taken,) = alternate(
            lambda: [evaluate(forward, part, [0] * len(part), batch_size=256) for part in parts],  # noqa: B023  (called in this turn)
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak
        speed = {"forwards/s": (n_samples << n_players) / taken, "peak memory, MB": peak / 1e6}
        yield {"players": n_players, "samples": n_samples, **speed}


def ratios(keys: list[str], device: torch.device) -> Iterator[Row]:
    """All that is measured side by side."""
    yield against_shapiq(n_players=12, n_rows=64)
    for n_rows in (1, 64):
        yield against_copy(n_players=16, n_rows=n_rows)
    for side in (64, 224):
        yield overhead(side, device)
    for name in EMBEDDED:
        yield embedded(name, device)
    yield whole_call(device)
    for key in keys:
        yield compare(key, device)
        if key in PLANNED:
            yield new_samples(key, device)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser("python -m validation.benchmarks.bench", description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    arguments = parser.parse_args()
    device = configure(threads=arguments.threads, device=arguments.device)
    grown = [*growth(device)]  # first, as memory that was once taken counts from then on
    rows = []
    for row in ratios(arguments.only, device):
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), file=sys.stderr, flush=True)
    told = machine("torch", "timm", "transformers", "numpy", "shapiq")
    lines = [f"{key}: {value}  " for key, value in told.items()]
    tables = [
        pd.DataFrame(table).to_markdown(index=False, floatfmt=".4g") for table in (rows, grown)
    ]
    markdown = "\n\n".join(["# Benchmarks", "\n".join(lines), *tables]).replace("nan", "   ")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    result = {"machine": told, "ratios": rows, "growth": grown}
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    OUTPUT.with_suffix(".json").write_text(text, encoding="utf-8")
    OUTPUT.with_suffix(".md").write_text(f"{markdown}\n", encoding="utf-8")
    print(markdown)


if __name__ == "__main__":
    main()
