"""PSNR, SSIM and SSIMULACRA 2 against references that are not imgpar."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from imgpar.pixels import metrics
from imgpar.pixels.ssimulacra2 import _kernel


def painted(width=400, height=300):
    """Waves of several lengths, RGB."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    planes = [127 + 60 * np.sin(x / a) * np.cos(y / b) + 50 * np.sin(x * y / c) for a, b, c in WAVES]
    return np.clip(np.stack(planes, axis=2), 0, 255).astype(np.uint8)


WAVES = ((7, 11, 900), (3, 5, 500), (13, 4, 2000))


def as_jpeg(array, quality):
    sink = io.BytesIO()
    Image.fromarray(array).save(sink, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(sink).convert("RGB"))


def ssim_by_windows(one, two):
    """SSIM by its formula, window by window, in float64."""
    weights = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    luma = [picture.astype(np.float64) @ (0.299, 0.587, 0.114) for picture in (one, two)]
    found = []
    for row in range(luma[0].shape[0] - 10):
        for column in range(luma[0].shape[1] - 10):
            a, b = (plane[row : row + 11, column : column + 11] for plane in luma)
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * a * a).sum() - mean_a**2, (window * b * b).sum() - mean_b**2
            both = (window * a * b).sum() - mean_a * mean_b
            first = (2 * mean_a * mean_b + 6.5025) * (2 * both + 58.5225)
            found.append(first / ((mean_a**2 + mean_b**2 + 6.5025) * (var_a + var_b + 58.5225)))
    return float(np.mean(found))


def test_psnr_is_that_of_opencv():
    one = painted()
    two = as_jpeg(one, 60)
    assert metrics.psnr(one, two) == pytest.approx(cv2.PSNR(one, two), abs=1e-3)


def test_ssim_is_the_formula_on_every_window():
    one = painted(40, 31)
    two = as_jpeg(one, 40)
    assert metrics.ssim(one, two) == pytest.approx(ssim_by_windows(one, two), abs=1e-5)


def test_ssim_is_that_of_scikit_image():
    reference = pytest.importorskip("skimage.metrics")
    one = painted()
    two = as_jpeg(one, 60)
    luma = [picture.astype(np.float64) @ (0.299, 0.587, 0.114) for picture in (one, two)]
    wanted = reference.structural_similarity(
        *luma, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert metrics.ssim(one, two) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_ssim_is_the_same_at_other_depths(dtype):
    one = painted(64, 48)
    two = as_jpeg(one, 50)
    scale = {"uint16": 257, "float32": 1 / 255}[dtype]
    deep = [(picture * np.float64(scale)).astype(dtype) for picture in (one, two)]
    assert metrics.ssim(*deep) == pytest.approx(metrics.ssim(one, two), abs=1e-4)


def test_ssim_of_a_picture_smaller_than_a_window():
    one = painted(5, 3)
    assert metrics.ssim(one, one) == pytest.approx(1)


def test_the_blur_of_ssimulacra2_is_a_gaussian():
    wanted = np.exp(-np.square(np.arange(-4, 5)) / (2 * 1.5**2))
    assert np.abs(_kernel() - wanted / wanted.sum()).max() < 0.005


SCORED = {30: 63.52, 60: 76.99, 90: 86.62}
"""Of the package ssimulacra2 0.3.0 (an independent implementation in numpy and scipy, with true Gaussians),
its borders set to zero as in libjxl."""


@pytest.mark.parametrize("quality", SCORED)
def test_ssimulacra2_agrees_with_another_implementation(quality):
    one = painted()
    assert metrics.ssimulacra2(one, as_jpeg(one, quality)) == pytest.approx(SCORED[quality], abs=0.5)


def test_ssimulacra2_of_grey_is_that_of_the_same_rgb():
    grey = painted()[..., :1]
    other = as_jpeg(painted(), 50)[..., :1]
    colour = metrics.ssimulacra2(np.repeat(grey, 3, 2), np.repeat(other, 3, 2))
    assert metrics.ssimulacra2(grey, other) == pytest.approx(colour, abs=1e-3)


def test_ssimulacra2_at_16_bits_is_that_at_8():
    one, two = painted(), as_jpeg(painted(), 50)
    deep = metrics.ssimulacra2(one.astype(np.uint16) * 257, two.astype(np.uint16) * 257)
    assert deep == pytest.approx(metrics.ssimulacra2(one, two), abs=1e-2)


@pytest.mark.parametrize("measure", metrics.MEASURES)
def test_one_pixel_can_be_measured(measure):
    one = np.full((1, 1, 3), 90, np.uint8)
    assert metrics.Reference(measure, one).score(one) >= 1


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="cannot compare"):
        metrics.psnr(painted(8, 8), painted(8, 9))


def test_a_large_picture_is_measured_on_tiles_from_all_over_it():
    large = np.zeros((1600, 3200, 1), np.uint8)
    large[-1, -1] = large[0, 0] = 9
    found = metrics.sample(large)
    assert found.shape == (1440, 1440, 1)
    assert (found[0, 0, 0], found[-1, -1, 0]) == (9, 9)


def test_a_small_picture_is_measured_whole():
    small = np.zeros((1200, 1600, 1), np.uint8)
    assert metrics.sample(small) is small
