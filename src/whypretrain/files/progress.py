"""Progress of long work as lines of a log: done, total, rate and time remaining."""

import sys
import time

from tqdm import tqdm

INTERVAL = 5.0  # seconds between lines


class Progress:
    """Counts work and prints a line every few seconds, and one when all is done.

    Lines rather than a bar: several jobs share one terminal, and every job has a log file.
    """

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._start = self._printed = time.monotonic()

    def update(self, count: int = 1, note: str = "") -> None:
        """Count `count` more units as done; `note` is shown at the end of the line."""
        self.done += count
        now = time.monotonic()
        if self.done >= self.total or now - self._printed >= INTERVAL:
            self._printed = now
            meter = tqdm.format_meter(
                self.done, self.total, now - self._start, unit=self.unit, ncols=0
            )
            say(f"{self.label}: {meter} {note}".rstrip())


def say(message: str) -> None:
    """One line on standard error, at once."""
    print(message, file=sys.stderr, flush=True)
