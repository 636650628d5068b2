"""A live view of a running suite: what is done, what runs and how far it is, what failed.

In the folder of a run, in another terminal, or in front of the command that it shall run:

    python -m whypretrain.watch
    python -m whypretrain.watch -- snakemake --cores all

In a terminal the view is drawn anew every second; into a file or pipe goes a line now and then. It
ends with the run. It reads Snakemake's log and the logs and benchmark records of the jobs.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, TextIO

import psutil

LOGS, BENCHMARKS = Path("results/logs"), Path("results/benchmarks")
REDRAWN = 1.0  # seconds between pictures in a terminal
LINE_EVERY = 30.0  # seconds between lines elsewhere
TAIL = 4000  # bytes of a job's log that hold its last progress line
METER = re.compile(
    r"^(?P<label>.*?): +\d+% (?P<done>\d+)/(?P<total>\d+) "
    r"\[[\d:]+<(?P<left>[\d:?]+), +(?P<rate>[^\]]+)\] ?(?P<note>.*)$",
    re.M,
)


class Run(NamedTuple):
    """What Snakemake's log says of a run.

    `planned` and `finished`: jobs by rule, targets included; `failed`: rule and log of each job
    that failed and did not succeed when tried again; `ended`: whether Snakemake has ended.
    """

    planned: dict[str, int]
    finished: dict[str, int]
    failed: list[tuple[str, str]]
    ended: bool


class Progress(NamedTuple):
    """The last progress line of a job; `left` in seconds when it was written, None if unknown."""

    done: int
    total: int
    left: float | None
    rate: str
    note: str


class Active(NamedTuple):
    """A job that runs: stage, what it is about, seconds since it last wrote, its progress."""

    stage: str
    name: str
    silent: float
    progress: Progress | None


def parse_run(text: str) -> Run | None:
    """What Snakemake's log says; None if it is of no run: of a dry run, or a report."""
    if "Provided cores:" not in text and "Provided remote nodes:" not in text:
        nothing = "Nothing to be done" in text
        return Run({}, {}, [], ended=True) if nothing else None
    if "This was a dry-run" in text:
        return None
    stats = text.partition("Job stats:\n")[2].partition("\ntotal ")[0]
    planned = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.M)}
    finished: dict[str, int] = {}
    succeeded = set()
    for job, rule in re.findall(r"^Finished jobid: (\d+) \(Rule: (\w+)\)", text, re.M):
        finished[rule] = finished.get(rule, 0) + 1
        succeeded.add(job)
    failed: dict[tuple[str, str], None] = {}
    for rule, block in re.findall(r"^Error in rule (\w+):\n((?:    .*\n?)*)", text, re.M):
        job = re.search(r"jobid: (\d+)", block)
        log = re.search(r"log: ([^\s,]+)", block)
        if job is None or job[1] not in succeeded:
            failed[rule, log[1] if log else "no log"] = None
    ended = re.search(r"^(Elapsed time|Complete log|Exiting because)", text, re.M) is not None
    return Run(planned, finished, list(failed), ended)


def parse_progress(text: str) -> Progress | None:
    """The last progress line of a job's log; None if it has none.

    >>> parse_progress("train a:  24% 5/20 [00:05<01:15,  9.30step/s] loss 0.5").left
    75.0
    """
    lines = list(METER.finditer(text))
    if not lines:
        return None
    found = lines[-1]
    left: float | None = None
    if "?" not in found["left"]:
        left = 0.0
        for part in found["left"].split(":"):
            left = 60 * left + float(part)
    return Progress(int(found["done"]), int(found["total"]), left, found["rate"], found["note"])


def active_jobs(run: Run, since: float, now: float) -> list[Active]:
    """Jobs that have begun since a moment and have left no benchmark record since."""
    failed = {log for _, log in run.failed}
    found = []
    for path in LOGS.rglob("*.log"):
        written = _modified(path)
        relative = path.relative_to(LOGS)
        ended = _modified((BENCHMARKS / relative).with_suffix(".tsv"))
        stage = relative.parts[0]
        # Downloads leave no record: by their number.
        fetched = stage.startswith("fetch_") and run.finished.get(stage, 0) >= run.planned.get(
            stage, 0
        )
        if written >= since and ended < written and not fetched and str(path) not in failed:
            with path.open("rb") as file:
                file.seek(max(path.stat().st_size - TAIL, 0))
                text = file.read().decode("utf-8", errors="replace")
            name = str(relative.relative_to(stage).with_suffix(""))
            found.append(Active(stage, name, now - written, parse_progress(text)))
    return sorted(found)


def seconds_left(run: Run, active: list[Active], since: float, now: float) -> float | None:
    """Until the run ends: jobs to come as long as those of their rule were; None if unknown.

    A rule that has not had its turn counts as the mean of the others.
    """
    took: dict[str, list[float]] = {}
    for path in BENCHMARKS.rglob("*.tsv"):
        if _modified(path) >= since:
            rows = path.read_text(encoding="utf-8").splitlines()
            if len(rows) > 1:
                took.setdefault(path.relative_to(BENCHMARKS).parts[0], []).append(
                    float(rows[1].split("\t")[0])
                )
    everything = [seconds for each in took.values() for seconds in each]
    if not everything or now <= since:
        return None
    mean = sum(everything) / len(everything)
    begun: dict[str, int] = {}
    known = 0.0
    for job in active:
        begun[job.stage] = begun.get(job.stage, 0) + 1
        at_most = took.get(job.stage, [mean])
        left = job.progress.left if job.progress else None
        known += sum(at_most) / len(at_most) / 2 if left is None else max(left - job.silent, 0)
    for rule, count in run.planned.items():
        # Two rules of one stage share a folder of records.
        stage = {"figure": "figures", "extract_final": "extract"}.get(rule, rule)
        each = took.get(stage, [mean])
        waiting = count - run.finished.get(rule, 0)
        started = min(begun.get(stage, 0), waiting)
        begun[stage] = begun.get(stage, 0) - started
        if rule != "all":
            known += (waiting - started) * sum(each) / len(each)
    at_once = max(sum(everything) / (now - since), 0.5)
    return known / at_once


def view(run: Run, active: list[Active], left: float | None, elapsed: float) -> list[str]:
    """The picture of a terminal, line by line."""
    lines = [headline(run, left, elapsed)]
    done = [f"{rule} {n}" for rule, n in run.finished.items() if n == run.planned.get(rule)]
    part = [
        f"{rule} {n}/{run.planned[rule]}"
        for rule, n in run.finished.items()
        if n < run.planned.get(rule, 0)
    ]
    if done:
        lines.append(f"  done: {', '.join(done)}")
    if part:
        lines.append(f"  begun: {', '.join(part)}")
    lines += [f"  {described(job)}" for job in active]
    return lines + [f"  {failure(*each)}" for each in run.failed]


def headline(run: Run, left: float | None, elapsed: float) -> str:
    """How much of a run is done."""
    done, total = sum(run.finished.values()), sum(run.planned.values())
    share = f" ({done / total:.0%})" if total else ""
    remaining = f", about {clock(left)} left" if left is not None else ""
    return f"{done} of {total} jobs done{share}, {clock(elapsed)} so far{remaining}"


def described(job: Active) -> str:
    """A job that runs, on one line."""
    found = job.progress
    if found is None:
        return f"{job.stage} {job.name}"
    left = "" if found.left is None else f", {clock(max(found.left - job.silent, 0))} left"
    note = f"; {found.note}" if found.note else ""
    return f"{job.stage} {job.name}: {found.done}/{found.total}, {found.rate}{left}{note}"


def failure(rule: str, log: str) -> str:
    """A job that failed, with its log and what that says last."""
    path = Path(log)
    said = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    last = next((f": {line.strip()}" for line in reversed(said) if line.strip()), "")
    return f"FAILED: {rule}, see {log}{last}"


def clock(seconds: float) -> str:
    """A length of time as minutes and seconds, or hours.

    >>> clock(75), clock(7265)
    ('1:15', '2:01:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def summary(run: Run, elapsed: float) -> list[str]:
    """What is said when a run has ended."""
    done, total = sum(run.finished.values()), sum(run.planned.values())
    if not total:
        return ["Nothing to be done: all results are there."]
    if done == total:
        return [f"All {total} jobs are done, after {clock(elapsed)}."]
    lines = [f"Ended after {done} of {total} jobs, {clock(elapsed)}."]
    return lines + [failure(*each) for each in run.failed]


def newest_run(after: float = 0.0) -> tuple[Path, Run] | None:
    """The newest of Snakemake's logs in this folder that is of a run, and what it says."""
    found = sorted(Path(".snakemake/log").glob("*.snakemake.log"), reverse=True)
    for path in found:
        if _modified(path) >= after:
            run = parse_run(path.read_text(encoding="utf-8", errors="replace"))
            if run is not None:
                return path, run
    return None


def is_running() -> bool:
    """Whether a Snakemake process works in this folder."""
    here = Path.cwd()
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        is_snakemake = any(Path(part).name == "snakemake" for part in command[:4])
        if is_snakemake and process.info["cwd"] == str(here):
            return True
    return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _begun(path: Path) -> float:
    """When a run began, by the name of its log."""
    stamp = path.name.split(".")[0]
    return time.mktime(time.strptime(stamp, "%Y-%m-%dT%H%M%S"))


class Screen:
    """Where the view goes: pictures in a terminal, lines elsewhere, in CI only what matters."""

    def __init__(self, output: TextIO, *, quiet: bool) -> None:
        self.output, self.quiet = output, quiet
        self.is_terminal = output.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = 0
        self._said = 0.0
        self._failed: set[tuple[str, str]] = set()

    def show(self, run: Run, active: list[Active], left: float | None, elapsed: float) -> None:
        """Show how far a run is."""
        if self.is_terminal:
            width, height = shutil.get_terminal_size()
            lines = [line[: width - 1] for line in view(run, active, left, elapsed)[: height - 1]]
            self.output.write(self._wipe() + "\n".join(lines) + "\n")
            self._drawn = len(lines)
        for rule, log in set(run.failed) - self._failed:
            self._failed.add((rule, log))
            if not self.is_terminal:
                self.output.write(failure(rule, log) + "\n")
        now = time.monotonic()
        due = not self._said or (now - self._said >= LINE_EVERY and not self.quiet)
        if not self.is_terminal and due:
            self._said = now
            parts = [headline(run, left, elapsed), *[described(job) for job in active]]
            self.output.write(" | ".join(parts) + "\n")
        self.output.flush()

    def end(self, lines: list[str]) -> None:
        """Replace the picture by what is to stay."""
        self.output.write(self._wipe() + "\n".join(lines) + "\n")
        self.output.flush()

    def _wipe(self) -> str:
        wipe = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        self._drawn = 0
        return wipe


def follow(
    screen: Screen, child: "subprocess.Popen[bytes] | None", *, once: bool = False
) -> Run | None:
    """Show the newest run of this folder until it ends, or that of a child process; returns it."""
    after = time.time() - 1 if child else 0.0
    while True:
        alive = child.poll() is None if child else is_running()
        found = newest_run(after)
        now = time.time()
        if found is not None:
            path, run = found
            since = _begun(path)
            if run.ended or not alive:
                if not alive or once:
                    screen.end(summary(run, _modified(path) - since))
                    return run
            else:
                active = active_jobs(run, since, now)
                left = seconds_left(run, active, since, now)
                screen.show(run, active, left, now - since)
        elif not alive:
            if child is None:
                screen.end(["No run of Snakemake in this folder."])
            return None
        if once:
            return None
        time.sleep(REDRAWN)


def main() -> int:
    """Command line; returns the exit status, that of the command where one is given."""
    parser = argparse.ArgumentParser(
        prog="python -m whypretrain.watch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="show how far the run is, and end")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help="to run and watch")
    arguments = parser.parse_args()
    screen = Screen(sys.stdout, quiet=bool(os.environ.get("CI")))
    if not arguments.command:
        follow(screen, None, once=arguments.once)
        return 0
    with tempfile.TemporaryFile() as heard:
        # What jobs print stands in their logs; what Snakemake prints matters if it fails.
        child = subprocess.Popen(arguments.command, stdout=heard, stderr=subprocess.STDOUT)  # noqa: S603
        run = None
        try:
            run = follow(screen, child)
        except KeyboardInterrupt:
            screen.end(["Stopping: waiting for Snakemake to end its jobs."])
        status = child.wait()
        if status and not (run and run.failed):
            heard.seek(0)
            screen.end([heard.read().decode("utf-8", errors="replace").strip()[-TAIL:]])
    return status


if __name__ == "__main__":
    sys.exit(main())
