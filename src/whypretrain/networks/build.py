"""Networks of timm, of transformers and three small ones: built, with their weights in and out."""

import json
from pathlib import Path
from typing import Any, NamedTuple, cast

import timm
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from timm.models import register_model
from timm.models.resnet import BasicBlock, ResNet
from timm.models.vgg import VGG
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from whypretrain.data.texts import CONFIG, NO_TOKEN, check_folder, transformers
from whypretrain.files.artifacts import atomic_path, damaged, reading
from whypretrain.settings.base import canonical_json
from whypretrain.settings.models import Architecture, ImageArchitecture, TextArchitecture

METADATA_KEY = "whypretrain"


# Three small networks for 28×28 images, one a family, which configurations name as timm's others.
@register_model
def whypretrain_vgg(**options: Any) -> VGG:
    """VGG with batch normalisation: three convolutions, two poolings, timm's 4096-d head."""
    own = {"cfg": [16, "M", 32, "M", 64], "norm_layer": nn.BatchNorm2d, "mlp_ratio": 1 / 32}
    return _constructed(VGG, own, options)


@register_model
def whypretrain_resnet(**options: Any) -> ResNet:
    """ResNet of four basic blocks with 16, 32, 64 and 64 channels."""
    own = {"layers": (1, 1, 1, 1), "channels": (16, 32, 64, 64), "stem_width": 16}
    return _constructed(ResNet, {"block": BasicBlock, **own}, options)


@register_model
def whypretrain_vit(**options: Any) -> VisionTransformer:
    """ViT with 7×7 patches (16 tokens), four blocks of width 64 and a class token."""
    own = {"img_size": 28, "patch_size": 7, "embed_dim": 64, "depth": 4, "num_heads": 4}
    return _constructed(VisionTransformer, own, options)


def _constructed(kind: Any, own: dict[str, Any], options: dict[str, Any]) -> Any:
    # create_model passes its own bookkeeping to every entry point; no hub weights exist for these.
    bookkeeping = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"}
    return kind(**own, **{key: value for key, value in options.items() if key not in bookkeeping})


class TextNetwork(nn.Module):
    """From token ids, int64 of shape (batch, length), to logits of shape (batch, n_classes).

    A transformers encoder, or a decoder, with the same head for all of them, so that the three
    models of an experiment are one network and the probe sees the feature that fine-tuning starts
    from. Shorter sentences end with the id `padding`, which nothing attends to: the configuration's
    own, or, where the feature is the last token's, NO_TOKEN.
    """

    def __init__(self, encoder: nn.Module, architecture: TextArchitecture, n_classes: int) -> None:
        super().__init__()
        settings: Any = encoder.config
        self.encoder = encoder
        self.feature = architecture.feature
        self.padding = settings.pad_token_id
        if self.feature == "last_token":
            self.padding = NO_TOKEN
            settings.use_cache = False  # of keys and values, which only generating asks for again
        # Its convolutions read padding, which other encoders' attention does not.
        self.sees_padding = type(encoder).__name__ == "ConvBertModel"
        self.dropout = nn.Dropout(getattr(settings, "hidden_dropout_prob", 0.1))
        self.head = nn.Linear(settings.hidden_size, n_classes)
        nn.init.normal_(self.head.weight, std=getattr(settings, "initializer_range", 0.02))
        nn.init.zeros_(self.head.bias)

    def features(self, tokens: Tensor) -> Tensor:
        """Penultimate feature, shape (batch, n_features): pooled output, or a token's state."""
        shown = (tokens != self.padding).long()
        if self.sees_padding and not shown.all():
            lengths = shown.sum(dim=1).unique().tolist()
            rows = [(shown.sum(dim=1) == length).nonzero()[:, 0] for length in lengths]
            parts = [self.features(tokens[row, :n]) for row, n in zip(rows, lengths, strict=True)]
            return torch.cat(parts)[torch.cat(rows).argsort()]
        # NO_TOKEN is none of the vocabulary; whichever stands there instead, nothing attends to it.
        outputs = self.encoder(input_ids=tokens.clamp(min=0), attention_mask=shown)
        if self.feature == "pooler":
            return outputs.pooler_output
        if self.feature == "first_token":
            return outputs.last_hidden_state[:, 0]
        every = torch.arange(len(tokens), device=tokens.device)
        return outputs.last_hidden_state[every, shown.sum(dim=1) - 1]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.dropout(self.features(tokens)))


def build(architecture: Architecture, n_classes: int) -> nn.Module:
    """A randomly initialised network with `n_classes` outputs (torch's generator decides).

    Raises
    ------
    ValueError
        If timm knows no such model or refuses an option, or a text network does not have the
        configured feature.
    ArtifactError
        If a text model's folder holds no configuration that transformers knows, or a file in it is
        damaged.
    """
    if not isinstance(architecture, ImageArchitecture):
        return _build_text(architecture, n_classes)
    options = {"num_classes": n_classes, "in_chans": architecture.channels, **architecture.options}
    try:
        model: nn.Module = timm.create_model(architecture.timm, **options)
    except Exception as error:  # networks raise anything about their options
        message = f"timm = '{architecture.timm}', options = {architecture.options}: {error}"
        raise ValueError(message) from error
    return model


def _build_text(architecture: TextArchitecture, n_classes: int) -> TextNetwork:
    folder = Path(architecture.folder)
    check_folder(folder)
    try:
        config = transformers().AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        encoder = transformers().AutoModel.from_config(
            config,
            trust_remote_code=False,
            dtype=torch.float32,  # not the file's, which first weights would be rounded to
        )
    except Exception as error:  # the library raises what it comes upon
        reason = f"no transformers configuration ({' '.join(str(error).split())})"
        raise damaged(folder, reason, made_with=folder / CONFIG) from error
    check_feature(encoder, architecture.feature, folder)
    if architecture.feature != "pooler" and hasattr(encoder, "pooler"):
        encoder.pooler = None  # weights that nothing uses would only have to be found
    return TextNetwork(encoder.float(), architecture, n_classes)


def check_feature(encoder: nn.Module, feature: str, folder: Path) -> None:
    """Check that an encoder or decoder, built from a folder, has the feature that is asked for.

    Raises
    ------
    ValueError
        If it has no pooler, or is a decoder, whose first token sees no other.
    """
    name = type(encoder).__name__
    decodes = any(getattr(module, "is_causal", False) for module in encoder.modules())
    reason = ""
    if feature == "pooler" and getattr(encoder, "pooler", None) is None:
        reason = f"{name} has no pooler"
    elif feature == "first_token" and decodes:
        reason = f"{name} is a decoder, whose first token sees no other"
    if reason:
        message = (
            f"{folder}: {reason}, which feature = '{feature}' asks for; "
            f"set `feature: {'last' if decodes else 'first'}_token` in the model's configuration"
        )
        raise ValueError(message)


def check_input(architecture: ImageArchitecture) -> None:
    """Check that a network takes images of the configured size, without computing anything.

    Raises
    ------
    ValueError
        If it does not.
    """
    side, channels = architecture.image_size, architecture.channels
    try:
        with torch.device("meta"), torch.inference_mode():
            build(architecture, 2).eval()(torch.empty(1, channels, side, side))
    except NotImplementedError:
        return  # a network that asks for numbers, of which there are none
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        message = (
            f"timm = '{architecture.timm}': takes no images of image_size = {side} "
            f"({' '.join(str(error).split())})"
        )
        raise ValueError(message) from error


def penultimate(model: nn.Module, inputs: Tensor) -> Tensor:
    """The feature f(x) that the classifier sees (eq. 5): tensor of shape (batch, n_features)."""
    if isinstance(model, TextNetwork):
        return model.features(inputs)
    timm_model = cast("Any", model)  # nn.Module declares none of timm's methods
    return timm_model.forward_head(timm_model.forward_features(inputs), pre_logits=True)


def classifier(model: nn.Module) -> nn.Linear:
    """The last linear layer, which maps the penultimate feature to logits."""
    return model.head if isinstance(model, TextNetwork) else cast("Any", model).get_classifier()


@torch.no_grad()
def start_classifier(model: nn.Module, std: float | None) -> None:
    """Draw the classifier's first weights: see :attr:`Recipe.classifier_std`.

    timm's EfficientNets and MobileNets scale theirs by classes, 1/√(3·classes), not by features:
    the first loss of a pre-trained MobileNetV2 with 8 classes is then 5.8, not 2.08 = ln 8.
    """
    head = classifier(model)
    n_features = head.weight.shape[1]
    if std is not None:
        nn.init.normal_(head.weight, std=std)
        nn.init.zeros_(head.bias)
    elif head.weight.std() > n_features**-0.5:  # the library's other ways stay below
        nn.init.normal_(head.weight, std=(3 * n_features) ** -0.5)


def head_keys(model: nn.Module) -> set[str]:
    """Names of the classifier's weights within the network."""
    head = classifier(model)
    prefix = next(name for name, module in model.named_modules() if module is head)
    return {f"{prefix}.{name}" for name, _ in head.named_parameters()}


def save_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write named tensors as safetensors, with how they were made as JSON metadata.

    Raises
    ------
    FloatingPointError
        If a weight is not finite: a reader would refuse the file, and no rerun mend it.
    """
    if broken := not_finite(tensors):
        message = f"{path}: not written, as weights are not finite: {broken}"
        raise FloatingPointError(message)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        # One entry: safetensors writes several in an order that differs from run to run.
        save_file(plain, temporary, metadata={METADATA_KEY: canonical_json(metadata)})


def not_finite(tensors: dict[str, Tensor]) -> str:
    """Names of tensors that hold a number that is not finite."""
    return ", ".join(name for name, value in tensors.items() if not torch.isfinite(value).all())


class Loaded(NamedTuple):
    """Of a file of weights: how they were made, and the SHA-256 of its bytes."""

    metadata: dict[str, Any]
    sha256: str


def read_weights(path: Path) -> tuple[dict[str, Tensor], Loaded]:
    """Weights of a safetensors file, and where they come from.

    Raises
    ------
    ArtifactError
        If the file is damaged or a weight is not finite.
    """
    with reading(path, "a file of weights") as sha256:
        with safe_open(path, framework="pt") as file:
            made = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            metadata: dict[str, Any] = {} | made  # which refuses all but an object
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if broken := not_finite(tensors):
            message = f"weights that are not finite: {broken}"
            raise ValueError(message)
    return tensors, Loaded(metadata, sha256)


def load_all(model: nn.Module, path: Path, *, fresh: frozenset[str] = frozenset()) -> Loaded:
    """Load weights that must match the network exactly, but for those that are to stay `fresh`.

    Raises
    ------
    ArtifactError
        If the file is damaged, or a key is missing or extra, or a shape or type differs.
    """
    tensors, loaded = read_weights(path)
    given = {name: value for name, value in tensors.items() if name not in fresh}
    expected = {name: value for name, value in model.state_dict().items() if name not in fresh}
    if reason := misfit(given, expected, "the network"):
        raise damaged(path, reason)
    # torch would cast them, and what was measured would be another network.
    if others := sorted(name for name in given if given[name].dtype != expected[name].dtype):
        raise damaged(path, f"weights of another type than the network's: {others}")
    model.load_state_dict(given, strict=False)
    return loaded


def load_backbone(model: nn.Module, path: Path) -> Loaded:
    """Load everything but the classifier, which keeps its fresh initialisation."""
    return load_all(model, path, fresh=frozenset(head_keys(model)))


def misfit(found: dict[str, Tensor], expected: dict[str, Tensor], network: str) -> str:
    """What is wrong with the names and shapes of weights for a network; empty if nothing is."""
    shapes = {name for name in expected.keys() & found if expected[name].shape != found[name].shape}
    return misfit_of(expected.keys() - found, found.keys() - expected, shapes, network)


def misfit_of(missing: set[str], extra: set[str], shapes: set[str], network: str) -> str:
    """As :func:`misfit`, of what is known to be wrong."""
    if not (missing or extra or shapes):
        return ""
    return (
        f"weights do not fit {network}: missing {sorted(missing)}, "
        f"extra {sorted(extra)}, of another shape {sorted(shapes)}"
    )
