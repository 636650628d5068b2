"""A plan as a table to read and as JSON, with how each number is known."""

import textwrap
from collections.abc import Iterable
from typing import Any

WIDTH = 100
MUCH = 0.3  # share of loading from which on it is said
BUSY = 0.85  # share of a core from which on nothing is said


def duration(seconds: float) -> str:
    """A length of time in two units.

    >>> duration(75), duration(40), duration(7500), duration(200_000)
    ('1 min 15 s', '40 s', '2 h 05 min', '2 d 07 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02d} h"


def size(n_bytes: float) -> str:
    """Bytes in a unit of powers of ten.

    >>> size(0), size(1_234_567), size(81_870_000_000)
    ('0', '1.2 MB', '81.9 GB')
    """
    if n_bytes < 1000:
        return f"{n_bytes:.0f}"
    unit, name = next((u, n) for u, n in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if n_bytes >= u)
    return f"{n_bytes / unit:.1f} {name}"


def text(plan: dict[str, Any]) -> str:
    """The plan for a terminal of 100 columns."""
    card = plan["machine"]["gpus"] > 0
    head = ["", "jobs to do", "forwards", "disk", "GPU memory" if card else "memory", "time"]
    rows = [_row(row, timed=plan["timed"]) for row in [*plan["rows"], plan["total"]]]
    lines = [f"Suite '{plan['suite']}': what there is to do", "", *_table([head, *rows])]
    total, machine = plan["total"], plan["machine"]
    cards = f" and {machine['gpus']} GPU" if card else ""
    where = f"{machine['cores']} core{'s' * (machine['cores'] > 1)}{cards}"
    if total["jobs"]["to_do"] and plan["timed"]:
        lines += ["", f"Until all is done: about {duration(total['wall_seconds'])} on {where}."]
        spent = f"{total['core_hours']:.2g} core hours"
        spent += f", {total['gpu_hours']:.2g} GPU hours" if card else ""
        lines[-1] += f" Work: {spent}."
        loading = total["loading_seconds"] / max(total["seconds"], 1e-9)
        if loading > MUCH:
            lines.append(
                f"Loading of images is {loading:.0%} of it, by one core a job: more threads help "
                f"(Snakemake's --set-threads, with --max-threads)."
            )
        if machine["share_of_a_core"] < BUSY:
            lines.append(
                f"The machine is busy: measurements got {machine['share_of_a_core']:.0%} of a core."
                f" If nothing else ran here: about {duration(total['idle_wall_seconds'])}."
            )
    elif not total["jobs"]["to_do"]:
        lines += ["", "Nothing is left to do."]
    lines += ["", f"Disk: {_disk(plan['disk'])}"]
    for experiment, datasets in plan["unknown"].items():
        lines.append(
            f"Not planned: {experiment}: the size of {', '.join(datasets)} is not known. Give "
            f"datasets.{datasets[0]}.sizes and n_classes, or make "
            f"results/datasets/{datasets[0]}/train.parquet first."
        )
    lines += ["", "How this is known:"]
    lines += [f"- {kind}: {'; '.join(said)}." for kind, said in plan["how"].items() if said]
    return "\n".join(_wrapped(lines)) + "\n"


def _row(row: dict[str, Any], *, timed: bool) -> list[str]:
    jobs, forwards = row["jobs"], row["forwards"]
    count = f"{jobs['to_do']} of {jobs['all']}"
    memory = size(row["memory_bytes"]) if row["memory_bytes"] else "-"
    time = "unknown" if row["seconds"] is None else duration(row["seconds"])
    return [
        row["name"],
        count,
        f"{forwards['to_do']:,}",
        size(row["disk_bytes"]["to_do"]),
        memory,
        time if jobs["to_do"] and timed else "-",
    ]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells))
    rule = "-" * len(lines[0])
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _disk(disk: dict[str, Any]) -> str:
    needed, free = size(disk["needed_bytes"]), size(disk["free_bytes"])
    said = f"{needed} are needed, {free} are free."
    if disk["fits"]:
        return said
    return f"{said} WARNING: that does not fit; free some, or run from a larger disk."


def _wrapped(lines: Iterable[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        indent = "  " if line.startswith("- ") else ""
        found += (
            textwrap.wrap(line, WIDTH, subsequent_indent=indent) if len(line) > WIDTH else [line]
        )
    return found
