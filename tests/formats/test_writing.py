"""Writing pictures: every format against other decoders and plain arithmetic."""

from __future__ import annotations

import io

import numpy as np
import pytest
import simplejpeg
from codec_pictures import WRITABLE, picture, read, written
from conftest import make_photo
from PIL import Image

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import encode, storable
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, find_format


class TestWriting:
    @pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBX", "RGBA"])
    @pytest.mark.parametrize("name", WRITABLE)
    def test_every_layout_that_a_format_takes_comes_back(self, name: str, layout: str) -> None:
        if name == "ico":  # squares of several sizes: `test_ico`
            pytest.skip("It does not come back as it was.")
        if layout not in FORMATS[name].layouts:
            assert storable(Spec(4, 3, layout), FORMATS[name])[0].layout in FORMATS[name].layouts
            return
        frame = picture(layout)
        lossless = FORMATS[name].lossless != "never" and layout != "LA"
        header, (array,) = read(
            written(frame, name, lossless=lossless and FORMATS[name].lossless == "optional")
        )
        assert header.spec.size == (64, 48)
        colour, wanted = array.astype(int), frame.array.astype(int)
        if layout in ("L", "LA") and not header.spec.grey:
            wanted = wanted[..., [0, 0, 0, -1]]
        channels = min(colour.shape[-1], wanted.shape[-1], 3 if layout in ("RGBX", "L", "RGB") else 4)
        error = np.abs(colour[..., :channels] - wanted[..., :channels])
        if name == "gif" and frame.spec.alpha:
            assert set(np.unique(array[..., 3])) <= {0, 255}
            error = error[..., :3]
        assert error.mean() <= (0 if lossless else 5 if name == "gif" else 3)

    def test_a_jpeg_is_what_another_decoder_reads(self) -> None:
        frame = picture()
        decoded = np.asarray(Image.open(io.BytesIO(written(frame, "jpeg", quality=95))))
        assert np.abs(decoded.astype(int) - frame.array[..., :3]).mean() < 2

    def test_a_tiff_is_what_another_decoder_reads(self) -> None:
        for layout in ("L", "RGB", "RGBA"):
            frame = picture(layout, width=700, height=900)
            decoded = np.asarray(Image.open(io.BytesIO(written(frame, "tiff"))))
            assert (decoded.reshape(frame.array.shape) == frame.array).all()

    def test_what_a_format_cannot_hold_is_named_before_encoding(self) -> None:
        assert storable(Spec(4, 3, "RGBA", "uint16"), FORMATS["jpeg"]) == (
            Spec(4, 3, "RGBX"),
            ("alpha", "depth"),
        )
        assert storable(Spec(4, 3, "RGBA", "uint16"), FORMATS["png"])[1] == ()
        assert storable(Spec(4, 3, "LA"), FORMATS["webp"])[0].layout == "RGBA"

    def test_jpeg_says_that_it_has_no_lossless_mode(self) -> None:
        with pytest.raises(EncodeError, match="no lossless mode"):
            written(picture(), "jpeg", lossless=True)

    @pytest.mark.parametrize(("name", "side"), [("webp", 16384), ("jpeg", 65501)])
    def test_a_side_that_is_too_long_is_named(self, name: str, side: int) -> None:
        with pytest.raises(EncodeError, match=str(side)):
            written(picture("RGBX", width=side, height=1), name)

    def test_reading_only_formats_cannot_be_written(self) -> None:
        with pytest.raises(EncodeError, match="cannot write Targa"):
            storable(Spec(4, 3), FORMATS["tga"])

    @pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
    def test_lower_quality_makes_smaller_files(self, name: str) -> None:
        noise = np.random.default_rng(0).normal(0, 20, (96, 128, 1))
        base = picture(width=128, height=96)
        array = np.clip(base.array + noise, 0, 255).astype(np.uint8)
        array[..., 3] = 255
        frame = Frame(base.spec, array)
        sizes = [len(written(frame, name, quality=quality)) for quality in (20, 50, 80, 95)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1] / 2

    @pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "heic", "jxl", "jp2"])
    @pytest.mark.parametrize("quality", [60, 85])
    def test_a_quality_looks_alike_in_every_format(self, name: str, quality: int) -> None:
        """Errors on a made photo stay within a factor of those of JPEG."""
        if name not in WRITABLE:
            pytest.skip("not written here")
        photo = make_photo(width=320, height=240)
        frame = Frame(Spec(320, 240, "RGB"), np.ascontiguousarray(photo))

        def error(kind: str) -> float:
            _, (array,) = read(written(frame, kind, quality=quality))
            return float(((array[..., :3].astype(float) - photo) ** 2).mean() ** 0.5)

        assert error("jpeg") / 2 < error(name) < error("jpeg") * 2

    def test_chroma_keeps_its_resolution_from_92_on(self) -> None:
        assert simplejpeg.decode_jpeg_header(written(picture(), "jpeg", quality=91))[3] == "420"
        assert simplejpeg.decode_jpeg_header(written(picture(), "jpeg", quality=92))[3] == "444"

    def test_few_colours_of_a_gif_are_exact(self) -> None:
        frame = picture()
        frame.array[..., :3] &= 0xC0
        _, (array,) = read(written(frame, "gif"))
        assert (array == frame.array).all()


class TestKnobs:
    NOISE = Frame(Spec(64, 48, "RGBX"), np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8))

    @pytest.mark.parametrize(("given", "expected"), [("420", "420"), ("4:2:2", "422"), ("444", "444")])
    def test_subsampling_of_a_jpeg(self, given: str, expected: str) -> None:
        settings = EncodeOptions(subsampling=EncodeOptions.options()["subsampling"].parse(given))
        data = bytes(encode([self.NOISE], find_format("jpeg"), Metadata(), settings).data)
        assert simplejpeg.decode_jpeg_header(data)[3] == expected

    @pytest.mark.parametrize("name", [name for name in ("avif", "heic") if name in WRITABLE])
    def test_full_colour_takes_more_room(self, name: str) -> None:
        small, large = (len(written(self.NOISE_RGB, name, subsampling=which)) for which in ("420", "444"))
        assert small < large

    NOISE_RGB = Frame(Spec(64, 48, "RGB"), np.ascontiguousarray(NOISE.array[..., :3]))

    def test_a_progressive_jpeg(self) -> None:
        plain, progressive = (written(picture(), "jpeg", progressive=which) for which in (False, True))
        assert "progressive" not in Image.open(io.BytesIO(plain)).info
        assert Image.open(io.BytesIO(progressive)).info["progressive"] == 1
        for data in (plain, progressive):
            seen = np.asarray(Image.open(io.BytesIO(data))).astype(int)
            assert np.abs(seen - picture().array[..., :3]).mean() < 2
