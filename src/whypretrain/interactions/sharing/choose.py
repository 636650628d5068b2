"""The forward pass that shares most, for any network."""

from torch import nn

from whypretrain.interactions.forward import Forward, PlainForward
from whypretrain.interactions.sharing.convolutional import share_convolutional_network
from whypretrain.interactions.sharing.encoders import share_encoder
from whypretrain.interactions.sharing.vision import share_vision_transformer


def choose_forward(model: nn.Module) -> Forward:
    """Share what masked versions have in common, as far as the network's structure is known.

    Parameters
    ----------
    model : in eval mode; a network whose structure is not known is computed plainly
    """
    return (
        share_vision_transformer(model)
        or share_encoder(model)
        or share_convolutional_network(model)
        or PlainForward(model)
    )
