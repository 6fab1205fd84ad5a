"""Batches for training: imgpar, DALI, and a DataLoader with Pillow, OpenCV and pyvips, two workers each.

    python bench/loaders.py PHOTOS SMALL            # two folders of JPEGs
    python bench/loaders.py PHOTOS --rounds 5

Each makes the same batches of uint8, N×224×224×3, each picture scaled to cover the square and cropped at its
centre; the last row is imgpar inside the workers of a DataLoader. Needs torch, pyvips and nvidia-dali. The
first epoch includes the start of the workers; later ones, for which the workers stay, are measured in turn,
and their medians shown, with the mean difference of all pixels from Pillow without draft.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset

import imgpar
import imgpar.torch

SIDE, SIZE, WORKERS = 224, 32, 2
SETTLE = 3.0
"""Seconds for which DALI, which reads two batches ahead of the next epoch, is left alone."""
Load = Callable[[str], np.ndarray[Any, Any]]


def with_pillow(path: str) -> np.ndarray[Any, Any]:
    """Scaled while decoding, to at least twice the size."""
    with Image.open(path) as image:
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        upright = ImageOps.exif_transpose(image).convert("RGB")
        fitted = ImageOps.fit(upright, (SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(fitted)


def exact(path: str) -> np.ndarray[Any, Any]:
    """From all pixels."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(ImageOps.fit(upright, (SIDE, SIDE), Image.Resampling.LANCZOS))


def with_opencv(path: str) -> np.ndarray[Any, Any]:
    """By areas, as its documentation recommends for smaller sizes."""
    picture = cv2.imread(path, cv2.IMREAD_COLOR)
    assert picture is not None
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    return cv2.cvtColor(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


def with_vips(path: str) -> np.ndarray[Any, Any]:
    """Its own thumbnails."""
    import pyvips

    image = pyvips.Image.thumbnail(path, SIDE, height=SIDE, crop="centre")
    if image.bands == 1:
        image = image.colourspace("srgb")
    return np.asarray(image.numpy()[..., :3])


class Files(Dataset[torch.Tensor]):
    """Pictures, loaded by a function."""

    def __init__(self, paths: list[str], load: Load) -> None:
        self._paths, self._load = paths, load

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        cv2.setNumThreads(1)
        return torch.from_numpy(np.array(self._load(self._paths[index])))


Epoch = Callable[[], Iterator[torch.Tensor]]
"""Gives the batches of one epoch; workers stay between two calls."""


def of_loader(paths: list[str], load: Load) -> Epoch:
    """Batches of a DataLoader."""
    loader = DataLoader(Files(paths, load), batch_size=SIZE, num_workers=WORKERS, persistent_workers=True)
    return lambda: iter(loader)


def with_dali(paths: list[str]) -> Epoch:
    """DALI's pipeline on the processor."""
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def(batch_size=SIZE, num_threads=WORKERS, device_id=None)
    def described() -> Any:
        files, _ = fn.readers.file(files=paths, pad_last_batch=True)
        pictures = fn.decoders.image(files, device="cpu", output_type=types.RGB)
        small = fn.resize(pictures, resize_shorter=SIDE, antialias=True, interp_type=types.INTERP_TRIANGULAR)
        return fn.crop(small, crop=(SIDE, SIDE))

    made = described()
    made.build()

    def epoch() -> Iterator[torch.Tensor]:
        for first in range(0, len(paths), SIZE):
            (batch,) = made.run()
            yield torch.from_numpy(batch.as_array()[: len(paths) - first])

    return epoch


def of_imgpar(paths: list[str]) -> Epoch:
    """Batches of imgpar with its own workers."""
    session = imgpar.Session(jobs=WORKERS)
    return lambda: (torch.from_numpy(batch.array) for batch in session.batches(PIPE, paths, size=SIZE))


def inside(paths: list[str]) -> Epoch:
    """Batches of imgpar in the workers of a DataLoader."""
    made = imgpar.torch.IterableDataset(PIPE, paths, size=SIZE)
    loader = DataLoader(made, batch_size=None, num_workers=WORKERS, persistent_workers=True)
    return lambda: (batch.array for batch in loader)


PIPE = imgpar.Pipeline().resize(f"{SIDE}x{SIDE}", fit="cover")
WAYS: dict[str, Callable[[list[str]], Epoch]] = {
    "Pillow, draft": lambda paths: of_loader(paths, with_pillow),
    "OpenCV": lambda paths: of_loader(paths, with_opencv),
    "pyvips": lambda paths: of_loader(paths, with_vips),
    "DALI": with_dali,
    "imgpar": of_imgpar,
    "imgpar in DataLoader": inside,
}


def difference(paths: list[str], way: Callable[[list[str]], Epoch]) -> float:
    """Mean difference from the exact ones, of the first pictures."""
    some = paths[:64]
    made = torch.cat([batch.clone() for batch in way(some)()]).numpy().astype(np.int16)
    return float(np.mean([np.abs(one - exact(path)).mean() for one, path in zip(made, some, strict=True)]))


def measure(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    """Seconds of the first and of later epochs of each way, and its difference."""
    paths = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    paths = paths[: args.most] * args.times
    names = [name for name in WAYS if not args.only or name in args.only.split(";")]
    epochs: dict[str, Epoch] = {}
    spent: dict[str, list[float]] = {name: [] for name in names}
    for number in range(args.rounds + 1):
        for name in names:
            start = time.perf_counter()
            if name not in epochs:
                epochs[name] = WAYS[name](paths)
            count = sum(len(batch) for batch in epochs[name]())
            spent[name].append(time.perf_counter() - start)
            if name == "DALI":  # it begins the next epoch at once, beside whatever is measured then
                time.sleep(SETTLE)
            print(f"{folder.name} {number}: {name:22} {spent[name][-1]:6.2f} s, {count}", flush=True)
    later = {name: statistics.median(times[1:]) for name, times in spent.items()}
    peers = [later[name] for name in names if "imgpar" not in name]
    ours = min(later.get(name, math.inf) for name in names if "imgpar" in name)
    return {
        "pictures": len(paths),
        "first epoch": {name: round(times[0], 3) for name, times in spent.items()},
        "later epochs": {name: round(value, 3) for name, value in later.items()},
        "imgpar / best peer": round(ours / min(peers, default=math.nan), 3),
        "difference": {name: round(difference(paths, WAYS[name]), 2) for name in names},
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=100_000, help="pictures of each folder")
    parser.add_argument("--times", type=int, default=1, help="how often each is taken")
    parser.add_argument("--only", default="", help="names of ways, separated by semicolons")
    args = parser.parse_args()
    result = {folder.name: measure(folder, args) for folder in args.folders}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
