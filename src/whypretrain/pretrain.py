"""Stage `pretrain`: train an architecture on the upstream dataset, to make pre-trained weights."""

from whypretrain import __version__, stage
from whypretrain.artifacts import digest, file_digest
from whypretrain.code import code_digest
from whypretrain.config.training import PretrainSettings
from whypretrain.data.inputs import inputs_of
from whypretrain.data.table import read_split
from whypretrain.models.build import build
from whypretrain.numerics import configure, seed_everything
from whypretrain.training import Outputs, fit


def main() -> None:
    """Command line."""
    parser = stage.parser("pretrain", __doc__, PretrainSettings)
    stage.path_argument(parser, "--train", "train split of the upstream dataset")
    stage.path_argument(parser, "--test", "test split of the upstream dataset")
    stage.path_argument(parser, "--weights", "weights to write, safetensors")
    stage.path_argument(parser, "--history", "loss and accuracy per epoch to write, CSV")
    stage.add_compute(parser)
    arguments = parser.parse_args()
    settings: PretrainSettings = arguments.settings
    device = configure(threads=arguments.threads, device=arguments.device)

    train, test = read_split(arguments.train), read_split(arguments.test)
    seed = seed_everything(settings.seed, "pretrain")
    model = build(settings.architecture, len(train.classes))
    fit(
        model,
        inputs_of(train, settings.architecture, settings.recipe.augmentation),
        inputs_of(test, settings.architecture),
        Outputs({1.0: arguments.weights}, arguments.history),
        recipe=settings.recipe,
        seed=seed,
        device=device,
        label=f"pretrain {arguments.weights.parent.name}",
        identity=digest(
            settings.to_json(),
            code_digest("whypretrain.pretrain"),
            file_digest(arguments.train),
            file_digest(arguments.test),
        ),
        metadata={"settings": settings.to_json(), "version": __version__},
        workers=arguments.threads - 1,
    )


if __name__ == "__main__":
    stage.run(main)
