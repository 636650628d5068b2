"""Stage `similarity`: compute the linear CKA of the final networks' features on the test split."""

from whypretrain.settings.similarity import SimilaritySettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "test": command.SPLITS["test"],
        "weights+": "final weights of the networks, in the order of the settings' variants",
        "table": "table to write, CSV",
    }
    arguments, settings = command.parse(
        "similarity", __doc__, SimilaritySettings, paths, computes=True
    )
    if len(arguments.weights) != len(settings.variants):
        message = (
            f"--weights: {len(arguments.weights)} files for the variants "
            f"{', '.join(settings.variants)}; give one a variant"
        )
        raise ValueError(message)

    from whypretrain.data.inputs import inputs_of
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import write_csv
    from whypretrain.files.progress import say
    from whypretrain.networks.build import build, load_all
    from whypretrain.networks.numerics import configure
    from whypretrain.networks.probe import features
    from whypretrain.networks.similarity import evenly, similarity_table

    device = configure(threads=arguments.threads, device=arguments.device)
    split = evenly(read_split(arguments.test))
    # All networks share an architecture, so images are decoded once.
    inputs = inputs_of(split, settings.architecture, device=device)
    found = {}
    for variant, weights in zip(settings.variants, arguments.weights, strict=True):
        model = build(settings.architecture, len(split.classes))
        load_all(model, weights)
        label = f"similarity {settings.experiment} {variant}"
        found[variant], _ = features(model.to(device), inputs, label=label)
    table = similarity_table(found)
    table.insert(0, "experiment", settings.experiment)
    write_csv(arguments.table, table)
    pairs = zip(table["first"], table["second"], table["cka"], strict=True)
    told = ", ".join(f"{one} with {other} {cka:.2f}" for one, other, cka in pairs)
    say(f"similarity {settings.experiment}: {told}")


if __name__ == "__main__":
    command.run(main)
