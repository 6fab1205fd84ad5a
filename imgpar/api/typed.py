"""Types of the settings of public calls; None stands for "not given" everywhere.

Written by scripts/make_signatures.py: change the declarations, not this file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Literal, TypeAlias, TypedDict

from imgpar.core.job import Item

Blend: TypeAlias = Literal[
    "over",
    "under",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "difference",
]
"""How colours of two pictures are mixed."""
Gravity: TypeAlias = Literal[
    "centre",
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
    "center",
    "top",
    "bottom",
    "left",
    "right",
    "top left",
    "top right",
    "bottom left",
    "bottom right",
]
"""A corner, a side or the middle."""
Focus: TypeAlias = Literal[
    "centre",
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
    "center",
    "top",
    "bottom",
    "left",
    "right",
    "top left",
    "top right",
    "bottom left",
    "bottom right",
    "attention",
    "entropy",
    "faces",
]
"""A corner, a side or the middle; or attention or entropy, which look at the picture."""
ColourValue: TypeAlias = str | tuple[int, int, int] | tuple[int, int, int, int]
"""A CSS name, #rgb, #rrggbb, #rrggbbaa, or red, green, blue and perhaps alpha, 0 to 255."""


class OperationSettings(TypedDict, total=False):
    """Operations as keywords, in their order, each before the fields that belong to it."""

    auto_contrast: float | str | Literal[True]
    """Operation: stretch the tones to black and white; the value is the share clipped at each end."""
    autocrop: float | Literal[True]
    """Operation: remove a border of one colour; the number is the tolerance, 0 to 255."""
    bilevel: float | str | Literal["auto", "adaptive"]
    """Operation: black and white without greys, for scans: auto, adaptive, or the tone from which on is
    white."""
    blur: float
    """Operation: Gaussian blur with this standard deviation in pixels."""
    border: float | str
    """Operation: add a border: 20, 5% (of the shorter side), 5mm, 10,20 (vertical, horizontal) or T,R,B,L."""
    brightness: float
    """Operation: multiply all colour values: 1 changes nothing, 0 gives black, 1.2 is 20% brighter."""
    clahe: float
    """Operation: local contrast (adaptive histogram equalisation): 2 is moderate, 4 is strong."""
    composite: str | os.PathLike[str]
    """Operation: mix another picture with every picture: over, under, multiply, screen and others."""
    contrast: float
    """Operation: scale the contrast: 1 changes nothing, 0 gives uniform grey."""
    crop: str | int | tuple[int | None, int | None]
    """Operation: keep a region: 800x600, 800x600+10+20 (offset from the top left), 800x, 50%, 10x15cm or an
    aspect ratio such as 16:9."""
    denoise: float
    """Operation: reduce noise and keep edges: 3 is mild, 10 is strong."""
    deskew: float | Literal[True]
    """Operation: turn tilted scans upright; the number is the greatest angle in degrees, up to 15."""
    fade: float | str
    """Operation: make the picture translucent: 0.5 or 50% halves its opacity."""
    flip: Literal["horizontal", "vertical", "h", "v"]
    """Operation: mirror: horizontal swaps left and right, vertical top and bottom."""
    gamma: float
    """Operation: brighten the midtones (above 1) or darken them (below 1); black and white stay."""
    grey: Literal[True]
    """Operation: convert to greyscale by luma (BT.601), stored as one channel."""
    hue: float
    """Operation: rotate the hues by this angle: 180 gives the complementary colours."""
    invert: Literal[True]
    """Operation: negative colours; transparency is kept."""
    levels: str | tuple[float, float] | tuple[float, float, float]
    """Operation: set black point, white point and perhaps gamma, such as 10,240 or 4%,94%,1.1."""
    lut: str | os.PathLike[str]
    """Operation: apply the look-up table of a .cube file (1D or 3D), such as the look of a film."""
    median: int | str
    """Operation: median filter that removes specks: 3 or 5 pixels wide."""
    normalise: Literal[True]
    """Operation: stretch the values to the full range from black to white; nothing is clipped."""
    pad: str | int | tuple[int | None, int | None]
    """Operation: add a border up to a size such as 1920x1080, 1920x, 110%, A4, or an aspect ratio such as
    1:1."""
    pixelate: str
    """Operation: large blocks of one colour, or a blur: all, regions such as 100x80+20+30, or faces."""
    posterise: int
    """Operation: reduce each channel to this number of tones."""
    qr: str
    """Operation: draw a QR code of a text or link over every picture."""
    redact: str
    """Operation: fill regions such as 100x80+20+30, or faces, with one colour."""
    replace_colour: ColourValue
    """Operation: replace a colour by another one, or make it transparent."""
    resize: str | int | tuple[int | None, int | None]
    """Operation: scale to a size: 1920x1080, 1920x, x1080, 50%, 2MP, 1920 (longest edge), short=800, 10x15cm,
    A4."""
    rotate: float
    """Operation: rotate clockwise by degrees; the canvas is enlarged to contain the corners."""
    round_corners: float | str
    """Operation: round the corners: a radius such as 20, 5% (of the shorter side) or 5mm."""
    saturation: float
    """Operation: scale the saturation: 1 changes nothing, 0 gives grey."""
    sepia: float | str | Literal[True]
    """Operation: brown tones of old photographs, as sepia() of CSS; 1 (or 100%) is full strength."""
    shadow: float | str
    """Operation: lay a soft shadow below the picture: its blur such as 20, 3% (of the shorter side) or
    3mm."""
    sharpen: float | Literal[True]
    """Operation: unsharp mask: 0 changes nothing, 0.5 is moderate, 2 is strong."""
    tint: ColourValue
    """Operation: monochrome tones from black over this colour to white."""
    vignette: float | str
    """Operation: darken the corners by this share, gradually from the centre."""
    watermark: str | os.PathLike[str]
    """Operation: composite a picture (preferably a PNG with alpha) over every picture."""
    watermark_text: str
    """Operation: draw text over every picture; system fonts supply letters and emoji that the built-in font
    lacks."""
    white_balance: int | str | Literal["auto"]
    """Operation: remove a colour cast: auto (grey world), or the temperature of the light in kelvins."""
    share: float | str | None
    """Of auto_contrast: share of the pixels clipped at each end, such as 0 or 1%. Of fade: opacity that is
    left, 1 (or 100%) changes nothing. Of sepia: strength, 1 (or 100%) is full sepia."""
    separate: bool | None
    """Of auto_contrast: stretch red, green and blue separately, which removes a colour cast."""
    tolerance: float | float | str | None
    """Of autocrop: difference from the colour of the border up to which a pixel belongs to it, in steps of 8
    bits. Of replace_colour: greatest difference to the colour, 0 (only exactly this colour) to 255, or in
    percent."""
    background: ColourValue | None
    """Of autocrop: colour of the border (default: that of most corners). Of deskew: colour of the corners
    (default: transparent for pictures with alpha, otherwise that of the edges). Of pad: colour of the border
    (default: transparent for pictures with alpha, otherwise white). Of resize: padding colour of contain
    (default: transparent for pictures with alpha, otherwise white). Of rotate: colour of the corners
    (default: transparent for pictures with alpha, otherwise white). Setting of the output: background of
    transparent pixels in formats without alpha (default: white)."""
    limit: float | str | Literal["auto", "adaptive"] | float | None
    """Of bilevel: auto, adaptive, or a tone (0 to 255, or percent). Of deskew: greatest angle that is
    corrected, in degrees."""
    sigma: float | None
    """Of blur: standard deviation in pixels. Of sharpen: standard deviation of the blur in pixels."""
    width: float | str | None
    """Of border: width in pixels, in percent of the shorter side or with a unit: one for all sides, two (top
    and bottom, left and right) or four (top, right, bottom, left)."""
    colour: ColourValue | str | None
    """Of border: colour of the border (default: white). Of replace_colour: the colour to replace. Of shadow:
    colour of the shadow. Of tint: the colour of the midtones. Of watermark_text: colour of the letters.
    Setting of the output: convert to srgb, p3 or an ICC profile file, relative colorimetric (default: keep
    the input's profile)."""
    edges: Literal["colour", "mirror", "replicate"] | None
    """Of border: what the border shows: a colour, the picture mirrored, or its outermost pixels repeated."""
    factor: float | None
    """Of brightness and contrast and saturation: the factor; 1 changes nothing."""
    clip: float | None
    """Of clahe: limit of the contrast: 1 is little, 4 is strong."""
    tiles: str | tuple[int, int] | None
    """Of clahe: number of tiles across and down."""
    picture: str | os.PathLike[str] | None
    """Of composite: the other picture."""
    blend: Blend | None
    """Of composite: how colours are mixed."""
    gravity: Gravity | Focus | None
    """Of composite and qr and watermark and watermark_text: the corner or side at which it is placed. Of
    crop: anchor of the region, unless an offset is given; attention keeps sharp detail, strong colours and
    skin, entropy the part with most variety, faces those that are found, otherwise attention (default:
    centre). Of pad: position of the picture on the canvas. Of resize: anchor of the crop (cover) or of the
    picture (contain); attention, entropy or faces choose it for cover."""
    margin: float | str | None
    """Of composite and qr and watermark and watermark_text: distance from the edges in pixels, or in percent
    of the shorter side."""
    opacity: float | str | None
    """Of composite: opacity of the other picture, 1 (or 100%) is opaque. Of shadow: opacity of the shadow. Of
    watermark: opacity of the watermark, 1 (or 100%) is opaque. Of watermark_text: opacity of the text, 1 (or
    100%) is opaque."""
    scale: float | str | None
    """Of composite: width of the other picture as a fraction of the picture's width. Of watermark: width of
    the watermark as a fraction of the picture's width."""
    stretch: bool | None
    """Of composite: scale it to exactly the size of the picture."""
    region: str | int | tuple[int | None, int | None] | None
    """Of crop: the region to keep; a side that is not given is that of the picture."""
    strength: float | float | str | None
    """Of denoise: standard deviation of the noise in tones, 0 to 255. Of lut and tint: strength of the
    effect, 1 (or 100%) is full. Of vignette: how much darker the corners become, 1 (or 100%) is black."""
    direction: Literal["horizontal", "vertical", "h", "v"] | None
    """Of flip: horizontal or vertical."""
    value: float | None
    """Of gamma: the exponent's reciprocal; 1 changes nothing."""
    degrees: float | None
    """Of hue: the angle in degrees. Of rotate: the angle; negative values rotate counter-clockwise."""
    points: str | tuple[float, float] | tuple[float, float, float] | None
    """Of levels: black point, white point (0 to 255, or percent) and perhaps gamma."""
    file: str | os.PathLike[str] | None
    """Of lut: the .cube file."""
    size: int | str | float | str | None
    """Of median: side of the window in pixels, 3 or 5. Of watermark_text: height of the letters in pixels, or
    in percent of the shorter side."""
    canvas: str | int | tuple[int | None, int | None] | None
    """Of pad: the least size or the aspect ratio of the canvas; a side that is not given is not padded."""
    regions: str | None
    """Of pixelate and redact: all, or regions (width x height + left + top, in pixels or percent), joined by
    commas; faces stands for all faces that are found."""
    grow: float | str | None
    """Of pixelate and redact: what is added at each side of a face, in pixels or in percent of it (default:
    40%)."""
    block: float | str | None
    """Of pixelate: side of a block, or standard deviation of the blur, in pixels or in percent of the shorter
    side (default: 4%, and at least an eighth of the shorter side of a region)."""
    method: Literal["blocks", "blur"] | None
    """Of pixelate: blocks, or blur: a Gaussian blur."""
    tones: int | None
    """Of posterise: number of tones of each channel."""
    content: str | None
    """Of qr: the text or link."""
    side: float | str | None
    """Of qr: greatest width of the code in pixels, or in percent of the shorter side; at least a pixel a
    module."""
    dark: ColourValue | None
    """Of qr: colour of the modules."""
    bright: ColourValue | None
    """Of qr: colour of the background."""
    fill: ColourValue | None
    """Of redact: the colour."""
    replacement: ColourValue | None
    """Of replace_colour: what replaces it."""
    softness: float | str | None
    """Of replace_colour: range beyond the tolerance in which the replacement fades out, 0 to 255, or in
    percent. Of shadow: width of the soft edge, as the blur radius in CSS: pixels, percent of the shorter side
    or a length with a unit; 0 is a hard edge."""
    geometry: str | int | tuple[int | None, int | None] | None
    """Of resize: the size; one number is the longest edge (in ImageMagick: the width); paper and sizes such
    as 10x15cm take the orientation of the picture (A4-landscape is fixed) and the density of --dpi."""
    fit: Literal["inside", "cover", "contain", "fill"] | None
    """Of resize: inside: fit within the box; cover: fill the box and crop; contain: fit and pad; fill: ignore
    the aspect ratio."""
    enlarge: bool | None
    """Of resize: allow inside to enlarge pictures."""
    linear: bool | None
    """Of resize: resample in linear light instead of gamma-encoded values; slower, accurate for fine bright
    detail."""
    kernel: Literal["lanczos", "bicubic", "bilinear", "box", "nearest", "area"] | None
    """Of resize: lanczos (default), bicubic, bilinear, box (mean of the area), or nearest, for pixel art: it
    adds no colours."""
    sharpen_after: float | None
    """Of resize: unsharp mask after a reduction, 0.3 is moderate; nothing where the picture is not
    reduced."""
    radius: float | str | None
    """Of round_corners: radius in pixels, in percent of the shorter side (50% is a circle or half a circle),
    or with a unit."""
    offset: str | tuple[float, float] | None
    """Of shadow: distance to the right and downwards, such as 4,8; negative numbers (--offset=-4,2) are to
    the left and upwards (default: half of the blur downwards)."""
    amount: float | None
    """Of sharpen: strength of the mask."""
    threshold: float | str | None
    """Of sharpen: least difference that is sharpened, 0 to 255, or in percent."""
    start: float | str | None
    """Of vignette: distance from the centre at which darkening starts; 100% is the corner."""
    image: str | os.PathLike[str] | None
    """Of watermark: the picture to composite."""
    tile: bool | None
    """Of watermark and watermark_text: repeat it over the whole picture, spaced by the margin."""
    text: str | None
    """Of watermark_text: the text; \\n starts a new line; {date:%d.%m.%Y}, {filename}, {copyright}, {title},
    {camera} … insert what the metadata say, {title|untitled} a text where they say nothing, {{ }} are
    braces."""
    outline: ColourValue | None
    """Of watermark_text: colour of an outline around the letters, for legibility on bright and dark
    pictures."""
    font: str | os.PathLike[str] | None
    """Of watermark_text: a TrueType or OpenType font file (default: the built-in font, with system fonts for
    letters it lacks)."""
    light: int | str | Literal["auto"] | None
    """Of white_balance: auto, or kelvins from 2500 to 25000."""


class EncodeSettings(OperationSettings, total=False):
    """Settings of `Pipeline.encode`."""

    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    icon_sizes: int | str | None
    """Sizes of a Windows icon in pixels, up to 256 (default: 16,32,48,256); it is not enlarged."""
    loop: int | None
    """How often an animation is played, 0 is for ever (default: as the input, or for ever)."""
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    metadata: Literal["keep", "minimal", "none"] | None
    """Metadata to keep: keep (all), minimal (colour profile and orientation), or none (as --strip all)."""
    set: Mapping[str, object] | None
    """Write a field of the metadata: copyright, artist, title, description, keywords, rating, date, gps, city
    … (docs/metadata.md); an empty value removes it, keywords+=A,B adds; repeatable; one or several."""
    shift_dates: str | None
    """Add a difference to the dates in the metadata, such as +1h30m, -2d or 1:30 (hours and minutes)."""
    gpx: str | os.PathLike[str] | None
    """Write the position at which a GPX track was when the picture was taken."""
    gpx_gap: float | str | None
    """With --gpx: most time between the points of the track around a picture (default: 10m)."""
    gpx_offset: str | None
    """With --gpx: difference of the camera's clock from UTC, such as +02:00 (default: that in the
    metadata)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    max_bytes: int | str | None
    """Maximum size of an output, such as 300k or 2M (powers of 1000; KiB and MiB are powers of 1024): of a
    picture the highest quality that fits (--quality is the upper limit), of a clip two-pass encoding where
    the encoder supports it."""
    shrink: bool | None
    """With --max-bytes: scale a picture down rather than lower its quality below 50."""
    target: str | None
    """Encode at the lowest quality that reaches ssim=0.98, of clips also vmaf=93, of pictures also
    ssimulacra2=80, butteraugli=1 (less is better) or psnr=42."""
    only_if_smaller: bool | None
    """Keep the bytes of an input whose new output would not be smaller, where nothing else is asked for than
    a smaller file (always so with --in-place)."""
    optimise: bool | None
    """Compress PNG, JPEG, lossless WebP and GIF better without changing a pixel; never larger."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""


class EncodeAllSettings(OperationSettings, total=False):
    """Settings of `Pipeline.encode_all`."""

    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    icon_sizes: int | str | None
    """Sizes of a Windows icon in pixels, up to 256 (default: 16,32,48,256); it is not enlarged."""
    loop: int | None
    """How often an animation is played, 0 is for ever (default: as the input, or for ever)."""
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    metadata: Literal["keep", "minimal", "none"] | None
    """Metadata to keep: keep (all), minimal (colour profile and orientation), or none (as --strip all)."""
    set: Mapping[str, object] | None
    """Write a field of the metadata: copyright, artist, title, description, keywords, rating, date, gps, city
    … (docs/metadata.md); an empty value removes it, keywords+=A,B adds; repeatable; one or several."""
    shift_dates: str | None
    """Add a difference to the dates in the metadata, such as +1h30m, -2d or 1:30 (hours and minutes)."""
    gpx: str | os.PathLike[str] | None
    """Write the position at which a GPX track was when the picture was taken."""
    gpx_gap: float | str | None
    """With --gpx: most time between the points of the track around a picture (default: 10m)."""
    gpx_offset: str | None
    """With --gpx: difference of the camera's clock from UTC, such as +02:00 (default: that in the
    metadata)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    max_bytes: int | str | None
    """Maximum size of an output, such as 300k or 2M (powers of 1000; KiB and MiB are powers of 1024): of a
    picture the highest quality that fits (--quality is the upper limit), of a clip two-pass encoding where
    the encoder supports it."""
    shrink: bool | None
    """With --max-bytes: scale a picture down rather than lower its quality below 50."""
    target: str | None
    """Encode at the lowest quality that reaches ssim=0.98, of clips also vmaf=93, of pictures also
    ssimulacra2=80, butteraugli=1 (less is better) or psnr=42."""
    only_if_smaller: bool | None
    """Keep the bytes of an input whose new output would not be smaller, where nothing else is asked for than
    a smaller file (always so with --in-place)."""
    optimise: bool | None
    """Compress PNG, JPEG, lossless WebP and GIF better without changing a pixel; never larger."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    root: str | os.PathLike[str] | None
    """Folder above all inputs that OUT mirrors: of the root photos/, photos/2024/a.jpg becomes 2024/a.jpg."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class OutputSettings(OperationSettings, total=False):
    """Settings of `Pipeline.output`."""

    to: str | Sequence[str] | None
    """Formats of the outputs, such as webp or webp,mp4; without it each input keeps its own."""
    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    icon_sizes: int | str | None
    """Sizes of a Windows icon in pixels, up to 256 (default: 16,32,48,256); it is not enlarged."""
    loop: int | None
    """How often an animation is played, 0 is for ever (default: as the input, or for ever)."""
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    metadata: Literal["keep", "minimal", "none"] | None
    """Metadata to keep: keep (all), minimal (colour profile and orientation), or none (as --strip all)."""
    set: Mapping[str, object] | None
    """Write a field of the metadata: copyright, artist, title, description, keywords, rating, date, gps, city
    … (docs/metadata.md); an empty value removes it, keywords+=A,B adds; repeatable; one or several."""
    shift_dates: str | None
    """Add a difference to the dates in the metadata, such as +1h30m, -2d or 1:30 (hours and minutes)."""
    gpx: str | os.PathLike[str] | None
    """Write the position at which a GPX track was when the picture was taken."""
    gpx_gap: float | str | None
    """With --gpx: most time between the points of the track around a picture (default: 10m)."""
    gpx_offset: str | None
    """With --gpx: difference of the camera's clock from UTC, such as +02:00 (default: that in the
    metadata)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "h265", "x264", "x265"] | None
    """Video codec: h264, hevc, av1, vp9, prores or ffv1 (default: by container)."""
    audio: Literal["copy", "aac", "opus", "none"] | None
    """Audio of clips: copy (encoded only if the container does not support the codec), aac, opus or none."""
    trim: str | None
    """Keep a part of each clip, in seconds or h:m:s: 0:10-0:25, 2.5-7.75, 10- (to the end) or -25 (from the
    start)."""
    speed: float | None
    """Playback speed of clips: 2 is twice as fast; the pitch of the audio is kept."""
    fps: float | str | Fraction | None
    """Constant frame rate of clips: 25, 30000/1001 (the same as 29.97) … (default: keep the timestamp of
    every frame)."""
    map: Literal["best", "all"] | None
    """Video streams to keep: best (the largest) or all (the others are copied unchanged)."""
    loudnorm: bool | None
    """Normalise the loudness of clips to EBU R128 (-23 LUFS)."""
    deinterlace: bool | None
    """Deinterlace interlaced clips with ffmpeg's bwdif filter, one frame per two fields."""
    tonemap: Literal["hable", "mobius", "reinhard", "clip"] | None
    """Tone map HDR clips (PQ, HLG) to SDR with this operator: hable, mobius, reinhard or clip."""
    max_bytes: int | str | None
    """Maximum size of an output, such as 300k or 2M (powers of 1000; KiB and MiB are powers of 1024): of a
    picture the highest quality that fits (--quality is the upper limit), of a clip two-pass encoding where
    the encoder supports it."""
    shrink: bool | None
    """With --max-bytes: scale a picture down rather than lower its quality below 50."""
    target: str | None
    """Encode at the lowest quality that reaches ssim=0.98, of clips also vmaf=93, of pictures also
    ssimulacra2=80, butteraugli=1 (less is better) or psnr=42."""
    best_format: bool | None
    """Write each picture once, in the format of --to that gives the smallest file of equal quality (default:
    webp, jpg or png)."""
    only_if_smaller: bool | None
    """Keep the bytes of an input whose new output would not be smaller, where nothing else is asked for than
    a smaller file (always so with --in-place)."""
    optimise: bool | None
    """Compress PNG, JPEG, lossless WebP and GIF better without changing a pixel; never larger."""
    hardware: bool | None
    """Use a hardware encoder, if a working one is found."""


class PlainRunSettings(OperationSettings, total=False):
    """Settings that every run takes."""

    to: str | Sequence[str] | None
    """Formats of the outputs, such as webp or webp,mp4; without it each input keeps its own."""
    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    icon_sizes: int | str | None
    """Sizes of a Windows icon in pixels, up to 256 (default: 16,32,48,256); it is not enlarged."""
    loop: int | None
    """How often an animation is played, 0 is for ever (default: as the input, or for ever)."""
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    metadata: Literal["keep", "minimal", "none"] | None
    """Metadata to keep: keep (all), minimal (colour profile and orientation), or none (as --strip all)."""
    set: Mapping[str, object] | None
    """Write a field of the metadata: copyright, artist, title, description, keywords, rating, date, gps, city
    … (docs/metadata.md); an empty value removes it, keywords+=A,B adds; repeatable; one or several."""
    shift_dates: str | None
    """Add a difference to the dates in the metadata, such as +1h30m, -2d or 1:30 (hours and minutes)."""
    gpx: str | os.PathLike[str] | None
    """Write the position at which a GPX track was when the picture was taken."""
    gpx_gap: float | str | None
    """With --gpx: most time between the points of the track around a picture (default: 10m)."""
    gpx_offset: str | None
    """With --gpx: difference of the camera's clock from UTC, such as +02:00 (default: that in the
    metadata)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "h265", "x264", "x265"] | None
    """Video codec: h264, hevc, av1, vp9, prores or ffv1 (default: by container)."""
    audio: Literal["copy", "aac", "opus", "none"] | None
    """Audio of clips: copy (encoded only if the container does not support the codec), aac, opus or none."""
    trim: str | None
    """Keep a part of each clip, in seconds or h:m:s: 0:10-0:25, 2.5-7.75, 10- (to the end) or -25 (from the
    start)."""
    speed: float | None
    """Playback speed of clips: 2 is twice as fast; the pitch of the audio is kept."""
    fps: float | str | Fraction | None
    """Constant frame rate of clips: 25, 30000/1001 (the same as 29.97) … (default: keep the timestamp of
    every frame)."""
    map: Literal["best", "all"] | None
    """Video streams to keep: best (the largest) or all (the others are copied unchanged)."""
    loudnorm: bool | None
    """Normalise the loudness of clips to EBU R128 (-23 LUFS)."""
    deinterlace: bool | None
    """Deinterlace interlaced clips with ffmpeg's bwdif filter, one frame per two fields."""
    tonemap: Literal["hable", "mobius", "reinhard", "clip"] | None
    """Tone map HDR clips (PQ, HLG) to SDR with this operator: hable, mobius, reinhard or clip."""
    max_bytes: int | str | None
    """Maximum size of an output, such as 300k or 2M (powers of 1000; KiB and MiB are powers of 1024): of a
    picture the highest quality that fits (--quality is the upper limit), of a clip two-pass encoding where
    the encoder supports it."""
    shrink: bool | None
    """With --max-bytes: scale a picture down rather than lower its quality below 50."""
    target: str | None
    """Encode at the lowest quality that reaches ssim=0.98, of clips also vmaf=93, of pictures also
    ssimulacra2=80, butteraugli=1 (less is better) or psnr=42."""
    best_format: bool | None
    """Write each picture once, in the format of --to that gives the smallest file of equal quality (default:
    webp, jpg or png)."""
    only_if_smaller: bool | None
    """Keep the bytes of an input whose new output would not be smaller, where nothing else is asked for than
    a smaller file (always so with --in-place)."""
    optimise: bool | None
    """Compress PNG, JPEG, lossless WebP and GIF better without changing a pixel; never larger."""
    hardware: bool | None
    """Use a hardware encoder, if a working one is found."""
    name: str | Callable[[Item], str] | None
    """Template of the names, such as '{date:%Y-%m-%d}_{stem}-{width}.{ext}'; with / it is a path below OUT;
    fields: stem, ext, dir, parent, n, date, camera, width, height, page, hash, recipe ({n:04}: digits,
    {hash:8}: length, {camera|other}: where it is missing)."""
    prefix: str | None
    """Text before each name."""
    suffix: str | None
    """Text behind each name, before its dot."""
    flat: bool | None
    """Write all outputs directly into OUT, without the folders of the inputs."""
    sizes: str | int | Sequence[int] | None
    """Widths in pixels: each is an output of its own, named {stem}-{width}; nothing is enlarged: of a smaller
    input its own width is made."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    companions: Literal["ignore", "copy", "samples"] | None
    """Sidecar files of pictures (XMP, AAE): ignore, copy under the name of the output, or samples: also JSON,
    TXT and CLS files, as WebDataset has them (default: ignore)."""
    others: Literal["skip", "copy", "link", "ignore"] | None
    """Files in the input folders that are neither pictures nor clips: skip, copy to their place in OUT, or
    link (hard links, copies where that is not possible) (default: skip)."""
    duplicates: Literal["keep", "skip", "link"] | None
    """Inputs whose content is that of an earlier input: keep (convert each), skip, or link (their outputs
    become hard links to those of the first) (default: keep)."""
    deterministic: bool | None
    """Equal outputs make equal archives: members in the order of their names, with one time
    (SOURCE_DATE_EPOCH, or 1980-01-01), whatever -j."""
    cache_control: str | None
    """Cache-Control of the objects that are stored in OUT (s3://, gs://, az://), such as 'public, max-
    age=86400'."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    manifest: str | os.PathLike[str] | None
    """Write a JSON file that lists the outputs of each input: size, bytes, digest, dominant colour, BlurHash
    and ThumbHash."""
    html: str | os.PathLike[str] | None
    """Write a page with the <picture> markup of each input, with all its sizes and formats."""
    base_url: str | None
    """Begin each address in --manifest and --html with this, such as /img/ (default: relative to OUT in the
    manifest, to the page in its markup)."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    root: str | os.PathLike[str] | None
    """Folder above all inputs that OUT mirrors: of the root photos/, photos/2024/a.jpg becomes 2024/a.jpg."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    shard: int | str | None
    """Write WebDataset shards (00000.tar, 00001.tar … with tables of their metadata) into OUT, each of at
    most this size, such as 1GB, or this number of inputs, such as 10000."""
    shard_keys: Literal["number", "name"] | None
    """With --shard: call samples by number, or by the name of the output (default: number)."""
    shard_checksum: Literal["sha256", "sha512", "md5", "none"] | None
    """With --shard: checksum of each input in the tables (default: sha256)."""
    checksum_column: str | None
    """With --shard: column of the list with the checksum that each input must have, of the kind of --shard-
    checksum."""
    caption_column: str | None
    """With --shard: column of the list whose text is the caption of a sample, KEY.txt."""
    in_place: bool | None
    """Replace the originals and keep them in .imgpar/undo."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """Scheduling of stages on workers; does not change the outputs (default: auto)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    keep_originals: int | Literal["none"] | None
    """With --in-place: delete kept originals older than DAYS, or keep none of this run (default: keep until
    undo --forget)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    sandbox: bool | None
    """Let workers touch no files but the inputs, OUT, temporary files and the installation, and connect to
    nothing; Linux 6.7 or newer (default: for addresses and stores, without functions and plugins)."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class SessionRunSettings(PlainRunSettings, total=False):
    """Settings of `Session.run`."""

    dry_run: bool | None
    """Print what would be done and write nothing."""


class DryRunSettings(PlainRunSettings, total=False):
    """Settings of `dry_run`."""

    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    engine: Literal["local", "ray"] | None
    """What does the work: the processes of this machine (local), or the nodes of a Ray cluster, which must
    reach the inputs and OUT (default: local)."""
    ray_address: str | None
    """With --engine ray: address of the cluster, such as 10.0.0.1:6379 or auto (default: RAY_ADDRESS, the
    cluster on this machine, or a new one of this machine alone)."""


class WatchSettings(DryRunSettings, total=False):
    """Settings of `watch`."""

    once: bool | None
    """Process the files that are there and settled, then end with the exit code of a run; where there are
    none yet, that is success."""
    settle: float | str | None
    """Take a file when its size and its time have not changed for this long, and no program has it open for
    writing where the system tells (default: 2s)."""
    poll: float | str | None
    """List the inputs every TIME instead of waiting for the system to report changes (default: 30s for
    network folders, lists, patterns and addresses)."""
    on_delete: Literal["keep", "remove"] | None
    """What becomes of the outputs of an input that was deleted or renamed: keep, or remove those that are
    unchanged since they were made (default: keep)."""
    move_done: str | os.PathLike[str] | None
    """Move each input into this folder when its outputs are verified."""
    delete_source: bool | None
    """Delete each input when its outputs are decoded, compared and on the disk; any loss is a failure, and
    keeps it."""
    log: str | os.PathLike[str] | None
    """Write the log to this file as well."""
    log_size: int | str | None
    """Begin a new log file at this size, and number the old ones (default: 10M)."""
    log_count: int | None
    """Number of old log files that are kept (default: 5)."""
    status_file: str | os.PathLike[str] | None
    """Write the state of the watch to this file (default: a file in the user's state folder)."""


class RunSettings(DryRunSettings, total=False):
    """Settings of `convert` and `Pipeline.run`."""

    dry_run: bool | None
    """Print what would be done and write nothing."""


class ExtractSettings(OperationSettings, total=False):
    """Settings of `Pipeline.extract`."""

    to: str | Sequence[str] | None
    """Formats of the outputs, such as webp or webp,mp4; without it each input keeps its own."""
    every: int | str | None
    """Every Nth frame, one frame every T seconds, key frames, or the first frame of each scene (default:
    every frame)."""
    poster: bool | None
    """The sharpest of 15 frames, avoiding nearly black and white ones."""
    sheet: str | tuple[int, int] | None
    """A contact sheet of C columns and R rows."""
    sprites: float | str | None
    """Thumbnails of one frame every T seconds in sheets of 10×10, and a WebVTT file for players."""
    animation: bool | None
    """An animation (GIF, WebP, AVIF or PNG), 10 frames per second unless --fps is given."""
    motion: bool | None
    """The clip of a motion photo as a separate file, byte for byte."""
    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    loop: int | None
    """How often an animation is played, 0 is for ever (default: as the input, or for ever)."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    trim: str | None
    """Keep a part of each clip, in seconds or h:m:s: 0:10-0:25, 2.5-7.75, 10- (to the end) or -25 (from the
    start)."""
    fps: float | str | Fraction | None
    """Constant frame rate of clips: 25, 30000/1001 (the same as 29.97) … (default: keep the timestamp of
    every frame)."""
    deinterlace: bool | None
    """Deinterlace interlaced clips with ffmpeg's bwdif filter, one frame per two fields."""
    tonemap: Literal["hable", "mobius", "reinhard", "clip"] | None
    """Tone map HDR clips (PQ, HLG) to SDR with this operator: hable, mobius, reinhard or clip."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    deterministic: bool | None
    """Equal outputs make equal archives: members in the order of their names, with one time
    (SOURCE_DATE_EPOCH, or 1980-01-01), whatever -j."""
    cache_control: str | None
    """Cache-Control of the objects that are stored in OUT (s3://, gs://, az://), such as 'public, max-
    age=86400'."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    sandbox: bool | None
    """Let workers touch no files but the inputs, OUT, temporary files and the installation, and connect to
    nothing; Linux 6.7 or newer (default: for addresses and stores, without functions and plugins)."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class SessionArraysSettings(TypedDict, total=False):
    """Settings of `Session.arrays`."""

    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    root: str | os.PathLike[str] | None
    """Folder above all inputs that OUT mirrors: of the root photos/, photos/2024/a.jpg becomes 2024/a.jpg."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """Scheduling of stages on workers; does not change the outputs (default: auto)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class ArraySettings(TypedDict, total=False):
    """Settings of `Pipeline.array`."""

    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""


class ArraysSettings(SessionArraysSettings, total=False):
    """Settings of `Pipeline.arrays`."""

    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""


class SessionDescribeSettings(TypedDict, total=False):
    """Settings of `Session.describe`."""

    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class DuplicatesSettings(SessionDescribeSettings, total=False):
    """Settings of `duplicates`."""

    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""


class AssembleSettings(OperationSettings, total=False):
    """Settings of `Pipeline.assemble`."""

    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    loop: int | None
    """How often an animation is played, 0 is for ever (default: as the input, or for ever)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "h265", "x264", "x265"] | None
    """Video codec: h264, hevc, av1, vp9, prores or ffv1 (default: by container)."""
    fps: float | str | Fraction | None
    """Constant frame rate of clips: 25, 30000/1001 (the same as 29.97) … (default: keep the timestamp of
    every frame)."""
    mixed: Literal["pad", "crop", "stretch", "fail"] | None
    """Pictures whose size differs from the first: pad with black, crop, stretch or fail (default: pad)."""
    title: str | None
    """Title: of a PDF, in its properties; of a sheet, drawn above the pictures."""
    author: str | None
    """Author of a PDF, in its properties."""
    subject: str | None
    """Subject of a PDF, in its properties."""
    keywords: str | None
    """Keywords of a PDF, in its properties."""
    page_size: str | None
    """Pages of a PDF: fit (as large as the picture at its density), a paper such as A4 or letter, or 20x30cm,
    turned to the orientation of the picture unless it ends with -portrait or -landscape (default: fit; of a
    sheet A4-portrait)."""
    page_margin: str | int | None
    """Margin of the pages of a PDF, such as 1cm, 10mm, 0.5in or 36pt (default: 0; of a sheet 1cm)."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    sandbox: bool | None
    """Let workers touch no files but the inputs, OUT, temporary files and the installation, and connect to
    nothing; Linux 6.7 or newer (default: for addresses and stores, without functions and plugins)."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class SheetSettings(OperationSettings, total=False):
    """Settings of `Pipeline.sheet`."""

    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    palette: int | None
    """Write PNG, GIF, TIFF and BMP with a palette of at most N colours (2 to 256)."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Chroma subsampling of JPEG, AVIF and HEIC: 420, 422 or 444 (default: 420, from quality 92 on 444)."""
    progressive: bool | None
    """Progressive JPEG: slightly smaller, slower to encode."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7; these are one output each where
    the format holds only one (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    dpi: float | None
    """Dots per inch of the output: written as its density, into the header only where no pixel changes, and
    the scale of sizes such as 10x15cm and A4 (default for these: 300, else the input's density)."""
    columns: int | None
    """Pictures in a row of the sheet (default: as many as make it about square; 4 on paper)."""
    rows: int | None
    """Rows of a page, in PDF and TIFF; rows of the sheet in other formats (default: as many as needed, on
    paper as many as fit)."""
    gap: int | None
    """Pixels between the pictures; on paper, of 1/200 inch (default: 4; on paper 16)."""
    labels: str | None
    """Text below each picture, with the fields {stem}, {name}, {n}, {width}, {height}, {date}, {camera},
    {bytes}, {format}."""
    label_size: int | None
    """Height of the letters of labels in pixels (default: a sixteenth of the tile, at least 10)."""
    title: str | None
    """Title: of a PDF, in its properties; of a sheet, drawn above the pictures."""
    author: str | None
    """Author of a PDF, in its properties."""
    subject: str | None
    """Subject of a PDF, in its properties."""
    keywords: str | None
    """Keywords of a PDF, in its properties."""
    page_size: str | None
    """Pages of a PDF: fit (as large as the picture at its density), a paper such as A4 or letter, or 20x30cm,
    turned to the orientation of the picture unless it ends with -portrait or -landscape (default: fit; of a
    sheet A4-portrait)."""
    page_margin: str | int | None
    """Margin of the pages of a PDF, such as 1cm, 10mm, 0.5in or 36pt (default: 0; of a sheet 1cm)."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    sandbox: bool | None
    """Let workers touch no files but the inputs, OUT, temporary files and the installation, and connect to
    nothing; Linux 6.7 or newer (default: for addresses and stores, without functions and plugins)."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class ConcatSettings(TypedDict, total=False):
    """Settings of `concat`."""

    quality: int | None
    """Perceptual quality, 1 to 100, on one scale for all formats."""
    lossless: bool | None
    """Lossless encoding, in formats that support it."""
    effort: int | None
    """Encoder effort: 0 is fastest, 10 gives the smallest files."""
    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "h265", "x264", "x265"] | None
    """Video codec: h264, hevc, av1, vp9, prores or ffv1 (default: by container)."""
    audio: Literal["copy", "aac", "opus", "none"] | None
    """Audio of clips: copy (encoded only if the container does not support the codec), aac, opus or none."""
    hardware: bool | None
    """Use a hardware encoder, if a working one is found."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    sandbox: bool | None
    """Let workers touch no files but the inputs, OUT, temporary files and the installation, and connect to
    nothing; Linux 6.7 or newer (default: for addresses and stores, without functions and plugins)."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class CompareSettings(OperationSettings, total=False):
    """Settings of `compare`."""

    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""


class RetrySettings(TypedDict, total=False):
    """Settings of `retry`."""

    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    companions: Literal["ignore", "copy", "samples"] | None
    """Sidecar files of pictures (XMP, AAE): ignore, copy under the name of the output, or samples: also JSON,
    TXT and CLS files, as WebDataset has them (default: ignore)."""
    others: Literal["skip", "copy", "link", "ignore"] | None
    """Files in the input folders that are neither pictures nor clips: skip, copy to their place in OUT, or
    link (hard links, copies where that is not possible) (default: skip)."""
    deterministic: bool | None
    """Equal outputs make equal archives: members in the order of their names, with one time
    (SOURCE_DATE_EPOCH, or 1980-01-01), whatever -j."""
    cache_control: str | None
    """Cache-Control of the objects that are stored in OUT (s3://, gs://, az://), such as 'public, max-
    age=86400'."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    where: str | Sequence[str] | None
    """Process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M',
    format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable; one or several."""
    sort: str | None
    """Order of the files: name, path, date, mtime, bytes, width …, also several: date,name; :desc is
    descending (default: natural order of the names)."""
    reverse: bool | None
    """Reverse the order of the files."""
    recursive: bool | None
    """Read subfolders of the inputs."""
    archives: bool | None
    """Open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name."""
    jobs: int | None
    """Maximum number of worker processes (default: available cores); 0 works in this process, without
    isolation."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """Scheduling of stages on workers; does not change the outputs (default: auto)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that need more
    fail."""
    keep_originals: int | Literal["none"] | None
    """With --in-place: delete kept originals older than DAYS, or keep none of this run (default: keep until
    undo --forget)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs and archives."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    sandbox: bool | None
    """Let workers touch no files but the inputs, OUT, temporary files and the installation, and connect to
    nothing; Linux 6.7 or newer (default: for addresses and stores, without functions and plugins)."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
    allow_private: bool | None
    """Read http(s) items also from private, loopback and link-local addresses."""
    downloads: int | None
    """Transfers at a time (default: 32)."""
    per_host: int | None
    """Transfers at a time from one host (default: 8)."""
    retries: int | None
    """Further attempts after a failure of the network that may pass (default: 4)."""
    fetch_timeout: float | str | None
    """Time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)."""
    max_download: int | str | None
    """Reject items that are larger when they are fetched (default: 4 GiB)."""
    robots: str | Sequence[str] | None
    """Do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as
    noai,noimageai; all is noai,noimageai,noindex,noimageindex."""
    user_agent: str | None
    """Name of your program, added to the User-Agent; X-Robots-Tag may address it."""
    engine: Literal["local", "ray"] | None
    """What does the work: the processes of this machine (local), or the nodes of a Ray cluster, which must
    reach the inputs and OUT (default: local)."""
    ray_address: str | None
    """With --engine ray: address of the cluster, such as 10.0.0.1:6379 or auto (default: RAY_ADDRESS, the
    cluster on this machine, or a new one of this machine alone)."""
