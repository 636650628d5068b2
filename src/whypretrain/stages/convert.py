"""Stage `convert`: pre-trained weights from a hub's or a local folder, checked key by key.

They are written in the form in which `pretrain` writes its own, without the classifier of their old
task, so that everything after is the same for both. A text model's configuration and tokenizer are
copied beside them: nothing later looks outside `results/`.
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
