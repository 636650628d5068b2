"""Which source files a module of the package depends on: its import closure."""

from functools import cache
from pathlib import Path

import grimp

from whypretrain.artifacts import digest

ROOT = Path(__file__).parent


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("whypretrain", cache_dir=None)


@cache
def closure(module: str) -> tuple[Path, ...]:
    """Source files that `module` needs, itself and the packages around it included.

    Parameters
    ----------
    module : dotted name within the package, such as ``whypretrain.train``

    Raises
    ------
    ValueError
        If the package has no such module.
    """
    graph = _graph()
    if module not in graph.modules:
        message = f"the package has no module '{module}'"
        raise ValueError(message)
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        # Importing a module runs the __init__ of every package around it.
        parent = name.rpartition(".")[0]
        needed = graph.find_modules_directly_imported_by(name) | ({parent} - {""})
        waiting |= needed - found
    return tuple(sorted(_source(name) for name in found))


def code_digest(module: str) -> str:
    """SHA-256 over the import closure of `module`: names and contents."""
    parts: list[bytes | str] = []
    for path in closure(module):
        parts += [path.relative_to(ROOT).as_posix(), path.read_bytes()]
    return digest(*parts)


def _source(name: str) -> Path:
    relative = Path(*name.split(".")[1:])
    package = ROOT / relative / "__init__.py"
    return package if package.exists() else (ROOT / relative).with_suffix(".py")
