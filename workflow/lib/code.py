"""What a rule's code computes, as one digest: an edit of it runs the rule's jobs again.

The digest covers the modules that a stage imports, as syntax trees from which the wording is taken
(:func:`_remove_wording`, :func:`_rename_locals`). Modules with the same tree compute the same.
"""

import ast
import builtins
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import grimp

from whypretrain.settings.base import digest

ROOT = Path(__file__).parents[2]
PACKAGES = {"whypretrain": ROOT / "src", "validation": ROOT}
OUTSIDE = ("whypretrain.files", "whypretrain.stages")
"""Packages that read, write and call, and compute no number: an edit of them runs nothing again.
What they import counts."""
NUMERICS = (
    "whypretrain.interactions.measure",
    "whypretrain.networks.build",
)
"""What the outputs of a masked network depend on; samples are kept while it stays the same."""
CACHE = Path(__file__).parent / "__pycache__/code.json"
LABELLED = {"Progress"}
"""Functions whose texts are only shown."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


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
    outside = tuple(f"{package}." for package in OUTSIDE)
    counted = sorted(name for name in names if not f"{name}.".startswith(outside))
    known = _known()
    n_known = len(known)
    found = digest(*[part for name in counted for part in (name, _computed(name))])[:16]
    if len(known) > n_known:
        with suppress(OSError):  # whoever may not write here waits a second longer
            temporary = CACHE.with_suffix(f".{os.getpid()}")
            temporary.parent.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(known), encoding="utf-8")
            temporary.replace(CACHE)
    return found


@cache
def _known() -> dict[str, str]:
    """Digests of trees by those of sources, as Python keeps what it compiled."""
    try:
        return dict(json.loads(CACHE.read_bytes()))
    except (OSError, ValueError):
        return {}


@cache
def _computed(module: str) -> str:
    path = PACKAGES[module.partition(".")[0]].joinpath(*module.split("."))
    package = path / "__init__.py"
    source = (package if package.exists() else path.with_suffix(".py")).read_text(encoding="utf-8")
    key, known = digest(_this(), source), _known()
    if key not in known:
        known[key] = digest(normalised(source))
    return known[key]


@cache
def _this() -> str:
    return f"{sys.version}\0{Path(__file__).read_text(encoding='utf-8')}"


def normalised(source: str) -> str:
    r"""The syntax tree of a module without its wording, as text; equal trees compute the same.

    >>> normalised("def f(x):\n    total = x + 1\n    return total") == normalised(
    ...     'def f(x):  # adds\n    "Docs."\n    say("one more")\n    y = x + 1\n    return y'
    ... )
    True
    >>> normalised("def f(x): return x + 1") == normalised("def f(x): return x + 2")
    False
    """
    tree = ast.parse(source)
    for node in _walk(tree):
        _remove_wording(node)
    known = set(dir(builtins))  # what a local must not be called to be renamed
    functions: list[ast.AST] = []
    for statement in tree.body:
        if isinstance(statement, Function | ast.ClassDef):
            known.add(statement.name)
            inside = statement.body if isinstance(statement, ast.ClassDef) else [statement]
            functions += [line for line in inside if isinstance(line, Function)]
        else:
            names = _Names(statement)
            known |= names.other.union(name.id for name in names.bound)
    for function in functions:
        _rename_locals(function, known)
    return repr(_fields(tree))


def _walk(tree: ast.AST) -> Iterator[Any]:
    """All nodes, each before those below it, which may be changed meanwhile."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for value in node.__dict__.values():
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting += [item for item in value if isinstance(item, ast.AST)]


def _remove_wording(node: Any) -> None:
    """Remove what people read and nothing computes with.

    That is: docstrings and other bare strings, statements `say(…)`, the arguments of a raised
    error, the message of an assertion, texts given to :data:`LABELLED` and as `note=`.
    """
    kind = type(node)
    if kind is ast.Raise and isinstance(node.exc, ast.Call):
        node.exc.args, node.exc.keywords = [], []
    elif kind is ast.Assert:
        node.msg = None
    elif kind is ast.Call:
        if isinstance(node.func, ast.Name) and node.func.id in LABELLED:
            node.args = [argument for argument in node.args if not _is_text(argument)]
            node.keywords = [k for k in node.keywords if not _is_text(k.value)]
        node.keywords = [k for k in node.keywords if not (k.arg == "note" and _is_text(k.value))]
    for block in _blocks(node):
        block[:] = [line for line in block if not _is_said(line)]


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """Lists of statements below a node."""
    blocks = [node.__dict__.get(field) for field in ("body", "orelse", "finalbody")]
    return [block for block in blocks if isinstance(block, list)]


def _is_said(line: ast.AST) -> bool:
    if not isinstance(line, ast.Expr):
        return False
    called = line.value.func if isinstance(line.value, ast.Call) else None
    return _is_text(line.value) or (isinstance(called, ast.Name) and called.id == "say")


def _is_text(node: ast.AST) -> bool:
    """Whether an expression can be nothing but text, by its form."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.IfExp():
            return _is_text(node.body) and _is_text(node.orelse)
        case ast.BinOp(op=ast.Add()):
            return _is_text(node.left) and _is_text(node.right)
        case ast.Call(func=ast.Attribute(attr="join" | "format", value=separator)):
            return _is_text(separator)
    return False


class _Names:
    """The names in a tree.

    Attributes
    ----------
    loaded, bound : where names are read; where they are assigned or deleted
    other : names that anything but an assignment binds, and those that a class assigns
    texts : blocks and statements in them that assign a text to one name
    """

    def __init__(self, tree: ast.AST) -> None:
        self.loaded: list[ast.Name] = []
        self.bound: list[ast.Name] = []
        self.other: set[str] = set()
        self.texts: list[tuple[list[ast.stmt], Any]] = []
        for node in _walk(tree):
            kind = type(node)
            if kind is ast.Name:
                (self.loaded if isinstance(node.ctx, ast.Load) else self.bound).append(node)
                continue
            if kind is ast.ClassDef and node is not tree:
                self.other.update(name.id for name in _Names(node).bound)
            if kind is ast.alias:
                self.other.add(node.asname or node.name.partition(".")[0])
            elif kind in BINDING:
                bound = getattr(node, BINDING[kind])
                self.other.update(bound if isinstance(bound, list) else [bound])
            if kind is not ast.ClassDef:  # what is assigned there is an attribute
                for block in _blocks(node):
                    self.texts += [(block, line) for line in block if _assigns_text(line)]


BINDING: dict[type[ast.AST], str] = {
    ast.arg: "arg",
    ast.ClassDef: "name",
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ExceptHandler: "name",
    ast.Global: "names",
    ast.Nonlocal: "names",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}
"""Where nodes other than names keep the names that they bind."""


def _assigns_text(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Assign)
        and len(line.targets) == 1
        and isinstance(line.targets[0], ast.Name)
        and _is_text(line.value)
    )


def _rename_locals(function: ast.AST, known: set[str]) -> None:
    """Number the names that only this function binds; drop texts that nothing reads any more.

    Never touched are names that are also something else: arguments, names of the module and of
    Python, and whatever a nested class, import, function, `match`, `global` or `nonlocal` binds.
    """
    names = _Names(function)
    kept = known | names.other
    reads = Counter(name.id for name in names.loaded)
    dropped = True
    while dropped:  # again, as a text may be part of another one
        dropped = False
        for block, line in names.texts:
            target = line.targets[0].id
            if line in block and target not in kept and not reads[target]:
                block.remove(line)
                reads.subtract(name.id for name in _Names(line.value).loaded)
                dropped = True
    numbers: dict[str, str] = {}
    for node in _walk(function):
        if type(node) is ast.Name and type(node.ctx) is not ast.Load and node.id not in kept:
            numbers.setdefault(node.id, str(len(numbers)))
    for name in [*names.loaded, *names.bound]:
        name.id = numbers.get(name.id, name.id)


def _fields(value: Any) -> Any:
    """A tree as tuples and constants; without positions, and whether a name is read or assigned."""
    kind = type(value)
    if kind is list:
        return [_fields(item) for item in value]
    if kind is ast.Name:
        return value.id
    if kind is ast.Constant:
        return (value.value,)
    if isinstance(value, ast.AST):
        within = value.__dict__
        return (kind.__name__, *[_fields(within.get(f)) for f in value._fields if f != "ctx"])
    return value
