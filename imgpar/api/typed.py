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
    """Operation: Gaussian blur with this standard deviation in pixels."""
    brightness: float
    """Operation: multiply all colour values: 1 changes nothing, 0 gives black, 1.2 is 20% brighter."""
    contrast: float
    """Operation: scale the contrast: 1 changes nothing, 0 gives uniform grey."""
    crop: str | tuple[int, int]
    """Operation: keep a region: 800x600, 800x600+10+20 (offset from the top left) or an aspect ratio such as
    16:9."""
    flip: Literal["horizontal", "vertical", "h", "v"]
    """Operation: mirror: horizontal swaps left and right, vertical top and bottom."""
    grey: Literal[True]
    """Operation: convert to greyscale by luma (BT.601), stored as one channel."""
    pad: str | tuple[int, int]
    """Operation: add a border up to a size such as 1920x1080 or an aspect ratio such as 1:1."""
    resize: str | int | tuple[int | None, int | None]
    """Operation: scale to a size: 1920x1080, 1920x, x1080, 50%, 2MP or 1920 (longest edge)."""
    rotate: float
    """Operation: rotate clockwise by degrees; the canvas is enlarged to contain the corners."""
    saturation: float
    """Operation: scale the saturation: 1 changes nothing, 0 gives grey."""
    sharpen: float | Literal[True]
    """Operation: unsharp mask: 0 changes nothing, 0.5 is moderate, 2 is strong."""
    watermark: str | os.PathLike[str]
    """Operation: composite a picture (preferably a PNG with alpha) over every picture."""
    watermark_text: str
    """Operation: draw text over every picture; system fonts supply letters and emoji that the built-in font
    lacks."""
    sigma: float | None
    """Of blur: standard deviation in pixels. Of sharpen: standard deviation of the blur in pixels."""
    factor: float | None
    """Of brightness and contrast and saturation: the factor; 1 changes nothing."""
    region: str | tuple[int, int] | None
    """Of crop: the region to keep."""
    gravity: Gravity | None
    """Of crop: anchor of the region, unless an offset is given. Of pad: position of the picture on the
    canvas. Of resize: anchor of the crop (cover) or of the picture (contain). Of watermark and
    watermark_text: the corner or side at which it is placed."""
    direction: Literal["horizontal", "vertical", "h", "v"] | None
    """Of flip: horizontal or vertical."""
    canvas: str | tuple[int, int] | None
    """Of pad: the size or aspect ratio of the canvas."""
    background: ColourValue | None
    """Of pad: colour of the border (default: transparent for pictures with alpha, otherwise white). Of
    resize: padding colour of contain (default: transparent for pictures with alpha, otherwise white). Of
    rotate: colour of the corners (default: transparent for pictures with alpha, otherwise white). Setting of
    the output: background of transparent pixels in formats without alpha (default: white)."""
    geometry: str | int | tuple[int | None, int | None] | None
    """Of resize: the size; one number is the longest edge (in ImageMagick: the width)."""
    fit: Literal["inside", "cover", "contain", "fill"] | None
    """Of resize: inside: fit within the box; cover: fill the box and crop; contain: fit and pad; fill: ignore
    the aspect ratio."""
    enlarge: bool | None
    """Of resize: allow inside to enlarge pictures."""
    linear: bool | None
    """Of resize: resample in linear light instead of gamma-encoded values; slower, accurate for fine bright
    detail."""
    degrees: float | None
    """Of rotate: the angle; negative values rotate counter-clockwise."""
    amount: float | None
    """Of sharpen: strength of the mask."""
    image: str | os.PathLike[str] | None
    """Of watermark: the picture to composite."""
    margin: float | str | None
    """Of watermark and watermark_text: distance from the edges in pixels, or in percent of the shorter
    side."""
    opacity: float | str | None
    """Of watermark: opacity of the watermark, 1 (or 100%) is opaque. Of watermark_text: opacity of the text,
    1 (or 100%) is opaque."""
    scale: float | str | None
    """Of watermark: width of the watermark as a fraction of the picture's width."""
    tile: bool | None
    """Of watermark and watermark_text: repeat it over the whole picture, spaced by the margin."""
    text: str | None
    """Of watermark_text: the text; \\n starts a new line."""
    size: float | str | None
    """Of watermark_text: height of the letters in pixels, or in percent of the shorter side."""
    colour: ColourValue | str | None
    """Of watermark_text: colour of the letters. Setting of the output: convert to srgb, p3 or an ICC profile
    file, relative colorimetric (default: keep the input's profile)."""
    outline: ColourValue | None
    """Of watermark_text: colour of an outline around the letters, for legibility on bright and dark
    pictures."""
    font: str | os.PathLike[str] | None
    """Of watermark_text: a TrueType or OpenType font file (default: the built-in font, with system fonts for
    letters it lacks)."""


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
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    all, a number or a range such as 2-5 (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    max_bytes: int | str | None
    """Maximum size of an output, such as 300k: of a picture the highest quality that fits (--quality is the
    upper limit), of a clip two-pass encoding where the encoder supports it."""
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
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""


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
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    all, a number or a range such as 2-5 (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
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
    """Maximum size of an output, such as 300k: of a picture the highest quality that fits (--quality is the
    upper limit), of a clip two-pass encoding where the encoder supports it."""
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
    strip: Literal["gps", "exif", "xmp", "all"] | None
    """Metadata to remove: gps, exif, xmp or all (the colour profile is kept)."""
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    all, a number or a range such as 2-5 (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
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
    """Maximum size of an output, such as 300k: of a picture the highest quality that fits (--quality is the
    upper limit), of a clip two-pass encoding where the encoder supports it."""
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
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    companions: Literal["ignore", "copy"] | None
    """Sidecar files of pictures (XMP, AAE): ignore, or copy under the name of the output (default:
    ignore)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    in_place: bool | None
    """Replace the originals and keep them in .imgpar/undo."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
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
    """Password of encrypted PDFs."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""


class SessionRunSettings(PlainRunSettings, total=False):
    """Settings of `Session.run`."""

    dry_run: bool | None
    """Print what would be done and write nothing."""


class DryRunSettings(PlainRunSettings, total=False):
    """Settings of `dry_run`."""

    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""


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
    threshold: float | None
    """Threshold of scene detection, in percent as for ffmpeg's scdet filter (default: 10)."""
    poster: bool | None
    """The sharpest of 15 frames, avoiding nearly black and white ones."""
    sheet: str | None
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
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""


class SessionArraysSettings(TypedDict, total=False):
    """Settings of `Session.arrays`."""

    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    all, a number or a range such as 2-5 (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
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
    """Password of encrypted PDFs."""


class ArraysSettings(SessionArraysSettings, total=False):
    """Settings of `Pipeline.arrays`."""

    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""


class SessionDescribeSettings(TypedDict, total=False):
    """Settings of `Session.describe`."""

    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    password: str | None
    """Password of encrypted PDFs."""


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
    pages: int | str | None
    """Pages of a PDF or TIFF, frames of an animation: split (one output each: NAME-p1, NAME-p2 …), first,
    all, a number or a range such as 2-5 (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "ffv1", "h265", "x264", "x265"] | None
    """Video codec: h264, hevc, av1, vp9, prores or ffv1 (default: by container)."""
    fps: float | str | Fraction | None
    """Constant frame rate of clips: 25, 30000/1001 (the same as 29.97) … (default: keep the timestamp of
    every frame)."""
    mixed: Literal["pad", "crop", "stretch", "fail"] | None
    """Pictures whose size differs from the first: pad with black, crop, stretch or fail (default: pad)."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""


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
    all, a number or a range such as 2-5 (default: all that the target format can store)."""
    density: float | None
    """Resolution for rasterising PDF (default: 150) and SVG (default: 96), in dots per inch."""
    columns: int | None
    """Pictures in a row of the sheet (default: as many as make it about square)."""
    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""


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
    dry_run: bool | None
    """Print what would be done and write nothing."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""


class RetrySettings(TypedDict, total=False):
    """Settings of `retry`."""

    on_exists: Literal["skip", "overwrite", "rename", "error"] | None
    """What to do if an output exists (default: skip files that imgpar did not write, replace files that it
    wrote with other settings)."""
    companions: Literal["ignore", "copy"] | None
    """Sidecar files of pictures (XMP, AAE): ignore, or copy under the name of the output (default:
    ignore)."""
    include: str | Sequence[str] | None
    """Process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or
    '2024/**'; repeatable; one or several."""
    exclude: str | Sequence[str] | None
    """Skip files and folders whose path below the input folder matches, ignoring case, such as 'proofs/';
    repeatable; one or several."""
    jobs: int | None
    """Number of worker processes (default: available cores)."""
    memory: int | str | None
    """Limit of shared memory for decoded frames, such as 800M or 2G."""
    timeout: float | str | None
    """Time limit per input, such as 30s or 2m (default: 15m; none for clips)."""
    schedule: Literal["auto", "staged", "chain"] | None
    """Scheduling of stages on workers; does not change the outputs (default: auto)."""
    max_pixels: int | str | None
    """Reject pictures with more pixels (default: 100MP; no limit for info)."""
    max_frames: int | None
    """Reject animations with more frames and documents with more pages (default: 10000)."""
    worker_memory: int | str | None
    """Limit of private memory per worker, Linux only (default: 4G); inputs that need more fail."""
    keep_originals: int | Literal["none"] | None
    """With --in-place: delete kept originals older than DAYS, or keep none of this run (default: keep until
    undo --forget)."""
    accept_damaged: bool | None
    """Keep the readable part of damaged files instead of failing."""
    password: str | None
    """Password of encrypted PDFs."""
    verify: bool | None
    """Decode and compare every output before it is committed; check the digests of outputs that are
    skipped."""
    keep_failures: str | os.PathLike[str] | None
    """Save the input, the recipe and the diagnostics of each failure in this folder."""
    strict: bool | None
    """Treat any loss (GPS, bit depth, frames …) as a failure."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)."""
