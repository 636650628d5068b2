"""Stage `train`: train a fine-tuned network or one from scratch, and keep snapshots on the way.

Besides their recipes, the two differ only in their start: `finetune` starts from the pre-trained
weights with a fresh classifier, `scratch` from random weights. A third, `continued`, starts from
the end of another run, classifier included.
"""

from whypretrain import __version__
from whypretrain.settings.training import TrainSettings, snapshot_label
from whypretrain.stages import command


def main() -> None:
    paths = command.SPLITS | {
        "pretrained?": "weights to start from; only for finetune",
        "start?": "snapshot of another run to start from; only for continued",
        "folder": "folder to write snapshots and history.csv into",
    }
    arguments, settings = command.parse("train", __doc__, TrainSettings, paths, resumes=True)
    given = {"finetune": arguments.pretrained, "continued": arguments.start}
    if [name for name, path in given.items() if path is not None] != [
        name for name in given if name == settings.variant
    ]:
        message = (
            f"variant {settings.variant}: finetune needs --pretrained, continued --start, scratch "
            "none of them"
        )
        raise ValueError(message)

    from whypretrain.data.inputs import inputs_of
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import verified
    from whypretrain.networks.build import build, load_all, load_backbone, start_classifier
    from whypretrain.networks.numerics import configure, seed_everything
    from whypretrain.networks.train import Run, fit
    from whypretrain.settings.base import digest

    device = configure(threads=arguments.threads, device=arguments.device)
    train, test = read_split(arguments.train), read_split(arguments.test)
    seed = seed_everything(settings.seed, settings.variant)
    model = build(settings.architecture, len(train.classes))
    start_classifier(model, settings.recipe.classifier_std)
    made_from = [verified(arguments.train), verified(arguments.test)]
    if arguments.pretrained is not None:
        made_from.append(load_backbone(model, arguments.pretrained).sha256)

    if arguments.start is not None:
        made_from.append(load_all(model, arguments.start).sha256)

    folder = arguments.folder
    name = "snapshot-{}.safetensors"
    run = Run(
        recipe=settings.recipe,
        seed=seed,
        device=device,
        snapshots={f: folder / name.format(snapshot_label(f)) for f in settings.snapshots},
        history=folder / "history.csv",
        label=" ".join(folder.parts[-3:]),
        identity=digest(settings.to_json(), arguments.code, *made_from),
        metadata={"settings": settings.to_json(), "version": __version__},
        tested=settings.tested,
    )
    architecture = settings.architecture
    inputs = inputs_of(train, architecture, settings.recipe.augmentation, device=device)
    fit(model, inputs, inputs_of(test, architecture, device=device), run)


if __name__ == "__main__":
    command.run(main)
