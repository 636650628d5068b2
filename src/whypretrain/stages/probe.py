"""Stage `probe`: the frozen pre-trained network with a new linear classifier (eq. 5).

The result is a whole network, so that what follows treats it like any other.
"""

from whypretrain import __version__
from whypretrain.settings.training import ProbeSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("probe", __doc__, ProbeSettings)
    command.path_argument(parser, "--train", "train split of the downstream dataset")
    command.path_argument(parser, "--test", "test split of the downstream dataset")
    command.path_argument(parser, "--pretrained", "pre-trained weights")
    command.path_argument(parser, "--weights", "weights to write, safetensors")
    command.path_argument(parser, "--history", "loss and accuracy to write, CSV")
    command.add_compute(parser)
    arguments = parser.parse_args()
    settings: ProbeSettings = arguments.settings

    import pandas as pd

    from whypretrain.data.inputs import inputs_of
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import atomic_path
    from whypretrain.files.progress import say
    from whypretrain.networks.build import build, load_backbone, save_weights
    from whypretrain.networks.numerics import configure, seed_everything
    from whypretrain.networks.probe import fit_classifier
    from whypretrain.networks.train import evaluate

    device = configure(threads=arguments.threads, device=arguments.device)
    train, test = read_split(arguments.train), read_split(arguments.test)
    seed_everything("probe")
    model = build(settings.architecture, len(train.classes))
    load_backbone(model, arguments.pretrained)
    label = " ".join(arguments.weights.parts[-4:-1])
    workers = arguments.threads - 1
    train_inputs = inputs_of(train, settings.architecture)
    trained = fit_classifier(model, train_inputs, settings.probe, device, label, workers=workers)
    test_inputs = inputs_of(test, settings.architecture)
    tested = evaluate(model, test_inputs, device, workers=workers)
    save_weights(
        arguments.weights,
        model,
        {
            "settings": settings.to_json(),
            "version": __version__,
            "fraction": 1.0,
            "epoch": None,  # the optimum of a convex problem: there are no epochs
        },
    )
    row = {
        "train_loss": trained.loss,
        "train_accuracy": trained.accuracy,
        "test_loss": tested.loss,
        "test_accuracy": tested.accuracy,
    }
    with atomic_path(arguments.history) as temporary:
        pd.DataFrame([row]).to_csv(temporary, index=False)
    say(f"{label}: loss {tested.loss:.3f} accuracy {tested.accuracy:.1%} (test)")


if __name__ == "__main__":
    command.run(main)
