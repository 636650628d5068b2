"""Fig. 4: how close each model's interactions are to its final ones, along training (eq. 9)."""

import pandas as pd
from matplotlib.figure import Figure

from whypretrain.config.figures import FigureSettings
from whypretrain.figures import style
from whypretrain.figures.draw import Tables, legend_below, panels, run


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples."""
    keys = ["experiment", "variant", "fraction", "epoch"]
    similarity = tables["jaccard"]
    numbers = similarity.groupby(keys, as_index=False, sort=False).agg(
        jaccard=("jaccard", "mean"), n_samples=("sample", "size")
    )
    figure, axes = panels(settings, share_y=True)
    for column, (name, (panel,)) in enumerate(axes.items()):
        for variant in ("finetune", "scratch"):
            own = numbers[(numbers["experiment"] == name) & (numbers["variant"] == variant)]
            panel.plot(
                own["epoch"],
                own["jaccard"],
                color=style.COLOURS[variant],
                linestyle=style.DASHES[variant],
                marker=style.MARKERS[variant],
                markersize=3,
                linewidth=1.2,
                label=style.LABELS[variant],
            )
        panel.set_ylim(0, 1.02)
        panel.set_xlabel("epoch")
        if column == 0:
            panel.set_ylabel("Jaccard similarity\nto final interactions")
    legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers


if __name__ == "__main__":
    run("fig4", __doc__, draw)
