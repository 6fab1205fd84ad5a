"""Description of a clip for `imgpar info`."""

from __future__ import annotations

import os

from imgpar.core.limits import Limits
from imgpar.video.clip import Clip
from imgpar.video.clip_info import ClipInfo
from imgpar.video.details import details, recorded_place
from imgpar.video.probe import probe

_TURNS = {
    1: "upright", 2: "mirrored", 3: "180°", 4: "180° and mirrored",
    5: "90° clockwise and mirrored", 6: "90° clockwise", 7: "90° counterclockwise and mirrored",
    8: "90° counterclockwise",
}  # fmt: skip


def describe_clip(path: str, kind: str, limits: Limits | None = None) -> ClipInfo:
    """What a clip says about itself; `kind` is the name of its format.

    Raises:
        ItemError: it cannot be read, or is not a clip.
    """
    clip = probe(path, limits)
    picture = clip.picture
    more = details(clip)
    return ClipInfo(
        path=os.path.abspath(path),
        format=kind,
        bytes=os.path.getsize(path),
        size=picture.upright,
        seconds=round(clip.duration, 3),
        frames=len(clip.times),
        frames_promised=clip.claimed if clip.claimed not in (0, len(clip.times)) else None,
        counted="frames: every packet of the stream; seconds: "
        + ("as the container says" if clip.duration else "not told by the container"),
        starts_at=(round(clip.times[0] + clip.origin, 3) if clip.times else 0.0) or None,
        rate=_rate(clip),
        video=" ".join(filter(None, (picture.stream.codec, more.profile, more.bit_rate))),
        pixels=picture.pixel_format,
        stored_size=f"{picture.width}×{picture.height}",
        shown=_TURNS[picture.orientation],
        pixel_aspect=f"{picture.aspect.numerator}:{picture.aspect.denominator}",
        interlaced=picture.interlaced,
        transparent=picture.alpha,
        colour=tuple(f"{key} {value}" for key, value in picture.colour.given.items()),
        time_base=str(picture.time_base),
        hdr=more.hdr,
        other_streams=more.other_streams,
        chapters=more.chapters,
        place=recorded_place(clip.metadata),
        metadata=dict(clip.metadata),
    )


def _rate(clip: Clip) -> str:
    rate = f"{float(clip.picture.rate):.6g} a second" if clip.picture.rate else ""
    return f"variable, {rate} on average" if clip.variable and rate else rate
