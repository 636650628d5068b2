"""What a rule's code computes, as one digest: an edit of it runs the rule's jobs again.

The digest covers the modules that a stage imports, as syntax trees from which the wording is taken:
see :class:`_Wording` and :func:`_rename_locals`. Two modules with the same tree compute the same.
"""

import ast
import builtins
from functools import cache
from pathlib import Path

import grimp

from whypretrain.settings.identity import digest

ROOT = Path(__file__).parents[2]
PACKAGES = {"whypretrain": ROOT / "src", "validation": ROOT}
OUTSIDE = ("whypretrain.files", "whypretrain.stages")
"""Packages that read, write and call, and compute no number: an edit of them runs nothing again.
What they import counts."""
NUMERICS = (
    "whypretrain.interactions.extraction",
    "whypretrain.networks.build",
)
"""What the outputs of a masked network depend on; samples are kept while it stays the same."""
LABELLED = {"Progress", "track"}
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
    counted = sorted(name for name in names if not f"{name}.".startswith(_OUTSIDE))
    return digest(*[part for name in counted for part in (name, _computed(name))])[:16]


_OUTSIDE = tuple(f"{package}." for package in OUTSIDE)


@cache
def _computed(module: str) -> str:
    path = PACKAGES[module.partition(".")[0]].joinpath(*module.split("."))
    package = path / "__init__.py"
    file = package if package.exists() else path.with_suffix(".py")
    return normalised(file.read_text(encoding="utf-8"))


def normalised(source: str) -> str:
    """The syntax tree of a module without its wording, as text; equal trees compute the same.

    >>> normalised("def f(x):\\n    total = x + 1\\n    return total") == normalised(
    ...     'def f(x):  # adds\\n    "Docs."\\n    say("one more")\\n    y = x + 1\\n    return y'
    ... )
    True
    >>> normalised("def f(x): return x + 1") == normalised("def f(x): return x + 2")
    False
    """
    tree = _Wording().visit(ast.parse(source))
    known = {*dir(builtins)}
    for statement in tree.body:
        named = isinstance(statement, Function | ast.ClassDef)
        known |= {statement.name} if named else {*_bound(statement), *_declared(statement)}
    for statement in tree.body:
        inside = statement.body if isinstance(statement, ast.ClassDef) else [statement]
        for function in inside:
            if isinstance(function, Function):
                while _drop_unread_texts(function):
                    pass
                _rename_locals(function, known)
    return ast.dump(tree)


class _Wording(ast.NodeTransformer):
    """Removes what people read and nothing computes with.

    That is: docstrings and other bare strings, statements `say(…)`, the arguments of a raised
    error, the message of an assertion, texts given to :data:`LABELLED` and as `note=`.
    """

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # noqa: N802
        said = isinstance(node.value, ast.Call) and _name(node.value.func) == "say"
        return None if said or _is_text(node.value) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:  # noqa: N802
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:  # noqa: N802
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        if _name(node.func) in LABELLED:
            node.args = [argument for argument in node.args if not _is_text(argument)]
            node.keywords = [k for k in node.keywords if not _is_text(k.value)]
        node.keywords = [k for k in node.keywords if not (k.arg == "note" and _is_text(k.value))]
        return self.generic_visit(node)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


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


def _drop_unread_texts(function: Function) -> bool:
    """Remove assignments of texts to names that nothing reads, such as those of an error."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    read = {name.id for name in names if isinstance(name.ctx, ast.Load)} | _declared(function)

    def unread(node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Assign)
            and _is_text(node.value)
            and all(isinstance(t, ast.Name) and t.id not in read for t in node.targets)
        )

    dropped = False
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            # What is assigned in a class is an attribute.
            if isinstance(block, list) and not isinstance(node, ast.ClassDef):
                kept = [line for line in block if not unread(line)]
                dropped |= len(kept) < len(block)
                setattr(node, field, kept)
    return dropped


def _rename_locals(function: Function, known: set[str]) -> None:
    """Number the names that only this function binds, in an order of the tree's.

    Never those that are also something else: arguments, names of the module and of Python, and
    whatever a nested class, import, function, `match`, `global` or `nonlocal` binds.
    """
    own = dict.fromkeys(_bound(function))  # in the order of the walk
    kept = known | _declared(function)
    numbers = {name: str(i) for i, name in enumerate(n for n in own if n not in kept)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            node.id = numbers.get(node.id, node.id)


def _bound(tree: ast.AST) -> list[str]:
    """Names that are assigned somewhere in a tree."""
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]


def _declared(tree: ast.AST) -> set[str]:
    """Names that something else than an assignment binds, and those that a class assigns."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name):
                found |= {name, *_bound(node)}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found |= set(names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchMapping(rest=str(name)):
                found.add(name)
    return found

