"""Check this version on a card: exactness, repeatability, memory, speed; at most six minutes.

PYTHONPATH=src python -m validation.check_gpu [--output FOLDER] [--rehearse]

It needs no network. Exit status: 1 if a result is wrong or a part failed (a missed speed is only
reported), 2 if nothing could be checked.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

try:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from validation.benchmarks.bench import MASK_TOKEN, N_TOKENS, TEXT, machine, network, now
    from whypretrain.data.batches import Inputs
    from whypretrain.data.images import CROPPED_FROM, Images
    from whypretrain.data.samples import Sample, Samples
    from whypretrain.data.table import Split
    from whypretrain.interactions.measure import SHARE, TOLERANCE, Extractor
    from whypretrain.interactions.players import grid_players
    from whypretrain.interactions.tf32x3 import Tf32x3
    from whypretrain.networks.build import classifier, read_weights
    from whypretrain.networks.numerics import configure, laid_out
    from whypretrain.networks.train import CHECKPOINT_VARIABLE, Run, fit
    from whypretrain.settings.interactions import Extraction, ExtractSettings
    from whypretrain.settings.models import ImageArchitecture, TextArchitecture
    from whypretrain.settings.training import Augmentation, Recipe
except ModuleNotFoundError as missing:
    remedy = "install it, or set PYTHONPATH=src if it is whypretrain"
    print(f"the Python package '{missing.name}' is missing: {remedy}", file=sys.stderr)
    sys.exit(2)

SECONDS = 345.0  # of the six minutes, what is left after imports
OUTPUT = Path("results/benchmarks")
MUST_BE = "must be ≤"
AUGMENTATION = Augmentation(crop_min_scale=0.5, flip=True)
CASES: dict[str, tuple[Any, ...]] = {
    "ResNet-50": ("resnet50", "whypretrain_resnet", 9990, 3260),
    "VGG-16": ("vgg16", "whypretrain_vgg", 12800, 1200),
    "MobileNetV2": ("mobilenetv2_100", "mobilenetv2_035", None, None),
    "ViT-S": ("vit_small_patch16_224", "whypretrain_vit", 4550, 3920),
    "ViT-B": ("vit_base_patch16_224", "whypretrain_vit", 1370, 1260),
    "BERT": ("bert", "bert", 8570, 6950),
    "DistilBERT": ("distilbert", "distilbert", 17500, 13400),
}
"""A network, its rehearsal's, and an earlier version's forwards/s on an H100: shared, naive."""
TINY_ENCODER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
REPEATED = ("ResNet-50", "ViT-S", "BERT")
TRAINED = (*REPEATED, "MobileNetV2")


class Row(NamedTuple):
    """One figure; with the sign MUST_BE, a result is wrong where the target is not met."""

    what: str
    value: float
    unit: str
    target: float | None = None
    sign: str = "≥"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.sign == "≥" else self.value <= self.target

    def cells(self) -> list[str]:
        """As tables show it."""
        target = "" if self.target is None else f"{self.sign} {self.target:.4g}"
        met = {None: "", True: "yes", False: "no"}[self.met]
        return [self.what, f"{self.value:.4g}", self.unit, target, met]


def timed(inputs: Inputs, killed_in: int | None = None) -> list[float]:
    """Note the seconds of each epoch of training in the list returned; raise before one."""
    seconds, made = list[float](), inputs.batches

    def batches(*given: Any, **options: Any) -> Iterator[tuple[Tensor, Tensor]]:
        if len(seconds) == killed_in:
            raise InterruptedError
        start = now()
        yield from made(*given, **options)
        seconds.append(now() - start)  # the step after the last batch was waited for

    inputs.batches = batches  # type: ignore[method-assign]
    return seconds


class Sentences(Inputs):
    """Made-up sentences, as token ids on the device, with labels that mean nothing."""

    def __init__(self, n_items: int, device: torch.device) -> None:
        ids = torch.arange(n_items * N_TOKENS, device=device) * 7919 % 19000 + 1000
        self.ids, self.labels, self.device = ids.reshape(n_items, -1), ids[:n_items] % 2, device

    def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        """Token ids."""
        del drawn
        return self.ids[index.to(self.device)]


class Check:
    """All parts of the check; each yields its rows. Trainings are kept in `folder` meanwhile."""

    def __init__(self, device: torch.device, folder: Path, *, tiny: bool) -> None:
        self.device, self.folder, self.tiny = device, folder, tiny
        self.side, self.n_players, self.n_samples = (28, 4, 3) if tiny else (224, 10, 33)
        self.keys = {name: case[tiny] for name, case in CASES.items()}
        self.on_card = device.type == "cuda"
        self.n_trained, self.batch_size = (16, 8) if tiny else (1024, 64)
        self.most_seconds = 0.05 if tiny else 3.0  # of one timing
        self._last: tuple[str, nn.Module] | None = None

    def parts(self) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
        """Names and functions, what matters most first."""
        yield from ((f"{name}, repeated", partial(self.repeatability, name)) for name in REPEATED)
        for name in CASES:
            yield f"{name}, exactness", partial(self.exactness, name)
            yield f"{name}, extraction", partial(self.extraction, name)
            yield f"{name}, profile", partial(self.busy, name)
        yield from ((f"{name}, training", partial(self.training, name)) for name in TRAINED)
        yield "tf32x3", self.tf32x3

    def fresh(self, name: str) -> nn.Module:
        """A network with random weights."""
        tiny_encoder = self.tiny and self.keys[name] in TEXT
        return network(self.keys[name], **TINY_ENCODER if tiny_encoder else {})

    def extractor(self, name: str, *, sharing: bool = True) -> Extractor:
        """A network with samples of which it knows nothing yet; a group has one sample."""
        if self._last is None or self._last[0] != name:
            self._last = None  # its memory is free before the next one takes some
            self._last = name, laid_out(self.fresh(name), self.device)
        generator = np.random.default_rng(0)
        drawn = [self.sample(name, generator) for _ in range(self.n_samples)]
        how = Extraction(sharing=sharing, batch_size=16 if self.tiny else None)
        of = ImageArchitecture(timm=self.keys[name], image_size=self.side)
        of_text = TextArchitecture(family="transformers", folder="")
        architecture = of_text if self.keys[name] in TEXT else of
        settings = ExtractSettings(architecture=architecture, background="keep", extraction=how)
        samples = Samples(["a", "b"], self.n_players, drawn)
        return Extractor(self._last[1], samples, settings, self.device)

    def sample(self, name: str, generator: np.random.Generator) -> Sample:
        """A new input with new players."""
        if self.keys[name] in TEXT:
            inputs = generator.integers(1000, 20000, size=N_TOKENS)
            baseline, players = np.full(N_TOKENS, MASK_TOKEN), np.full(N_TOKENS, -1, dtype=np.int16)
            words = generator.choice(np.arange(1, N_TOKENS - 1), self.n_players, replace=False)
            players[words] = range(self.n_players)
        else:
            inputs = generator.integers(256, size=(3, self.side, self.side), dtype=np.uint8)
            baseline = np.full(inputs.shape, 0.5, dtype=np.float32)
            grid = {"cells": 8, "margin": 1, "n_players": self.n_players}
            players = grid_players(self.side, self.side, **grid, generator=generator)
        return Sample("made up", 0, inputs, baseline, players, [], [])

    def seconds(self, work: Callable[[int], object]) -> float:
        """Mean seconds of `work` on sample 1, 2 and so on, after sample 0, which warms up."""
        work(0)
        start, done = now(), 0
        while not done or (done < self.n_samples - 1 and now() - start < self.most_seconds):
            done += 1
            work(done)
        return (now() - start) / done

    def exactness(self, name: str) -> Iterator[Row]:
        """Shared outputs of all coalitions against naive ones, in the measure of the spot check."""
        shared, naive = self.extractor(name), self.extractor(name, sharing=False)
        (found,) = shared.measure([0], ["0"])
        head, scales = classifier(naive.measured_by.model), list[Tensor]()
        with head.register_forward_hook(
            lambda _, given, __: scales.append(given[0].abs() @ head.weight.abs().T)
        ):
            (expected,) = naive.measure([0], ["0"])
        difference = float(np.abs(found.outputs - expected.outputs).max() / torch.cat(scales).max())
        what = f"{name}: shared from naive outputs, at most"
        yield Row(what, difference, "of sum of terms", TOLERANCE["float32"], MUST_BE)

    def extraction(self, name: str) -> Iterator[Row]:
        """Forwards a second as the stage has them, and the memory that they take."""
        if self.on_card:
            gc.collect()  # what earlier parts held
            torch.cuda.reset_peak_memory_stats()
        shared, naive = (self.extractor(name, sharing=sharing) for sharing in (True, False))
        new = self.seconds(lambda i: shared.measure([i], ["0"]))
        again = self.seconds(lambda _: shared.measure([0], ["0"]))
        plain = self.seconds(lambda _: naive.measure([0], ["0"]))
        on_h100 = self.on_card and "H100" in torch.cuda.get_device_name()
        goals = CASES[name][2:] if on_h100 else (None, None)
        n_forwards, unit = 1 << self.n_players, "forwards/s"
        yield Row(f"{name}: new samples", n_forwards / new, unit)
        yield Row(f"{name}: one sample repeated", n_forwards / again, unit, goals[0])
        yield Row(f"{name}: naive", n_forwards / plain, unit, goals[1])
        yield Row(f"{name}: time of a new sample", new / again, "× a repeated one", 1.3, "≤")
        yield Row(f"{name}: plan of a new sample", 1e3 * (new - again), "ms", 10, "≤")
        if self.on_card:
            share = torch.cuda.max_memory_allocated() / torch.cuda.mem_get_info()[1]
            yield Row(f"{name}: most memory", share, "of the card's", SHARE, MUST_BE)

    def busy(self, name: str) -> Iterator[Row]:
        """Time of kernels and copies by torch.profiler, over the time without a profiler."""
        profiler, taken = torch.profiler.profile(), list[float]()
        for context in (nullcontext(), profiler):
            extractor = self.extractor(name)  # whose samples are new again
            extractor.measure([0], ["0"])
            with context:
                start = now()
                for i in range(1, min(5, self.n_samples)):
                    extractor.measure([i], ["0"])
                taken.append(now() - start)
        events = [e for e in profiler.key_averages() if e.device_type.name == "CUDA"]
        worked = sum(event.self_device_time_total for event in events) / 1e6  # microseconds
        yield Row(f"{name}: new samples, card busy", worked / taken[0], "of the time", 0.9)

    def inputs(self, name: str, n_items: int, augmentation: Augmentation | None = None) -> Inputs:
        """Made-up training data on the device."""
        if self.keys[name] in TEXT:
            return Sentences(n_items, self.device)
        architecture = ImageArchitecture(timm=self.keys[name], image_size=self.side)
        generator, side = torch.Generator().manual_seed(0), round(self.side * CROPPED_FROM)
        pixels = torch.randint(256, (16, side, side, 3), generator=generator, dtype=torch.uint8)
        encoded = [b"P6 %d %d 255\n" % (side, side) + one.numpy().tobytes() for one in pixels]
        images = encoded * (n_items // 16 + 1)
        labels, names = [i % 3 % 2 for i in range(n_items)], [""] * n_items
        split = Split("image", ["a", "b"], names, images[:n_items], [], labels, names)
        return Images(split, architecture, augmentation, device=self.device)

    def fit(self, name: str, train: Inputs, folder: Path, *, batch_size: int, epochs: int) -> bytes:
        """Train a network; its file of weights."""
        weights, history = folder / "weights.safetensors", folder / "history.csv"
        recipe = Recipe(epochs=epochs, batch_size=batch_size, learning_rate=1e-4)
        run = Run(recipe, 0, self.device, {1.0: weights}, history, name, "check", {})
        fit(self.fresh(name), train, self.inputs(name, batch_size), run)
        return weights.read_bytes()

    def training(self, name: str) -> Iterator[Row]:
        """Items a second through :func:`fit`, in the fastest epoch after the first."""
        n_items, batch_size, target = self.n_trained, self.batch_size, None
        if name == "MobileNetV2":
            n_items, batch_size, target = min(n_items, 600), min(batch_size, 32), 2000.0
        train = self.inputs(name, n_items, AUGMENTATION)
        seconds = timed(train)
        folder = self.folder / name
        self.fit(name, train, folder, batch_size=batch_size, epochs=4)
        _, loaded = read_weights(folder / "weights.safetensors")
        what = f"{name}: training in {loaded.metadata['precision']}, batches of {batch_size}"
        unit = "sentences/s" if isinstance(train, Sentences) else "images/s"
        yield Row(what, n_items / min(seconds[1:]), unit, target)

    def repeatability(self, name: str) -> Iterator[Row]:
        """A short training, the same again, and again but killed after its first epoch."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:

            def trained(folder: str, killed_in: int | None = None) -> tuple[bytes, int]:
                train = self.inputs(name, 2 * self.batch_size, AUGMENTATION)
                seconds, where = timed(train, killed_in), Path(place, folder)
                weights = self.fit(name, train, where, batch_size=self.batch_size, epochs=2)
                return weights, len(seconds)

            first, _ = trained("first")
            second, _ = trained("second")
            yield Row(f"{name}: trained twice", int(first != second), "files differ", 0, MUST_BE)
            with patch.dict(os.environ, {CHECKPOINT_VARIABLE: "0"}), suppress(InterruptedError):
                trained("killed", killed_in=1)
            resumed, n_epochs = trained("killed")
            yield Row(f"{name}: epochs after being killed", n_epochs, "of 2", 1, MUST_BE)
            yield Row(f"{name}: resumed", int(first != resumed), "files differ", 0, MUST_BE)

    def tf32x3(self) -> Iterator[Row]:
        """Speed and noise floor of ViT-B in three products of TF32 against float32."""
        extractor, taken, floors = self.extractor("ViT-B"), [], []
        for name, mode in (("float32", nullcontext()), ("tf32x3", Tf32x3())):
            with mode:
                taken.append(self.seconds(lambda _: extractor.measure([0], ["0"])))
                (found,) = extractor.measure([0], ["0"])
            floors.append(float(np.median(extractor.noise_floor(0, found.outputs))))
            speed = (1 << self.n_players) / taken[-1]
            yield Row(f"ViT-B in {name}: one sample repeated", speed, "forwards/s")
            yield Row(f"ViT-B in {name}: noise floor, median of orders", floors[-1], "of v")
        yield Row("ViT-B in tf32x3: speed", taken[0] / taken[1], "× float32's", 1.6)
        ratio = floors[1] / max(floors[0], 1e-30)
        yield Row("ViT-B in tf32x3: noise floor", ratio, "× float32's", 5, "≤")


def write(output: Path, told: dict[str, str], rows: list[Row], failures: list[str]) -> None:
    """Write `check_gpu.json` and `check_gpu.md`."""
    figures = [row._asdict() | {"met": row.met} for row in rows]
    result = {"machine": told, "figures": figures, "failures": failures}
    (output / "check_gpu.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    table = [["what", "value", "unit", "target", "met"], ["---"] * 5, *[r.cells() for r in rows]]
    lines = [*[f"{key}: {value}  " for key, value in told.items()], ""]
    lines += [f"| {' | '.join(cells)} |" for cells in table]
    lines += [f"\n**Failed**: {failure}" for failure in failures]
    (output / "check_gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(given: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    end, longest = time.monotonic() + SECONDS, 0.0
    parser = argparse.ArgumentParser("python -m validation.check_gpu", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder, default {OUTPUT}")
    parser.add_argument(
        "--rehearse", action="store_true", help="run all parts at tiny sizes on the CPU"
    )
    output, tiny = (arguments := parser.parse_args(given)).output, arguments.rehearse
    if not (tiny or torch.cuda.is_available()):
        print("torch sees no CUDA card; --rehearse runs all parts on the CPU", file=sys.stderr)
        return 2
    device = configure(threads=torch.get_num_threads(), device="cpu" if tiny else "cuda")
    output.mkdir(parents=True, exist_ok=True)
    told, rows, failures = machine("torch", "timm", "transformers"), list[Row](), list[str]()
    print("\n".join(f"{key}: {value}" for key, value in told.items()), flush=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        for name, part in Check(device, Path(folder), tiny=tiny).parts():
            start = time.monotonic()
            try:
                if end - start < longest:
                    message = f"not run, as {end - start:.0f} s were left"
                    raise TimeoutError(message)
                for row in part():
                    # At tiny sizes, speed says nothing.
                    rows.append(row._replace(target=None) if tiny and row.sign != MUST_BE else row)
                    left = f"{end - time.monotonic():4.0f} s left"
                    print(left, "{:48} {:>9} {:16} {:15} {}".format(*rows[-1].cells()), flush=True)
            except Exception as error:  # noqa: BLE001  (whatever it is, the other parts go on)
                failures.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")
                print(f"FAILED {failures[-1]}", flush=True)
            longest = max(longest, time.monotonic() - start)
            write(output, told, rows, failures)
    print(f"written: {output}/check_gpu.json, check_gpu.md")
    return int(bool(failures) or any(row.sign == MUST_BE and not row.met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
