"""Where networks are cut, what operations read, and whom players reach."""

from typing import Any

import numpy as np
import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, nn
from torch.nn import functional

import whypretrain.networks.build  # noqa: F401  (registers the small networks with timm)
from whypretrain.interactions.sharing.chain import cut_network, trace_fields, trace_players
from whypretrain.interactions.sharing.windows import Window, window_taps


def cut_names(network: nn.Module) -> list[str]:
    chain = cut_network(network.eval())
    assert chain is not None
    return [cut.name for cut in chain.cuts]


def stacked(*modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), *modules, nn.Flatten(), nn.Linear(1, 2))


def test_a_block_is_left_only_behind_its_sum() -> None:
    names = cut_names(timm.create_model("whypretrain_resnet", num_classes=3))
    assert names[:5] == ["x", "conv1", "bn1", "act1", "maxpool"]
    assert names[5:7] == ["add", "layer1_0_act2"]
    assert names[-1] == "layer4_0_act2"


def test_a_head_that_refuses_tracing_stays_whole() -> None:
    network = timm.create_model("whypretrain_vgg", num_classes=3)
    assert cut_names(network)[-1] == "features_10"


def test_squeeze_excite_ends_what_is_local() -> None:
    names = cut_names(timm.create_model("efficientnet_b0", num_classes=3))
    assert names[-1] == "blocks_0_0_aa"


@pytest.mark.parametrize(
    "module",
    [
        nn.GroupNorm(1, 4),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
        nn.AdaptiveAvgPool2d(5),
        nn.Upsample(scale_factor=2),
        nn.Softmax(dim=2),
        type("Own", (nn.ReLU,), {"forward": lambda _, x: x.flip(3)})(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_an_operation_not_known_to_be_local_ends_it(module: nn.Module) -> None:
    assert cut_names(stacked(module, nn.ReLU())) == ["input_1", "_0"]
    assert cut_names(stacked(nn.ReLU(), nn.ReLU())) == ["input_1", "_0", "_1", "_2"]


class Calls(nn.Module):
    """A convolution, and a function of it and the input."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function, self.convolution = function, nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, self.convolution(x)).sum()


@pytest.mark.parametrize(
    ("function", "is_local"),
    [
        (lambda x, y: x + y, True),
        (torch.add, True),
        (lambda x, y: functional.relu(x, inplace=False) + torch.relu(y), True),
        (lambda x, y: torch.cat([x, y], 1), True),
        (lambda x, y: torch.cat([x, y], dim=1), True),
        (lambda x, y: torch.cat([x, y], 2), False),
        (lambda x, y: torch.cat([x, y]), False),
        (lambda x, y: torch.cat(tensors=[x, y], dim=1), False),
        (lambda x, y: torch.add(x, y, alpha=2), False),
        (lambda x, y: x + y.mean((2, 3), keepdim=True), False),
        (lambda x, y: x * y, False),
        (lambda x, y: x + y + 1, True),
        (lambda x, y: x.transpose(2, 3) + y, False),
    ],
)
def test_functions_are_known_with_their_options(function: Any, is_local: bool) -> None:
    chain = cut_network(Calls(function).eval())
    assert (chain is not None) is is_local


def test_networks_that_cannot_be_cut() -> None:
    class Decides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.convolution(x) if x.sum() > 0 else x

    assert cut_network(Decides().eval()) is None
    assert cut_network(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()) is None
    assert cut_network(nn.Sequential(nn.ReLU(), nn.Flatten()).eval()) is None
    assert cut_network(timm.create_model("whypretrain_vit").eval()) is None
    assert cut_network(stacked().train()) is None
    hooked = stacked().eval()
    hooked[0].register_forward_hook(lambda *_: None)
    assert cut_network(hooked) is None


WINDOWS: dict[str, nn.Module] = {
    "convolution": nn.Conv2d(1, 1, 3),
    "padded": nn.Conv2d(1, 1, 3, padding=1),
    "strided": nn.Conv2d(1, 1, 3, stride=2, padding=1),
    "uneven": nn.Conv2d(1, 1, (2, 5), stride=(3, 1), padding=(0, 2), dilation=(2, 1)),
    "string padding": nn.Conv2d(1, 1, 3, padding="same", dilation=2),
    "subsampling": nn.Conv2d(1, 1, 1, stride=2),
    "border": nn.Conv2d(1, 1, 1, padding=1),
    "dynamic padding": Conv2dSame(1, 1, 3, stride=2),
    "maximum": nn.MaxPool2d(3, stride=2, padding=1),
    "maximum, uneven": nn.MaxPool2d((2, 4), stride=(1, 3), padding=(0, 2)),
    "maximum, last windows cut": nn.MaxPool2d(2, ceil_mode=True),
    "maximum, last windows cut, padded": nn.MaxPool2d(3, stride=(2, 3), padding=1, ceil_mode=True),
    "maximum, dynamic padding": MaxPool2dSame(3, stride=2),
    "mean": nn.AvgPool2d(2),
    "mean, last windows cut": nn.AvgPool2d((3, 2), stride=2, padding=1, ceil_mode=True),
    "mean, dynamic padding": AvgPool2dSame(3, stride=2),
}


@pytest.mark.parametrize("size", [(7, 8), (8, 9), (10, 7)])
@pytest.mark.parametrize("name", WINDOWS)
@torch.no_grad()
def test_taps_are_the_positions_that_change_the_output(name: str, size: tuple[int, int]) -> None:
    window = WINDOWS[name]
    for parameter in window.parameters():
        parameter.fill_(1)
    n_positions = size[0] * size[1]
    one_hot = torch.eye(n_positions).view(n_positions, 1, *size)
    changed = window(one_hot) - window(torch.zeros(1, 1, *size)) > 0
    found = Window.of(window, *size)
    assert changed.shape == (n_positions, 1, *found.shape)
    for repeat in (False, name.startswith("maximum")):
        taps = window_taps(found, torch.device("cpu"), repeat=repeat)
        read = torch.stack([(taps == position).any(dim=1) for position in range(n_positions)])
        assert torch.equal(read, changed.flatten(1))
        assert taps.min() >= 0
        assert taps.max() <= (n_positions - 1 if repeat else n_positions)


@pytest.mark.parametrize("size", [(7, 8), (8, 9), (10, 7)])
@pytest.mark.parametrize("name", WINDOWS)
def test_a_union_has_the_bits_of_all_taps(name: str, size: tuple[int, int]) -> None:
    masks = 1 << np.random.default_rng(0).integers(40, size=size[0] * size[1])
    window = Window.of(WINDOWS[name], *size)
    taps = window_taps(window, torch.device("cpu")).numpy()
    expected = np.bitwise_or.reduce(np.append(masks, 0)[taps], axis=1)
    np.testing.assert_array_equal(window.union(masks), expected)


def test_windows_that_leave_out_the_end() -> None:
    window = Window.of(nn.MaxPool2d(1, stride=3, ceil_mode=True), 8, 9)
    masks = np.arange(72)
    np.testing.assert_array_equal(window.union(masks), masks.reshape(8, 9)[::3, ::3].ravel())


class Branches(nn.Module):
    """A residual branch, a pooled one, and both side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.first = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.second = nn.Conv2d(4, 4, (3, 1), padding=(1, 0))
        self.pool = nn.AvgPool2d(3, stride=1, padding=1)
        self.join = nn.Conv2d(8, 3, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = x + self.second(self.first(x))
        return self.join(torch.cat([x, self.pool(x)], dim=1))


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("size", [(32, 33), (45, 38)])
@torch.no_grad()
def test_players_reach_what_their_pixels_change(size: tuple[int, int], positive: bool) -> None:
    generator = np.random.default_rng(0)
    torch.manual_seed(0)
    network = Branches().double().eval()
    # Whole numbers, and multiples of 9 where the pool takes the mean of 9: sums are then exact,
    # in whatever order a convolution adds.
    for parameter in network.parameters():
        scale = 9 if parameter.ndim == 1 else 1
        parameter.copy_(scale * torch.randint(1, 5, parameter.shape))
        if not positive:
            parameter.mul_(torch.randn_like(parameter).sign())
    players = torch.full(size, -1)
    for player in range(5):
        row, column = generator.integers(0, size[0] - 6), generator.integers(0, size[1] - 6)
        players[row : row + 6, column : column + 6] = player
    chain = cut_network(network)
    assert chain is not None
    fields = trace_fields(chain, (2, *size))
    masks = trace_players(chain, fields, players.numpy(), 5)[chain.cuts[-1]]
    reached = torch.from_numpy(masks) >> torch.arange(5)[:, None] & 1 > 0
    image = 9 * torch.randint(0, 256, (2, *size)).double()
    with_player = image + 9 * (players == torch.arange(5)[:, None, None])[:, None].double()
    values = network(torch.cat([image[None], with_player]))
    changed = (values[1:] != values[:1]).any(dim=1).flatten(1)
    assert fields[chain.cuts[-1]].shape == values.shape[1:]
    if positive:
        assert torch.equal(reached, changed)
    else:
        assert (reached | ~changed).all()
    assert 0 < reached.double().mean() < 0.7


def test_more_players_than_bits_of_the_small_type() -> None:
    chain = cut_network(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten()).eval())
    assert chain is not None
    players = np.arange(-1, 35).reshape(6, 6)
    masks = trace_players(chain, trace_fields(chain, (1, 6, 6)), players, 35)
    expected = sum(1 << player for player in players[3:, 3:].ravel().tolist())
    assert masks[chain.nodes[1]][-1] == expected


def test_a_map_spread_over_another_ends_what_is_followed() -> None:
    class Spread(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.pool = nn.Conv2d(1, 1, 3, padding=1), nn.AvgPool2d(8)

        def forward(self, x: Tensor) -> Any:
            x = self.convolution(x)
            return x + self.pool(x)

    chain = cut_network(Spread().eval())
    assert chain is not None
    fields = trace_fields(chain, (1, 8, 8))
    assert [node.name for node in fields] == ["x", "convolution", "pool"]
    assert trace_players(chain, fields, np.zeros((8, 8), int), 1).keys() == fields.keys()
