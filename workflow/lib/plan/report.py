"""A plan as a table to read, with how each number is known."""

import textwrap
from collections.abc import Sequence
from typing import Any

WIDTH = 100


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
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.1f} {name}"
    return f"{n_bytes:.0f}"


def row(name: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What some jobs need together; the memory of the largest."""
    sums = ("forwards", "disk_bytes", "operations", "seconds")
    largest = max((item["memory_bytes"] for item in items), default=0)
    added = {key: sum(item[key] for item in items) for key in sums}
    return {"name": name, "jobs": len(items), "memory_bytes": largest, **added}


def text(plan: dict[str, Any]) -> str:
    """The plan for a terminal of 100 columns."""
    total, machine, disk = plan["total"], plan["machine"], plan["disk"]
    cells = [["stage", "jobs", "forwards", "disk", "memory", "work"]]
    for one in [*plan["rows"], total]:
        work = duration(one["seconds"]) if plan["timed"] else "-"
        sizes = [size(one["disk_bytes"]), size(one["memory_bytes"])]
        cells.append([one["name"], str(one["jobs"]), f"{one['forwards']:,}", *sizes, work])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    table = ["  ".join([c[0].ljust(widths[0]), *map(str.rjust, c[1:], widths[1:])]) for c in cells]
    rule = "-" * len(table[0])
    lines = [f"Suite '{plan['suite']}': what there is to do", ""]
    lines += [table[0], rule, *table[1:-1], rule, table[-1], ""]
    cards = f" and {machine['gpus']} GPU" if machine["gpus"] else ""
    if not total["jobs"]:
        lines.append("Nothing is left to do.")
    elif plan["timed"]:
        lines.append(
            f"Until all is done: about {duration(total['wall_seconds'])} on {machine['cores']} "
            f"cores{cards}. Work: {total['core_hours']:.2g} core hours"
            + (f", {total['gpu_hours']:.2g} GPU hours." if cards else ".")
        )
        if machine["share_of_a_core"] < 0.85:
            lines.append(
                f"The machine is busy: measurements got {machine['share_of_a_core']:.0%} of a core."
                f" If nothing else ran here: about {duration(total['idle_wall_seconds'])}."
            )
    lines.append(f"Disk: {size(disk['needed'])} are needed, {size(disk['free'])} are free.")
    lines += [f"WARNING: {warning}" for warning in plan["warnings"]]
    lines += ["", "How this is known:", *[f"- {how}." for how in plan["how"]]]
    wrapped = [textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""] for line in lines]
    return "\n".join(part for parts in wrapped for part in parts) + "\n"
