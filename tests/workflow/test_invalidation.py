"""Only what a change invalidates is computed again: the matrix, on a tiny suite that was run."""

import re
from contextlib import ExitStack

import h5py
import pytest

from tests.project import TINY_RUNS, Project

FIGURE_NAMES = (
    "agreement",
    "fig2",
    "fig3",
    "fig4",
    "curves",
    "claims",
    "stopping",
    "turnover",
    "accuracy",
    "robustness",
    "salience",
    "exclusive",
    "counterfactual",
    "redundancy",
)
FIGURES = {f"figure:{name}" for name in FIGURE_NAMES}
MEASURES = {"knowledge", "claims", "explorer", *FIGURES}
ROBUSTNESS = {"robustness"}
TESTED = {*ROBUSTNESS, "similarity"}


def of(variant: str) -> set[str]:
    """What makes and measures the networks of a way of training, of both seeds."""
    trained = {f"train:{variant}-tiny-seed0", f"train_ends:{variant}-tiny-seed2"}
    return trained | {f"extract:{variant}", f"extract:{variant}-seed2"}


SCRATCH = {*of("scratch"), *TESTED, *MEASURES}
FINETUNE = {*of("finetune"), *TESTED, *MEASURES}
PROBE = {"probe", "extract:probe", *TESTED, *MEASURES}
FINAL = {"extract:probe", "extract:finetune-seed2", "extract:scratch-seed2"}
EXTRACTION = {"extract:finetune", "extract:scratch", *FINAL, *MEASURES}
TRAINING = {"pretrain:tiny_resnet", *PROBE, *FINETUNE, *SCRATCH}
TINY = "results/experiments/tiny"


def test_nothing_is_due_after_a_run(project: Project) -> None:
    assert "Nothing to be done" in project.snakemake()


def test_touching_code_and_inputs_reruns_nothing(project: Project) -> None:
    for path in [*project.folder.glob("src/**/*.py"), project.folder / "config.yaml"]:
        path.touch()
    (project.folder / "results/datasets/tiny_downstream/train.parquet").touch()
    assert project.due() == set()


WORDING = [
    ("interactions/mobius.py", "Same shapes", "Equal shapes"),  # a docstring
    ("interactions/forward.py", "\n\n\n", "\n\n\n# A comment.\n"),
    ("interactions/mobius.py", 'message = f"an array', 'message = f"Sorry: an array'),
    ("networks/train.py", "starting anew", "beginning again"),
    ("networks/train.py", "kept", "found"),  # a local
    ("data/table.py", 'message = f"', 'message = f"Sorry: '),
    ("files/artifacts.py", "2**14", "2**15"),
    ("files/progress.py", "INTERVAL = 5.0", "INTERVAL = 6.0"),
    ("files/artifacts.py", "waiting until it ends", "waiting"),
    ("stages/train.py", "def main() -> None:", "EXTRA = 1\n\n\ndef main() -> None:"),
]


def test_wording_and_the_writing_of_files_rerun_nothing(project: Project) -> None:
    with ExitStack() as edits:
        for name, old, new in WORDING:
            edits.enter_context(project.edited(f"src/whypretrain/{name}", old, new))
        assert project.due() == set()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("report/figures/fig3.py", "fontsize=6.5", "fontsize=6.4", {"figure:fig3"}),
        (
            "report/style.py",
            '"font.size": 7,',
            '"font.size": 7.5,',
            {"explorer", *FIGURES},
        ),  # which has their colours
        ("report/explorer/page/style.css", "#ffffff", "#fffffe", {"explorer"}),
        ("report/explorer/sample.py", "JPEG_QUALITY = 85", "JPEG_QUALITY = 80", {"explorer"}),
        ("knowledge/chance.py", "np.minimum", "np.maximum", MEASURES),
        ("interactions/mobius.py", "np.subtract", "np.add", EXTRACTION),
        ("networks/train.py", "0.5 * (1", "0.25 * (2", TRAINING),
        ("networks/similarity.py", "MOST_ITEMS = 2000", "MOST_ITEMS = 2001", {"similarity"}),
        ("data/shifts.py", "clamp(0, 1)", "clamp(0, 1.0)", {*ROBUSTNESS, *MEASURES}),
    ],
)
def test_code_that_computes_reruns_what_follows(
    project: Project, name: str, old: str, new: str, expected: set[str]
) -> None:
    with project.edited(f"src/whypretrain/{name}", old, new):
        assert project.due() == expected


def test_scratchs_learning_rate(project: Project) -> None:
    old, new = "scratch: {recipe: tiny}", "scratch: {recipe: tiny, override: {learning_rate: 0.1}}"
    with project.edited("tiny.yaml", old, new):
        due = project.due()
    (run,) = [job for job in due if job.startswith("train:")]
    assert re.fullmatch("train:scratch-tiny-seed0-[0-9a-f]{8}", run)
    further = run.replace("train:", "train_ends:").replace("seed0", "seed2")
    measured = run.replace("train:", f"robustness:{TINY_RUNS}/", 1)
    before = {"train:scratch-tiny-seed0", "train_ends:scratch-tiny-seed2", "robustness"}
    assert due == SCRATCH - before | {run, further, measured}


def test_two_swapped_values(project: Project) -> None:
    old, new = "{epochs: 2, batch_size: 10, warmup", "{epochs: 10, batch_size: 2, warmup"
    with project.edited("tiny.yaml", old, new):
        assert project.due() == TRAINING


def test_options_of_metrics_and_figures(project: Project) -> None:
    with project.edited(
        "config.yaml", "suite: embedded", "suite: embedded\nmetrics: {salience_threshold: 0.1}"
    ):
        assert project.due() == MEASURES
    with project.edited(
        "config.yaml", "suite: embedded", "suite: embedded\nfigures: {ratio_reading: weighted}"
    ):
        assert project.due() == {"claims", "explorer", *FIGURES}


def test_options_of_robustness_and_explorer(project: Project) -> None:
    alone = {*ROBUSTNESS, *MEASURES}
    with project.edited(
        "config.yaml", "suite: embedded", "suite: embedded\nexplorer: {samples: 1}"
    ):
        assert project.due() == {"explorer"}
    with project.edited(
        "config.yaml", "suite: embedded", "suite: embedded\nrobustness: {noise: [0.5]}"
    ):
        assert project.due() == alone


def test_what_is_learnt_upstream(project: Project) -> None:
    old = "weights: {dataset: tiny_upstream, recipe: tiny}"
    with project.edited("tiny.yaml", old, old.replace("tiny}", "tiny, labels: rotation}")):
        assert project.due() == {"pretrain:tiny_resnet", *PROBE, *FINETUNE}


def test_seed_of_the_upstream_network(project: Project) -> None:
    old = "weights: {dataset: tiny_upstream, recipe: tiny}"
    with project.edited("tiny.yaml", old, old.replace("tiny}", "tiny, seed: 3}")):
        assert project.due() == {"pretrain:tiny_resnet", *PROBE, *FINETUNE}


def test_a_new_seed_shares_what_it_can(project: Project) -> None:
    with project.edited("tiny.yaml", "tiny: [tiny]", "tiny: [tiny, tiny_new_seed]"):
        own = {"samples", "player_sheet", "similarity", "knowledge"}
        expected = {f"{rule}:tiny_new_seed" for rule in own}
        expected.add("extract:tiny_new_seed:probe")
        for variant in ("finetune", "scratch"):
            expected.add(f"train:{variant}-tiny-seed1")
            expected.add(f"robustness:{TINY_RUNS}/{variant}-tiny-seed1")
            expected.add(f"extract:tiny_new_seed:{variant}")
        assert project.due() == expected | {"claims", "explorer", *FIGURES}


def test_one_more_seed_trains_and_measures_its_networks_alone(project: Project) -> None:
    with project.edited("tiny.yaml", "seeds: [0, 2]", "seeds: [0, 2, 3]"):
        expected = {"similarity", *MEASURES}
        for variant in ("finetune", "scratch"):
            expected |= {f"train_ends:{variant}-tiny-seed3", f"extract:{variant}-seed3"}
        assert project.due() == expected


def test_all_trajectories_train_further_seeds_anew_to_keep_their_snapshots(
    project: Project,
) -> None:
    with project.edited("tiny.yaml", "seeds: [0, 2]", "seeds: [0, 2]\n    trajectories: all"):
        expected = {"similarity", *MEASURES}
        for variant in ("finetune", "scratch"):
            expected |= {f"train:{variant}-tiny-seed2", f"extract:{variant}-seed2"}
        assert project.due() == expected


def test_new_players_train_nothing(project: Project) -> None:
    with project.edited("tiny.yaml", "tiny: [tiny]", "tiny: [tiny, tiny_new_players]"):
        due = {job.partition(":")[0] for job in project.due()}
        assert due == {
            "samples",
            "player_sheet",
            "similarity",
            "extract",
            "knowledge",
            "claims",
            "explorer",
            "figure",
        }


def test_variations_train_what_they_change_and_make_one_figure(project: Project) -> None:
    with project.edited("tiny.yaml", "tiny: [tiny]", "tiny: [tiny_varied]"):
        due = project.due()
        trained = {job for job in due if job.startswith(("train", "probe", "pretr"))}
        trained = {re.sub("-[0-9a-f]{8}$", "", job) for job in trained}
        probe = f"probe:{TINY_RUNS}/probe"
        assert trained == {"train:scratch-tiny-seed0", "train_ends:scratch-tiny-seed2", probe}
        measured = {job for job in due if job.startswith("knowledge")}
        levels = ("sampling.players.n-3", "probe.l2-2", "scratch.override.epochs-3")
        assert measured == {f"knowledge:tiny-{level}" for level in levels}
        assert {job for job in due if job.startswith("figure")} == {"figure:sensitivity"}
        assert "figure:fig2" in project.due("results/figures/tiny/fig2.pdf")


def test_one_target_figure_needs_only_what_it_shows(project: Project) -> None:
    target = "results/figures/tiny/fig3.pdf"
    assert project.due("--forcerun", "figure", "--", target) == {"figure:fig3"}


def test_a_deleted_file_costs_that_file(project: Project) -> None:
    record = project.folder / TINY / "finetune.h5"
    before = record.read_bytes()
    record.unlink()
    assert project.due() == {"extract:finetune", *MEASURES}
    project.snakemake()
    log = project.folder / "results/logs/extract/tiny-finetune.log"
    assert "12 samples computed, 0 kept" in log.read_text(encoding="utf-8")
    assert record.read_bytes() == before
    assert project.due() == set()


def test_one_more_sample_keeps_the_old_groups(project: Project) -> None:
    record = project.folder / TINY / "scratch.h5"

    def outputs() -> dict[str, list[float]]:
        with h5py.File(record) as file:
            names = file["samples"].asstr()[:]
            return dict(zip(names, file["outputs"][-1].tolist(), strict=True))

    before, before_bytes = outputs(), record.read_bytes()
    with project.edited("tiny.yaml", "per_class: 2", "per_class: 3"):
        assert project.due() == {"samples", "player_sheet", *EXTRACTION}
        project.snakemake()
        log = project.folder / "results/logs/extract/tiny-scratch.log"
        assert "6 samples computed, 12 kept" in log.read_text(encoding="utf-8")
        after = outputs()
        assert len(after) == 6
        assert before.items() <= after.items()
    project.snakemake()
    assert "0 samples computed, 12 kept" in log.read_text(encoding="utf-8")
    assert record.read_bytes() == before_bytes
