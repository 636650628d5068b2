"""Random inputs of the kinds that networks take, for measurements."""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.players import grid_players
from whypretrain.interactions.superpixels import superpixel_players
from whypretrain.settings.interactions import ExtractSettings, GridPlayers, Sampling
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.stages.extract import network_input
from workflow.lib.plan.network import N_TOKENS

N_ENCODED = 16  # images to decode
PHOTO = (500, 375)  # pixels of an image that is not at hand


def random_inputs(architecture: Architecture, n_items: int) -> Tensor:
    """What a network takes: float images, (n_items, channels, side, side), or ids of tokens."""
    if isinstance(architecture, ImageArchitecture):
        side = architecture.image_size
        return torch.randn(n_items, architecture.channels, side, side)
    return torch.randint(1000, 2000, (n_items, min(N_TOKENS, architecture.max_tokens)))


def random_masked(
    settings: ExtractSettings, sampling: Sampling, device: torch.device
) -> MaskedInput:
    """One input with players of the experiment's kind; parts and annotations as superpixels."""
    architecture, n_players = settings.architecture, sampling.players.n
    generator = np.random.default_rng(0)
    if isinstance(architecture, ImageArchitecture):
        side = architecture.image_size
        noise = generator.integers(256, size=(architecture.channels, side, side), dtype=np.uint8)
        options = sampling.players
        if isinstance(options, GridPlayers):
            players = grid_players(
                side,
                side,
                cells=options.cells,
                margin=options.margin,
                n_players=n_players,
                generator=generator,
            )
        else:
            players = superpixel_players(_smooth(noise), n_players=n_players)
        inputs = network_input(noise, architecture, device)
        baseline = torch.zeros_like(inputs)
    else:
        inputs = random_inputs(architecture, 1)[0].to(device)
        players = np.full(len(inputs), -1, dtype=np.int16)
        players[1 : 1 + n_players] = np.arange(n_players)
        baseline = torch.full_like(inputs, 103)
    return MaskedInput(
        inputs, baseline, torch.from_numpy(players).to(device), n_players, settings.background
    )


def random_encoded(channels: int, pixels: tuple[int, int] = PHOTO) -> list[bytes]:
    """Images of noise that was blurred, which compress about as photographs do."""
    width, height = pixels
    small = np.random.default_rng(0).integers(
        256, size=(N_ENCODED, max(height // 4, 2), max(width // 4, 2), 3), dtype=np.uint8
    )
    found = []
    for noise in small:
        picture = Image.fromarray(noise).resize(pixels).convert("L" if channels == 1 else "RGB")
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG" if width < 64 else "JPEG")
        found.append(buffer.getvalue())
    return found


def _smooth(noise: np.ndarray) -> np.ndarray:
    """Noise of shape (channels, side, side) as an image with regions, (side, side, channels)."""
    image = Image.fromarray(noise[0]).resize((7, 7)).resize(noise.shape[:0:-1])
    return np.repeat(np.asarray(image)[:, :, None], len(noise), axis=2)
