"""Three products in TF32: how each operand is split, and how near to float32 the result is."""

from typing import Any

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from whypretrain.interactions.tf32x3 import Tf32x3, rounded, split


@given(st.floats(-(2.0**100), 2.0**100, width=32))
def test_the_parts_add_up_and_the_high_one_has_ten_bits(value: float) -> None:
    number = torch.tensor([value])
    high, low = split(number)
    assert torch.equal(high + low, number)
    assert int(high.view(torch.int32)) % 2**13 == 0
    subnormal = 2.0**-126  # of these, the exponent does not shrink with the value
    assert abs(float(low)) <= 2.0**-11 * max(abs(value), subnormal)


def relative_error(found: Tensor, exact: Tensor) -> float:
    return float((found.double() - exact).norm() / exact.norm())


def operands(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]


PRODUCTS: dict[str, Any] = {
    "linear": (functional.linear, [(5, 7, 256), (64, 256), (64,)]),
    "linear without bias": (functional.linear, [(35, 256), (64, 256)]),
    "matmul": (lambda a, b: a @ b, [(3, 4, 16, 256), (3, 4, 256, 16)]),
    "addmm": (torch.addmm, [(8, 4), (8, 256), (256, 4)]),
    "baddbmm": (
        lambda c, a, b: torch.baddbmm(c, a, b, alpha=0.3, beta=2),
        [(2, 8, 4), (2, 8, 256), (2, 256, 4)],
    ),
    "einsum": (lambda a, b: torch.einsum("bij,bkj->bik", a, b), [(2, 8, 256), (2, 4, 256)]),
    "conv2d": (
        lambda x, w, b: functional.conv2d(x, w, b, stride=2, padding=1),
        [(2, 32, 9, 9), (8, 32, 3, 3), (8,)],
    ),
    "depthwise": (lambda x, w: functional.conv2d(x, w, groups=16), [(2, 16, 9, 9), (16, 1, 3, 3)]),
    "attention": (
        functional.scaled_dot_product_attention,
        [(2, 3, 16, 64)] * 3,
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_results_are_nearly_those_of_float32(name: str, mode: type) -> None:
    compute, shapes = PRODUCTS[name]
    given = operands(*shapes)
    with mode():
        plain = compute(*given)
        exact = compute(*[part.double() for part in given])
        coarse = compute(*[rounded(part) for part in given])
        with Tf32x3():
            found = compute(*given)
    assert relative_error(found, exact) < max(5 * relative_error(plain, exact), 1e-6)
    assert relative_error(found, exact) < relative_error(coarse, exact) / 100
    assert not torch.equal(found, plain) or name == "depthwise"  # it was not float32's own product


def test_weights_are_split_once_until_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[int, ...]] = []

    def counting(values: Tensor) -> tuple[Tensor, Tensor]:
        counted.append(tuple(values.shape))
        return split(values)

    monkeypatch.setattr("whypretrain.interactions.tf32x3.split", counting)
    layer, inputs = nn.Linear(8, 4), torch.randn(2, 8)
    with torch.inference_mode(), Tf32x3():
        first, second = layer(inputs), layer(inputs)
        assert torch.equal(first, second)
        assert counted.count((4, 8)) == 1
    with torch.no_grad(), Tf32x3():
        before = layer(inputs)
        layer.weight.mul_(2)
        after = layer(inputs)
    torch.testing.assert_close(after - layer.bias, 2 * (before - layer.bias))


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224", "mobilenetv2_035"])
def test_whole_networks(name: str) -> None:
    torch.manual_seed(0)
    size: dict[str, Any] = {"img_size": 64} if "vit" in name else {}
    model = timm.create_model(name, num_classes=5, **size).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        plain = model(images)
        exact = model.double()(images.double())
        model.float()
        with Tf32x3():
            found = model(images)
    assert relative_error(found, exact) < max(10 * relative_error(plain, exact), 1e-5)
    assert relative_error(found, exact) > 0
