"""Shifted test inputs: what is drawn, at which level, and that it depends on the item alone."""

import numpy as np
import pytest
import torch

from tests.conftest import small
from tests.data.test_texts import SPLIT
from whypretrain.data.images import Images
from whypretrain.data.shifts import shifted
from whypretrain.data.table import Split
from whypretrain.data.texts import NO_WORD, Texts, Tokenizer
from whypretrain.settings.models import ImageArchitecture, TextArchitecture

CPU = torch.device("cpu")
PLAIN = ImageArchitecture(
    timm="whypretrain_vit", image_size=28, channels=1, mean=[0.0], std=[1.0]
)  # inputs are intensities


def images_of(
    split: Split, shift: str, level: float, seed: int = 0, architecture: ImageArchitecture = PLAIN
) -> torch.Tensor:
    images = Images(split, architecture, device=CPU)
    data = shifted(images, split, shift, level, seed)  # type: ignore[arg-type]
    return torch.cat([pixels for pixels, _ in data.batches(4)])


def test_noise_has_the_configured_deviation_and_stays_in_range(
    digits: tuple[Split, Split],
) -> None:
    grey = small("whypretrain_vit").model_copy(update={"mean": [0.0], "std": [1.0]})
    split = digits[1]
    before = images_of(split, "none", 0, architecture=grey)
    for level in (0.1, 0.3):
        after = images_of(split, "noise", level, architecture=grey)
        assert after.min() >= 0
        assert after.max() <= 1
        inner = (before > 0.4) & (before < 0.6)  # where little is clipped
        changes = (after - before)[inner]
        assert changes.std().item() == pytest.approx(level, rel=0.15)


def test_levels_scale_one_noise(digits: tuple[Split, Split]) -> None:
    before = images_of(digits[1], "none", 0)
    weak, strong = (images_of(digits[1], "noise", level) for level in (0.01, 0.02))
    inner = (before > 0.1) & (before < 0.9)
    torch.testing.assert_close(2 * (weak - before)[inner], (strong - before)[inner])


def test_what_is_drawn_depends_on_seed_and_item_alone(digits: tuple[Split, Split]) -> None:
    split = digits[1]
    reverse = split._replace(ids=split.ids[::-1], images=split.images[::-1])
    for shift, level in (("noise", 0.2), ("rotation", 30)):
        found = images_of(split, shift, level)
        assert torch.equal(found, images_of(reverse, shift, level).flip(0))
        assert torch.equal(found, images_of(split, shift, level))
        assert not torch.equal(found, images_of(split, shift, level, seed=1))
    noise = images_of(split, "noise", 0.2) - images_of(split, "none", 0)
    assert not torch.equal(noise[0], noise[1])


def test_images_turn_by_the_angle_to_either_side(digits: tuple[Split, Split]) -> None:
    """A quarter turn is exact, so that each side can be told."""
    before, after = images_of(digits[1], "none", 0), images_of(digits[1], "rotation", 90)
    sides = [
        next(
            turns
            for turns in (1, 3)
            if torch.allclose(new, torch.rot90(old, turns, dims=(1, 2)), atol=1e-5)
        )
        for old, new in zip(before, after, strict=True)
    ]
    assert 0.25 < np.mean(np.array(sides) == 1) < 0.75
    smaller = images_of(digits[1], "rotation", 15)
    assert not torch.equal(smaller, before)


def test_shifted_images_are_normalised_and_keep_their_labels(digits: tuple[Split, Split]) -> None:
    architecture = small("whypretrain_vit")
    data = shifted(Images(digits[1], architecture, device=CPU), digits[1], "noise", 0.1, 0)
    plain = images_of(digits[1], "noise", 0.1)
    pixels, labels = next(data.batches(1000))
    assert labels.tolist() == digits[1].labels
    torch.testing.assert_close(pixels, (plain - 0.3) / 0.35)


def masked_words(encoder: TextArchitecture, rate: float, seed: int = 0) -> list[set[int]]:
    """Words masked in each sentence; all their tokens are, and no others."""
    tokenizer = Tokenizer(encoder)
    data = shifted(Texts(SPLIT, encoder, device=CPU), SPLIT, "masked_words", rate, seed)
    found = []
    for index, text in enumerate(SPLIT.texts):
        tokens, ids = tokenizer(text), data.batch(torch.tensor([index]), None)[0].numpy()
        changed = ids != tokens.ids
        assert (ids[changed] == tokenizer.mask).all()
        words = set(tokens.word_of_token[changed].tolist())
        assert NO_WORD not in words
        np.testing.assert_array_equal(np.isin(tokens.word_of_token, list(words)), changed)
        found.append(words)
    return found


def test_whole_words_are_masked_more_at_higher_rates(encoder: TextArchitecture) -> None:
    assert masked_words(encoder, 1e-9) == [set()] * len(SPLIT.texts)
    low, high = masked_words(encoder, 0.3), masked_words(encoder, 0.6)
    assert all(few <= many for few, many in zip(low, high, strict=True))
    assert sum(map(len, low)) < sum(map(len, high))
    assert low == masked_words(encoder, 0.3)
    assert low != masked_words(encoder, 0.3, seed=1)
    tokenizer = Tokenizer(encoder)
    everything = [set(tokenizer(text).word_of_token.tolist()) - {NO_WORD} for text in SPLIT.texts]
    assert masked_words(encoder, 1.0) == everything


def test_words_are_masked_at_the_configured_rate(encoder: TextArchitecture) -> None:
    texts = ["film " * 20] * 100
    split = SPLIT._replace(ids=[str(i) for i in range(100)], texts=texts, labels=[0] * 100)
    data = shifted(Texts(split, encoder, device=CPU), split, "masked_words", 0.3, 0)
    ids, _ = next(data.batches(100))
    shares = ((ids == Tokenizer(encoder).mask).sum(dim=1) / 20).tolist()
    assert np.mean(shares) == pytest.approx(0.3, abs=0.04)
    assert np.std(shares) > 0.05


def test_masked_sentences_keep_their_length_and_so_their_order(encoder: TextArchitecture) -> None:
    data = shifted(Texts(SPLIT, encoder, device=CPU), SPLIT, "masked_words", 0.6, 0)
    assert torch.equal(data.order(4, None), Texts(SPLIT, encoder, device=CPU).order(4, None))


def test_a_shift_that_inputs_cannot_have(
    digits: tuple[Split, Split], encoder: TextArchitecture
) -> None:
    images, texts = Images(digits[1], PLAIN, device=CPU), Texts(SPLIT, encoder, device=CPU)
    with pytest.raises(ValueError, match="shift 'masked_words': there is none"):
        shifted(images, digits[1], "masked_words", 0.1, 0)
    with pytest.raises(ValueError, match=r"shift 'noise': .* of task 'text'"):
        shifted(texts, SPLIT, "noise", 0.1, 0)
