"""Training inputs per second: a split decoded once and augmented in batches, against one by one.

One by one is what a loader without a cache does: decode, then torchvision's transforms, an item at
a time. Run it: ``python -m validation.benchmarks.inputs``.
"""

import io

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from validation.benchmarks.bench import Row, alternate
from whypretrain.data.batches import normalise
from whypretrain.data.encoded import decode
from whypretrain.data.images import CROPPED_FROM, Images
from whypretrain.data.table import Split
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import Augmentation, RandAugment

N_IMAGES, BATCH = 128, 32
FLOAT = v2.ToDtype(torch.float32, scale=True)
CROPPED = Augmentation(crop_min_scale=0.25, flip=True)
CASES = {
    "CIFAR-10's PNG to 224 pixels, shifted and mirrored": (
        *("PNG", (32, 32), Augmentation(translate=0.125, flip=True)),
        [
            FLOAT,
            v2.RandomAffine(
                0, translate=(0.125, 0.125), interpolation=v2.InterpolationMode.BILINEAR
            ),
        ],
    ),
    "photographs (JPEG, 500×375), cropped to 224 pixels and mirrored": (
        *("JPEG", (500, 375), CROPPED),
        [FLOAT, v2.RandomResizedCrop(224, scale=(0.25, 1))],
    ),
    "the same photographs, with RandAugment": (
        *("JPEG", (500, 375), CROPPED.model_copy(update={"randaugment": RandAugment()})),
        # The same strength: theirs counts to 30.
        [v2.RandomResizedCrop(224, scale=(0.25, 1)), v2.RandAugment(2, 27), FLOAT],
    ),
}


def photographs(encoding: str, size: tuple[int, int]) -> list[bytes]:
    """Smooth random pictures, encoded."""
    drawn = np.random.default_rng(0)
    found = []
    for _ in range(N_IMAGES):
        coarse = Image.fromarray(drawn.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize(size, Image.Resampling.BICUBIC).save(buffer, encoding)
        found.append(buffer.getvalue())
    return found


def compare(name: str, device: torch.device) -> Row:
    """Items of an epoch per second, both ways, once the split of the second is decoded."""
    encoding, size, augmentation, moves = CASES[name]
    architecture = ImageArchitecture(timm="x", image_size=224, mean=[0.5] * 3, std=[0.25] * 3)
    encoded = photographs(encoding, size)
    ids, labels = [str(i) for i in range(N_IMAGES)], [0] * N_IMAGES
    split = Split("image", ["a"], ids, encoded, [], labels, [""] * N_IMAGES)
    images = Images(split, architecture, augmentation, device=device)
    side = round(224 * (CROPPED_FROM if augmentation.crop_min_scale < 1 else 1))
    transforms = v2.Compose([*moves, v2.RandomHorizontalFlip()])

    def one_by_one() -> None:
        for at in range(0, N_IMAGES, BATCH):
            items = []
            for item in encoded[at : at + BATCH]:
                pixels = torch.from_numpy(decode(item, size=side, channels=3).copy())
                items.append(normalise(transforms(pixels), architecture))
            torch.stack(items).to(device)

    slow, fast = alternate(one_by_one, lambda: [*images.batches(BATCH, seed=0)])
    speeds = {"one by one, items/s": N_IMAGES / slow, "in batches, items/s": N_IMAGES / fast}
    # Of RandAugment, torchvision computes the colours both ways.
    goal = 3.0 if augmentation.randaugment is None else 1.3
    return {"what": f"inputs: {name}", "ratio": slow / fast, "goal": goal, **speeds}


def main() -> None:
    """Print a line a case, on one thread of the CPU."""
    torch.set_num_threads(1)
    for name in CASES:
        print(compare(name, torch.device("cpu")))


if __name__ == "__main__":
    main()
