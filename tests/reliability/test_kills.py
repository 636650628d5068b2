"""Whole workflows are killed at random moments: run again, they end with the same bytes.

`--kills` says how many kills there are; `make test-kills` makes 50 and prints each.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.forked import outputs
from tests.reliability.kills import RULES, Campaign, Kill, plan

pytestmark = pytest.mark.campaign
MANY = 20  # from so many kills on, the imports' durations are measured, to tell work from imports
ATTEMPTS = 4  # to hit a process that may be quicker than it was
REFUSED = "cannot be locked"


class Undisturbed:
    """Outputs of a run that nothing disturbed, and how long each rule's processes lasted."""

    def __init__(self, folder: Path) -> None:
        self.campaign = Campaign(folder)
        self.campaign.finish()
        self.outputs = outputs(folder)
        self.durations = self.campaign.durations()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    result = Campaign(tmp_path_factory.mktemp("killed"))
    yield result
    for process in result.survivors():  # of a test that failed
        process.kill()


@pytest.fixture
def complete(campaign: Campaign) -> Campaign:
    """A campaign with all its results."""
    if not all((campaign.folder / output).exists() for _, output, _ in RULES.values()):
        campaign.finish()
    return campaign


@pytest.fixture
def unscratched(complete: Campaign) -> Campaign:
    """A campaign that lacks but the network from scratch."""
    for path in (complete.folder / RULES["train"][1]).parent.iterdir():
        path.unlink()
    return complete


def imports(many: bool) -> dict[str, float]:
    """Seconds that the imports of each rule's stage last."""
    found = dict.fromkeys(RULES, 0.0)
    for rule, (module, _, _) in RULES.items() if many else ():
        started = time.monotonic()
        command = [sys.executable, "-m", f"whypretrain.stages.{module}", "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found[rule] = time.monotonic() - started
    return found


def carry_out(
    campaign: Campaign, kills: list[Kill], undisturbed: Undisturbed, *, many: bool
) -> None:
    """Carry out all kills, and print each; those that came too late are tried again, earlier."""
    needed = imports(many)
    for kill in kills:
        for _ in range(ATTEMPTS):
            campaign.kill(kill, undisturbed.durations[kill.rule], needed[kill.rule])
            assert REFUSED not in campaign.printed()
            if kill.hit:
                break
            kill.share *= 0.6
        print(kill, flush=True)
        assert kill.hit, f"{kill}: its process was always quicker"


def test_killed_at_random_moments(
    undisturbed: Undisturbed, campaign: Campaign, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the way to the first results, and again where all were there and are made anew."""
    first = plan(kills - kills // 3, seed=0)
    again = plan(kills // 3, seed=1)
    with capsys.disabled():
        for planned in (first, again):
            carry_out(campaign, planned, undisturbed, many=kills >= MANY)
            # Twice: where a job outlived its Snakemake and ended while the next one started, its
            # outputs are there in time, but marked as unfinished, and made once more the next time.
            for _ in range(2):
                assert REFUSED not in campaign.finish()
                _same(outputs(campaign.folder), undisturbed.outputs)
            assert "Nothing to be done" in campaign.due()
        done = first + again
        working = sum(kill.working for kill in done)
        print(f"{len(done)} kills, {working} of them of a stage at its work for certain")


def _same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert found.keys() == expected.keys()  # nothing is missing, and no litter is left
    assert [path for path in found if found[path] != expected[path]] == []


def test_a_killed_update_is_never_taken_for_up_to_date(
    undisturbed: Undisturbed, complete: Campaign
) -> None:
    """There and back: with other samples and without, killed on either way.

    Snakemake restores the interactions that stood there before, and holds them to be new.
    """
    tiny = complete.project.edited("tiny.yaml", "per_class: 2\n", "per_class: 1\n")
    with tiny:
        kill = Kill("extract", "stage", 0.3)
        complete.kill(kill, undisturbed.durations["extract"])
        assert kill.hit
        assert "Restored previous version" in complete.printed()  # else this tests nothing
        assert "rule extract:" in complete.due()
    complete.finish()
    _same(outputs(complete.folder), undisturbed.outputs)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_snakemake_ends_clean_and_goes_on(
    number: signal.Signals, undisturbed: Undisturbed, unscratched: Campaign
) -> None:
    status, printed = unscratched.signalled("train", number)
    assert status != 0, printed
    assert not (unscratched.folder / ".snakemake/locks").exists()
    assert unscratched.survivors() == []
    assert "Traceback" not in printed
    printed = unscratched.finish()
    # An interrupt reaches the stage too; otherwise Snakemake lets its jobs end.
    assert (": resumed after epoch " in printed) == (number == signal.SIGINT)
    _same(outputs(unscratched.folder), undisturbed.outputs)


def test_two_snakemakes_at_once(undisturbed: Undisturbed, unscratched: Campaign) -> None:
    """Snakemake refuses the second; the first is not disturbed."""
    first = unscratched.start("--until", "train")
    unscratched.wait_for_checkpoint("train", first)
    second = unscratched.start("--until", "train")
    assert second.wait() == 1
    assert REFUSED in unscratched.printed()
    assert first.wait() == 0
    unscratched.finish()
    _same(outputs(unscratched.folder), undisturbed.outputs)


def test_a_job_that_outlives_its_snakemake_is_waited_for(
    undisturbed: Undisturbed, unscratched: Campaign
) -> None:
    first = unscratched.start("--until", "train")
    unscratched.wait_for_checkpoint("train", first)
    first.kill()
    first.wait()
    (orphan,) = unscratched.processes("train")
    orphan.suspend()  # so that it does not end before the next one has come
    unscratched.unlock()
    second = unscratched.start("--until", "train")
    while "another process is at work on this" not in unscratched.printed():
        assert second.poll() is None, unscratched.printed()
        time.sleep(0.1)
    orphan.resume()
    assert second.wait() == 0, unscratched.printed()
    assert "the other process has made this" in unscratched.printed()
    unscratched.finish()
    _same(outputs(unscratched.folder), undisturbed.outputs)
