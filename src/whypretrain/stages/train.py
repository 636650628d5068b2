"""Stage `train`: the fine-tuned model or the one from scratch, with snapshots along the way.

The two differ in one thing besides their recipes: `finetune` starts from the pre-trained weights
with a fresh classifier, `scratch` from random weights.
"""

from pathlib import Path

from whypretrain import __version__
from whypretrain.settings.training import TrainSettings, snapshot_label
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("train", __doc__, TrainSettings)
    command.path_argument(parser, "--train", "train split of the downstream dataset")
    command.path_argument(parser, "--test", "test split of the downstream dataset")
    parser.add_argument(
        "--pretrained", type=Path, metavar="PATH", help="weights to start from; only for finetune"
    )
    command.path_argument(parser, "--folder", "folder to write snapshots and history.csv into")
    command.add_code(parser)
    command.add_compute(parser)
    arguments = parser.parse_args()
    settings: TrainSettings = arguments.settings
    if (settings.variant == "finetune") != (arguments.pretrained is not None):
        parser.error("--pretrained is needed for variant finetune, and has no place in scratch")

    from whypretrain.data.inputs import inputs_of
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import verified
    from whypretrain.networks.build import build, load_backbone
    from whypretrain.networks.numerics import configure, seed_everything
    from whypretrain.networks.train import Outputs, fit
    from whypretrain.settings.base import digest

    device = configure(threads=arguments.threads, device=arguments.device)
    train, test = read_split(arguments.train), read_split(arguments.test)
    seed = seed_everything(settings.seed, settings.variant)
    model = build(settings.architecture, len(train.classes))
    made_from = [verified(arguments.train), verified(arguments.test)]
    if arguments.pretrained is not None:
        made_from.append(load_backbone(model, arguments.pretrained).sha256)

    folder: Path = arguments.folder
    fit(
        model,
        inputs_of(train, settings.architecture, settings.recipe.augmentation),
        inputs_of(test, settings.architecture),
        Outputs(
            {f: folder / f"snapshot-{snapshot_label(f)}.safetensors" for f in settings.snapshots},
            folder / "history.csv",
        ),
        recipe=settings.recipe,
        seed=seed,
        device=device,
        label=" ".join(folder.parts[-3:]),
        identity=digest(settings.to_json(), arguments.code, *made_from),
        metadata={"settings": settings.to_json(), "version": __version__},
        workers=arguments.threads - 1,
    )


if __name__ == "__main__":
    command.run(main)
