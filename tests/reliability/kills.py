"""Kills of a running workflow at drawn moments: of a stage, of Snakemake, or of all at once."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import psutil

from tests.project import Project
from whypretrain.networks.train import CHECKPOINT, CHECKPOINT_VARIABLE

Victim = Literal["stage", "snakemake", "all"]
TINY, RUNS = "results/experiments/tiny", "results/runs/tiny_resnet/tiny_downstream"

# By its rule, in the order of the workflow: what the command line of its process holds, an output
# that a finished job leaves, and a folder of unfinished work where it keeps any.
RULES = {
    "prepare": ("prepare", "results/datasets/tiny_downstream/test.parquet", ""),
    "pretrain": (
        "pretrain",
        "results/pretrained/tiny_resnet/history.csv",
        "results/pretrained/tiny_resnet/.history.partial",
    ),
    "samples": ("samples", f"{TINY}/samples.csv", ""),
    "probe": ("probe", f"{RUNS}/probe/history.csv", ""),
    "train": (
        "train",
        f"{RUNS}/scratch-tiny-seed0/history.csv",
        f"{RUNS}/scratch-tiny-seed0/.history.partial",
    ),
    "extract": (
        "extract",
        f"{TINY}/finetune.h5",
        f"{TINY}/.finetune.partial",
    ),
    "knowledge": ("knowledge", f"{TINY}/tables/redundancy.csv", ""),
    "figure": ("figure", "results/figures/tiny/fig3.csv", ""),
}
# All is asked for: what lies in between Snakemake makes anew only where something later needs it.
TARGETS = [
    "results/figures/tiny/fig3.pdf",
    f"{TINY}/players",
    *[
        f"{RUNS}/{run}/robustness.csv"
        for run in ("probe", "finetune-tiny-seed0", "scratch-tiny-seed0")
    ],
    *[output for _, output, _ in RULES.values()],
]
PATIENCE = 300  # seconds that a run of Snakemake may last


@dataclass
class Kill:
    """One kill: planned as the first three say, and what was seen of it."""

    rule: str
    victim: Victim
    share: float
    """Of the duration of the rule's process, when it is killed."""
    hit: bool = False
    elapsed: float = 0.0
    """Seconds the process had lived."""
    working: bool = False
    """Whether there was unfinished work beside the outputs, or the imports were over."""
    survivors: int = 0
    """Jobs that lived on, for a kill of Snakemake alone."""


def plan(n: int, seed: int) -> list[Kill]:
    """As many kills, spread over all rules in the order of the workflow, at random moments."""
    generator = random.Random(seed)
    rules = [list(RULES)[i * len(RULES) // n] if n < len(RULES) else "" for i in range(n)]
    if n >= len(RULES):
        rules = sorted((list(RULES) * (n // len(RULES) + 1))[:n], key=list(RULES).index)
    victims: tuple[Victim, ...] = ("stage", "stage", "snakemake", "all")
    return [
        Kill(rule, victims[(i + seed) % 4], generator.uniform(0, 1)) for i, rule in enumerate(rules)
    ]


class Campaign:
    """A project that is killed again and again."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        shutil.copy(Path(__file__).parent / "kills.yaml", folder / "kills.yaml")
        self.folder = folder

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Snakemake on its way to all targets, in a session of its own."""
        with (self.folder / "printed").open("wb") as out:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", "--cores=2"),
                    *("--configfile", "tiny.yaml", "kills.yaml"),
                    *arguments,
                    "--",
                    *TARGETS,
                ],
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, CHECKPOINT_VARIABLE: "0"},
                start_new_session=True,
            )

    def printed(self) -> str:
        """What the last Snakemake printed, and its jobs."""
        return (self.folder / "printed").read_text(encoding="utf-8", errors="replace")

    def unlock(self) -> None:
        """Remove the locks of a Snakemake that was killed, as a user does."""
        assert self.start("--unlock").wait(PATIENCE) == 0, self.printed()

    def finish(self, *arguments: str) -> str:
        """Run Snakemake undisturbed to its end; returns what it printed."""
        assert self.start(*arguments).wait(PATIENCE) == 0, self.printed()
        return self.printed()

    def due(self, *arguments: str) -> str:
        """What a dry run says."""
        assert self.start("-n", *arguments).wait(PATIENCE) == 0, self.printed()
        return self.printed()

    def durations(self) -> dict[str, float]:
        """Seconds that the processes of each rule lasted in the last run, the shortest of them."""
        found = {}
        for rule in RULES:
            folder = "figures" if rule == "figure" else rule.removesuffix("_final")
            tables = (self.folder / "results/benchmarks" / folder).rglob("*.tsv")
            found[rule] = min(float(pd.read_csv(t, sep="\t")["s"].iloc[-1]) for t in tables)
        return found

    def processes(self, rule: str) -> Iterator[psutil.Process]:
        """Living processes of a rule in this project."""
        module, output, _ = RULES[rule]
        place = str(Path(output).parent)
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                is_it = words[1:3] == ["-m", f"whypretrain.stages.{module}"] and any(
                    word.startswith(place) for word in words
                )
                if is_it and Path(process.cwd()) == self.folder:
                    yield process
            except (psutil.Error, OSError):
                continue

    def survivors(self) -> list[psutil.Process]:
        """All stages that run here, whoever started them."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = Path(process.cwd()) == self.folder
                if mine and "-m" in process.cmdline()[:2] and process.is_running():
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def kill(self, kill: Kill, duration: float, imports: float = 0.0) -> None:
        """Run the workflow up to the rule of a kill, and kill; a process that was quicker is none.

        Parameters
        ----------
        duration : seconds that a process of the rule lasts
        imports : seconds that its imports last; 0 if not known
        """
        done = (self.folder / RULES[kill.rule][1]).exists()
        snakemake = self.start("--until", kill.rule, *(["--forcerun", kill.rule] if done else []))
        at = kill.share * duration
        while snakemake.poll() is None:
            for process in self.processes(kill.rule):
                age = time.time() - process.create_time()
                if age >= at:
                    self._kill(kill, snakemake, process, age, imports)
                    return
                time.sleep(min(at - age, 0.02))
            time.sleep(0.01)
        assert snakemake.wait() == 0, self.printed()

    def _kill(
        self,
        kill: Kill,
        snakemake: subprocess.Popen[bytes],
        stage: psutil.Process,
        age: float,
        imports: float,
    ) -> None:
        partial = RULES[kill.rule][2]
        kept = bool(partial) and (self.folder / partial).exists()
        kill.elapsed, kill.working = age, kept or 0 < imports < age
        try:
            if kill.victim == "stage":
                stage.kill()
            else:
                inferior = psutil.Process(snakemake.pid).children(recursive=True)
                snakemake.kill()
                snakemake.wait()
                for process in inferior if kill.victim == "all" else []:
                    _quietly(process.kill)
                self.unlock()
                kill.survivors = sum(p.is_running() for p in inferior if kill.victim != "all")
        except psutil.NoSuchProcess:
            return  # it had just ended
        kill.hit = True
        if kill.victim == "stage":
            status = snakemake.wait(PATIENCE)
            # A process that was killed after its last line may count as ended.
            assert status in {0, 1}, self.printed()
            kill.hit = status == 1

    def wait_for_checkpoint(self, rule: str, snakemake: subprocess.Popen[bytes]) -> None:
        """Wait until a training job has done some epochs."""
        while not (self.folder / RULES[rule][2] / CHECKPOINT).exists():
            assert snakemake.poll() is None, self.printed()
            time.sleep(0.02)

    def signalled(self, rule: str, number: signal.Signals) -> tuple[int, str]:
        """Signal Snakemake's whole group or itself, in the midst of a rule; its status and words.

        An interrupt goes to all, as from a terminal; the rest to Snakemake alone.
        """
        snakemake = self.start("--until", rule)
        self.wait_for_checkpoint(rule, snakemake)
        if number == signal.SIGINT:
            os.killpg(snakemake.pid, number)
        else:
            snakemake.send_signal(number)
        return snakemake.wait(PATIENCE), self.printed()


def _quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except psutil.NoSuchProcess:
        return
