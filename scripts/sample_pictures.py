"""Procedural pictures for sample_media: landscapes, sea, relief, fractal, test card.

Pictures are float arrays H×W×3 from 0 to 1 unless a docstring says otherwise. The pictures are
reproducible by seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Array = NDArray[np.float64]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Mood:
    """The colours of a landscape, the position of its sun (as fractions of width and height) and its
    ridges."""

    zenith: Colour
    horizon: Colour
    far: Colour
    near: Colour
    sun: tuple[float, float] = (0.68, 0.38)
    layers: int = 6
    water: float = 0.2


DUSK = Mood((0.16, 0.17, 0.38), (0.98, 0.62, 0.42), (0.62, 0.42, 0.50), (0.07, 0.06, 0.13))
MORNING = Mood((0.36, 0.60, 0.86), (0.93, 0.92, 0.84), (0.58, 0.70, 0.78), (0.10, 0.22, 0.16), (0.25, 0.3))
FOG = Mood((0.62, 0.66, 0.70), (0.88, 0.88, 0.86), (0.76, 0.78, 0.79), (0.20, 0.22, 0.23), (0.5, 0.2), 7, 0.0)
TOWER = Mood(
    (0.10, 0.28, 0.46), (0.99, 0.84, 0.60), (0.66, 0.62, 0.58), (0.13, 0.13, 0.10), (0.4, 0.45), 8, 0.14
)


def fractal_noise(shape: tuple[int, ...], beta: float, seed: int) -> Array:
    """Noise whose spectrum falls with frequency to the power `beta`: clouds, ridges, ground. 0 to 1."""
    white = np.fft.fftn(np.random.default_rng(seed).standard_normal(shape))
    squares = [np.fft.fftfreq(n) ** 2 for n in shape]
    radius = np.sqrt(sum(np.ix_(*squares)))
    radius.flat[0] = np.inf
    noise: Array = np.fft.ifftn(white / radius**beta).real
    low = float(noise.min())
    return (noise - low) / (float(noise.max()) - low)


def smoothstep(low: float, high: float, x: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Array | Colour, b: Array | Colour, share: Array) -> Array:
    """Linear interpolation: `a` for share 0, `b` for share 1."""
    share = share[..., None]
    return np.asarray(a) * (1 - share) + np.asarray(b) * share


def grid(width: int, height: int) -> tuple[Array, Array]:
    """x and y of every pixel as fractions of width and height."""
    y, x = np.mgrid[0:height, 0:width]
    return x / width, y / height


def landscape(width: int, height: int, mood: Mood, seed: int) -> Array:
    """Layered ridges under a clouded sky, with a lake in the foreground if the mood has one."""
    x, y = grid(width, height)
    picture = _sky(x, y, mood, seed, width / height)
    shore = 1 - mood.water
    for layer in range(mood.layers):
        depth = (layer + 1) / mood.layers
        edge = _ridge(width, height, depth, shore, seed + layer, trees=depth > 0.6)
        mask = np.clip((y - edge) * height + 0.5, 0, 1)
        ground = fractal_noise((height, width), 1.5, seed + 50 + layer) - 0.5
        tone = (
            mix(mood.far, mood.near, np.full_like(y, depth**0.9)) + (0.10 * depth + 0.05) * ground[..., None]
        )
        mist = np.exp(-np.clip(y - edge, 0, None) * 5) * 0.6 + 0.4
        picture = mix(picture, mix(mood.horizon, tone, np.clip(mist + depth * 0.4, 0, 1)), mask)
    picture = _lake(picture, shore, seed) if mood.water else picture
    grain = np.random.default_rng(seed).standard_normal((height, width, 1)) * 0.006
    return np.clip(picture + grain, 0, 1)


def _sky(x: Array, y: Array, mood: Mood, seed: int, aspect: float) -> Array:
    sky = mix(mood.zenith, mood.horizon, smoothstep(0, 0.65, y))
    distance = np.hypot((x - mood.sun[0]) * aspect, y - mood.sun[1])
    sky = mix(sky, (1.0, 0.93, 0.78), np.exp(-distance * 6) * 0.8)
    sky = mix(sky, (1.0, 0.98, 0.92), smoothstep(0.052, 0.045, distance))
    height, width = x.shape
    clouds = fractal_noise((height, max(width // 3, 1)), 1.7, seed + 99)
    clouds = np.asarray(
        Image.fromarray(clouds.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    )
    return mix(sky, (1.0, 0.96, 0.92), smoothstep(0.5, 0.85, clouds.astype(np.float64)) * (1 - y) * 0.75)


def _ridge(width: int, height: int, depth: float, shore: float, seed: int, *, trees: bool) -> Array:
    """The upper edge of one ridge per column, as a fraction of the height."""
    edge = 0.34 + (shore - 0.36) * depth - 0.26 * (1.1 - depth) * (fractal_noise((width,), 1.15, seed) - 0.3)
    if trees:
        random = np.random.default_rng(seed)
        columns = np.arange(width)
        for centre in random.uniform(0, width, int(90 * depth)):
            tall = random.uniform(0.015, 0.05) * depth
            tip = edge[int(centre)] - tall
            edge = np.minimum(edge, np.maximum(tip + np.abs(columns - centre) / height * 4.5, edge - tall))
    return edge


def _lake(picture: Array, shore: float, seed: int) -> Array:
    height, width, _ = picture.shape
    top = int(shore * height)
    below = np.arange(height - top)
    ripple = fractal_noise((len(below), width), 0.9, seed + 7) - 0.5
    rows = np.clip(top - 1 - below[:, None] * 1.6 - ripple * below[:, None] * 0.9, 0, top - 1).astype(int)
    mirrored = picture[rows, np.arange(width)[None, :]]
    picture[top:] = mix(mirrored * 0.82, (0.10, 0.16, 0.24), 0.15 + 0.35 * np.abs(ripple))
    return picture


def sea(width: int, height: int, seed: int) -> Array:
    """Waves in perspective with reflections of the sun."""
    x, y = grid(width, height)
    far = 0.4
    sky = mix((0.32, 0.58, 0.84), (0.97, 0.90, 0.80), smoothstep(0, far, y))
    depth = 1 / np.clip(y - far, 0.004, None)
    across, along = (x - 0.5) * depth * 1.2, depth
    random = np.random.default_rng(seed)
    slope = np.zeros_like(x)
    for number in range(24):
        angle, length = random.normal(0, 0.5), 1.35**number * 0.5
        phase = length * (along * np.cos(angle) + across * np.sin(angle)) + random.uniform(0, 6.3)
        slope += np.cos(phase) / 1.12**number * np.exp(-((length * depth / 900) ** 2))
    slope /= 4
    water = mix((0.02, 0.20, 0.32), (0.30, 0.62, 0.70), smoothstep(-1.1, 1.3, slope))
    water = mix(water, (0.85, 0.88, 0.84), np.exp(-(y - far) * 9) * 0.7)
    water = mix(water, (1.0, 0.97, 0.86), smoothstep(0.5, 1.1, slope) * np.exp(-(((x - 0.62) * 4) ** 2)))
    return np.clip(mix(sky, water, np.clip((y - far) * height, 0, 1)), 0, 1)


def relief(width: int, height: int, seed: int) -> Array:
    """A map: islands coloured by height and lit from the north-west."""
    ground = fractal_noise((height, width), 1.9, seed)
    dy, dx = np.gradient(ground * 90)
    light = np.clip(0.75 + (-dx - dy) * 0.45, 0.35, 1.25)
    heights = [0, 0.40, 0.47, 0.485, 0.60, 0.78, 1]
    colours = np.array(
        [
            (12, 48, 92),
            (38, 110, 158),
            (120, 186, 200),
            (226, 210, 164),
            (96, 138, 76),
            (128, 104, 78),
            (248, 248, 250),
        ]
    )
    tint = np.stack([np.interp(ground, heights, colours[:, band] / 255) for band in range(3)], axis=-1)
    return np.clip(tint * np.where(ground > 0.48, light, 1)[..., None], 0, 1)


def julia(width: int, height: int, c: complex = -0.79 + 0.156j) -> Array:
    """A Julia set, coloured by smoothed escape time."""
    x, y = grid(width, height)
    z = (x - 0.5) * 3.1 + 1j * (y - 0.5) * 3.1 * height / width
    steps = np.zeros(z.shape)
    inside = np.ones(z.shape, dtype=bool)
    for _ in range(160):
        z[inside] = z[inside] ** 2 + c
        inside &= np.abs(z) < 40
        steps += inside
    steps = (steps + 1 - np.log2(np.log(np.maximum(np.abs(z), 3)))) / 22
    waves = [
        0.5 + 0.5 * np.cos(2 * np.pi * (steps * rate + shift))
        for rate, shift in ((0.9, 0.5), (0.7, 0.62), (0.5, 0.7))
    ]
    return np.where(inside[..., None], 0.02, np.stack(waves, axis=-1))


def petals(width: int, height: int) -> Array:
    """A flower in saturated red, orange and green of its colour space; desaturated if the profile is
    ignored."""
    x, y = grid(width, height)
    dx, dy = (x - 0.5) * width / height, y - 0.5
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    picture = mix((0.0, 0.32, 0.12), (0.0, 0.98, 0.25), smoothstep(0.75, 0.1, radius))
    for ring, (size, colour) in enumerate([(0.46, (0.72, 0, 0.06)), (0.36, (1, 0, 0)), (0.24, (1, 0.45, 0))]):
        edge = size * (0.72 + 0.28 * np.abs(np.cos(angle * 4 + ring * 0.4)))
        petal = smoothstep(0.004, -0.004, radius - edge)
        shade = 0.7 + 0.3 * smoothstep(0, 1, radius / edge)
        picture = mix(picture, np.asarray(colour) * shade[..., None], petal)
    return mix(picture, (1.0, 0.93, 0.0), smoothstep(0.084, 0.076, radius))


def aperture(size: int) -> Array:
    """The blades of an aperture with a soft shadow; H×W×4, straight alpha."""
    x, y = grid(size, size)
    radius, angle = np.hypot(x - 0.5, y - 0.5) * 2, np.arctan2(y - 0.5, x - 0.5)
    blade = np.floor((angle / (2 * np.pi) + radius * 0.35) * 6 % 6)
    hue = np.stack([0.5 + 0.45 * np.cos(2 * np.pi * (blade / 6 + k / 3)) for k in range(3)], axis=-1)
    hue *= (0.75 + 0.25 * ((angle / (2 * np.pi) + radius * 0.35) * 6 % 1))[..., None]
    ring = smoothstep(0.78, 0.765, radius) * smoothstep(0.25, 0.265, radius)
    shadow = 0.55 * smoothstep(1.0, 0.7, np.hypot(x - 0.5, y - 0.53) * 2)
    alpha = ring + shadow * (1 - ring)
    return np.dstack([hue * (ring / np.maximum(alpha, 1e-6))[..., None], alpha])


def eight_bit(picture: Array) -> Image.Image:
    """Convert to a Pillow picture: H×W×3 to RGB, H×W×4 to RGBA."""
    return Image.fromarray(np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def write(
    picture: Image.Image, text: str, centre: tuple[float, float], size: float, fill: str = "white"
) -> None:
    """Draw text around a point, with a dark outline for legibility."""
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    draw.text(
        centre,
        text,
        fill=fill,
        font=font,
        anchor="mm",
        stroke_width=max(1, int(size / 14)),
        stroke_fill="black",
    )


def test_card(width: int, height: int) -> Image.Image:
    """Colour bars, ramps, fine lines, rings and a circle, which are sensitive to scaling and conversion."""
    picture = Image.new("RGB", (width, height), (96, 96, 96))
    draw = ImageDraw.Draw(picture)
    unit = width // 16
    for x in range(0, width, unit):
        draw.line([(x, 0), (x, height)], fill=(150, 150, 150))
    for y in range(0, height, unit):
        draw.line([(0, y), (width, y)], fill=(150, 150, 150))
    bars = ["white", "yellow", "cyan", "lime", "magenta", "red", "blue", "black"]
    for number, name in enumerate(bars):
        draw.rectangle([unit * (4 + number), unit, unit * (5 + number) - 1, unit * 3 - 1], fill=name)
    for step in range(8 * unit):
        grey = step * 255 // (8 * unit - 1)
        draw.line([(unit * 4 + step, unit * 3), (unit * 4 + step, unit * 4 - 1)], fill=(grey, grey, grey))
    for number, gap in enumerate((2, 3, 4, 6)):
        for x in range(0, unit * 2, gap):
            left = unit * (4 + 2 * number) + x
            draw.line([(left, unit * 7), (left, unit * 8 - 1)], fill="white" if x // gap % 2 else "black")
    rows, columns = np.mgrid[-1.5 * unit : 1.5 * unit, -1.5 * unit : 1.5 * unit]
    rings = Image.fromarray((127.5 + 127.5 * np.cos((rows**2 + columns**2) / (1.5 * unit))).astype(np.uint8))
    for column in (0.5, 12.5):
        picture.paste(rings, (int(unit * column), height // 2 - rings.height // 2))
    centre, radius = (width / 2, height / 2), height * 0.46
    draw.ellipse(
        [centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius],
        outline="white",
        width=3,
    )
    write(picture, f"{width} x {height}", (centre[0], height * 0.56), unit * 0.9)
    return picture
