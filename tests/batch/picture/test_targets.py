"""Sizes and scores that are asked for, smaller files only, lossless optimisation, the best format."""

from __future__ import annotations

import io
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, features

import imgpar
from imgpar import EncodeError, Pipeline
from imgpar.cli import main
from imgpar.pixels import metrics


@cache
def pixels(width: int = 320, height: int = 240) -> np.ndarray:
    """Soft noise and waves: as hard to compress as a photo."""
    noise = np.random.default_rng(7).normal(0, 60, (height, width, 3)).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    waves = 128 + 50 * np.sin(x / 23)[..., None] * np.cos(y / 17)[..., None]
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.2) + waves, 0, 255).astype(np.uint8)


def saved(form: str, image: Image.Image | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    (image or Image.fromarray(pixels())).save(sink, form, **options)
    return sink.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


PNG = saved("PNG")
FORMATS = ["jpg", "webp", *(["avif"] if features.check("avif") else [])]


@pytest.mark.parametrize("to", FORMATS)
def test_the_largest_file_that_fits(to):
    data = Pipeline().encode(PNG, to=to, max_bytes=12_000, effort=1)
    assert 12_000 * 0.9 < len(data) <= 12_000
    assert opened(data).size == (320, 240)


def test_no_quality_that_fits_is_higher_than_the_range_allows():
    data = Pipeline().encode(PNG, to="jpg", max_bytes=12_000)
    every = [len(Pipeline().encode(PNG, to="jpg", quality=quality)) for quality in range(1, 96)]
    best = max(size for size in every if size <= 12_000)
    assert best * 0.92 <= len(data) <= best


def test_a_quality_is_the_upper_limit_of_a_size():
    assert Pipeline().encode(PNG, to="jpg", max_bytes="1M", quality=60) == Pipeline().encode(
        PNG, to="jpg", quality=60
    )


def test_a_jpeg_that_is_small_enough_is_copied():
    data = saved("JPEG", quality=80)
    assert Pipeline().encode(data, max_bytes=len(data)) == data


def test_a_jpeg_is_not_encoded_with_more_than_its_own_quality():
    data = saved("JPEG", quality=60)
    made = Pipeline().encode(data, strip="all", max_bytes=len(data) - 1)
    assert opened(made).quantization[0][0] >= opened(data).quantization[0][0]


def test_a_size_that_cannot_be_met_says_what_would_help():
    with pytest.raises(EncodeError, match=r"500 bytes cannot be met: at quality 1 it has .*--shrink"):
        Pipeline().encode(PNG, to="jpg", max_bytes=500)


def with_comment(nbytes: int, size: tuple[int, int]) -> bytes:
    picture = Image.fromarray(pixels()).resize(size)
    return saved("JPEG", picture, comment=b"x" * nbytes)


@pytest.mark.parametrize(
    ("size", "most", "shrink", "message"),
    [
        (
            (32, 24),
            3000,
            None,
            r"of which its metadata are [45],\d+\. Remove them with --strip all \(strip='all'\), or",
        ),
        (
            (320, 240),
            700,
            None,
            r"metadata are [45],\d+\. Remove them with --strip all \(strip='all'\) and .* --shrink",
        ),
        (
            (320, 240),
            4000,
            True,
            r"of which its metadata are [45],\d+\. Remove them with --strip all \(strip='all'\), or",
        ),
    ],
)
def test_only_metadata_that_are_in_the_file_are_named(size, most, shrink, message):
    data = with_comment(5000, size)
    with pytest.raises(EncodeError, match=message) as caught:
        Pipeline().encode(data, to="jpg", max_bytes=most, shrink=shrink)
    has, own = (
        int(n.replace(",", "")) for n in re.findall(r"(?:it has|metadata are) ([\d,]+)", str(caught.value))
    )
    assert own < has


def test_metadata_that_make_no_difference_are_not_blamed():
    data = with_comment(600, (320, 240))
    with pytest.raises(EncodeError, match=r"it has [\d,]+\. Scale it down with --shrink"):
        Pipeline().encode(data, to="webp", max_bytes=200)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ssim", r"butteraugli=1 or psnr=42 for .*Did you mean 'ssim=0\.98'\?"),
        ("butteraugli=-1", r"butteraugli=N with N from 0\.1 to 20 for"),
        ("ssim=98", r"ssim=N with N from 0\.5 to 1 for"),
        ("psnr=high", "psnr=N with N from 10 to 100 for"),
        ("psnr=nan", "psnr=N with N from 10 to 100 for"),
    ],
)
def test_what_is_no_target(text, message):
    with pytest.raises(imgpar.BadValueError, match=message):
        Pipeline().encode(PNG, to="jpg", target=text)


def test_nothing_fits_into_no_bytes():
    with pytest.raises(imgpar.BadValueError, match="at least 1 byte"):
        Pipeline().encode(PNG, to="jpg", max_bytes=0)


def test_with_shrink_it_has_fewer_pixels():
    data = Pipeline().encode(PNG, to="jpg", max_bytes=2000, shrink=True)
    width, height = opened(data).size
    assert len(data) <= 2000
    assert (width < 320, width / height) == (True, pytest.approx(4 / 3, rel=0.05))


def test_with_shrink_the_quality_stays_above_fifty():
    data = Pipeline().encode(PNG, to="jpg", max_bytes=3000, shrink=True)
    at_fifty = opened(Pipeline().encode(PNG, to="jpg", quality=50)).quantization[0]
    assert opened(data).quantization[0][0] <= at_fifty[0]


def test_a_png_that_is_too_large_fails():
    with pytest.raises(EncodeError, match="as PNG, which has no quality to lower"):
        Pipeline().encode(PNG, max_bytes=5000)


def test_a_png_can_be_scaled_down_to_a_size():
    data = Pipeline().encode(PNG, max_bytes=20_000, shrink=True)
    assert len(data) <= 20_000
    assert opened(data).width < 320


def test_metadata_that_do_not_fit_are_named():
    comment = saved("JPEG", quality=90, comment=b"x" * 30_000)
    with pytest.raises(EncodeError, match=r"of which its metadata are .* --strip all"):
        Pipeline().encode(comment, max_bytes=20_000)


@pytest.mark.parametrize(
    ("target", "measure", "most"),
    [("ssim=0.95", "ssim", 0.965), ("psnr=31", "psnr", 32), ("ssimulacra2=70", "ssimulacra2", 73.5)],
)
def test_a_score_is_reached_and_hardly_exceeded(target, measure, most):
    data = Pipeline().encode(PNG, to="jpg", target=target)
    found = getattr(metrics, measure)(pixels(), np.asarray(opened(data).convert("RGB")))
    assert float(target.partition("=")[2]) <= found <= most


def test_a_score_of_a_picture_with_alpha():
    image = Image.fromarray(pixels()).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = Pipeline().encode(saved("PNG", image), to="webp", target="ssim=0.95")
    assert opened(data).mode == "RGBA"


def test_a_score_of_an_animation():
    frames = [Image.fromarray(np.roll(pixels(), 8 * step, 1)).convert("RGB") for step in range(3)]
    gif = saved("WEBP", frames[0], save_all=True, append_images=frames[1:], lossless=True, duration=80)
    data = Pipeline().encode(gif, to="webp", target="ssim=0.9")
    assert (opened(data).n_frames, len(data) < len(gif)) == (3, True)


def test_a_score_out_of_reach_says_what_is_possible():
    with pytest.raises(EncodeError, match=r"ssim=0.99999 cannot be reached: quality 100 gives 0\.9"):
        Pipeline().encode(PNG, to="webp", target="ssim=0.99999")


def test_a_jpeg_that_would_grow_is_kept_for_a_score():
    data = saved("JPEG", quality=30)
    assert Pipeline().encode(data, target="ssimulacra2=90") == data


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "ssim=0.9", "quality": 80}, "target and quality exclude each other"),
        ({"target": "ssim=0.9", "max_bytes": "1M"}, "target and max_bytes exclude each other"),
        ({"max_bytes": "1M", "lossless": True}, "max_bytes and lossless exclude each other"),
        ({"shrink": True}, "shrink belongs to max_bytes"),
        ({"target": "vmaf=90"}, "target vmaf=90 is not measured on pictures"),
        ({"target": "ssim=2"}, "Expected ssim=N with N from 0.5 to 1"),
        ({"target": "sim=0.9"}, "Did you mean 'ssim=0.98'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, words):
    with pytest.raises(imgpar.UsageError, match=words):
        Pipeline().encode(PNG, to="webp", **given)


def test_butteraugli_needs_its_program(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(imgpar.UsageError, match=r"butteraugli_main is not installed\. .*libjxl-devtools"):
        Pipeline().encode(PNG, to="jpg", target="butteraugli=1")


def test_a_target_takes_the_place_of_the_quality_of_a_recipe():
    recipe = imgpar.Recipe().merged({"quality": 82}).merged({"target": "ssim=0.98"})
    assert (recipe.encode.quality, str(recipe.encode.target)) == (None, "ssim=0.98")


def test_an_output_has_a_size_of_its_own(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    pipe = Pipeline().output(to="jpg", max_bytes=9000).output(to="webp", target="ssim=0.9")
    (item,) = pipe.run(tmp_path / "a.png", tmp_path / "out", jobs=1).items
    assert (len(item.tries), item.outputs[0].bytes <= 9000) == (2, True)


def test_the_report_has_the_encodes(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(saved("PNG", Image.fromarray(pixels() + np.uint8(number))))
    place = tmp_path / "r.json"
    report = imgpar.convert(tmp_path, tmp_path / "o", to="jpg", max_bytes=9000, jobs=1, report=place)
    facts = json.loads(place.read_text())
    assert (facts["searched"], facts["tries"]) == (3, sum(sum(item["tries"]) for item in facts["items"]))
    assert report.tries / report.searched <= 2.5
    assert "3 outputs encoded" in report.summary()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--max-bytes", "9k", "--to", "jpg"], "quality searched for at most 9,000 bytes"),
        (["--target", "ssim=0.95", "--to", "webp"], "quality searched for ssim=0.95"),
        (["--best-format"], "only the smallest of these"),
    ],
)
def test_a_dry_run_says_what_is_searched_for(tmp_path, capsys, flags, words):
    (tmp_path / "a.png").write_bytes(PNG)
    assert main(["convert", str(tmp_path / "a.png"), "-o", str(tmp_path / "o"), "-n", *flags]) == 0
    assert words in capsys.readouterr().out


def test_a_recipe_file_holds_a_target(tmp_path):
    (tmp_path / "r.toml").write_text('to = "jpg"\nmax_bytes = "9k"\nshrink = true\n')
    assert len(Pipeline(str(tmp_path / "r.toml")).encode(PNG)) <= 9216


# ----- only if smaller ----------------------------------------------------------------------------


def test_a_file_that_would_grow_is_kept():
    data = saved("WEBP", quality=40)
    assert Pipeline().encode(data, quality=95, only_if_smaller=True) == data
    assert len(Pipeline().encode(data, quality=95)) > len(data)


def test_a_jpeg_of_about_that_quality_is_not_squeezed_again():
    data = saved("JPEG", quality=82)
    assert Pipeline().encode(data, quality=80, only_if_smaller=True) == data


def test_a_file_that_becomes_smaller_is_not_kept():
    data = saved("JPEG", quality=90)
    assert len(Pipeline().encode(data, quality=50, only_if_smaller=True)) < len(data)


def test_an_operation_is_a_reason_for_a_larger_file():
    data = saved("JPEG", quality=20)
    assert Pipeline().brightness(1.1).encode(data, quality=95, only_if_smaller=True) != data


def test_metadata_are_removed_from_a_file_that_is_kept():
    data = saved("JPEG", quality=40, comment=b"secret")
    made = Pipeline().encode(data, quality=90, strip="all", only_if_smaller=True)
    assert (b"secret" in made, opened(made).quantization) == (False, opened(data).quantization)


def test_in_place_a_file_that_would_not_be_smaller_stays_untouched(tmp_path):
    small, large = tmp_path / "small.jpg", tmp_path / "large.jpg"
    small.write_bytes(saved("JPEG", quality=40))
    large.write_bytes(saved("JPEG", quality=95))
    before, status = small.read_bytes(), small.stat()
    report = imgpar.convert(tmp_path, in_place=True, quality=75, jobs=1)
    assert (report.ok, report.skipped, dict(report.reasons)) == (1, 1, {"smaller": 1})
    assert (small.read_bytes(), small.stat().st_mtime_ns, small.stat().st_ino) == (
        before,
        status.st_mtime_ns,
        status.st_ino,
    )
    assert large.stat().st_size < len(saved("JPEG", quality=95))


def test_in_place_a_file_that_fits_stays_untouched(tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved("JPEG", quality=40))
    status = (tmp_path / "a.jpg").stat()
    report = imgpar.convert(tmp_path, in_place=True, max_bytes="1M", jobs=1)
    assert (dict(report.reasons), (tmp_path / "a.jpg").stat().st_ino) == ({"smaller": 1}, status.st_ino)


@pytest.mark.parametrize(
    "settings", [{"quality": 90, "schedule": "staged"}, {"optimise": True}, {"max_bytes": "1M"}]
)
def test_what_stays_in_place_is_encoded_once(tmp_path, settings):
    path = tmp_path / "a.jpg"
    path.write_bytes(Pipeline().encode(saved("JPEG", quality=40), optimise=True))

    def reasons() -> list[str]:
        report = imgpar.convert(tmp_path, in_place=True, jobs=1, **settings)
        return [item.reason for item in report.items]

    assert (reasons(), reasons()) == (["smaller"], ["unchanged"])
    os.utime(path, ns=(1, 1))  # its content is the same
    assert reasons() == ["unchanged"]
    before = path.read_bytes()
    assert (len(imgpar.undo(tmp_path).items), path.read_bytes()) == (0, before)
    path.write_bytes(Pipeline().encode(saved("JPEG", quality=30), optimise=True))
    assert (reasons(), reasons()) == (["smaller"], ["unchanged"])


def test_with_other_settings_it_is_encoded_again(tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved("JPEG", quality=90))
    assert imgpar.convert(tmp_path, in_place=True, jobs=1, quality=95).reasons["smaller"] == 1
    assert imgpar.convert(tmp_path, in_place=True, jobs=1, quality=50).ok == 1
    assert imgpar.undo(tmp_path).ok == 1


def test_in_place_optimise_leaves_no_pixel_changed(tmp_path):
    (tmp_path / "a.png").write_bytes(loose_png())
    imgpar.convert(tmp_path, in_place=True, optimise=True, jobs=1)
    made = (tmp_path / "a.png").read_bytes()
    assert len(made) < len(loose_png())
    assert np.array_equal(np.asarray(opened(made)), np.asarray(opened(loose_png())))


def test_undo_after_a_run_that_kept_some(tmp_path):
    small, large = tmp_path / "small.jpg", tmp_path / "large.jpg"
    small.write_bytes(saved("JPEG", quality=40))
    large.write_bytes(saved("JPEG", quality=95))
    imgpar.convert(tmp_path, in_place=True, quality=75, jobs=1)
    imgpar.undo(tmp_path)
    assert (small.read_bytes(), large.read_bytes()) == (saved("JPEG", quality=40), saved("JPEG", quality=95))


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_both_schedules_keep_the_same(tmp_path, schedule):
    (tmp_path / "a.jpg").write_bytes(data := saved("JPEG", quality=40))
    imgpar.convert(
        tmp_path / "a.jpg", tmp_path / "o", quality=90, only_if_smaller=True, schedule=schedule, jobs=1
    )
    assert (tmp_path / "o" / "a.jpg").read_bytes() == data


# ----- optimise -----------------------------------------------------------------------------------


def loose_png() -> bytes:
    return saved("PNG", Image.fromarray(pixels()[:, :, 0]), compress_level=1)


def test_an_optimised_png_is_smaller_and_equal():
    data = loose_png()
    made = Pipeline().encode(data, optimise=True)
    assert len(made) < len(data)
    assert np.array_equal(np.asarray(opened(made)), np.asarray(opened(data)))


def test_an_optimised_jpeg_has_the_same_coefficients():
    from imgpar.formats.jpeg import turbo

    if turbo.library() is None:
        pytest.importorskip("mozjpeg_lossless_optimization")
    data = saved("JPEG", quality=90, comment=b"kept")
    made = Pipeline().encode(data, optimise=True)
    assert (len(made) < len(data), opened(made).info["comment"]) == (True, b"kept")
    assert opened(made).quantization == opened(data).quantization
    assert np.array_equal(np.asarray(opened(made)), np.asarray(opened(data)))


def test_an_optimised_webp_is_equal():
    data = saved("WEBP", Image.fromarray(pixels()[:64, :64]), lossless=True, quality=0, method=0)
    made = Pipeline().encode(data, optimise=True)
    assert len(made) < len(data)
    assert np.array_equal(np.asarray(opened(made)), np.asarray(opened(data)))


def test_a_lossy_webp_is_not_touched():
    data = saved("WEBP", quality=50)
    assert Pipeline().encode(data, optimise=True) == data


def test_optimise_never_makes_a_file_larger():
    best = Pipeline().encode(loose_png(), optimise=True)
    assert Pipeline().encode(best, optimise=True) == best


def test_optimise_works_on_what_was_encoded():
    plain = Pipeline().grey().encode(PNG)
    made = Pipeline().grey().encode(PNG, optimise=True)
    assert len(made) <= len(plain)
    assert np.array_equal(np.asarray(opened(made)), np.asarray(opened(plain)))


# ----- best format --------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_only_the_smallest_format_is_written(tmp_path, schedule):
    (tmp_path / "a.png").write_bytes(PNG)
    report = imgpar.convert(
        tmp_path / "a.png",
        tmp_path / "o",
        to=["jpg", "png", "webp"],
        best_format=True,
        schedule=schedule,
        jobs=1,
    )
    sizes = {to: len(Pipeline().encode(PNG, to=to)) for to in ("jpg", "png", "webp")}
    best = min(sizes, key=lambda to: sizes[to])
    assert names(tmp_path / "o") == [f"a.{best}"]
    assert "is the smallest" in report.items[0].notes[-1]


def test_transparency_rules_out_jpeg(tmp_path):
    image = Image.fromarray(pixels()).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "a.png")
    imgpar.convert(tmp_path / "a.png", tmp_path / "o", to=["jpg", "png"], best_format=True, jobs=1)
    assert names(tmp_path / "o") == ["a.png"]


def test_the_best_format_is_found_once(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    for expected in ((1, 0), (0, 1)):
        report = imgpar.convert(tmp_path / "a.png", tmp_path / "o", best_format=True, jobs=1)
        assert (report.ok, report.skipped) == expected


def test_the_file_in_the_old_best_format_goes(tmp_path):
    flat = Image.new("RGB", (64, 64), "red")
    (tmp_path / "a.png").write_bytes(PNG)
    imgpar.convert(tmp_path / "a.png", tmp_path / "o", to=["jpg", "png"], best_format=True, jobs=1)
    flat.save(tmp_path / "a.png")
    imgpar.convert(tmp_path / "a.png", tmp_path / "o", to=["jpg", "png"], best_format=True, jobs=1)
    assert names(tmp_path / "o") == ["a.png"]


def test_two_inputs_never_share_a_name_of_a_candidate(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(PNG)
    (tmp_path / "in" / "a.jpg").write_bytes(saved("JPEG"))
    imgpar.convert(tmp_path / "in", tmp_path / "o", to=["jpg", "webp"], best_format=True, jobs=1)
    assert {name.rpartition(".")[0] for name in names(tmp_path / "o")} == {"a.png", "a.jpg"}


def test_the_input_itself_is_a_candidate(tmp_path):
    """Encoding a JPEG of quality 30 again would make it larger, and worse."""
    (tmp_path / "a.jpg").write_bytes(data := saved("JPEG", quality=30))
    imgpar.convert(tmp_path / "a.jpg", tmp_path / "o", to=["jpg", "png"], best_format=True, jobs=1)
    assert (tmp_path / "o" / "a.jpg").read_bytes() == data


def test_the_input_is_better_than_a_larger_file_of_the_given_quality(tmp_path):
    (tmp_path / "a.jpg").write_bytes(data := saved("JPEG", quality=30))
    imgpar.convert(
        tmp_path / "a.jpg", tmp_path / "o", to=["jpg", "png"], best_format=True, quality=95, jobs=1
    )
    assert (tmp_path / "o" / "a.jpg").read_bytes() == data


def test_a_format_whose_name_is_taken_is_not_said_to_be_larger(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "a.webp").write_bytes(b"mine")
    report = imgpar.convert(tmp_path / "a.png", tmp_path / "o", to=["webp", "jpg"], best_format=True, jobs=1)
    notes = " ".join(report.items[0].notes)
    assert "not tried as WebP" in notes
    assert "smallest" not in notes


def test_the_sizes_of_a_picture_have_one_format(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(imgpar.UsageError, match="sizes"):
        imgpar.convert(tmp_path / "a.png", tmp_path / "o", sizes=[8, 16], best_format=True)


def test_in_place_there_is_no_best_format(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(PNG)
    assert main(["convert", str(tmp_path), "--in-place", "--best-format"]) == 2
    assert "In place the format is fixed" in capsys.readouterr().err
