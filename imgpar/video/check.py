"""Checks of a conversion: frames and timestamps of input and output are counted, never inferred from exit
codes."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.errors import DamagedError, EncodeError
from imgpar.video.alignment import check_alignment
from imgpar.video.clip import Clip, ClipColour, StreamKind
from imgpar.video.demux import open_clip
from imgpar.video.encoders import written
from imgpar.video.hdr import lost_of
from imgpar.video.native import ACCEPT, last_words
from imgpar.video.plan import ClipPlan
from imgpar.video.probe import probe

DRIFT = 0.002
"""Tolerance for a timestamp in seconds: Matroska stores milliseconds."""
_NOT_KEPT = {"major_brand", "minor_version", "compatible_brands", "encoder", "timecode", "duration"}
"""Metadata of the file, not of its content."""
_UNSET = "1970-01-01T00:00:00"
"""Creation time of a container in which none was set."""


def check_source(clip: Clip, *, accept_damaged: bool) -> tuple[str, ...]:
    """Compare the number of packets with that of the container.

    Args:
        clip: the source.
        accept_damaged: whether to return a note instead of raising.

    Returns:
        Notes on a damaged clip; empty for an intact one.

    Raises:
        DamagedError: frames are missing.
    """
    there = len(clip.times)
    if there and there >= clip.frames:
        return ()
    words = f"{there} of {clip.frames} frames are there" if clip.frames else "it has no frames"
    if accept_damaged and there:
        return (f"damaged: {words}",)
    raise DamagedError(f"This clip is truncated: {words}.", fix=ACCEPT if there else "")


def check_output(
    plan: ClipPlan, clip: Clip, output: str, complaints: Sequence[str], *, accept_damaged: bool
) -> tuple[Clip, tuple[str, ...], tuple[str, ...]]:
    """Read the new file back and compare it with the plan.

    Args:
        plan: of the clip.
        clip: the source.
        output: path of the new file.
        complaints: messages of ffmpeg.
        accept_damaged: whether missing frames of a damaged input are only noted.

    Returns:
        The new clip, losses beyond the plan, and notes.

    Raises:
        DamagedError: frames are missing because the input is damaged.
        EncodeError: frames are missing or have wrong timestamps for no reason in the input.
    """
    made = probe(output)
    notes = _check_frames(plan, clip, made, complaints, accept_damaged=accept_damaged)
    check_alignment(plan, clip, made)
    lost = _missing(clip, made, plan)
    return made, lost, notes


def _check_frames(
    plan: ClipPlan, clip: Clip, made: Clip, complaints: Sequence[str], *, accept_damaged: bool
) -> tuple[str, ...]:
    wanted, found = clip.frames, len(made.times)
    # With a new frame rate, the last frame depends on rounding.
    spare = 1 if plan.timing.fps else 0
    counted = plan.container.variable or plan.timing.fps
    whole = abs(found - wanted) <= spare or not counted
    if whole and not complaints:
        _check_times(plan, clip, made)
        return () if abs(found - wanted) <= spare else (f"{wanted} frames became {found} at an even rate",)
    if not complaints and plan.timing.idle and found == _decodable(clip):
        return (f"{wanted} packets hold {found} frames",)
    words = f"{found} of {wanted} frames could be read" + (", some are broken" if found == wanted else "")
    log = last_words(complaints)
    if accept_damaged and found:
        return (f"damaged: {words}" + (f" ({log})" if log else ""),)
    reason = f"{words}: {log}" if log else words
    if complaints:
        raise DamagedError(f"This clip is truncated or corrupt: {reason}.", fix=ACCEPT)
    raise EncodeError(f"The new clip is not whole: {reason}.", fix=ACCEPT)


def _check_times(plan: ClipPlan, clip: Clip, made: Clip) -> None:
    if not plan.container.variable:
        return
    moved = drift(clip, made)
    if moved > DRIFT + float(clip.picture.time_base):
        raise EncodeError(f"Frames of the new clip are up to {moved * 1000:.0f} ms early or late.")


def drift(clip: Clip, made: Clip) -> float:
    """Maximum difference of the timestamps in seconds, relative to the first frame."""
    pairs = zip(clip.times, made.times, strict=False)
    first, new = clip.times[0], made.times[0]
    return max((abs((after - new) - (before - first)) for before, after in pairs), default=0.0)


def _decodable(clip: Clip) -> int:
    """Number of frames according to a second decoder: a packet may hold none, or two fields one frame."""
    with open_clip(clip.path) as container:
        stream = container.streams[clip.picture.stream.index]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def _missing(clip: Clip, made: Clip, plan: ClipPlan) -> tuple[str, ...]:
    """What was to be kept and is not in the new file."""
    lost = list[str]()
    # A part of a clip may lack some of its chapters.
    chapters = plan.container.chapters and plan.timing.idle
    if chapters and made.chapters < clip.chapters:
        lost.append("chapters")
    kinds: tuple[StreamKind, ...] = ("audio", "subtitle", "cover")
    for kind in kinds:
        kept = sum(stream.kind == kind for stream in plan.streams.kept)
        if len(made.of_kind(kind)) < kept:
            lost.append(kind)
    if clip.picture.alpha and not made.picture.alpha and "alpha" not in plan.lost:
        lost.append("alpha")
    wanted = (
        {key.lower() for key, value in clip.metadata.items() if not value.startswith(_UNSET)}
        - _NOT_KEPT
        - plan.streams.stripped
    )
    gone = wanted - {key.lower() for key in made.metadata}
    gone = {key for key in gone if "-" not in key or key.partition("-")[0] in gone}
    if gone:
        lost.append("metadata: " + ", ".join(sorted(gone)))
    here = {key.lower().partition("-")[0] for key in made.metadata}
    lost += dict.fromkeys(field for key, field in plan.streams.tags if key not in here)
    picture = written(clip.picture, plan.encoding) if plan.encoding else clip.picture
    # Players assume the limited range by default.
    new = made.picture.colour._replace(range=made.picture.colour.range or "tv")
    if clip.layer and made.layer != clip.layer:
        lost.append(clip.layer)
    lost += lost_of(clip.picture, made.picture)
    if plan.streams.timecode and made.timecode != plan.streams.timecode:
        lost.append("timecode")
    colours = zip(ClipColour._fields, picture.colour, new, strict=True)
    changed = [f"colour {name}" for name, before, now in colours if before not in ("", now)]
    return (*lost, *changed)
