"""Models: a network of timm or transformers, and where its pre-trained weights come from."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from whypretrain.settings.base import Name, Section, Seed, Title, require
from whypretrain.settings.fetch import Hub

SET_HERE = {
    *("num_classes", "in_chans"),
    # These make timm load weights, maybe from a pickle; weights come through `weights` only.
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
}
"""Arguments of `timm.create_model` that `options` may not hold."""


class ImageArchitecture(Section):
    """A timm model, and the images that it takes."""

    family: Literal["timm"] = "timm"
    """Library of the model; may be left out."""
    timm: str = Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")
    """Name for `timm.create_model`, without the address of a hub or folder. The project adds three
    small models, `whypretrain_*`."""
    options: dict[str, Any] = {}
    """Further keyword arguments of `timm.create_model`."""
    image_size: int = Field(default=224, ge=1)
    """Height and width of the input, in pixels."""
    channels: Literal[1, 3] = 3
    """1 for grey, 3 for RGB; images are converted."""
    mean: list[float] = [0.485, 0.456, 0.406]
    """Mean of each channel, for pixel values in [0, 1]; the default is ImageNet's."""
    std: list[Annotated[float, Field(gt=0)]] = [0.229, 0.224, 0.225]
    """Standard deviation of each channel, as for `mean`."""

    @model_validator(mode="after")
    def _channels_agree(self) -> Self:
        for key, values in (("mean", self.mean), ("std", self.std)):
            message = f"{key} = {values}: needs one value per channel ({self.channels})"
            require(len(values) == self.channels, message)
        taken = sorted(SET_HERE & self.options.keys())
        require(not taken, f"options: {taken} are set by the workflow; leave them out")
        return self


class _TextInput(Section):
    family: Literal["transformers"]
    """Library of the model; its architecture and tokenizer come with the weights."""
    max_tokens: int = Field(default=128, ge=4)
    """Largest number of tokens; longer sentences are cut for training and never chosen as
    samples."""
    feature: Literal["pooler", "first_token", "last_token"] = "pooler"
    """Penultimate feature: the pooled output (BERT), the first token's last state (DistilBERT), or
    that of the last token that is no padding (decoders: GPT-2, Llama, Qwen)."""
    baseline_token: str | None = Field(default=None, min_length=1)
    """What replaces every token of a masked word: a text that is one token to the tokenizer, such
    as `"_"`. If null, the tokenizer's mask token, which decoders do not have."""


class TextArchitecture(_TextInput):
    """A transformers encoder or decoder, with the folder that it is built from."""

    folder: str
    """Folder with `config.json` and the tokenizer."""


UpstreamLabels = Literal["classes", "rotation"]
"""What a network learns to predict upstream."""


class Weights(Section):
    """Where pre-trained weights come from: trained here, downloaded, or local."""

    dataset: Name | None = None
    """Trained here: the upstream task, one of `datasets`; needs `recipe`."""
    recipe: Name | None = None
    """Trained here: the upstream recipe, one of `recipes`."""
    labels: UpstreamLabels = "classes"
    """Trained here: whether the network learns to predict the class of an image, or which of four
    rotations it is shown in (self-supervised; Gidaris et al., 2018)."""
    seed: Seed = 0
    """Trained here: seed of initial weights, order and augmentation."""
    hub: Hub | None = None
    """Downloaded: repository and revision."""
    path: str | None = Field(default=None, min_length=1)
    """Local: a safetensors file, or a folder with `model.safetensors` (a timm `local-dir:` or a
    transformers model). Environment variables such as `$HOME` are expanded."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [key for key in ("dataset", "hub", "path") if getattr(self, key) is not None]
        message = f"give one of dataset (with recipe), hub, path; given: {given or 'none'}"
        require(len(given) == 1 and (self.dataset is None) == (self.recipe is None), message)
        message = f"labels = '{self.labels}': only for weights that are trained here on a dataset"
        require(self.dataset is not None or self.labels == "classes", message)
        return self


Kind = Literal["cnn", "transformer", "other"]


class ImageModel(ImageArchitecture):
    """An image network and its pre-trained weights."""

    title: Title = ""
    """Name in figures; if empty, the name in the configuration."""
    kind: Kind = "other"
    """Group in the comparison of CNNs with transformers."""
    weights: Weights
    """Where the pre-trained weights come from."""

    def architecture(self, _name: str) -> ImageArchitecture:
        """What the network is built from."""
        return ImageArchitecture(**self.model_dump(include=set(ImageArchitecture.model_fields)))


class TextModel(_TextInput):
    """A text network and its pre-trained weights."""

    title: Title = ""
    """Name in figures; if empty, the name in the configuration."""
    kind: Kind = "transformer"
    """Group in the comparison of CNNs with transformers."""
    weights: Weights
    """Where the pre-trained weights come from: `hub` or `path`."""

    def architecture(self, name: str) -> TextArchitecture:
        """What the network, called `name`, is built from."""
        shared = self.model_dump(include=set(_TextInput.model_fields))
        return TextArchitecture(**shared, folder=f"results/pretrained/{name}/transformers")


def _family(value: Any) -> str:
    given = value.get("family") if isinstance(value, dict) else getattr(value, "family", None)
    return "TextModel" if given == "transformers" else "ImageModel"


Model = Annotated[
    Annotated[ImageModel, Tag("ImageModel")] | Annotated[TextModel, Tag("TextModel")],
    Discriminator(_family),
]
Architecture = Annotated[ImageArchitecture | TextArchitecture, Field(discriminator="family")]


class ConvertSettings(Section):
    architecture: Architecture
