"""Convolutional networks, shared against plain, on every coalition and in float64."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from timm.layers.norm import LayerNorm2d
from timm.models.vgg import VGG
from torch import Tensor, nn

from tests.conftest import small
from whypretrain.interactions.forward import Background, MaskedInput
from whypretrain.interactions.sharing import convolutional, plan
from whypretrain.interactions.sharing.chain import cut_network
from whypretrain.interactions.sharing.convolutional import (
    SharedConvolutionalNetwork,
    share_convolutional_network,
)
from whypretrain.networks.build import build

NETWORKS: dict[str, tuple[int, Callable[[], nn.Module]]] = {
    "vgg": (29, lambda: VGG(cfg=[4, "M", 8, "M", 8], num_classes=4, mlp_ratio=1 / 256)),
    "vgg with norms": (29, lambda: create("whypretrain_vgg")),
    "resnet": (37, lambda: create("whypretrain_resnet")),
    "resnet with options": (38, lambda: create("resnet26d")),
    "grouped": (33, lambda: create("regnetx_002")),
    "mobile": (45, lambda: create("mobilenetv2_035")),
    "mobile, dynamic padding": (38, lambda: create("mobilenetv2_035", pad_type="same")),
    "dense": (40, lambda: create("densenet121", growth_rate=4, block_config=(2, 2, 2))),
    "squeeze-excite": (41, lambda: create("efficientnet_b0")),
    "channel norm": (36, lambda: create("convnext_atto", depths=(1, 1, 1, 1), dims=(4, 8, 8, 8))),
}


def create(name: str, **options: Any) -> nn.Module:
    network: nn.Module = timm.create_model(name, num_classes=4, **options)
    return network


def make(name: str) -> nn.Module:
    """A network in float64 whose weights and statistics are all random."""
    torch.manual_seed(0)
    return randomise(NETWORKS[name][1]().double().eval())


@torch.no_grad()
def randomise(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | LayerNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_()
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


def blobs(height: int, width: int, n_players: int, *, spread: bool = False) -> Tensor:
    """Irregular players: Voronoi cells of random points, some in two pieces; a rim of none."""
    generator = np.random.default_rng(n_players)
    n_points = n_players + 2
    points = generator.uniform(4, [height - 4, width - 4], (n_points, 2))
    pixels = np.moveaxis(np.mgrid[:height, :width], 0, -1)
    nearest = ((pixels[:, :, None] - points) ** 2).sum(axis=-1).argmin(axis=-1)
    players = nearest % n_players
    rim = (pixels < 3).any(axis=-1) | (pixels >= [height - 3, width - 3]).any(axis=-1)
    players[rim & (not spread)] = -1
    return torch.from_numpy(players.astype(np.int16))


def masked_input(
    players: Tensor,
    n_players: int,
    *,
    background: Background = "keep",
    channels: int = 3,
    dtype: torch.dtype = torch.double,
    seed: int = 1,
) -> MaskedInput:
    generator = torch.Generator().manual_seed(seed)
    size = (channels, *players.shape)
    image, baseline = (torch.randn(size, generator=generator, dtype=dtype) for _ in range(2))
    return MaskedInput(image, baseline, players, n_players, background)


@torch.inference_mode()
def both(
    shared: SharedConvolutionalNetwork, network: nn.Module, masked: MaskedInput
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits on all coalitions (1,024 of more), in a random order and in two batches."""
    generator = torch.Generator().manual_seed(2)
    coalitions = torch.randperm(2**masked.n_players, generator=generator)[:1024]
    assemble = shared.prepare(masked)
    parts = [shared.rest(assemble(part)) for part in coalitions.tensor_split([5])]
    return torch.cat(parts).numpy(), network(masked.versions(coalitions)).numpy()


def assert_right(
    shared: SharedConvolutionalNetwork | None, network: nn.Module, masked: MaskedInput
) -> None:
    assert shared is not None
    found, expected = both(shared, network, masked)
    assert expected.std(axis=0).max() > 1e-6, "masks change nothing, so the test shows nothing"
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * abs(expected).max())


def stop_at(monkeypatch: pytest.MonkeyPatch, index: int) -> None:
    monkeypatch.setattr(plan, "cheapest_cut", lambda chain, *_, **__: chain.cuts[index])


@pytest.mark.parametrize("background", ["keep", "mask"])
@pytest.mark.parametrize("name", NETWORKS)
def test_shared_is_plain(
    name: str, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, -1)
    network, size = make(name), NETWORKS[name][0]
    masked = masked_input(blobs(size, size + 6, 4), 4, background=background)
    assert_right(share_convolutional_network(network), network, masked)


@pytest.mark.parametrize("n_players", [1, 2, 7, 10, 14])
def test_any_number_of_players(n_players: int) -> None:
    network = make("resnet")
    masked = masked_input(blobs(40, 40, n_players, spread=n_players > 1), n_players)
    assert_right(share_convolutional_network(network), network, masked)


def test_any_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    network = make("resnet")
    masked = masked_input(blobs(28, 31, 3), 3)
    chain = cut_network(network)
    assert chain is not None
    for index in range(len(chain.cuts)):
        stop_at(monkeypatch, index)
        assert_right(share_convolutional_network(network), network, masked)


class Odd(nn.Module):
    """Poolings whose windows stick out, grouped and dilated convolutions, one value used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, (5, 3), stride=(2, 1), padding=(1, 2), dilation=(1, 2))
        self.mean = nn.AvgPool2d((3, 2), stride=2, padding=1, ceil_mode=True)
        self.inside = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.largest = nn.MaxPool2d(3, stride=2, padding=1, dilation=1, ceil_mode=True)
        self.grouped = nn.Conv2d(6, 4, 3, padding=1, groups=2, bias=False)
        self.widened = nn.Conv2d(4, 8, 3, groups=4)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        y = self.relu(x)  # also what x holds from now on
        x = self.inside(self.mean(x)) + self.mean(y)
        x = self.largest(x + x)
        x = self.widened(self.grouped(self.relu(x)))
        x = torch.cat([x, self.relu(x), x], dim=1)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("size", [(33, 32), (40, 37)])
def test_odd_operations(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(monkeypatch, -1)
    torch.manual_seed(0)
    network = Odd().double().eval()
    chain = cut_network(network)
    assert chain is not None
    assert chain.cuts[-1].name == "cat"
    masked = masked_input(blobs(*size, 4), 4, channels=2)
    assert_right(share_convolutional_network(network), network, masked)


@pytest.mark.parametrize("name", ["whypretrain_vgg", "whypretrain_resnet"])
def test_float32_differs_by_rounding(name: str) -> None:
    network = build(small(name), n_classes=3).eval()
    masked = masked_input(blobs(28, 28, 6), 6, channels=1, dtype=torch.float32)
    shared = share_convolutional_network(network)
    assert shared is not None
    found, expected = both(shared, network, masked)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


def test_weights_that_change_in_place() -> None:
    network = make("resnet")
    shared = share_convolutional_network(network)
    masked = masked_input(blobs(32, 32, 5), 5)
    assert_right(shared, network, masked)
    other = copy.deepcopy(network)
    for parameter in other.parameters():
        nn.init.normal_(parameter, std=0.2)
    network.load_state_dict(randomise(other).state_dict())
    assert_right(shared, network, masked)


def test_inputs_of_several_players_and_sizes() -> None:
    network = make("vgg with norms")
    shared = share_convolutional_network(network)
    for size in (28, 28, 33, 28):
        for n_players in (3, 5):
            assert_right(shared, network, masked_input(blobs(size, size, n_players), n_players))


def test_assembled_batches_of_several_inputs_can_be_joined() -> None:
    network = make("vgg with norms")
    shared = share_convolutional_network(network)
    assert shared is not None
    coalitions = torch.arange(8)
    inputs = [masked_input(blobs(28, 28, n_players), n_players) for n_players in (3, 4)]
    with torch.inference_mode():
        assembled = torch.cat([shared.prepare(masked)(coalitions) for masked in inputs])
        expected = network(torch.cat([masked.versions(coalitions) for masked in inputs]))
        torch.testing.assert_close(shared.rest(assembled), expected)


def test_images_of_two_sizes_that_stop_at_equal_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    shared = share_convolutional_network(network.double().eval())
    assert shared is not None
    stop_at(monkeypatch, 1)
    shared.prepare(masked_input(blobs(12, 12, 2), 2))
    stop_at(monkeypatch, 2)
    with pytest.raises(ValueError, match=r"_0 for images of one size and at _1 for another"):
        shared.prepare(masked_input(blobs(24, 24, 2), 2))


@pytest.mark.parametrize("name", ["resnet", "vgg with norms", "mobile"])
def test_an_example_is_like_what_is_assembled_and_computes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, size = share_convolutional_network(make(name)), NETWORKS[name][0]
    assert shared is not None
    masked = masked_input(blobs(size, size, 3), 3)
    with monkeypatch.context() as patched:
        patched.delattr(convolutional, "_compute")
        example = shared.example(masked)
    assembled = shared.prepare(masked)(torch.tensor([5]))
    assert (example.shape, example.dtype) == (assembled.shape, assembled.dtype)
    assert shared.rest(example).shape == (1, 4)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("n_groups", "n_in", "n_out", "kernel"),
    [(6, 6, 6, (3, 3)), (6, 6, 6, (1, 1)), (6, 6, 12, (3, 2)), (2, 6, 4, (3, 3)), (3, 6, 3, 1)],
)
@torch.inference_mode()
def test_groups_of_channels_without_a_convolution(
    n_groups: int, n_in: int, n_out: int, kernel: Any, bias: bool
) -> None:
    torch.manual_seed(0)
    module = nn.Conv2d(n_in, n_out, kernel, groups=n_groups, bias=bias).double()
    images = torch.randn(5, n_in, *module.kernel_size, dtype=torch.float64)
    expected = module(images)[:, :, 0, 0]
    windows = images.flatten(2).transpose(1, 2).contiguous()
    given = windows.clone()
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(nn.functional, "conv2d")
        found = convolutional._convolution(module)(windows)
    torch.testing.assert_close(found, expected)
    assert torch.equal(windows, given)


def test_the_memory_limit_ends_sharing_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    network = make("vgg with norms")
    masked = masked_input(blobs(40, 40, 8), 8)
    heights = []
    for limit in (0, 1_200_000, 2**30):
        monkeypatch.setattr(convolutional, "TABLE_BYTES", limit)
        shared = share_convolutional_network(network)
        assert_right(shared, network, masked)
        assert shared is not None
        heights.append(shared.prepare(masked)(torch.arange(1)).shape[2])
    assert heights == [40, 20, 10]


def test_unknown_networks_are_not_shared() -> None:
    assert share_convolutional_network(timm.create_model("whypretrain_vit").eval()) is None
    assert share_convolutional_network(make("vgg with norms").train()) is None
