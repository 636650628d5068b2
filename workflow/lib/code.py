"""What a rule's code computes, as one digest: an edit of it runs the rule's jobs again.

The digest covers the modules that a stage imports, as syntax trees from which the wording is taken
(:func:`normalised`). Modules with the same tree compute the same.
"""

import ast
import builtins
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from whypretrain.settings.base import digest

ROOT = Path(__file__).parents[2]
PACKAGES = {"whypretrain": ROOT / "src", "validation": ROOT}
OUTSIDE = ("whypretrain.files.", "whypretrain.stages.")
"""Packages that read, write and call, and compute no number: an edit of them runs nothing again.
What they import counts."""
NUMERICS = ("whypretrain.interactions.measure", "whypretrain.networks.build")
"""What the outputs of a masked network depend on; samples are kept while it stays the same."""
CACHE = Path(__file__).parent / "__pycache__/code.json"
LABELLED = {"Progress"}
"""Functions whose texts are only shown."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def closure(module: str) -> frozenset[str]:
    """Modules that `module` needs, itself and the packages around it included.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    if not _file(module):
        message = f"there is no module '{module}'"
        raise ValueError(message)
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        # Importing a module runs the __init__ of every package around it.
        needed = {*_module(name)[1], name.rpartition(".")[0]}
        waiting |= {name for name in needed - found if _file(name)}
    return frozenset(found)


def code(*modules: str) -> str:
    """Digest of what modules and all that they import compute: `params: code=…` of a rule."""
    n_known = len(_known())
    names = set().union(*map(closure, modules))
    counted = sorted(name for name in names if not f"{name}.".startswith(OUTSIDE))
    found = digest(*[part for name in counted for part in (name, _module(name)[0])])[:16]
    if len(_known()) > n_known:
        with suppress(OSError):  # whoever may not write here waits a second longer
            temporary = CACHE.with_suffix(f".{os.getpid()}")
            temporary.parent.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(_known()), encoding="utf-8")
            temporary.replace(CACHE)
    return found


@cache
def _file(module: str) -> Path | None:
    """The file of one of the project's modules; None if there is no such module."""
    package, *parts = module.split(".")
    if package not in PACKAGES:
        return None
    path = PACKAGES[package].joinpath(package, *parts)
    return next((p for p in (path / "__init__.py", path.with_suffix(".py")) if p.exists()), None)


@cache
def _known() -> dict[str, tuple[str, list[str]]]:
    """Digests and imports by the digests of sources, as Python keeps what it compiled."""
    try:
        return dict(json.loads(CACHE.read_bytes()))
    except (OSError, ValueError):
        return {}


@cache
def _module(name: str) -> tuple[str, list[str]]:
    """Digest of what a module computes, and names that may be modules which it imports."""
    file = _file(name)
    assert file is not None
    source = file.read_text(encoding="utf-8")
    key, known = digest(_this(), source), _known()
    if key not in known:
        known[key] = digest(normalised(source)), sorted(_imports(ast.parse(source)))
    return known[key]


@cache
def _this() -> str:
    return f"{sys.version}\0{Path(__file__).read_text(encoding='utf-8')}"


def _imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {f"{node.module}"}
    return {name for name in found if name.partition(".")[0] in PACKAGES}


def normalised(source: str) -> str:
    r"""The syntax tree of a module without its wording, as text; equal trees compute the same.

    Wording is what people read and nothing computes with: docstrings and other bare strings,
    statements `say(…)`, the arguments of a raised error, the message of an assertion, texts given
    to :data:`LABELLED` and as `note=`, texts that nothing reads any more, and names of locals.

    >>> normalised("def f(x):\n    total = x + 1\n    return total") == normalised(
    ...     'def f(x):  # adds\n    "Docs."\n    say("one more")\n    y = x + 1\n    return y'
    ... )
    True
    >>> normalised("def f(x): return x + 1") == normalised("def f(x): return x + 2")
    False
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        _remove_wording(node)
    functions = list(_outermost_functions(tree))
    for function in functions:
        _drop_unread_texts(function)
    _number_locals(tree, functions)
    return repr(_plain(tree))


def _remove_wording(node: Any) -> None:
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        node.exc.args, node.exc.keywords = [], []
    elif isinstance(node, ast.Assert):
        node.msg = None
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in LABELLED:
            node.args = [argument for argument in node.args if not _is_text(argument)]
            node.keywords = [k for k in node.keywords if not _is_text(k.value)]
        node.keywords = [k for k in node.keywords if k.arg != "note" or not _is_text(k.value)]
    for block in _blocks(node):
        block[:] = [line for line in block if not _is_said(line)]


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """Lists of statements below a node."""
    blocks = [getattr(node, field, None) for field in ("body", "orelse", "finalbody")]
    return [block for block in blocks if isinstance(block, list)]


def _is_said(line: ast.stmt) -> bool:
    match line:
        case ast.Expr(value=ast.Call(func=ast.Name(id="say"))):
            return True
    return isinstance(line, ast.Expr) and _is_text(line.value)


def _is_text(node: ast.AST) -> bool:
    """Whether an expression can be nothing but text, by its form."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, op=ast.Add(), right=other):
            return _is_text(one) and _is_text(other)
        case ast.Call(func=ast.Attribute(attr="join" | "format", value=separator)):
            return _is_text(separator)
    return False


def _outermost_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from _outermost_functions(child)


def _drop_unread_texts(function: ast.AST) -> None:
    """Remove assignments of a text to a local that nothing reads, such as that of an error."""
    nodes = list(ast.walk(function))
    # What is assigned in a class is an attribute.
    blocks = [b for node in nodes if not isinstance(node, ast.ClassDef) for b in _blocks(node)]
    elsewhere = {n for x in nodes if isinstance(x, ast.Global | ast.Nonlocal) for n in x.names}

    def unread(line: ast.stmt, read: set[str]) -> bool:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return name not in read and _is_text(value)
        return False

    while True:  # again, as a text may be part of another one
        names = (n for n in ast.walk(function) if isinstance(n, ast.Name))
        read = elsewhere | {name.id for name in names if isinstance(name.ctx, ast.Load)}
        n_lines = sum(map(len, blocks))
        for block in blocks:
            block[:] = [line for line in block if not unread(line, read)]
        if sum(map(len, blocks)) == n_lines:
            return


def _number_locals(tree: ast.Module, functions: list[ast.AST]) -> None:
    """Number the names that a function assigns, unless they are also something else anywhere.

    That is: arguments, names of the module and of Python, attributes of a nested class, and
    whatever a class, import, function, `except`, `match`, `global` or `nonlocal` names.
    """
    inside = {id(node) for function in functions for node in ast.walk(function)}
    kept = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            kept |= set() if id(node) in inside else {node.id}
        elif isinstance(node, ast.Global | ast.Nonlocal):
            kept.update(node.names)
        elif not isinstance(node, ast.keyword):
            named = (getattr(node, field, None) for field in ("name", "asname", "arg", "rest"))
            kept |= {str(name).partition(".")[0] for name in named}
        if isinstance(node, ast.ClassDef) and id(node) in inside:
            kept |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    for function in functions:
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        assigned = [n.id for n in names if not isinstance(n.ctx, ast.Load) and n.id not in kept]
        numbers = {name: str(number) for number, name in enumerate(dict.fromkeys(assigned))}
        for name in names:
            name.id = numbers.get(name.id, name.id)


def _plain(value: Any) -> Any:
    """A tree as tuples and constants; without positions, and whether a name is read or assigned."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, ast.AST):
        # Fields that are empty are left out, as later versions of Python add some.
        fields = [(f, v) for f, v in ast.iter_fields(value) if f != "ctx" and v not in (None, [])]
        return (type(value).__name__, *[(field, _plain(v)) for field, v in fields])
    return value
