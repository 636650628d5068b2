"""Stage `robustness`: measure a network's accuracy and loss on the test split and its shifts."""

from whypretrain.settings.robustness import RobustnessSettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "test": command.SPLITS["test"],
        "weights": "weights of the network",
        "table": "table to write, CSV",
    }
    arguments, settings = command.parse(
        "robustness", __doc__, RobustnessSettings, paths, computes=True
    )

    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import write_csv
    from whypretrain.files.progress import say
    from whypretrain.networks.build import build, load_all
    from whypretrain.networks.numerics import configure
    from whypretrain.networks.robustness import robustness_table

    device = configure(threads=arguments.threads, device=arguments.device)
    split = read_split(arguments.test)
    model = build(settings.architecture, len(split.classes))
    load_all(model, arguments.weights)
    model.to(device)
    table = robustness_table(model, split, settings, device)
    write_csv(arguments.table, table)
    label = " ".join(arguments.table.parts[-4:-1])
    found = zip(table["shift"], table["level"], table["accuracy"], strict=True)
    say(f"{label}: " + ", ".join(f"{s} {level:g} {a:.1%}" for s, level, a in found))


if __name__ == "__main__":
    command.run(main)
