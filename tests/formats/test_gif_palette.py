"""No index of a GIF, the transparent one least of all, lies outside of its palette."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from codec_pictures import read, written

from imgpar.core.spec import Frame, Metadata, Spec

COUNTS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 254, 255, 256)
SIZE = 24


def frame(colours: int, *, alpha: bool, seed: int = 0) -> Frame:
    """Noise of so many colours, each of them used; with alpha, a third of the pixels is transparent."""
    random = np.random.default_rng(seed)
    table = random.choice(1 << 24, colours, replace=False)
    index = random.integers(0, colours, (SIZE, SIZE))
    index.ravel()[:colours] = np.arange(colours)
    values = table[index]
    array = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)
    if alpha:
        shown = random.random((SIZE, SIZE)) > 0.3
        shown.ravel()[:colours] = True
        array = np.dstack([array, shown.astype(np.uint8) * 255])
    return Frame(Spec(SIZE, SIZE, "RGBA" if alpha else "RGB"), np.ascontiguousarray(array))


def tables(data: bytes) -> Iterator[tuple[int, int | None, int]]:
    """Of each picture: colours of its palette, its transparent index, and its background."""
    shared = 2 << (data[10] & 7) if data[10] & 0x80 else 0
    at, clear = 13 + 3 * shared, None
    while data[at] != 0x3B:
        if data[at] == 0x21:
            if data[at + 1] == 0xF9:
                clear = data[at + 6] if data[at + 3] & 1 else None
            at += 2
        else:
            own = 2 << (data[at + 9] & 7) if data[at + 9] & 0x80 else 0
            yield own or shared, clear, data[11]
            clear, at = None, at + 11 + 3 * own
        while data[at]:
            at += data[at] + 1
        at += 1


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "transparent"])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("colours", COUNTS)
def test_the_transparent_index_is_in_the_palette(colours: int, frames: int, *, alpha: bool) -> None:
    made = [frame(colours, alpha=alpha, seed=seed) for seed in range(frames)]
    data = written(made, "gif", Metadata(durations=(100,) * frames if frames > 1 else ()))
    found = list(tables(data))
    assert len(found) == frames
    assert all(clear is None or clear < size for size, clear, _ in found)
    assert all(background < size for size, _, background in found[:1])
    assert not alpha or all(clear is not None for _, clear, _ in found)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("colours", COUNTS[:-1])
def test_up_to_255_colours_and_transparency_are_exact(colours: int, frames: int) -> None:
    made = [frame(colours, alpha=True, seed=seed) for seed in range(frames)]
    _, arrays = read(written(made, "gif", Metadata(durations=(100,) * frames if frames > 1 else ())))
    for before, after in zip(made, arrays, strict=True):
        shown = before.array[..., 3] > 0
        assert np.array_equal(after[..., 3] > 0, shown)
        assert np.array_equal(after[shown], before.array[shown])


def test_a_black_pixel_at_the_edge_of_a_transparent_frame_stays() -> None:
    first, second = np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 4), np.uint8)
    first[2:4, 2:4] = (250, 10, 20, 255)
    second[0, 0] = second[4, 4] = (0, 0, 0, 255)
    made = [Frame(Spec(8, 8, "RGBA"), array) for array in (first, second)]
    _, arrays = read(written(made, "gif", Metadata(durations=(100, 100))))
    assert arrays[1][0, 0].tolist() == [0, 0, 0, 255]


def test_an_empty_frame_of_an_animation_is_empty() -> None:
    first = np.full((6, 6, 4), 255, np.uint8)
    made = [Frame(Spec(6, 6, "RGBA"), array) for array in (first, np.zeros_like(first), first)]
    _, arrays = read(written(made, "gif", Metadata(durations=(100, 100, 100))))
    assert [int(array[..., 3].max()) for array in arrays] == [255, 0, 255]
