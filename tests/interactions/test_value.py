"""The log-odds of the true class."""

import math

import pytest
import torch

from whypretrain.interactions.value import log_odds


def test_equals_the_definition() -> None:
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = torch.softmax(logits, dim=1)[:, 3]
    torch.testing.assert_close(log_odds(logits, 3), torch.log(p / (1 - p)))


def test_does_not_saturate() -> None:
    logits = torch.tensor([[300.0, 0.0, -300.0], [-300.0, 0.0, 300.0]])
    assert log_odds(logits, 0).tolist() == [300.0, -600.0]


def test_two_classes_are_a_difference_of_logits() -> None:
    assert log_odds(torch.tensor([[1.5, -2.0]]), 1).item() == -3.5


def test_computes_in_float64() -> None:
    value = log_odds(torch.tensor([[0.1, 0.2, 0.3]]), 0)
    assert value.dtype == torch.float64
    z = [float(torch.tensor(x)) for x in (0.1, 0.2, 0.3)]
    assert value.item() == pytest.approx(
        z[0] - math.log(math.exp(z[1]) + math.exp(z[2])), abs=1e-15
    )


@pytest.mark.parametrize(("label", "n_classes"), [(5, 5), (-1, 5), (0, 1)])
def test_refuses_a_label_without_odds(label: int, n_classes: int) -> None:
    with pytest.raises(ValueError, match=f"label {label} with {n_classes} classes"):
        log_odds(torch.zeros(2, n_classes), label)
