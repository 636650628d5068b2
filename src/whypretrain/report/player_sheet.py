"""Pictures of every sample with its players, one PNG each, so that a person can check them.

Players differ in tint (Okabe and Ito's colours, in turn), but are told apart by outline and number
alone: a grey printer or a colour-blind reader loses nothing. What is no player is dimmed.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont
from scipy.ndimage import (
    binary_dilation,
    distance_transform_edt,
    generate_binary_structure,
    maximum_filter,
    minimum_filter,
)

from whypretrain.data.samples import Sample

TINTS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
INK, PAPER, DIMMED = "#000000", "#FFFFFF", "#767676"
SIDE = 640  # pixels, the longer side of an enlarged image, about
GAP = 16  # pixels between pictures, and around everything
NUMBER = 20  # pixels, the size of numbers on images
TEXT = 28  # pixels, the size of words
LINE = 1100  # pixels, where lines of words are broken
CROSS = generate_binary_structure(2, 1)  # a pixel and the four beside it


def player_sheet(sample: Sample) -> NDArray[np.uint8]:
    """The picture of a sample with its players, of shape (rows, columns, 3)."""
    if sample.words:
        return draw_text_players(sample.words, np.array(sample.word_players))
    return draw_image_players(sample.inputs, sample.players)


def draw_image_players(image: NDArray[np.uint8], players: NDArray[np.integer]) -> NDArray[np.uint8]:
    """An image beside the same image with every player tinted, outlined and numbered.

    A number stands where its player is widest; if it does not fit there, it stands in the margin
    on the right, and a line leads to the player.

    Parameters
    ----------
    image : array of shape (channels, height, width), uint8, with 1 or 3 channels
    players : array of shape (height, width), int
        The player of every pixel; -1 where there is none.

    Returns
    -------
    array of shape (rows, columns, 3), uint8

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3) or image.shape[1:] != players.shape:
        message = (
            f"image {image.shape} and players {players.shape}: must be (1 or 3 channels, height, "
            "width) and (height, width)"
        )
        raise ValueError(message)
    height, width = players.shape
    # Whole pixels of the sample become whole squares, so that outlines are exact.
    factor = max(1, round(SIDE / max(height, width)))
    plain = _enlarged(np.broadcast_to(image.transpose(1, 2, 0), (height, width, 3)), factor)
    labels = _enlarged(players, factor)
    margin = 3 * NUMBER
    sheet = Image.new("RGB", (3 * GAP + 2 * width * factor + margin, 2 * GAP + height * factor))
    sheet.paste(PAPER, (0, 0, *sheet.size))
    left = 2 * GAP + width * factor
    sheet.paste(Image.fromarray(plain), (GAP, GAP))
    sheet.paste(Image.fromarray(_outlined(_tinted(plain, labels), labels)), (left, GAP))
    _number(ImageDraw.Draw(sheet), labels, (left, GAP))
    return np.asarray(sheet)


def draw_text_players(words: Sequence[str], players: NDArray[np.integer]) -> NDArray[np.uint8]:
    """A sentence with every player boxed, tinted and numbered; other words are grey.

    Parameters
    ----------
    words : the words or tokens of the sentence, in order
    players : array of shape (n_words,), int
        The player of every word; -1 where there is none. Neighbours of one player share a box.

    Returns
    -------
    array of shape (rows, columns, 3), uint8

    Raises
    ------
    ValueError
        If there are not as many words as labels.
    """
    if players.shape != (len(words),):
        message = f"{len(words)} words, but players of shape {players.shape}"
        raise ValueError(message)
    font, small = _font(TEXT), _font(TEXT * 3 // 5, bold=True)
    space, pad = TEXT // 3, TEXT // 4
    tag = TEXT * 4 // 5  # height of the row of numbers above the words
    row = TEXT + 2 * pad + tag + space
    placed: list[tuple[int, int, str, int]] = []
    x, y, widest = GAP, GAP, 0
    for text, player in _boxes(words, players):
        width = round(font.getlength(text)) + 2 * pad
        if x > GAP and x + width > LINE:
            x, y = GAP, y + row
        placed.append((x, y, text, player))
        x += width + space
        widest = max(widest, x - space)
    sheet = Image.new("RGB", (widest + GAP, y + row + GAP - space), PAPER)
    draw = ImageDraw.Draw(sheet)
    for left, top, text, player in placed:
        right = left + round(font.getlength(text)) + 2 * pad
        box = (left, top + tag, right, top + row - space)
        if player >= 0:
            red, green, blue = ImageColor.getrgb(TINTS[player % len(TINTS)])[:3]
            pale = tuple((45 * part + 55 * 255) // 100 for part in (red, green, blue))
            draw.rectangle(box, fill=pale, outline=INK, width=2)
            centre = ((left + right) / 2, top + tag / 2)
            draw.text(centre, str(player), fill=INK, font=small, anchor="mm")
        baseline = top + tag + pad + round(TEXT * 0.85)
        fill = INK if player >= 0 else DIMMED
        draw.text((left + pad, baseline), text, fill=fill, font=font, anchor="ls")
    return np.asarray(sheet)


def _boxes(words: Sequence[str], players: NDArray[np.integer]) -> list[tuple[str, int]]:
    """Texts and players of the boxes: neighbouring words of one player are one box."""
    boxes: list[tuple[str, int]] = []
    for word, player in zip(words, players.tolist(), strict=True):
        if boxes and player >= 0 and boxes[-1][1] == player:
            boxes[-1] = (f"{boxes[-1][0]} {word}", player)
        else:
            boxes.append((word, player))
    return boxes


def _tinted(plain: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Players in grey with a tint, the rest in grey and darkened."""
    grey = plain.mean(axis=2, keepdims=True)
    tints = np.array([ImageColor.getrgb(tint) for tint in TINTS])
    # Dark images stay dark and light ones light, but the tint is seen on both.
    coloured = 0.55 * grey + 0.45 * tints[labels % len(TINTS)]
    return np.where(labels[..., None] >= 0, coloured, 0.4 * grey + 20).round().astype(np.uint8)


def _outlined(picture: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Borders of players as a black line with a white one on either side, seen on any ground."""
    border = maximum_filter(labels, footprint=CROSS) != minimum_filter(labels, footprint=CROSS)
    # The rim of the picture is a border of the players that touch it.
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        border[edge] |= labels[edge] >= 0
    outlined = picture.copy()
    outlined[binary_dilation(border)] = ImageColor.getrgb(PAPER)
    outlined[border] = ImageColor.getrgb(INK)
    return outlined


def _number(
    draw: ImageDraw.ImageDraw, labels: NDArray[np.integer], corner: tuple[int, int]
) -> None:
    """Write every player's number into it, or beside the picture with a line to it."""
    font = _font(NUMBER, bold=True)
    left, top = corner
    height, width = labels.shape
    inside: list[tuple[int, int, str]] = []
    aside: list[tuple[int, int, str]] = []
    for player in np.unique(labels[labels >= 0]).tolist():
        depth = depth_of(labels == player)
        row, column = np.unravel_index(int(depth.argmax()), labels.shape)
        fits = depth[row, column] >= _radius(str(player), font)
        (inside if fits else aside).append((top + int(row), left + int(column), str(player)))
    # From top to bottom, so that lines do not cross; pushed apart, then back into the picture.
    aside.sort()
    step = min(2.0 * NUMBER, height / max(len(aside), 1))
    heights: list[float] = []
    for y, _, _ in aside:
        heights.append(max(y, heights[-1] + step if heights else top + NUMBER))
    for place in range(len(aside)):
        below = len(aside) - 1 - place
        heights[place] = min(heights[place], top + height - NUMBER - below * step)
    beside = left + width + GAP + NUMBER
    for (y, x, _), at in zip(aside, heights, strict=True):
        draw.line([(x, y), (beside, at)], fill=PAPER, width=5)
        draw.line([(x, y), (beside, at)], fill=INK, width=2)
        draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=INK, outline=PAPER)
    # Numbers lie above all lines.
    for y, x, text in inside:
        _disc(draw, x, y, text, font)
    for (_, _, text), at in zip(aside, heights, strict=True):
        _disc(draw, beside, at, text, font)


def _disc(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, font: ImageFont.FreeTypeFont
) -> None:
    """A number in black on a white disc with a black rim."""
    radius = _radius(text, font)
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], PAPER, INK, width=2)
    draw.text((x, y), text, fill=INK, font=font, anchor="mm")


def _radius(text: str, font: ImageFont.FreeTypeFont) -> float:
    """Radius of the disc that holds a number."""
    return 0.62 * float(np.hypot(font.getlength(text), NUMBER))


def depth_of(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every pixel to the outside of the region; the picture's rim is outside."""
    padded = np.pad(region, 1)
    return distance_transform_edt(padded)[1:-1, 1:-1]


def _enlarged(array: NDArray[Any], factor: int) -> NDArray[Any]:
    """Every pixel as a square of `factor`×`factor` pixels."""
    return array.repeat(factor, axis=0).repeat(factor, axis=1)


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib ships it: the same on every machine, and with accents."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{mpl.get_data_path()}/fonts/ttf/{name}", size)
