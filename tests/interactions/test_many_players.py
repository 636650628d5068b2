"""Sixteen players, exactly: from a network to its record, the tables and the explorer's sample."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from whypretrain.data.samples import Sample, Samples
from whypretrain.interactions.forward import MaskedInput, PlainForward
from whypretrain.interactions.measure import evaluate
from whypretrain.interactions.record import Record, new_record, read_record, write_record
from whypretrain.interactions.salience import salient
from whypretrain.knowledge import removal
from whypretrain.knowledge.compared import compare
from whypretrain.knowledge.tables import final_tables
from whypretrain.report.explorer.sample import sample_view
from whypretrain.settings.interactions import MOST_PLAYERS
from whypretrain.settings.knowledge import Metrics

N = MOST_PLAYERS
ALL = (1 << N) - 1
PLANTED = {1: 1.5, 0b1100: -2.0, 0b111 << 13: 1.0, ALL: 0.75}
IMAGE, BLACK = np.ones((1, 4, 4), dtype=np.uint8), np.zeros((1, 4, 4), dtype=np.float32)
SAMPLE = Sample("a", 1, IMAGE, BLACK, np.arange(N, dtype=np.int16).reshape(4, 4), [], [])


class Planted(nn.Module):
    """Logits whose log-odds have the planted interactions, times a strength."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)
        odds = sum(
            value * pixels[:, [i for i in range(N) if one >> i & 1]].prod(dim=1)
            for one, value in PLANTED.items()
        )
        return torch.stack([torch.zeros(len(images)), self.strength * torch.as_tensor(odds)], 1)


def measured(path: Path, strength: float) -> Record:
    sample = MaskedInput(
        torch.from_numpy(IMAGE).float(),
        torch.from_numpy(BLACK),
        torch.from_numpy(SAMPLE.players),
        N,
    )
    forward = PlainForward(Planted(strength))
    ((outputs, logits),) = evaluate(forward, [sample], [1], batch_size=4096)
    record = new_record(
        Samples(["x", "y"], N, [SAMPLE]),
        fractions=[1.0],
        epochs=[1.0],
        outputs=outputs[None, None],
        logits=logits[None, None],
        noise_floor=np.full((1, N + 1), 1e-9),
        digests=[["0"]],
    )
    write_record(path, record, {})
    return read_record(path)


def test_sixteen_players_are_exact_from_the_network_to_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "N_SEQUENCES", 50)
    probe, finetune, scratch = (measured(tmp_path / "r.h5", one) for one in (1.0, 0.5, -1.0))
    expected = np.zeros(1 << N)
    expected[list(PLANTED)] = list(PLANTED.values())
    np.testing.assert_allclose(probe.interactions[0, 0], expected, atol=1e-9)

    # Each order has a set that is heard in these four orders alone, so these are what is counted.
    compared = compare([0], probe, [finetune], [scratch])
    assert compared.orders.tolist() == [1, 2, 3, N]
    tables = final_tables(compared, Metrics())
    assert tables["models"]["n_salient"].tolist() == [len(PLANTED)] * 3
    preserve = tables["knowledge"].query("quantity == 'preserve' and reference == 'measured'")
    of_order = preserve.set_index("order")["strength"] * preserve.set_index("order")["n_sets"]
    assert of_order[of_order > 0].to_dict() == pytest.approx({1: 0.75, 2: 1.0, 3: 0.5, N: 0.375})

    records = {"probe": probe, "finetune": finetune, "scratch": scratch}
    view = sample_view(
        SAMPLE,
        records,
        {name: salient(one.interactions[0])[None] for name, one in records.items()},
        at=0,
        counted=compared.counted,
        noise_floor=compared.noise_floor,
        n_listed=3,
    )
    assert view["lists"]["preserve"]["n"] == [len(PLANTED)]
    assert len(view["values"]) == 3  # the strongest alone, whatever the number of players
