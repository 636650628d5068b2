"""A network that we did not build: any torch classifier, as a notebook's user has it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from whypretrain.interactions.forward import MaskedInput, PlainForward


class Logits(nn.Module):
    """Any network, whose logits may come in an output of transformers' with other things."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of shape (batch, n_classes)."""
        output = self.model(inputs)
        keyed = isinstance(output, Mapping) and "logits" in output
        logits = output["logits"] if keyed else getattr(output, "logits", output)
        single = isinstance(logits, Tensor) and logits.shape in {(len(inputs),), (len(inputs), 1)}
        if single:  # the log-odds of class 1
            logits = logits.reshape(-1, 1)
            return torch.cat([torch.zeros_like(logits), logits], dim=1)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            message = (
                f"model: {type(self.model).__name__} returns {found}, no logits of shape (batch, "
                "n_classes); give a classifier, as AutoModelForSequenceClassification makes of an "
                "encoder or the workflow with `feature: first_token`, or wrap it in a module that "
                "returns the logits alone"
            )
            raise TypeError(message)
        return logits


def head_of(model: nn.Module) -> nn.Linear | None:
    """The classifier of a network of timm's, whose structure is known well enough to share."""
    asked = getattr(model, "get_classifier", None)
    head = asked() if callable(asked) else None
    return head if isinstance(head, nn.Linear) and head.out_features > 1 else None


def answer(model: nn.Module, masked: MaskedInput) -> Tensor:
    """Logits of the whole input, (n_classes,): the first question, so that errors are told here.

    Raises
    ------
    TypeError
        If the model returns no logits, or takes more than one input.
    ValueError
        If it does not take the input.
    """
    plain = PlainForward(Logits(model))
    everything = torch.tensor([(1 << masked.n_players) - 1], device=masked.inputs.device)
    try:
        return plain.rest(plain.prepare(masked)(everything))[0]
    except torch.OutOfMemoryError:
        raise
    except (AssertionError, AttributeError, IndexError, RuntimeError, TypeError) as error:
        if isinstance(error, TypeError) and str(error).startswith("model: "):
            raise
        name, shape = type(model).__name__, (1, *masked.inputs.shape)
        reason = " ".join(str(error).split())
        if isinstance(error, TypeError) and "argument" in reason:
            message = (
                f"model: {name} cannot be asked with one input alone ({reason}); wrap it in a "
                "module whose `forward` takes the input that is explained and adds the others"
            )
            raise TypeError(message) from error
        message = f"model: {name} does not take an input of shape {shape}: {reason}"
        raise ValueError(message) from error
