"""The picture in docs/performance.md: how many players reach each position of VGG-16.

python -m validation.benchmarks.sharing_figure docs/images/sharing.png
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import timm
import torch

from whypretrain.interactions.players import grid_players
from whypretrain.interactions.sharing import count_rows
from whypretrain.interactions.sharing.chain import cut_network, trace_fields, trace_players

N_PLAYERS, SIDE = 10, 224


def main(output: str) -> None:
    """Draw the image and what follows each block."""
    generator = np.random.default_rng(0)
    drawn = grid_players(SIDE, SIDE, cells=8, margin=1, n_players=N_PLAYERS, generator=generator)
    chain = cut_network(timm.create_model("vgg16", num_classes=10).eval())
    assert chain is not None
    fields = trace_fields(chain, (3, SIDE, SIDE))
    masks = trace_players(chain, fields, drawn, N_PLAYERS)
    pools = [node for node in fields if isinstance(chain.operation(node), torch.nn.MaxPool2d)]
    shown = {"image": chain.nodes[0]} | {
        f"after block {i}": pool for i, pool in enumerate(pools, 1)
    }
    figure, axes = plt.subplots(1, len(shown), figsize=(12, 2.9), constrained_layout=True)
    for axis, (title, node) in zip(axes, shown.items(), strict=True):
        field = fields[node]
        reaching = np.bitwise_count(masks[node]).reshape(field.height, field.width)
        picture = axis.imshow(reaching, vmin=0, vmax=N_PLAYERS, cmap="viridis")
        share = count_rows(masks[node]) / (field.n_positions << N_PLAYERS)
        axis.set_title(f"{title}, {field.height}×{field.width}", fontsize=9)
        axis.set_xlabel(f"{share:.2%} of all values computed", fontsize=8)
        axis.set(xticks=[], yticks=[])
    bar = figure.colorbar(picture, ax=axes, shrink=0.75)
    bar.set_label("players that reach a position")
    figure.savefig(output, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1])
