"""Stage `pretrain`: train an architecture on the upstream dataset, to make pre-trained weights.

It learns the classes, or which rotation an image is shown in. The classifier of either is replaced
downstream.
"""

from whypretrain import __version__
from whypretrain.settings.training import PretrainSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("pretrain", __doc__, PretrainSettings)
    command.path_argument(parser, "--train", "train split of the upstream dataset")
    command.path_argument(parser, "--test", "test split of the upstream dataset")
    command.path_argument(parser, "--weights", "weights to write, safetensors")
    command.path_argument(parser, "--history", "loss and accuracy per epoch to write, CSV")
    command.add_code(parser)
    command.add_compute(parser)
    arguments = parser.parse_args()
    settings: PretrainSettings = arguments.settings

    from whypretrain.data.inputs import upstream_inputs
    from whypretrain.data.rotations import N_ROTATIONS
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import verified
    from whypretrain.networks.build import build, check_input
    from whypretrain.networks.numerics import configure, seed_everything
    from whypretrain.networks.train import Outputs, fit
    from whypretrain.settings.base import digest
    from whypretrain.settings.models import ImageArchitecture

    device = configure(threads=arguments.threads, device=arguments.device)
    train, test = read_split(arguments.train), read_split(arguments.test)
    seed = seed_everything(settings.seed, "pretrain")
    n_classes = len(train.classes) if settings.labels == "classes" else N_ROTATIONS
    if isinstance(settings.architecture, ImageArchitecture):
        check_input(settings.architecture)
    model = build(settings.architecture, n_classes)
    fit(
        model,
        upstream_inputs(train, settings, settings.recipe.augmentation),
        upstream_inputs(test, settings),
        Outputs({1.0: arguments.weights}, arguments.history),
        recipe=settings.recipe,
        seed=seed,
        device=device,
        label=f"pretrain {arguments.weights.parent.name}",
        identity=digest(
            settings.to_json(),
            arguments.code,
            verified(arguments.train),
            verified(arguments.test),
        ),
        metadata={"settings": settings.to_json(), "version": __version__},
        workers=arguments.threads - 1,
    )


if __name__ == "__main__":
    command.run(main)
