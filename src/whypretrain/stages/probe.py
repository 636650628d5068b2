"""Stage `probe`: fit a new linear classifier on the frozen pre-trained network (eq. 5).

The result is a whole network, so that later stages treat it like any other.
"""

from whypretrain import __version__
from whypretrain.settings.training import ProbeSettings
from whypretrain.stages import command


def main() -> None:
    paths = command.SPLITS | {
        "pretrained": "pre-trained weights",
        "weights": "weights to write, safetensors",
        "history": "loss, accuracy and norm of the gradient to write, CSV",
    }
    arguments, settings = command.parse("probe", __doc__, ProbeSettings, paths, computes=True)

    import pandas as pd

    from whypretrain.data.inputs import inputs_of
    from whypretrain.data.table import read_split
    from whypretrain.files.artifacts import write_csv
    from whypretrain.files.progress import say
    from whypretrain.networks.build import build, load_backbone, save_weights
    from whypretrain.networks.learned import warning
    from whypretrain.networks.numerics import configure, seed_everything
    from whypretrain.networks.probe import fit_classifier, not_converged
    from whypretrain.networks.train import scores

    device = configure(threads=arguments.threads, device=arguments.device)
    train, test = read_split(arguments.train), read_split(arguments.test)
    seed_everything("probe")
    model = build(settings.architecture, len(train.classes))
    load_backbone(model, arguments.pretrained)
    seen, unseen = (inputs_of(one, settings.architecture, device=device) for one in (train, test))
    label = " ".join(arguments.weights.parts[-4:-1])
    fit = fit_classifier(model, seen, unseen, settings.probe, label=label)
    made = {"settings": settings.to_json(), "version": __version__}
    # The optimum of a convex problem: there are no epochs.
    save_weights(arguments.weights, model.state_dict(), made | {"fraction": 1.0, "epoch": None})
    row = scores(fit.train, fit.test) | {"gradient_norm": fit.gradient_norm}
    write_csv(arguments.history, pd.DataFrame([row]))
    for told in (
        not_converged(fit.gradient_norm, settings.probe),
        warning(fit.test.accuracy, len(test.labels), len(train.classes), fit.train.loss),
    ):
        if told:
            say(f"{label}: {told}")
    say(f"{label}: loss {fit.test.loss:.3f} accuracy {fit.test.accuracy:.1%} (test)")


if __name__ == "__main__":
    command.run(main)
