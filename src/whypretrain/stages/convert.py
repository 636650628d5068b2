"""Stage `convert`: read pre-trained weights from a local or downloaded folder, and check every key.

It writes them in the format of `pretrain`, without the classifier of their old task, so that all
later stages treat both alike. It copies a text model's configuration and tokenizer beside them, so
that no later stage reads outside `results/`.
"""

from whypretrain import __version__
from whypretrain.settings.models import ConvertSettings
from whypretrain.stages import command


def main() -> None:
    paths = {"source": "file or folder of the weights", "weights": "weights to write, safetensors"}
    arguments, settings = command.parse("convert", __doc__, ConvertSettings, paths)

    from whypretrain.files.progress import say
    from whypretrain.networks.build import save_weights
    from whypretrain.networks.convert import pretrained_weights

    tensors = pretrained_weights(settings.architecture, str(arguments.source))
    made = {"settings": settings.to_json(), "version": __version__}
    save_weights(arguments.weights, tensors, made)
    n_weights = sum(value.numel() for value in tensors.values())
    say(f"convert {arguments.weights.parent.name}: {n_weights / 1e6:.1f} million weights")


if __name__ == "__main__":
    command.run(main)
