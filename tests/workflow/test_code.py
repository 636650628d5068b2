"""The digest of code: what an edit invalidates, and what it does not."""

import subprocess
import sys

import pytest

from workflow.lib.code import NUMERICS, ROOT, closure, code, normalised

SOURCE = '''
"""A module."""

SCALE = 2.0

class Walk:
    """A class."""

    step: float = 0.5

    def go(self, start, stop, label="walk"):
        """Go."""
        total = 0.0
        progress = Progress("walking", 3, unit="step")
        for place in range(start, stop):
            total += self.step * SCALE * place
            progress.update(note=f"{total:.1f}")
        if total < 0:
            message = f"{label}: no way to {stop}"
            raise ValueError(message)
        with open("a.txt") as file:
            lines = [line for line in file]
        say(f"{label}: done")
        return total / (stop - start), lines
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 2.0", "SCALE = 2.0  # twice"),
        ("SCALE = 2.0", "SCALE = (\n    2.0\n)"),
        ('"""A module."""', '"""Another."""'),
        ('"""A class."""', ""),
        ('"""Go."""', '"""Go on."""\n        "and on"'),
        ("no way to", "cannot reach"),
        ('message = f"{label}: no way to {stop}"', 'message = "no"'),
        ("(message)", '(f"{label}: no way", stop)'),
        ('say(f"{label}: done")', 'say("all done")'),
        ('say(f"{label}: done")', ""),
        ('"walking"', 'f"walking {label}"'),
        ('unit="step"', 'unit="pace"'),
        ('f"{total:.1f}"', 'f"loss {total:.3f}"'),
        ("total", "far"),
        ("place", "here"),
        ("lines", "found"),
        ("line ", "row "),
        ("message", "reason"),
    ],
)
def test_wording_changes_nothing(old: str, new: str) -> None:
    assert SOURCE.count(old)
    assert normalised(SOURCE.replace(old, new)) == normalised(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2.0", "2.5"),
        ("0.5", "0.25"),
        ("self.step * SCALE", "self.step / SCALE"),
        ("total <", "total <="),
        ("range(start, stop)", "range(stop, start)"),
        ("start, stop, label", "stop, start, label"),
        ('label="walk"', 'label="run"'),
        ("SCALE", "RATE"),
        ("self.step", "self.size"),
        ("start", "begin"),
        ("total += self", "total = self"),
        ("total += self.step * SCALE * place", "pass"),
        ("progress.update", "progress.advance"),
        ("raise ValueError", "raise TypeError"),
        ("raise ValueError(message)", "return message"),
        ('"a.txt"', '"b.txt"'),
        ("total / (stop", "place / (stop"),
        ("Progress(", "Work("),
        (", 3,", ", 4,"),
    ],
)
def test_whatever_computes_changes_the_digest(old: str, new: str) -> None:
    assert SOURCE.count(old)
    assert normalised(SOURCE.replace(old, new)) != normalised(SOURCE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Names that are something else, too, keep their names.
        ("def f():\n  x = a\n  y = b\n  return x", "def f():\n  x = a\n  y = b\n  return y"),
        ("def f():\n  global x\n  x = 1", "def f():\n  global y\n  y = 1"),
        ("def f():\n  class A:\n    x = 1", "def f():\n  class A:\n    y = 1"),
        ("def f():\n  class A:\n    x = 'a'", "def f():\n  class A:\n    y = 'a'"),
        ("z = 1\ndef f(): return [z for z in y], z", "z = 1\ndef f(): return [w for w in y], w"),
        ("def f(): return [sum for sum in y], sum", "def f(): return [min for min in y], min"),
        ("def f():\n  import a as x\n  x = x.b", "def f():\n  import a as y\n  y = y.b"),
        # An assignment that may do something stays.
        ("def f(g):\n  n = g.draw(3)\n  say(n)", "def f(g):\n  n = g.draw(4)\n  say(n)"),
        ("def f():\n  m = 'a'\n  return m", "def f():\n  m = 'b'\n  return m"),
        ("def f():\n  m = 'a'\n  m += 'b'\n  return m", "def f():\n  m = 'a'\n  return m"),
    ],
)
def test_two_programs_that_differ_have_two_digests(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_every_module_of_the_project_has_a_tree_that_any_edit_of_a_number_changes() -> None:
    for module in closure("whypretrain.stages.train"):
        path = ROOT.joinpath("src", *module.split(".")).with_suffix(".py")
        if path.exists():
            source = path.read_text(encoding="utf-8")
            assert normalised(source) != normalised(source + "\nEXTRA = 1\n")


def names(module: str) -> set[str]:
    return {name.removeprefix("whypretrain.") for name in closure(module)}


def test_a_stage_depends_on_itself_its_imports_and_their_packages() -> None:
    found = names("whypretrain.stages.extract")
    assert {"stages.extract", "interactions.mobius", "networks.build", "interactions"} <= found


@pytest.mark.parametrize(
    "stage",
    ["train", "probe", "extract", "prepare", "samples", "robustness", "similarity", "knowledge"],
)
def test_no_stage_before_the_figures_depends_on_them_or_on_the_whole_configuration(
    stage: str,
) -> None:
    found = names(f"whypretrain.stages.{stage}")
    assert not {name for name in found if name.startswith("report.")}
    assert not found & {"settings.whole", "settings.__main__"}


def test_training_and_measuring_do_not_depend_on_each_other() -> None:
    assert not {
        name
        for stage in ("train", "robustness")
        for name in names(f"whypretrain.stages.{stage}")
        if name.startswith(("interactions.", "knowledge."))
    }
    assert "networks.train" not in names("whypretrain.stages.extract")
    assert "data.shifts" not in names("whypretrain.stages.train")


@pytest.mark.parametrize("module", ["stages.train", "stages.extract", "stages.knowledge"])
def test_the_closure_is_what_python_imports(module: str) -> None:
    """An oracle that does not read the source: the modules loaded by importing it."""
    script = (
        f"import sys, whypretrain.{module}\n"
        "print(*[name for name in sys.modules if name.split('.')[0] == 'whypretrain'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    # Imports within functions count too, whether or not they have run.
    assert set(result.stdout.split()) <= closure(f"whypretrain.{module}")


def test_the_digest_follows_the_closure() -> None:
    assert code("whypretrain.interactions.mobius") != code("whypretrain.interactions.forward")
    assert len(code(*NUMERICS)) == 16
    with pytest.raises(ValueError, match=r"no module 'whypretrain\.nothing'"):
        closure("whypretrain.nothing")
