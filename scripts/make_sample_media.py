"""Generates sample_media/: small pictures and a clip in every core format, free to use.

    python scripts/make_sample_media.py [FOLDER]

With the same encoder versions the output is reproducible byte for byte.
"""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
import numpy as np
import sample_pictures as draw
from PIL import ExifTags, Image, ImageDraw, ImageFont

SAMPLES = Path(__file__).resolve().parent.parent / "sample_media"
SIZE = (1600, 1067)


def camera_exif(when: str, *, orientation: int = 1, gps: bool = False) -> Image.Exif:
    """EXIF of a camera."""
    exif = Image.Exif()
    tags = ExifTags.Base
    exif[tags.Make], exif[tags.Model], exif[tags.Software] = "imgpar", "Procedural 1", "make_sample_media"
    exif[tags.Orientation], exif[tags.DateTime] = orientation, when
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            tags.DateTimeOriginal: when,
            tags.ExposureTime: 0.008,
            tags.FNumber: 5.6,
            tags.ISOSpeedRatings: 200,
            tags.FocalLength: 35.0,
            tags.LensModel: "Noise 35mm",
        }
    )
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {
                ExifTags.GPS.GPSLatitudeRef: "N",
                ExifTags.GPS.GPSLatitude: (47.0, 25.0, 16.2),
                ExifTags.GPS.GPSLongitudeRef: "E",
                ExifTags.GPS.GPSLongitude: (10.0, 59.0, 6.6),
                ExifTags.GPS.GPSAltitude: 2962.0,
            }
        )
    return exif


def p3_profile() -> bytes:
    """An ICC v2 matrix profile with P3 primaries, white point D65 and the sRGB transfer function."""
    primaries = np.array([(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)])
    white, d50 = _xyz(0.3127, 0.3290), np.array([0.9642, 1.0, 0.8249])
    columns = np.stack([_xyz(x, y) for x, y in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, white)
    bradford = np.array([(0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d50) / (bradford @ white)) @ bradford
    x = np.linspace(0, 1, 1024)
    curve = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    tone = b"curv" + bytes(4) + struct.pack(">I", 1024) + np.round(curve * 65535).astype(">u2").tobytes()
    name = b"imgpar wide gamut\0"
    blocks = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _xyz_tag(d50),
        **{
            tag: _xyz_tag(column)
            for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), (adapt @ columns).T, strict=True)
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone),
    }
    return _icc_file(blocks, d50)


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _xyz_tag(value: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + np.round(value * 65536).astype(">i4").tobytes()


def _icc_file(blocks: dict[bytes, bytes], d50: np.ndarray) -> bytes:
    table, data, places = b"", b"", {}
    start = 128 + 4 + 12 * len(blocks)
    for tag, block in blocks.items():
        if block not in places:
            places[block] = start + len(data)
            data += block + bytes(-len(block) % 4)
        table += tag + struct.pack(">II", places[block], len(block))
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _xyz_tag(d50)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(blocks)) + table + data


def photos(out: Path) -> None:
    """Camera JPEGs, one with an orientation tag, one with a wide-gamut profile."""
    day = out / "holiday"
    dusk = draw.eight_bit(draw.landscape(*SIZE, draw.DUSK, 3))
    dusk.save(
        _new(day / "day 1/lake at dusk.jpg"), quality=82, exif=camera_exif("2026:07:03 21:04:10", gps=True)
    )
    morning = draw.eight_bit(draw.landscape(*SIZE, draw.MORNING, 11))
    exif = camera_exif("2026:07:04 06:31:55")
    morning.save(_new(day / "day 1/morning.jpg"), quality=82, progressive=True, exif=exif)
    fog = draw.eight_bit(draw.landscape(*SIZE, draw.FOG, 21)).convert("L")
    fog.save(_new(day / "day 2/fog.jpg"), quality=80, exif=camera_exif("2026:07:05 08:12:00"))
    upright = draw.eight_bit(draw.landscape(SIZE[1], SIZE[0], draw.TOWER, 5))
    draw.write(upright, "UP", (SIZE[1] / 2, 170), 150)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = camera_exif("2026:07:05 19:45:31", orientation=6, gps=True)
    lying.save(_new(day / "day 2/turned.jpg"), quality=82, exif=exif)
    draw.eight_bit(draw.sea(*SIZE, 4)).save(_new(out / "海/波.jpg"), quality=80)
    flower = draw.eight_bit(draw.petals(*SIZE))
    flower.save(_new(out / "colour/wide gamut.jpg"), quality=85, subsampling=0, icc_profile=p3_profile())


def graphics(out: Path) -> None:
    """Graphics, scans and web pictures, and PNG with 16 bits and alpha."""
    folder = out / "graphics"
    draw.test_card(1280, 720).save(_new(folder / "test card.png"), optimize=True)
    draw.eight_bit(draw.aperture(512)).save(folder / "aperture.png", optimize=True)
    x, y = draw.grid(480, 320)
    deep = np.stack([y * 0.5 + 0.2, 0.3 + 0.2 * x, 0.8 - 0.5 * y], axis=-1)
    _, png = cv2.imencode(".png", np.round(deep[..., ::-1] * 65535).astype(np.uint16))
    (folder / "16 bit.png").write_bytes(png.tobytes())
    draw.eight_bit(draw.julia(1200, 800)).save(folder / "julia.webp", quality=80, method=6)
    draw.eight_bit(draw.relief(1200, 800, 8)).save(folder / "islands.avif", quality=60, max_threads=1)
    page = Image.new("RGB", (850, 1100), (252, 250, 244))
    for line in range(22):
        text = "The quick brown fox jumps over the lazy dog"[: 43 - 7 * (line % 3)]
        font = ImageFont.load_default(28)
        ImageDraw.Draw(page).text((90, 90 + 40 * line), text, fill=(40, 40, 60), font=font)
    page.save(_new(out / "scans/letter.tif"), compression="tiff_adobe_deflate", dpi=(100, 100))
    draw.eight_bit(draw.landscape(160, 120, draw.DUSK, 3)).save(out / "scans/stamp.bmp")


def animations(out: Path) -> None:
    """An animated GIF and an animated WebP with transparency."""
    earth = draw.eight_bit(draw.relief(240, 160, 14))
    turning = [Image.fromarray(np.roll(np.asarray(earth), 20 * step, axis=1)) for step in range(12)]
    frames = [frame.quantize(64, dither=Image.Dither.NONE) for frame in turning]
    frames[0].save(
        _new(out / "animated/drift.gif"), save_all=True, append_images=frames[1:], duration=90, loop=0
    )
    blades = draw.eight_bit(draw.aperture(200))
    spin = [blades.rotate(5 * step, Image.Resampling.BICUBIC) for step in range(12)]
    options: dict[str, Any] = {"duration": [60] * 11 + [300], "loop": 0, "quality": 75, "method": 6}
    spin[0].save(out / "animated/spin.webp", save_all=True, append_images=spin[1:], **options)


def clip(out: Path, *, seconds: int = 4, rate: int = 25) -> None:
    """A clip of a bouncing ball over a lake with frame numbers, and a fading chord."""
    width, height = 320, 180
    scene = draw.eight_bit(draw.landscape(width * 2, height, draw.MORNING, 11))
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        sound.write_bytes(chord(seconds))
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        command += [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{width}x{height}",
            "-r",
            str(rate),
            "-i",
            "pipe:0",
        ]
        command += [
            "-i",
            str(sound),
            "-c:v",
            "libx264",
            "-preset",
            "slow",
            "-crf",
            "26",
            "-pix_fmt",
            "yuv420p",
        ]
        command += [
            "-x264-params",
            "threads=1",
            "-c:a",
            "aac",
            "-b:a",
            "64k",
            "-shortest",
            "-movflags",
            "+faststart",
        ]
        command += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
        command += ["-map_metadata", "-1", str(_new(out / "clips/ball.mp4"))]
        frames = (ball_frame(scene, number, seconds * rate).tobytes() for number in range(seconds * rate))
        subprocess.run(command, input=b"".join(frames), check=True)


def ball_frame(scene: Image.Image, number: int, total: int) -> Image.Image:
    """One frame of the clip: panning background and bouncing ball."""
    frame = scene.crop((number, 0, number + 320, 180))
    fall = abs(np.sin(number / 25 * np.pi * 1.5))
    x, y = 30 + 260 * number / total, 150 - 110 * fall
    ImageDraw.Draw(frame).ellipse([x - 14, y - 14, x + 14, y + 14], fill=(230, 80, 40), outline="white")
    draw.write(frame, f"{number:03}", (290, 165), 16)
    return frame


def chord(seconds: float, rate: int = 44100) -> bytes:
    """A WAV file: an A major arpeggio."""
    time = np.arange(int(seconds * rate)) / rate
    sound = np.zeros_like(time)
    for number, pitch in enumerate((220.0, 277.18, 329.63, 440.0)):
        since = np.clip(time - 0.25 * number, 0, None)
        sound += np.sin(2 * np.pi * pitch * since) * np.exp(-since * 0.9) * (1 - np.exp(-since * 200)) * 0.2
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
    return data.getvalue()


def _new(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def main(folder: Path) -> None:
    """Fill the folder; that of the repository is emptied first, others must not exist."""
    if folder == SAMPLES:
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty. Name a new folder.")
    makers: tuple[Callable[[Path], None], ...] = (photos, graphics, animations, clip)
    for make in makers:
        make(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        print(f"{path.stat().st_size:9,}  {path.relative_to(folder).as_posix()}")
    print(f"{sum(path.stat().st_size for path in files):9,}  bytes in {len(files)} files")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
