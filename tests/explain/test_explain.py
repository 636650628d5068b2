"""The functions for notebooks: own models, stored results, shapiq's plots."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import timm
import torch
from torch import nn

import whypretrain
import whypretrain.networks.build
from tests.conftest import write_encoder
from whypretrain import Explanation, explain_image, explain_text, read_interactions
from whypretrain.data.samples import Sample, Samples, write_samples
from whypretrain.data.texts import transformers
from whypretrain.files.artifacts import ArtifactError
from whypretrain.interactions.forward import log_odds
from whypretrain.interactions.mobius import members
from whypretrain.interactions.record import new_record, read_record, write_record
from whypretrain.interactions.sets import outputs_of
from whypretrain.interactions.sharing import convolutional
from whypretrain.interactions.splits import AND_OR, split_record, write_splits


class Wrapped(nn.Module):
    """A network whose structure cannot be known."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("whypretrain_resnet", num_classes=3, in_chans=1)


IMAGE = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(1))


def test_outputs_are_the_models_own_on_masked_images(network: nn.Module) -> None:
    network.train()
    players = np.full((28, 28), -1)
    players[:14], players[14:, :14] = 0, 1
    found = explain_image(network, IMAGE, label=1, players=players, baseline=0.5)
    assert network.training
    network.eval()
    for coalition in range(4):
        hidden = [player for player in (0, 1) if player not in members(coalition)]
        shown = IMAGE.clone()
        shown[:, np.isin(players, hidden)] = 0.5
        with torch.inference_mode():
            expected = log_odds(network(shown[None]), 1).item()
        assert found.outputs[coalition] == pytest.approx(expected, abs=1e-5)
    first, both = found.outputs[1] - found.outputs[0], found.outputs[3] - found.outputs[2]
    np.testing.assert_allclose(found.interactions[[1, 3]], [first, both - first])


def test_a_network_of_unknown_structure_gives_the_same(network: nn.Module) -> None:
    shared = explain_image(network, IMAGE, players=5)
    plain = explain_image(Wrapped(network), IMAGE, players=shared.players)
    assert plain.label == shared.label == shared.prediction
    np.testing.assert_allclose(plain.interactions, shared.interactions, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "n_passes"),
    [
        ({"label": 1, "batch_size": 8}, 2),
        ({"batch_size": 8}, 2),
        ({"label": 1}, 2),  # one to fit the batch, one for all 16 sets
    ],
)
def test_nothing_is_computed_twice(
    network: nn.Module, options: dict[str, Any], n_passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            step = arguments[1].node.name if name == "_compute" else ""
            calls[f"{name} {step}".strip()] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, counted)

    count(convolutional, "make_plan")
    count(convolutional, "_compute")
    count(convolutional.SharedConvolutionalNetwork, "prepare")
    count(convolutional.SharedConvolutionalNetwork, "rest")
    players = np.arange(28)[:, None] // 14 * 2 + np.arange(28) // 14
    explain_image(network, IMAGE, players=players, **options)
    assert calls.pop("rest") == n_passes
    assert set(calls.values()) == {1}
    assert {"make_plan", "prepare", "_compute conv1"} <= calls.keys()


def test_words_of_a_classifier_of_transformers(tmp_path: Path) -> None:
    folder = Path(write_encoder(tmp_path / "bert", "bert").folder)
    torch.manual_seed(0)
    classes = transformers()
    model = classes.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = classes.AutoTokenizer.from_pretrained(folder)
    found = explain_text(model, tokenizer, "a truly lovely film !")
    assert found.n_players == 4  # the mark is no word
    assert found.name(0b1100) == "{lovely, film}"
    with torch.inference_mode():
        masked = tokenizer("a [MASK] [MASK] [MASK] film !", return_tensors="pt")  # love ##ly
        expected = log_odds(model(**masked).logits, found.label).item()
    assert found.outputs[0b1001] == pytest.approx(expected, abs=1e-5)
    assert explain_text(model, tokenizer, "a truly lovely film !", players=2).n_players == 2
    with pytest.raises(ValueError, match="the sentence has 1 words"):
        explain_text(model, tokenizer, "film", players=2)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (IMAGE[None], {}, "without a batch axis"),
        (IMAGE.long(), {}, "of floats"),
        (IMAGE, {"players": 21}, "1 to 20 can be explained"),
        (IMAGE, {"players": 0}, "1 to 20 can be explained"),
        (IMAGE, {"players": np.zeros((3, 3), dtype=int)}, r"must be \(28, 28\)"),
        (IMAGE, {"players": np.full((28, 28), 1)}, r"players without a pixel: \[0\]"),
        (IMAGE, {"label": 3, "players": 2}, "label 3 with 3 classes"),
    ],
)
def test_what_does_not_fit_is_refused(
    network: nn.Module, image: torch.Tensor, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        explain_image(network, image, **options)


def test_players_are_integers(network: nn.Module) -> None:
    assert explain_image(network, IMAGE, players=np.int64(3)).n_players == 3
    with pytest.raises(TypeError, match="players of type float64: must be integers"):
        explain_image(network, IMAGE, players=np.zeros((28, 28)))


def test_tables(network: nn.Module) -> None:
    found = explain_image(network, IMAGE, players=3)
    table = found.table()
    assert table.loc[5, ["players", "order"]].tolist() == ["{0, 2}", 2]
    np.testing.assert_array_equal(table["interaction"], found.interactions)
    strongest = found.strongest(4)
    strengths = strongest["interaction"].abs()
    assert strengths.is_monotonic_decreasing
    assert strengths.iloc[0] == np.abs(found.interactions[1:]).max()
    assert 0 not in strongest.index
    assert found.rebuilt(threshold=0) == pytest.approx(0, abs=1e-9)


def test_and_or_interactions() -> None:
    torch.manual_seed(0)
    layers = nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 3)
    network = nn.Sequential(nn.Flatten(), *layers)
    thirds = np.arange(28)[:, None] // 10 + np.zeros((28, 28), dtype=int)
    plain = explain_image(network, IMAGE, players=thirds)
    found = explain_image(network, IMAGE, players=thirds, kind="and_or")
    np.testing.assert_array_equal(found.outputs, plain.outputs)
    np.testing.assert_allclose(outputs_of(found.interactions), plain.outputs, atol=1e-9)
    assert np.abs(found.interactions[1:]).sum() < np.abs(plain.interactions[1:]).sum()
    table = found.table()
    assert table.index.tolist() == [*range(8), 3, 5, 6, 7]
    assert table["kind"].tolist() == ["and"] * 8 + ["or"] * 4
    assert table["players"].tolist()[-2:] == ["{1 ∨ 2}", "{0 ∨ 1 ∨ 2}"]
    assert table["order"].tolist()[-2:] == [2, 3]
    np.testing.assert_array_equal(table["output"], plain.outputs[table.index])
    np.testing.assert_array_equal(table["interaction"], found.interactions)
    strongest = found.strongest(4)["interaction"].abs()
    np.testing.assert_array_equal(strongest, np.sort(np.abs(found.interactions[1:]))[:-5:-1])
    assert found.rebuilt(threshold=0) == pytest.approx(0, abs=1e-9)
    assert any("∨" in name.get_text() for name in found.plot(11).axes[1].get_yticklabels())
    assert any(axes.get_title().startswith("OR") for axes in found.plot_sets(11).axes)
    with pytest.raises(ValueError, match="no index of AND-OR interactions"):
        found.to_shapiq()
    with pytest.raises(ValueError, match="kind = 'or': must be harsanyi or and_or"):
        explain_image(network, IMAGE, players=thirds, kind="or")
    with pytest.raises(ValueError, match="which an estimate lacks: omit `masks`"):
        explain_image(network, IMAGE, players=thirds, kind="and_or", masks=5)


def test_shapiq_draws_them(network: nn.Module) -> None:
    found = explain_image(network, IMAGE, players=3)
    values = found.to_shapiq()
    for coalition in range(8):
        assert values[members(coalition)] == found.interactions[coalition]
    mpl.use("Agg")
    assert values.plot_upset(show=False) is not None


def test_the_picture_leaves_a_notebooks_style_alone(network: nn.Module, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    figure = explain_image(network, IMAGE, players=3).plot(5)
    assert dict(mpl.rcParams) == before
    figure.savefig(tmp_path / "figure.png")
    sample, bars = figure.axes
    assert len(sample.images) == 1
    assert len(bars.patches) == 5


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A file of interactions beside its samples, as the workflow leaves them."""
    players = np.array([0, 1, -1], dtype=np.int16)
    ids = np.array([3, 4, 5])
    sample = Sample("s1", 1, ids, ids, players, ["so", "good", "!"], [0, 1, -1])
    samples = Samples(["bad", "good"], 2, [sample])
    record = new_record(
        samples,
        fractions=[0.0, 1.0],
        epochs=[0.0, 1.0],
        outputs=np.array([[[0.0, 0.0, 0.0, 0.0]], [[0.0, 1.0, 2.0, 4.0]]]),
        logits=np.array([[[0.1, 0.9]]] * 2, dtype=np.float32),
        noise_floor=np.zeros((2, 3)),
        digests=[["digest"], ["other"]],
    )
    path = tmp_path / "experiment/finetune.h5"
    write_record(path, record, {})
    write_samples(path.with_name("samples.h5"), samples)
    return path


def test_stored_interactions_as_a_table(stored: Path) -> None:
    expected = pd.DataFrame(
        {
            "fraction": 1.0,
            "sample": "s1",
            "label": 1,
            "prediction": 1,
            "class": "good",
            "predicted_class": "good",
            "coalition": range(4),
            "order": [0, 1, 1, 2],
            "output": [0.0, 1.0, 2.0, 4.0],
            "interaction": [0.0, 1.0, 2.0, 1.0],
        }
    )
    pd.testing.assert_frame_equal(read_interactions(stored, snapshot=-1), expected)
    both = read_interactions(stored)
    assert both["fraction"].tolist() == [0.0] * 4 + [1.0] * 4
    np.testing.assert_array_equal(both["output"][4:], expected["output"])
    with pytest.raises(ValueError, match=r"snapshot = 2: .* holds 2 snapshots"):
        read_interactions(stored, snapshot=2)
    stored.write_bytes(b"damaged")
    with pytest.raises(ArtifactError):
        read_interactions(stored)


def test_stored_explanations_know_their_words(stored: Path) -> None:
    found = whypretrain.read_explanations(stored)["s1"]
    assert isinstance(found, Explanation)
    assert found.name(3) == "{so, good}"
    assert len(found.plot().axes) == 2
    stored.with_name("samples.h5").unlink()
    assert whypretrain.read_explanations(str(stored))["s1"].name(3) == "{0, 1}"


def test_stored_and_or_interactions(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored.parent / AND_OR / stored.name
    splits = split_record(read_record(stored))
    write_splits(path, splits, "{}")
    found = whypretrain.read_explanations(path)["s1"]
    np.testing.assert_array_equal(found.interactions, splits.interactions[-1, 0])
    assert found.name(3, any_of=True) == "{so ∨ good}"
    table = read_interactions(path, snapshot=-1)
    assert table["coalition"].tolist() == [0, 1, 2, 3, 3]
    assert table["kind"].tolist() == ["and"] * 4 + ["or"]
    assert table["order"].tolist() == [0, 1, 1, 2, 2]
    assert table["output"].tolist() == [0.0, 1.0, 2.0, 4.0, 4.0]
    np.testing.assert_array_equal(table["interaction"], splits.interactions[-1, 0])
    monkeypatch.chdir(path.parent)
    assert len(read_interactions(path.name)) == 2 * 5
    assert whypretrain.read_explanations(path.name)["s1"].name(1) == "{so}"
    elsewhere = stored.parent / "elsewhere.h5"
    elsewhere.write_bytes(path.read_bytes())
    with pytest.raises(FileNotFoundError, match=r"elsewhere\.h5: its interactions are those of"):
        read_interactions(elsewhere)


def test_the_package_alone_imports_no_torch() -> None:
    """Snakemake reads it at every start."""
    script = (
        "import sys, whypretrain; print('torch' in sys.modules, 'explain_text' in dir(whypretrain))"
    )
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="no attribute 'explain_all'"):
        whypretrain.explain_all  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image": np.zeros((1, 4, 4))}, "image is of type ndarray: must be a tensor"),
        (
            {"image": torch.zeros(1, 4, 4), "baseline": "blur"},
            "baseline = 'blur': must be a number",
        ),
    ],
)
def test_what_is_no_tensor_is_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        explain_image(torch.nn.Flatten(), players=3, **arguments)


def test_a_file_of_ones_own_is_never_to_be_removed(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("mine")
    with pytest.raises(ArtifactError, match=r"notes\.csv") as caught:
        read_interactions(tmp_path / "notes.csv")
    assert "rm " not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        read_interactions(tmp_path / "none.h5")


class Answering(nn.Module):
    """A colour network of two classes that answers in some form."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.form = form
        self.layer = nn.Linear(3 * 16, 2)

    def forward(self, images: torch.Tensor) -> Any:
        return self.form(self.layer(images.flatten(1)))


COLOURED = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    "form",
    [
        lambda logits: {"logits": logits, "features": logits},
        lambda logits: logits[:, 1:] - logits[:, :1],  # one logit
        lambda logits: logits[:, 1] - logits[:, 0],
    ],
)
def test_answers_of_other_forms(form: Any) -> None:
    torch.manual_seed(0)
    other, plain = Answering(form), Answering(lambda logits: logits)
    other.load_state_dict(plain.state_dict())
    for label in (0, 1, None):
        expected = explain_image(plain, COLOURED, label=label, players=3)
        found = explain_image(other, COLOURED, label=label, players=3)
        assert found.label == expected.label
        np.testing.assert_allclose(found.outputs, expected.outputs, atol=1e-5)


class WithSizes(nn.Module):
    def forward(self, images: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :3] * sizes


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (Answering(lambda x: x[:, :, None, None].expand(-1, 2, 4, 4)), TypeError, "no logits"),
        (Answering(lambda logits: (logits, logits)), TypeError, "returns tuple, no logits"),
        (WithSizes(), TypeError, "one input alone .* wrap it"),
        (
            timm.create_model("whypretrain_resnet", num_classes=3, in_chans=1),
            ValueError,
            r"ResNet does not take an input of shape \(1, 3, 4, 4\)",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), ValueError, "does not take an input"),
    ],
)
def test_networks_that_cannot_be_asked(
    model: nn.Module, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        explain_image(model, COLOURED, players=3)


def test_half_precision_answers_as_float32(network: nn.Module) -> None:
    expected = explain_image(Wrapped(network), IMAGE, players=4)
    found = explain_image(Wrapped(network).half(), IMAGE.half(), players=expected.players)
    np.testing.assert_allclose(found.outputs, expected.outputs, atol=0.02)
