"""Stage `pretrain`: train an architecture on the upstream dataset, to make pre-trained weights.

The network learns the classes, or in which rotation an image is shown. The classifier is replaced
downstream.
"""

from whypretrain import __version__
from whypretrain.settings.training import PretrainSettings
from whypretrain.stages import command


def main() -> None:
    paths = {
        "train": "train split of the upstream dataset",
        "test": "test split of the upstream dataset",
        "weights": "weights to write, safetensors",
        "history": "loss and accuracy per epoch to write, CSV",
    }
    arguments, settings = command.parse("pretrain", __doc__, PretrainSettings, paths, resumes=True)

    from whypretrain.data.inputs import N_ROTATIONS, upstream_inputs
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import verified
    from whypretrain.networks.build import build, check_input, start_classifier
    from whypretrain.networks.numerics import configure, seed_everything
    from whypretrain.networks.train import Run, fit
    from whypretrain.settings.base import digest
    from whypretrain.settings.models import ImageArchitecture

    device = configure(threads=arguments.threads, device=arguments.device)
    train, test = read_split(arguments.train), read_split(arguments.test)
    seed = seed_everything(settings.seed, "pretrain")
    n_classes = len(train.classes) if settings.labels == "classes" else N_ROTATIONS
    if isinstance(settings.architecture, ImageArchitecture):
        check_input(settings.architecture)
    model = build(settings.architecture, n_classes)
    start_classifier(model, settings.recipe.classifier_std)
    made_from = [verified(arguments.train), verified(arguments.test)]
    run = Run(
        recipe=settings.recipe,
        seed=seed,
        device=device,
        snapshots={1.0: arguments.weights},
        history=arguments.history,
        label=f"pretrain {arguments.weights.parent.name}",
        identity=digest(settings.to_json(), arguments.code, *made_from),
        metadata={"settings": settings.to_json(), "version": __version__},
    )
    inputs = upstream_inputs(train, settings, settings.recipe.augmentation, device=device)
    fit(model, inputs, upstream_inputs(test, settings, device=device), run)


if __name__ == "__main__":
    command.run(main)
