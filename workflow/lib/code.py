"""What a rule's code computes, as one digest: an edit of it runs the rule's jobs again."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import grimp

from whypretrain.settings.identity import digest

ROOT = Path(__file__).parents[2]
PACKAGES = ("whypretrain", "validation")
OUTSIDE = ("whypretrain.files", "whypretrain.stages")
"""Packages that move numbers and compute none: an edit of them runs nothing again."""
NUMERICS = (
    "whypretrain.interactions.extraction",
    "whypretrain.networks.build",
)
"""What the outputs of a masked network depend on; samples are kept while it stays the same."""


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


@cache
def closure(module: str) -> frozenset[str]:
    """Modules that `module` needs, itself and the packages around it included.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    graph = _graph()
    if module not in graph.modules:
        message = f"there is no module '{module}'"
        raise ValueError(message)
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        # Importing a module runs the __init__ of every package around it.
        parent = name.rpartition(".")[0]
        waiting |= (graph.find_modules_directly_imported_by(name) | ({parent} - {""})) - found
    return frozenset(found)


def code(*modules: str) -> str:
    """Digest of what modules and all that they import compute: `params: code=…` of a rule."""
    names = set().union(*(closure(module) for module in modules))
    counted = sorted(
        name for name in names if not f"{name}.".startswith(tuple(f"{o}." for o in OUTSIDE))
    )
    return digest(*[part for name in counted for part in (name, normalised(name))])[:16]


@cache
def normalised(module: str) -> str:
    """The syntax tree of a module without its docstrings, as text."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                line
                for line in node.body
                if not (
                    isinstance(line, ast.Expr)
                    and isinstance(line.value, ast.Constant)
                    and isinstance(line.value.value, str)
                )
            ]
    return ast.dump(tree)
