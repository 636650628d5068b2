# ruff: noqa: E501  (a case a line)
"""A wrong configuration is refused before any job, in lines that name the key.

Further mistakes, one a key, are in tests/settings/; here is what goes beyond a wrong value of a key:
what YAML makes of a text, what JSON or a file's name cannot hold, and any mutation whatever.
"""

import copy
import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.settings.test_whole import ROOT, VALID, changed
from whypretrain.settings.reading import ConfigError, laid_over, read, written
from whypretrain.settings.whole import Config, check

# (what is wrong, key, value put there, what the message must say)
MISTAKES: list[tuple[str, str, Any, str]] = [
    ("yes as text", "experiments.vgg-digits.title", True, "reads yes, no, on and off as true"),
    ("a number as text", "experiments.vgg-digits.title", 7, "title = 7: Input should be a valid"),
    ("1e-3, which is text", "recipes.digits_upstream.learning_rate", "1e-3", "1e-3 as 1.0e-3"),
    ("a quoted count", "recipes.digits_upstream.epochs", "8", "leave out quotes, and write digits"),
    ("a date", "suite", datetime.date(2026, 1, 2), "suite = datetime.date(2026, 1, 2): YAML reads"),
    ("a time stamp as a title", "models.vgg16.title", datetime.datetime(2026, 1, 2), "a datetime"),
    ("binary", "models.vgg16.title", b"x", "models.vgg16.title = b'x': YAML reads this as a bytes"),
    ("a set", "models.vgg16.options", {"a"}, "models.vgg16.options = {'a'}: YAML reads this as a"),
    ("a date in options", "models.vgg16.options", {"x": datetime.date(2026, 1, 2)}, "options.x = "),
    ("a suite called yes", "suites", {True: ["vgg-digits"]}, "suites: key True: must be text"),
    ("an experiment called 1", "experiments", {1: {}}, "experiments: key 1: must be text"),
    ("a model without a name", "models", {None: {}}, "models: key None: must be text"),
    ("not a number", "recipes.digits_upstream.learning_rate", float("nan"), "be a finite number"),
    ("infinity", "recipes.digits_upstream.weight_decay", float("inf"), "should be a finite number"),
    ("an infinite mean", "models.vgg_mini.mean", [float("inf")], "models.vgg_mini.mean.0 = inf"),
    ("infinity in options", "models.vgg16.options", {"drop": float("inf")}, "options.drop = inf"),
    ("beyond 64 bits", "experiments.vgg-digits.seeds", [2**63], "seeds.0 = 9223372036854775808: In"),
    ("a negative seed", "experiments.vgg-digits.seeds", [-1], "greater than or equal to 0"),
    ("a negative seed of samples", "experiments.vgg-digits.sampling.seed", -1, "sampling.seed = -1"),
    ("a negative seed of data", "datasets.digits_5to9.seed", -1, "datasets.digits_5to9.seed = -1"),
    ("a title of two lines", "models.vgg16.title", "a\nb", "title = 'a\\nb': a title is one line"),
    ("a title with a bell", "experiments.vgg-digits.title", "\a", "one line of printable charact"),
    ("a list for a section", "models.vgg16", ["vgg16"], "models.vgg16 = ['vgg16']: must hold"),
    ("a value for a section", "recipes.digits_upstream", 3, "recipes.digits_upstream = 3: must ho"),
    ("nothing for a section", "experiments.vgg-digits", None, "experiments.vgg-digits = None: must"),
    ("a text for a list", "suites.embedded", "vgg-digits", "suites.embedded = 'vgg-digits': Input"),
    ("a key of two lines", "recipes.digits_upstream", {"a\nb": 1}, "unknown key 'a\\nb'; allowed"),
    ("an unhashable family", "models.vgg16.family", ["timm"], "models.vgg16.family = ['timm']"),
    ("an unhashable kind", "experiments.vgg-digits.sampling.players", {"kind": []}, "players"),
    ("a value of a thousand items", "snapshots", list(range(1000)), "snapshots.2 = 2: Input should"),
    ("no experiment at all", "experiments", {}, "variations.sensitivity.base = 'vit-digits': unknown"),
    ("no suite at all", "suites", {}, "suites: Dictionary should have at least 1 item"),
    ("a name with a newline", "suites.a\n", ["vgg-digits"], "a name has 1 to 64 letters"),
    ("a name with a trailing quote", "models.x'", {}, "a name has 1 to 64 letters"),
    ("a name that is an option", "datasets.--help", {}, "datasets.--help"),
    ("a warm-up beyond the end", "recipes.digits_upstream.warmup_epochs", 1e6, "at most epochs ="),
    ("two mistakes in an override", "experiments.vgg-digits.scratch.override",
     {"epochs": 0, "batch_size": 0}, "scratch.override: batch_size = 0"),
    ("n for a lifetime", "experiments.vgg-digits.sampling.players.n", 60, "n = 60: at most 16, as the"),
    ("more cells than pixels", "models.vgg_mini.image_size", 3, "players.cells = 4: at most 3, the image_size"),
    ("words of an image", "experiments.vgg-digits.sampling",
     {"players": {"kind": "words"}, "baseline": "mask_token"}, "players.kind = 'words': on a datas"),
    ("parts without keypoints", "experiments.resnet-digits.sampling", {"players": {"kind": "parts"}},
     "players.kind = 'parts': on a dataset of source 'digits' allowed: grid, superpixels, annot"),
    ("a text model on images", "experiments.vgg-digits.model", "bert_base", "model 'bert_base' is f"),
    ("an image model on sentences", "experiments.bert_base-sst2.model", "vgg16", "is for 'image'"),
    ("a class without a name", "datasets.sst2.classes", ["", "b"], "classes = ['', 'b']: a name is"),
    ("a class twice", "datasets.sst2.classes", ["a", "a"], "classes = ['a', 'a']: a name is given"),
    ("one class", "datasets.sst2.classes", ["a"], "classes = ['a']: List should have at least 2"),
    ("one digit", "datasets.digits_5to9.classes", [5], "classes = [5]: List should have at least 2"),
    ("an empty path of weights", "models.vgg16.weights", {"path": ""}, "weights.path = ''"),
    ("an empty path of data", "datasets.cub", {"source": "cub", "path": ""}, "datasets.cub"),
    ("weights from nowhere", "models.vgg16.weights", {}, "give one of dataset (with recipe), hub, p"),
    ("a network from the hub", "models.vgg16.timm", "hf-hub:someone/net", "timm = 'hf-hub:someone"),
    ("a network from a folder", "models.vgg16.timm", "local-dir:/tmp/x", "models.vgg16.timm = 'loc"),
    ("a pickle among options", "models.vgg16.options", {"checkpoint_path": "x.pt"}, "['checkpoint_"),
    ("a repository up the tree", "models.vgg16.weights.hub.repo", "../..", "hub.repo = '../..'"),
    ("a branch as revision", "models.vgg16.weights.hub.revision", "main", "hub.revision = 'main'"),
    ("a password in an address", "datasets.cub",
     {"source": "cub", "archive": {"url": "https://me:pw@x.org/a", "sha256": "0" * 64}}, "url = "),
    ("http", "datasets.cub",
     {"source": "cub", "archive": {"url": "http://x.org/a.tgz", "sha256": "0" * 64}}, "url = 'http"),
    ("a file", "datasets.cub",
     {"source": "cub", "archive": {"url": "file:///etc/passwd", "sha256": "0" * 64}}, "url = 'file"),
]  # fmt: skip

# (what is wrong, text of the file, what the message must say)
FILES: list[tuple[str, bytes, str]] = [
    ("a key twice", b"suite: a\nsuite: b\n", "line 2: key 'suite' is given twice; remove one"),
    ("a key twice further in", b"a:\n  b: {c: 1, d: 2,\n    c: 3}\n", "line 3: key 'c' is given twice"),
    ("a key twice in JSON", b'{"suite": "a", "suite": "b"}', "key 'suite' is given twice"),
    ("tabs", b"suites:\n\tembedded: []\n", "not valid YAML (while scanning"),
    ("an open bracket", b"suites: [a, b\n", "not valid YAML (while parsing"),
    ("no UTF-8", "suite: é".encode("latin-1"), "not valid YAML ('utf-8' codec"),
    ("a day that is none", b"suite: 2026-02-30\n", "not valid YAML (day"),
    ("a number of 5000 digits", b"seed: " + b"9" * 5000, "not valid YAML (Exceeds"),
    ("an object of Python's", b"a: !!python/object/apply:os.system [touch pwned]", "could not det"),
    ("an unknown alias", b"a: *b\n", "not valid YAML (found undefined alias"),
    ("a list as key", b"? [a, b]\n: 1\n", "not valid YAML (while constructing a mapping"),
    ("brackets ten thousand deep", b"a: " + b"[" * 10_000, "not valid YAML (maximum recu"),
    ("two documents", b"a: 1\n---\nb: 2\n", "not valid YAML (expected a single document"),
    ("a template", b"__use_yte__: true\nsuite: ?1+1\n", "__use_yte__: templates are not allowed"),
    ("an empty file", b"", "must hold keys with values, but is empty"),
    ("comments alone", b"# nothing\n", "must hold keys with values, but is empty"),
    ("a list", b"- suite\n", "keys with values, but is of type list"),
    ("a sentence", b"suite", "keys with values, but is of type str"),
    ("an alias of itself", b"suites: &s {embedded: *s}\n", "suites.embedded: Recursion error - cyclic"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "message"), [case[1:] for case in MISTAKES], ids=[c[0] for c in MISTAKES]
)
def test_a_mistake_is_named_before_any_job(key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(changed(key, value))
    assert message in str(caught.value)
    check_lines(str(caught.value), {})


@pytest.mark.parametrize(
    ("content", "message"), [case[1:] for case in FILES], ids=[case[0] for case in FILES]
)
def test_a_file_that_is_no_configuration_is_named(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_a_merge_brings_in_is_not_twice(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}\n")
    assert read(path)["d"] == {"b": 3, "c": 2}
    path.write_bytes(b"\xef\xbb\xbfsuite: x\n")  # a byte order mark
    assert read(path) == {"suite": "x"}
    assert laid_over(VALID, read(ROOT / "config.yaml")) == VALID


@pytest.mark.parametrize("command", ["snakemake", "check"])
def test_every_way_in_refuses_a_key_that_stands_twice(command: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    path.write_text(f"{text}\nsuite: paper\n", encoding="utf-8")
    line = [sys.executable, "-m", "whypretrain.settings", "check", str(path)]
    if command == "snakemake":
        line = [sys.executable, "-m", "snakemake", "-n", "--directory", str(tmp_path)]
        line += ["-s", str(ROOT / "Snakefile"), "--configfile", str(path)]
    result = subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)
    said = result.stdout + result.stderr
    assert result.returncode == 1
    assert "mine.yaml: line" in said
    assert "key 'suite' is given twice" in said
    assert "Traceback" not in said


def check_lines(text: str, values: dict[Any, Any]) -> None:
    """Every line names a key: a section's, or one that is unknown or no name."""
    assert text
    known = tuple(map(written, [*Config.model_fields, *values]))
    for line in text.splitlines():
        assert line.startswith((*known, "unknown key ", "key ")), line
        assert "pydantic" not in line


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.sampled_from(["vgg-digits", "digits_5to9", "timm", "grid", "kind", "a\nb"])
)
keys = st.text(max_size=3) | st.sampled_from([None, 1, True, "kind", "path", "n", "recipe"])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)


def places(values: Any) -> list[tuple[Any, Any]]:
    """Every container of a configuration with each of its keys or positions."""
    found = []
    inside = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in inside:
        found.append((values, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_mutation_is_valid_or_named(data: st.DataObject) -> None:
    values = copy.deepcopy(VALID)
    for _ in range(data.draw(st.integers(1, 2))):
        found = places(values)
        place, key = found[data.draw(st.integers(0, len(found) - 1))]
        change = data.draw(st.sampled_from(["set", "add", "delete"]))
        if change == "delete":
            del place[key]
        elif change == "add" and isinstance(place, dict):
            place[data.draw(keys)] = data.draw(anything)
        else:
            place[key] = data.draw(anything)
    try:
        config = check(values)
    except ConfigError as error:
        check_lines(str(error), values)
        return
    assert Config.from_json(config.to_json()) == config
    assert Config.from_json(config.to_json()).to_json() == config.to_json()


@settings(max_examples=100, deadline=None)
@given(anything)
def test_anything_at_all_is_refused_with_a_reason(values: Any) -> None:
    with pytest.raises(ConfigError, match=r"\S"):
        check(values)
