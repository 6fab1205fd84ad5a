"""Faces: found, hidden, and kept in a crop. The drawings tell where they are."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import people
from operation_frames import DTYPES, LAYOUTS, Array, picture, psnr, run, unit
from PIL import Image
from video_clips import decoded, ffmpeg

from imgpar import Pipeline
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.spec import Frame, Layout, Spec
from imgpar.pixels.faces import best_window, find_faces
from imgpar.pixels.layouts import convert_layout
from imgpar.recipe.tables import make_operation
from imgpar.video.clip import Picture, Stream
from imgpar.video.plan import steps_of

pytest.importorskip("dlib", reason="dlib-bin is not installed", exc_type=ImportError)


def frame_of(array: Array, layout: Layout = "RGB", dtype: str = "uint8") -> Frame:
    """A frame of another layout and depth with the same picture."""
    src = Frame(Spec(array.shape[1], array.shape[0]), array)
    made = Frame(src.spec.converted(layout, dtype), np.empty(src.spec.converted(layout, dtype).shape, dtype))
    convert_layout(src, made)
    return made


ONE = people((240, 180), [(80, 90, 90)])
"""Eyes at 62…98 × 82, mouth at 80 × 124."""
NONE = picture("RGB", width=160, height=120).array


def png(*arrays: Array) -> bytes:
    data = io.BytesIO()
    first, *others = map(Image.fromarray, arrays)
    more = {"save_all": True, "append_images": others, "duration": 80} if others else {}
    first.save(data, "PNG", **more)
    return data.getvalue()


class TestFinding:
    """find_faces."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_in_all_layouts_and_depths(self, layout: Layout, dtype: str) -> None:
        (box,) = find_faces(frame_of(ONE, layout, dtype))
        left, top, right, bottom = box
        assert left < 62
        assert right > 98
        assert top < 82
        assert bottom > 124
        assert right - left < 120

    def test_a_large_picture_gives_the_coordinates_of_the_small_one(self) -> None:
        (small,) = find_faces(frame_of(ONE))
        large = cv2.resize(ONE, (240 * 12, 180 * 12), interpolation=cv2.INTER_CUBIC)
        (found,) = find_faces(frame_of(large))
        np.testing.assert_allclose(np.array(found) / 12, small, atol=10)

    def test_two_faces(self) -> None:
        found = find_faces(frame_of(people((400, 200), [(90, 100, 90), (300, 90, 110)])))
        assert sorted(left < 200 for left, *_ in found) == [False, True]

    def test_a_face_at_the_edge_stays_inside(self) -> None:
        for left, top, right, bottom in find_faces(frame_of(people((120, 130), [(48, 62, 100)]))):
            assert 0 <= left < right <= 120
            assert 0 <= top < bottom <= 130

    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (39, 300), (40, 40), (41, 20_000)])
    def test_thin_and_tiny_pictures(self, size: tuple[int, int]) -> None:
        assert find_faces(frame_of(np.full((size[1], size[0], 3), 90, np.uint8))) == []

    def test_floats_that_are_no_numbers(self) -> None:
        frame = frame_of(ONE, "RGB", "float32")
        frame.array[:5] = np.nan
        frame.array[-5:] = np.inf
        assert len(find_faces(frame)) == 1

    def test_the_frame_is_not_modified(self) -> None:
        frame = frame_of(ONE)
        find_faces(frame)
        np.testing.assert_array_equal(frame.array, ONE)


class TestHiding:
    """redact and pixelate with faces."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_redact_covers_the_head(self, layout: Layout) -> None:
        made = run(make_operation("redact", "faces", fill="blue"), frame_of(ONE, layout))
        colours = unit(made)[30:145, 35:125, : 1 if made.spec.grey else 3]
        assert (colours == unit(made)[90, 80, : colours.shape[2]]).all()

    def test_the_rest_is_not_changed(self) -> None:
        made = run(make_operation("redact", "faces"), frame_of(ONE)).array
        np.testing.assert_array_equal(made[:, 170:], ONE[:, 170:])

    def test_other_regions_are_hidden_with_them(self) -> None:
        made = run(make_operation("redact", "faces,10x10+225+0"), frame_of(ONE)).array
        assert made[:10, 225:235].max() == made[90, 80].max() == 0

    def test_without_growth_the_hair_stays(self) -> None:
        made = run(make_operation("redact", "faces", grow=0), frame_of(ONE)).array
        np.testing.assert_array_equal(made[20:30, 70:90], ONE[20:30, 70:90])

    @pytest.mark.parametrize("method", ["blocks", "blur"])
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_no_face_is_found_afterwards(self, method: str, dtype: str) -> None:
        made = run(make_operation("pixelate", "faces", method=method), frame_of(ONE, "RGB", dtype))
        assert find_faces(made) == []

    def test_a_picture_without_face_keeps_its_pixels(self) -> None:
        made = run(make_operation("redact", "faces"), frame_of(NONE)).array
        np.testing.assert_array_equal(made, NONE)

    def test_growth_without_faces_is_refused(self) -> None:
        with pytest.raises(BadValueError, match=r"The setting grow .* redact is not given any"):
            make_operation("redact", "10x10+0+0", grow="20%")

    @pytest.mark.parametrize("given", ["face", "Faces", " faces , faces "])
    def test_spellings(self, given: str) -> None:
        assert str(make_operation("redact", given).regions) == "faces"  # type: ignore[attr-defined]

    def test_a_misspelling_is_answered_with_the_word(self) -> None:
        with pytest.raises(BadValueError, match="Did you mean 'faces'"):
            make_operation("redact", "facs")


class TestBlur:
    """pixelate with a blur."""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("sigma", [4, 40])
    def test_it_is_the_gaussian_blur_of_the_region(self, dtype: str, sigma: int) -> None:
        src = frame_of(ONE, "RGB", dtype)
        made = run(make_operation("pixelate", "140x120+20+30", block=sigma, method="blur"), src)
        exact = cv2.GaussianBlur(unit(src)[30:150, 20:160], (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        assert psnr(unit(made)[30:150, 20:160], exact) > 40

    def test_nothing_of_the_region_gets_outside(self) -> None:
        made = run(make_operation("pixelate", "140x120+20+30", method="blur"), frame_of(ONE)).array
        outside = np.ones((180, 240), bool)
        outside[30:150, 20:160] = False
        np.testing.assert_array_equal(made[outside], ONE[outside])

    def test_hidden_colours_of_transparent_pixels_do_not_bleed(self) -> None:
        src = frame_of(ONE, "RGBA")
        src.array[..., 3] = 0
        src.array[:60] = (10, 20, 30, 255)
        made = run(make_operation("pixelate", "all", block=10, method="blur"), src).array
        shown = made[..., 3] > 100
        assert np.abs(made[shown][:, :3].astype(int) - (10, 20, 30)).max() <= 2


class TestBlocks:
    """The default side of a block."""

    @pytest.mark.parametrize(("regions", "side"), [("all", 7), ("160x160+0+0", 20), ("8x8+0+0", 7)])
    def test_regions_have_at_most_eight_blocks(self, regions: str, side: int) -> None:
        ramp = np.arange(180 * 240 * 3).reshape(180, 240, 3) % 251
        made = run(make_operation("pixelate", regions), frame_of(ramp.astype(np.uint8))).array
        assert (made[:side, :side] == made[0, 0]).all()
        assert side == 7 == 8 or (made[0, side] != made[0, 0]).any()


class TestWindows:
    """crop and resize with --gravity faces."""

    @pytest.mark.parametrize("x", [70, 200, 330])
    def test_the_face_is_in_the_crop(self, x: int) -> None:
        src = frame_of(people((400, 200), [(x, 100, 90)]))
        operation = make_operation("crop", "150x200", gravity="faces").settled([src])
        left, _, width, _ = operation._area(src.spec)  # type: ignore[attr-defined]
        assert left <= x - 55
        assert left + width >= x + 55

    def test_cover_keeps_the_face(self) -> None:
        src = frame_of(people((400, 200), [(330, 100, 90)]))
        operation = make_operation("resize", "100x100", fit="cover", gravity="faces").settled([src])
        assert operation.at[0] > 0.8  # type: ignore[attr-defined]

    def test_the_larger_of_two_that_do_not_fit(self) -> None:
        assert best_window([(0, 0, 30, 30), (160, 0, 200, 40)], (200, 50), (50, 50)) == (1.0, 0.5)

    def test_as_many_as_possible(self) -> None:
        faces = [(0, 0, 30, 30), (120, 0, 145, 25), (160, 0, 185, 25)]
        across, _ = best_window(faces, (200, 50), (70, 50))
        assert across * 130 == pytest.approx(117.5, abs=1)

    def test_a_whole_face_is_better_than_two_halves(self) -> None:
        across, _ = best_window([(0, 0, 40, 40), (50, 0, 90, 40)], (90, 40), (50, 40))
        assert across in (0.0, 1.0)

    def test_a_window_as_large_as_the_picture(self) -> None:
        assert best_window([(0, 0, 30, 30)], (40, 40), (40, 40)) == (0.5, 0.5)

    def test_without_a_face_it_is_attention(self) -> None:
        src = frame_of(NONE)
        faces, attention = (
            make_operation("crop", "60x60", gravity=word).settled([src]) for word in ("faces", "attention")
        )
        assert faces == attention


class TestNotes:
    """What the report says."""

    @pytest.mark.parametrize(
        ("array", "note"),
        [
            (ONE, "redact found 1 face; others may have been missed"),
            (NONE, "redact found no face; check the result"),
        ],
    )
    def test_of_a_picture(self, tmp_path: Path, array: Array, note: str) -> None:
        (tmp_path / "a.png").write_bytes(png(array))
        (item,) = Pipeline().redact("faces").run(tmp_path / "a.png", tmp_path / "out", jobs=1).items
        assert item.notes == (note,)

    def test_of_the_run(self, tmp_path: Path) -> None:
        for name, array in ("a", NONE), ("b", NONE), ("c", ONE):
            (tmp_path / f"{name}.png").write_bytes(png(array))
        report = Pipeline().redact("faces").run(tmp_path, tmp_path / "out", jobs=1)
        assert report.notes[-1].startswith("2 results have to be checked: the notes in the report")

    def test_of_an_animation_whose_frames_are_searched_one_by_one(self, tmp_path: Path) -> None:
        moved = people((240, 180), [(150, 90, 90)])
        nobody = people((240, 180), [])
        (tmp_path / "a.png").write_bytes(png(ONE, moved, nobody))
        report = Pipeline().redact("faces").run(tmp_path / "a.png", tmp_path / "out", jobs=1)
        assert report.items[0].notes == ("redact found faces in 2 of 3 frames; others may have been missed",)
        with Image.open(tmp_path / "out" / "a.png") as image:
            black = []
            for number in range(3):
                image.seek(number)
                black.append([image.convert("RGB").getpixel((x, 90)) == (0, 0, 0) for x in (30, 200)])
        assert black == [[True, False], [False, True], [False, False]]

    def test_of_a_crop_without_face(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(png(NONE))
        report = Pipeline().crop("1:1", gravity="faces").run(tmp_path / "a.png", tmp_path / "out", jobs=1)
        assert report.items[0].notes == ("crop found no face, so attention has chosen the part",)


class TestClips:
    """Clips, frame by frame."""

    def test_each_frame_is_searched(self, tmp_path: Path) -> None:
        for number, x in enumerate((80, 160)):
            Image.fromarray(people((240, 180), [(x, 90, 90)])).save(tmp_path / f"{number}.png")
        ffmpeg("-framerate", "10", "-i", tmp_path / "%d.png", "-crf", "1", tmp_path / "a.mp4")
        report = Pipeline().redact("faces").run(tmp_path / "a.mp4", tmp_path / "out", jobs=1)
        frames = decoded(tmp_path / "out" / "a.mp4")[1]
        assert [[frame[90, x].max() < 12 for x in (40, 200)] for frame in frames] == [
            [True, False],
            [False, True],
        ]
        assert report.items[0].notes == (
            "redact searches each frame for faces; some may have been missed; check the result",
        )

    def test_a_crop_to_faces_is_refused(self) -> None:
        picture = Picture(Stream(0, "video", "h264"), 240, 180, "yuv420p", 8, False, "420")
        with pytest.raises(TransformError, match="crop depends on the pixels"):
            steps_of(picture, [make_operation("crop", "1:1", gravity="faces")])


def test_bytes_in_bytes_out() -> None:
    made = Image.open(io.BytesIO(Pipeline().redact("faces").encode(png(ONE))))
    assert made.convert("RGB").getpixel((80, 90)) == (0, 0, 0)
