"""All benchmarks in one session: `make bench`. Writes a table as JSON and Markdown.

Ratios are taken side by side in one run; the times themselves say little about another machine.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from validation.benchmarks.networks import CASES, EMBEDDED, compare, embedded, growth, overhead
from validation.benchmarks.timing import machine
from validation.benchmarks.transforms import against_copy, against_shapiq
from whypretrain.networks.numerics import configure


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser("python -m validation.benchmarks.bench", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="repeats a median is taken of")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench"))
    arguments = parser.parse_args()
    device = configure(threads=arguments.threads, device=arguments.device)
    repeats = arguments.repeats
    grown = growth(device=device)  # first, as memory that was once taken counts from then on
    rows = []

    def add(row: dict[str, float | str]) -> None:
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), file=sys.stderr, flush=True)

    add(against_shapiq(repeats=repeats))
    for n_rows in (1, 64):
        add(against_copy(repeats=max(repeats, 15), n_players=16, n_rows=n_rows))
    for side in (64, 224):
        add(overhead(side=side, repeats=repeats if side == 64 else 3, device=device))
    for name in EMBEDDED:
        add(embedded(name, repeats=repeats, device=device))
    for key in arguments.only:
        add(compare(key, repeats=repeats, device=device))
    result = {"machine": machine(), "ratios": rows, "growth": grown}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    arguments.output.with_suffix(".json").write_text(text, encoding="utf-8")
    arguments.output.with_suffix(".md").write_text(markdown(result), encoding="utf-8")
    print(markdown(result))


def markdown(result: dict[str, Any]) -> str:
    """The tables as a document."""
    parts = ["# Benchmarks", "", *[f"{key}: {told}" for key, told in result["machine"].items()]]
    for name in ("ratios", "growth"):
        frame = pd.DataFrame(result[name])
        cells = frame.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value))
        rows = [list(frame), ["---"] * frame.shape[1], *cells.replace("nan", "").to_numpy()]
        parts += ["", *[f"| {' | '.join(row)} |" for row in rows]]
    return "\n".join([*parts, ""])


if __name__ == "__main__":
    main()
