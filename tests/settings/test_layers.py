"""Files laid over each other: config/ beneath config.yaml, and a person's own file above both."""

import re
from pathlib import Path

import pytest
import yaml

from tests.project import ROOT
from whypretrain.settings.__main__ import load, stages
from whypretrain.settings.reading import ConfigError, layered, read, read_over
from whypretrain.settings.whole import check
from workflow.lib.start import configured

CONFIG = load(ROOT / "config.yaml")


def test_the_page_is_one_page_and_its_comments_hold_the_defaults() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    options = yaml.safe_load("\n".join(re.findall(r"^# (\w+: \{.*\})$", text, re.M)))
    assert {"statistics", "metrics", "figures", "robustness"} <= options.keys()
    assert check(layered(options, ROOT)) == CONFIG


def test_a_file_alone_gets_all_that_is_beneath_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("suite: paper\nexperiments: {vgg16-cub: {seeds: [3]}}\n")
    over = load(ROOT / "config.yaml", mine)
    assert over == configured(read(mine), [mine])
    assert over.suite_experiments() == CONFIG.suites["paper"]
    changed = over.experiments["vgg16-cub"]
    assert changed == CONFIG.experiments["vgg16-cub"].model_copy(update={"seeds": [3]})
    rest = {name: own for name, own in over.experiments.items() if own != changed}
    assert rest.items() <= CONFIG.experiments.items()


def test_a_folder_without_a_catalogue_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("suite: x\n")
    assert read_over(path) == {"suite": "x"}


def test_a_mistake_in_the_catalogue_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/models.yaml").write_text("models: {}\nmodels: {}\n")
    with pytest.raises(ConfigError, match=r"models\.yaml: line 2: key 'models' is given twice"):
        layered({}, tmp_path)


def test_every_stage_has_settings_for_each_of_its_names() -> None:
    for show, names in stages(CONFIG).values():
        for name in list(names)[:3]:
            assert show(name).to_json().startswith("{")
