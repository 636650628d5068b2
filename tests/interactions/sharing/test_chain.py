"""Where networks are cut, and which are not."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

import whypretrain.networks.build  # noqa: F401  (registers the small networks with timm)
from whypretrain.interactions.sharing.chain import cut_network


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
