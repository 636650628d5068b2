"""Pictures of every sample with its players, one PNG each, so that a person can check them.

Players differ in tint (Okabe and Ito's colours, in turn), but are told apart by outline and number
alone: a grey printer or a colour-blind reader loses nothing. What is no player is dimmed.
"""

from collections.abc import Sequence
from itertools import groupby

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont
from scipy import ndimage

from whypretrain.data.samples import Sample

OKABE_ITO = "#E69F00 #56B4E9 #009E73 #F0E442 #0072B2 #D55E00 #CC79A7"
TINTS = np.array([ImageColor.getrgb(tint) for tint in OKABE_ITO.split()])
INK, PAPER, DIMMED = "#000000", "#FFFFFF", "#767676"
SIDE = 640  # pixels, the longer side of an enlarged image, about
GAP = 16  # pixels between pictures, and around everything
NUMBER = 20  # pixels, the size of numbers on images
TEXT = 28  # pixels, the size of words
LINE = 1100  # pixels, where lines of words are broken
CROSS = ndimage.generate_binary_structure(2, 1)  # a pixel and the four beside it


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
    """
    # Whole pixels of the sample become whole squares, so that outlines are exact.
    factor = max(1, round(SIDE / max(players.shape)))
    labels = players.repeat(factor, axis=0).repeat(factor, axis=1)
    plain = image.transpose(1, 2, 0).repeat(factor, axis=0).repeat(factor, axis=1)
    plain = np.broadcast_to(plain, (*labels.shape, 3))
    height, width = labels.shape
    size = (3 * GAP + 2 * width + 3 * NUMBER, 2 * GAP + height)
    sheet = Image.new("RGB", size, PAPER)
    left = 2 * GAP + width
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
    """
    font, small = _font(TEXT), _font(TEXT * 3 // 5, bold=True)
    space, pad = TEXT // 3, TEXT // 4
    tag = TEXT * 4 // 5  # height of the row of numbers above the words
    row = TEXT + 2 * pad + tag + space
    placed: list[tuple[int, int, int, str, int]] = []
    x, y, widest = GAP, GAP, 0
    whose = [(player, -1 if player >= 0 else at) for at, player in enumerate(players.tolist())]
    boxes = groupby(zip(whose, words, strict=True), key=lambda pair: pair[0])
    for (player, _), pairs in boxes:
        text = " ".join(word for _, word in pairs)
        width = round(font.getlength(text)) + 2 * pad
        if x > GAP and x + width > LINE:
            x, y = GAP, y + row
        placed.append((x, y, x + width, text, player))
        widest = max(widest, x + width)
        x += width + space
    sheet = Image.new("RGB", (widest + GAP, y + row + GAP - space), PAPER)
    draw = ImageDraw.Draw(sheet)
    for left, top, right, text, player in placed:
        if player >= 0:
            pale = tuple(((45 * TINTS[player % len(TINTS)] + 55 * 255) // 100).tolist())
            box = (left, top + tag, right, top + row - space)
            draw.rectangle(box, fill=pale, outline=INK, width=2)
            centre = ((left + right) / 2, top + tag / 2)
            draw.text(centre, str(player), fill=INK, font=small, anchor="mm")
        baseline = top + tag + pad + round(TEXT * 0.85)
        fill = INK if player >= 0 else DIMMED
        draw.text((left + pad, baseline), text, fill=fill, font=font, anchor="ls")
    return np.asarray(sheet)


def _tinted(plain: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Players in grey with a tint, the rest in grey and darkened."""
    grey = plain.mean(axis=2, keepdims=True)
    # Dark images stay dark and light ones light, but the tint is seen on both.
    coloured = 0.55 * grey + 0.45 * TINTS[labels % len(TINTS)]
    return np.where(labels[..., None] >= 0, coloured, 0.4 * grey + 20).round().astype(np.uint8)


def _outlined(picture: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Borders of players as a black line with a white one on either side, seen on any ground."""
    border = ndimage.morphological_gradient(labels, footprint=CROSS) != 0
    # The rim of the picture is a border of the players that touch it.
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        border[edge] |= labels[edge] >= 0
    outlined = picture.copy()
    outlined[ndimage.binary_dilation(border)] = ImageColor.getrgb(PAPER)
    outlined[border] = ImageColor.getrgb(INK)
    return outlined


def _number(
    draw: ImageDraw.ImageDraw, labels: NDArray[np.integer], corner: tuple[int, int]
) -> None:
    """Write every player's number into it, or beside the picture with a line to it."""
    font = _font(NUMBER, bold=True)
    left, top = corner
    height, width = labels.shape
    discs: list[tuple[float, float, str, float]] = []
    aside: list[tuple[float, float, str, float]] = []
    for player in np.unique(labels[labels >= 0]).tolist():
        row, column, depth = deepest(labels == player)
        radius = 0.62 * float(np.hypot(font.getlength(str(player)), NUMBER))
        own = (top + row, left + column, str(player), radius)
        (discs if depth >= radius else aside).append(own)
    # From top to bottom, so that lines do not cross; pushed apart, then back into the picture.
    aside.sort()
    step = min(2.0 * NUMBER, height / max(len(aside), 1))
    heights: list[float] = []
    for y, *_ in aside:
        heights.append(max(y, heights[-1] + step if heights else top + NUMBER))
    beside = left + width + GAP + NUMBER
    for place, (y, x, text, radius) in enumerate(aside):
        below = len(aside) - 1 - place
        at = min(heights[place], top + height - NUMBER - below * step)
        draw.line([(x, y), (beside, at)], fill=PAPER, width=5)
        draw.line([(x, y), (beside, at)], fill=INK, width=2)
        draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=INK, outline=PAPER)
        discs.append((at, beside, text, radius))
    # Numbers lie above all lines.
    for y, x, text, radius in discs:
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], PAPER, INK, width=2)
        draw.text((x, y), text, fill=INK, font=font, anchor="mm")


def deepest(region: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Row and column of the region's pixel that is farthest from its outside, and how far.

    The picture's rim is outside.
    """
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column), float(depth[row, column])


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib ships it: the same on every machine, and with accents."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{mpl.get_data_path()}/fonts/ttf/{name}", size)
