"""The counts in docs/running.md are those of the lists of cases."""

from typing import Any

import pytest

from tests.project import ROOT
from tests.reliability import test_bad_config as configs
from tests.reliability import test_bad_data as data
from tests.reliability import test_bad_images as images
from tests.reliability.contradictions import CONTRADICTIONS
from tests.reliability.formats import READERS
from tests.reliability.test_bad_weights import WEIGHTS
from tests.reliability.test_crash_points import STAGES
from tests.reliability.test_damage import CASES, MENDED
from tests.reliability.test_security import HOSTILE
from tests.reliability.test_surroundings import FULL
from tests.reliability.test_untrusted_files import ARCHIVES

TEXT = (ROOT / "docs/running.md").read_text(encoding="utf-8")
DATA: list[list[Any]] = [
    *(data.TABLES, data.ODD_TABLES, data.PARQUETS, data.RELEASES, data.SAMPLES),
    *(images.HANDLED, images.REFUSED_IMAGES, images.FOLDERS),
    WEIGHTS,
]
COUNTS = {
    "is cut, emptied": len(CASES),
    "is whole, but": len(CONTRADICTIONS),
    "damaged in a finished workflow": len(MENDED),
    "a stage is killed between": len(STAGES),
    "the disk is full": len(FULL),
    "configurations with a mistake": len(configs.MISTAKES) + len(configs.FILES),
    "odd or broken": sum(len(cases) for cases in DATA),
    "names that a shell": len(HOSTILE),
    "archives that": len(ARCHIVES),
}


@pytest.mark.parametrize("tried", COUNTS)
def test_counts(tried: str) -> None:
    (row,) = [line for line in TEXT.splitlines() if line.startswith("|") and tried in line]
    assert int(row.split("|")[2]) == COUNTS[tried]


def test_kinds_of_files(kills: int) -> None:
    assert f"one of {len(READERS)} kinds" in TEXT
    assert f"of the tiny suite | {kills} |" in TEXT or kills >= 20
