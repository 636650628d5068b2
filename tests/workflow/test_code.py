"""The import closure: what an edit invalidates, and what it does not."""

import subprocess
import sys

import pytest

from workflow.lib.code import ROOT, closure, code_digest


def names(module: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in closure(f"whypretrain.{module}")}


def test_a_stage_depends_on_itself_its_imports_and_their_packages() -> None:
    found = names("extract")
    assert {"extract.py", "interactions/mobius.py", "models/small.py"} <= found
    assert {"__init__.py", "interactions/__init__.py", "models/__init__.py"} <= found


@pytest.mark.parametrize(
    "module",
    [
        "train",
        "extract",
        "prepare",
        "samples",
        "robustness",
        "metrics.__main__",
        "planted.__main__",
    ],
)
def test_no_stage_before_the_figures_depends_on_them_or_on_the_whole_configuration(
    module: str,
) -> None:
    found = names(module)
    assert not {name for name in found if name.startswith("figures/")}
    assert not found & {"config/whole.py", "config/__main__.py", "workflow.py"}


def test_training_and_measuring_do_not_depend_on_each_other() -> None:
    assert not {name for name in names("train") if name.startswith(("interactions/", "metrics/"))}
    assert "training.py" not in names("extract")
    assert not {
        name for name in names("robustness") if name.startswith(("interactions/", "metrics/"))
    }
    assert "data/shifts.py" not in names("train")
    assert not {name for name in names("metrics.__main__") if name.startswith(("models/", "data/"))}


def test_the_planted_formulas_share_nothing_with_the_metrics() -> None:
    assert not {name for name in names("planted.__main__") if name.startswith("metrics/")}


def test_the_mathematics_is_pure() -> None:
    pure = [f"interactions.{name}" for name in ("mobius", "salience", "masking", "evaluate")]
    for module in [*pure, "metrics.knowledge", "metrics.jaccard"]:
        assert all(
            name.endswith("__init__.py") or name.startswith(("interactions/", "metrics/"))
            for name in names(module)
        )


@pytest.mark.parametrize("module", ["train", "extract", "metrics.__main__", "figures.fig3"])
def test_the_closure_is_what_python_imports(module: str) -> None:
    """An oracle that does not read the source: the modules loaded by importing it."""
    script = (
        f"import sys, whypretrain.{module}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'whypretrain'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert set(result.stdout.split()) == {str(path) for path in closure(f"whypretrain.{module}")}


def test_the_digest_follows_the_closure() -> None:
    assert code_digest("whypretrain.interactions.mobius") == code_digest(
        "whypretrain.interactions.mobius"
    )
    assert code_digest("whypretrain.interactions.mobius") != code_digest(
        "whypretrain.interactions.value"
    )
    with pytest.raises(ValueError, match=r"no module 'whypretrain\.nothing'"):
        closure("whypretrain.nothing")
