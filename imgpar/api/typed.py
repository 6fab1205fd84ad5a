"""Types of the settings of public calls; None stands for "not given" everywhere.

Written by scripts/make_signatures.py: change the declarations, not this file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, TypeAlias, TypedDict

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
ColourValue: TypeAlias = str | tuple[int, int, int] | tuple[int, int, int, int]
"""A CSS name, #rgb, #rrggbb, #rrggbbaa, or red, green, blue and perhaps alpha, 0 to 255."""


class OperationSettings(TypedDict, total=False):
    """Operations as keywords, in their order, each before the fields that belong to it."""

    blur: float
    """Operation: soften with a Gaussian; the number is its sigma in pixels."""
    brightness: float
    """Operation: lighter or darker: 1 changes nothing, 0 is black, 1.2 is a fifth lighter."""
    contrast: float
    """Operation: more or less contrast: 1 changes nothing, 0 is plain grey."""
    crop: str | tuple[int, int]
    """Operation: keep a part: 800x600, 800x600+10+20 (from the top left) or an aspect such as 16:9."""
    flip: Literal["horizontal", "vertical", "h", "v"]
    """Operation: mirror: horizontal swaps left and right, vertical top and bottom."""
    grey: Literal[True]
    """Operation: turn colours into grey, stored as one channel."""
    pad: str | tuple[int, int]
    """Operation: add a border up to a size such as 1920x1080, or to a shape such as 1:1."""
    resize: str | int | tuple[int | None, int | None]
    """Operation: scale to a size: 1920x1080, 1920x, x1080, 50%, 2MP or 1920 (longest edge)."""
    rotate: float
    """Operation: turn clockwise by degrees; the canvas grows to hold the corners."""
    saturation: float
    """Operation: stronger or paler colours: 1 changes nothing, 0 is grey."""
    sharpen: float | Literal[True]
    """Operation: bring out details (unsharp mask): 0 changes nothing, 0.5 is gentle, 2 is strong."""
    watermark: str | os.PathLike[str]
    """Operation: lay a picture (best a PNG with transparency) over every picture."""
    watermark_text: str
    """Operation: write words over every picture."""
    sigma: float | None
    """Of blur: standard deviation in pixels. Of sharpen: size of the details, as a blur's sigma in pixels."""
    factor: float | None
    """Of brightness and contrast and saturation: the factor; 1 changes nothing."""
    region: str | tuple[int, int] | None
    """Of crop: the part to keep."""
    gravity: Gravity | None
    """Of crop: which part, unless an offset says it. Of pad: where the picture lies on the canvas. Of resize:
    which part cover keeps, or where contain puts the picture. Of watermark and watermark_text: the corner or
    side where it lies."""
    direction: Literal["horizontal", "vertical", "h", "v"] | None
    """Of flip: horizontal or vertical."""
    canvas: str | tuple[int, int] | None
    """Of pad: the size or shape to reach."""
    background: ColourValue | None
    """Of pad: colour of the border; transparent where the picture has transparency, otherwise white. Of
    resize: colour that contain pads with; transparent where the picture has transparency, otherwise white. Of
    rotate: colour of the corners; transparent where the picture has transparency, otherwise white. Setting of
    the output: colour behind transparent pixels where the format has no transparency."""
    geometry: str | int | tuple[int | None, int | None] | None
    """Of resize: the size; one number is the longest edge (in magick it is the width)."""
    fit: Literal["inside", "cover", "contain", "fill"] | None
    """Of resize: inside: as large as fits; cover: fill the box and crop; contain: fit and pad; fill:
    distort."""
    enlarge: bool | None
    """Of resize: let inside make pictures larger."""
    linear: bool | None
    """Of resize: mix amounts of light, not coded values; slower, right for fine bright detail."""
    degrees: float | None
    """Of rotate: the angle; negative turns the other way."""
    amount: float | None
    """Of sharpen: how much."""
    image: str | os.PathLike[str] | None
    """Of watermark: the picture to lay over."""
    margin: float | str | None
    """Of watermark and watermark_text: distance from the edges, in pixels or percent of the shorter side."""
    opacity: float | str | None
    """Of watermark and watermark_text: how much of the picture below it hides."""
    scale: float | str | None
    """Of watermark: its width, as a share of the picture's width."""
    tile: bool | None
    """Of watermark and watermark_text: repeat it over the whole picture, margins between."""
    text: str | None
    """Of watermark_text: the words; \\n starts a new line."""
    size: float | str | None
    """Of watermark_text: height of the letters, in pixels or percent of the shorter side."""
    colour: ColourValue | str | None
    """Of watermark_text: colour of the letters. Setting of the output: convert to srgb, p3 or the profile in
    a file (relative colorimetric); default: the input's own."""
    outline: ColourValue | None
    """Of watermark_text: colour of a thin line around the letters, for bright and dark pictures alike."""
    font: str | os.PathLike[str] | None
    """Of watermark_text: a TrueType or OpenType file."""


class EncodeSettings(OperationSettings, total=False):
    """Settings of `Pipeline.encode`."""

    quality: int | None
    """Visible quality, 1 to 100, the same scale for every format."""
    lossless: bool | None
    """Keep every pixel exactly, where the format can."""
    effort: int | None
    """0 is fastest, 10 makes the smallest files."""
    palette: int | None
    """At most so many colours in PNG, GIF, TIFF and BMP, stored as a palette."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Resolution of colour in JPEG, AVIF and HEIC; default 420, from quality 92 on 444."""
    progressive: bool | None
    """Progressive JPEGs: a little smaller, slower to write."""
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to leave out: gps, exif, xmp or all (the colour profile is kept)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first, a
    number or a range such as 2-5; default: all, as far as the target holds them."""
    density: float | None
    """Dots per inch at which PDF (150) and SVG (96) become pixels."""
    max_pixels: int | str | None
    """Refuse larger pictures (default: 100MP)."""
    max_frames: int | None
    """Refuse animations with more frames, files with more pages (default: 10000)."""
    accept_damaged: bool | None
    """Keep what can be read of a damaged file."""
    password: str | None
    """Opens locked PDFs."""
    verify: bool | None
    """Decode every output again before it is written, and compare those that exist."""
    strict: bool | None
    """Losing anything (GPS, depth, frames …) is a failure."""


class PlainRunSettings(OperationSettings, total=False):
    """Settings that every run takes."""

    to: str | Sequence[str] | None
    """Formats of the outputs, such as webp or webp,mp4; without it each input keeps its own."""
    quality: int | None
    """Visible quality, 1 to 100, the same scale for every format."""
    lossless: bool | None
    """Keep every pixel exactly, where the format can."""
    effort: int | None
    """0 is fastest, 10 makes the smallest files."""
    palette: int | None
    """At most so many colours in PNG, GIF, TIFF and BMP, stored as a palette."""
    subsampling: Literal["420", "422", "444", "4:2:0", "4:2:2", "4:4:4"] | None
    """Resolution of colour in JPEG, AVIF and HEIC; default 420, from quality 92 on 444."""
    progressive: bool | None
    """Progressive JPEGs: a little smaller, slower to write."""
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to leave out: gps, exif, xmp or all (the colour profile is kept)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first, a
    number or a range such as 2-5; default: all, as far as the target holds them."""
    density: float | None
    """Dots per inch at which PDF (150) and SVG (96) become pixels."""
    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "h265", "x264", "x265"] | None
    """Codec of clips; without it the container decides."""
    audio: Literal["copy", "aac", "opus", "none"] | None
    """Sound of clips: copy (converted where the container does not take it), aac, opus or none."""
    trim: str | None
    """Keep only a part of each clip, such as 0:10-0:25, 10- or -25."""
    speed: float | None
    """How fast clips run: 2 is twice as fast; sound keeps its pitch."""
    fps: float | str | Fraction | None
    """Frames a second of clips: 25, 29.97 (30000/1001) …; without it every frame keeps its own time."""
    map: Literal["best", "all"] | None
    """Video streams of clips that are kept: best (the largest), or all; the others travel as they are."""
    loudnorm: bool | None
    """Make the sound of clips as loud as EBU R128 wants it (-23 LUFS)."""
    deinterlace: bool | None
    """Weave the fields of interlaced clips."""
    tonemap: Literal["hable", "mobius", "reinhard", "clip"] | None
    """Make HDR clips SDR with this curve: hable, mobius, reinhard or clip."""
    max_bytes: int | str | None
    """No clip larger than this, such as 8M: encoded in two passes."""
    target: str | None
    """The quality of clips is sought: vmaf=93 or ssim=0.98, measured on samples."""
    hardware: bool | None
    """Let a hardware encoder do it, where one works on this machine."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """For files that exist (default: skip those that imgpar did not make, replace those that it made with
    other settings)."""
    companions: Literal["ignore", "copy"] | None
    """Sidecars of pictures (XMP, AAE): leave them, or copy them under the new names."""
    include: str | Sequence[str] | None
    """Take only files that match, such as '*.jpg' or '2024/**'; one or several."""
    exclude: str | Sequence[str] | None
    """Leave out files and folders that match, such as 'proofs/'; one or several."""
    in_place: bool | None
    """Replace the originals, and keep them in .imgpar/undo."""
    jobs: int | None
    """Worker processes (default: every core this process may use)."""
    timeout: float | str | None
    """Give up on one input after 30s, 2m … (default: 15m; clips have no limit)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """How work is handed out; the outputs are the same."""
    max_pixels: int | str | None
    """Refuse larger pictures (default: 100MP)."""
    max_frames: int | None
    """Refuse animations with more frames, files with more pages (default: 10000)."""
    keep_originals: int | Literal["none"] | None
    """In place: remove kept originals that are older, or keep none of this run (default: until undo
    --forget)."""
    accept_damaged: bool | None
    """Keep what can be read of a damaged file."""
    password: str | None
    """Opens locked PDFs."""
    verify: bool | None
    """Decode every output again before it is written, and compare those that exist."""
    keep_failures: str | os.PathLike[str] | None
    """Keep what is needed to reproduce each failure."""
    strict: bool | None
    """Losing anything (GPS, depth, frames …) is a failure."""
    journal: str | os.PathLike[str] | None
    """Where to note what is done (default: OUT/.imgpar, or the user's state folder where OUT is a file)."""


class SessionRunSettings(PlainRunSettings, total=False):
    """Settings of `Session.run`."""

    dry_run: bool | None
    """Only show what would be done."""


class DryRunSettings(PlainRunSettings, total=False):
    """Settings of `dry_run`."""

    memory: int | str | None
    """Shared memory for pictures in flight, such as 800M or 2G."""
    worker_memory: int | str | None
    """Private memory of a worker, Linux only (default: 4G); an input that needs more fails."""


class RunSettings(DryRunSettings, total=False):
    """Settings of `convert` and `Pipeline.run`."""

    dry_run: bool | None
    """Only show what would be done."""


class SessionArraysSettings(TypedDict, total=False):
    """Settings of `Session.arrays`."""

    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first, a
    number or a range such as 2-5; default: all, as far as the target holds them."""
    density: float | None
    """Dots per inch at which PDF (150) and SVG (96) become pixels."""
    include: str | Sequence[str] | None
    """Take only files that match, such as '*.jpg' or '2024/**'; one or several."""
    exclude: str | Sequence[str] | None
    """Leave out files and folders that match, such as 'proofs/'; one or several."""
    jobs: int | None
    """Worker processes (default: every core this process may use)."""
    timeout: float | str | None
    """Give up on one input after 30s, 2m … (default: 15m; clips have no limit)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """How work is handed out; the outputs are the same."""
    max_pixels: int | str | None
    """Refuse larger pictures (default: 100MP)."""
    max_frames: int | None
    """Refuse animations with more frames, files with more pages (default: 10000)."""
    accept_damaged: bool | None
    """Keep what can be read of a damaged file."""
    password: str | None
    """Opens locked PDFs."""


class ArraysSettings(SessionArraysSettings, total=False):
    """Settings of `Pipeline.arrays`."""

    memory: int | str | None
    """Shared memory for pictures in flight, such as 800M or 2G."""
    worker_memory: int | str | None
    """Private memory of a worker, Linux only (default: 4G); an input that needs more fails."""


class RetrySettings(TypedDict, total=False):
    """Settings of `retry`."""

    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """For files that exist (default: skip those that imgpar did not make, replace those that it made with
    other settings)."""
    companions: Literal["ignore", "copy"] | None
    """Sidecars of pictures (XMP, AAE): leave them, or copy them under the new names."""
    include: str | Sequence[str] | None
    """Take only files that match, such as '*.jpg' or '2024/**'; one or several."""
    exclude: str | Sequence[str] | None
    """Leave out files and folders that match, such as 'proofs/'; one or several."""
    jobs: int | None
    """Worker processes (default: every core this process may use)."""
    memory: int | str | None
    """Shared memory for pictures in flight, such as 800M or 2G."""
    timeout: float | str | None
    """Give up on one input after 30s, 2m … (default: 15m; clips have no limit)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """How work is handed out; the outputs are the same."""
    max_pixels: int | str | None
    """Refuse larger pictures (default: 100MP)."""
    max_frames: int | None
    """Refuse animations with more frames, files with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Private memory of a worker, Linux only (default: 4G); an input that needs more fails."""
    keep_originals: int | Literal["none"] | None
    """In place: remove kept originals that are older, or keep none of this run (default: until undo
    --forget)."""
    accept_damaged: bool | None
    """Keep what can be read of a damaged file."""
    password: str | None
    """Opens locked PDFs."""
    verify: bool | None
    """Decode every output again before it is written, and compare those that exist."""
    keep_failures: str | os.PathLike[str] | None
    """Keep what is needed to reproduce each failure."""
    strict: bool | None
    """Losing anything (GPS, depth, frames …) is a failure."""
    journal: str | os.PathLike[str] | None
    """Where to note what is done (default: OUT/.imgpar, or the user's state folder where OUT is a file)."""
