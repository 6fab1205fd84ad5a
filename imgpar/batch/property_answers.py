"""A worker reads the properties of one input: those in its header, and what else the run asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from imgpar.batch.describing import open_media
from imgpar.batch.picture import programs, stages
from imgpar.batch.run_spec import RunSpec
from imgpar.core.digest import content_digest, file_digest
from imgpar.core.errors import ItemError
from imgpar.core.job import OTHER, Job, Target
from imgpar.core.limits import Limits
from imgpar.core.properties import Properties
from imgpar.core.spec import Header
from imgpar.formats import codec
from imgpar.formats.metadata.facts import facts_of_metadata, timestamp
from imgpar.formats.metadata.reading import camera_name
from imgpar.formats.registry import find_format, sniff_file
from imgpar.inputs.companions import SIDECAR
from imgpar.pixels.layouts import oriented

Size = tuple[int, int]

_CREATED = ("com.apple.quicktime.creationdate", "creation_time", "date")
"""Tags of containers with the date, the one with local time first."""
_MAKE = ("com.apple.quicktime.make", "make", "com.android.manufacturer")
_MODEL = ("com.apple.quicktime.model", "model", "com.android.model")
_UNSET = ("1904-01-01", "1970-01-01")
"""The first dates that containers can express, which stand for none."""


def properties_of(job: Job, run: RunSpec) -> Properties:
    """The properties of the item of a job, a file at its path.

    Args:
        job: its targets are the outputs whose sizes are asked for.
        run: with the wanted properties, and with what makes the outputs.

    Raises:
        ItemError: the file cannot be read.
    """
    path = job.item.path
    if job.item.format in (SIDECAR, OTHER):
        return Properties(format=job.item.format, digest=file_digest(path) if run.wants.digest else "")
    data, clip = open_media(path)
    found = _of_clip(path, clip.name, job.targets, run) if clip else _of_picture(path, data, job.targets, run)
    if not run.wants.digest:
        return found
    return found._replace(digest=file_digest(path) if clip else content_digest(data))


def _of_picture(path: str, data: bytes, targets: Sequence[Target], run: RunSpec) -> Properties:
    limits = run.branch(targets[0].branch).limits if targets else run.limits
    header = codec.read_header(data, os.path.basename(path), limits)
    width, height = oriented(header.spec, header.orientation).size
    hashed = _fingerprint(data, header, limits) if run.wants.fingerprint else ""
    durations = header.metadata.durations
    return Properties(
        "image",
        header.format,
        width,
        height,
        header.frames,
        sum(durations) / 1000,
        header.frames > 1 and bool(durations),
        header.orientation,
        *facts_of_metadata(header.metadata),
        fingerprint=hashed,
        quality=header.coding.quality,
        made=_made(targets, run, lambda target: _picture_size(path, data, target, run)),
    )


def _fingerprint(data: bytes, header: Header, limits: Limits) -> str:
    """The perceptual hash of the first frame, decoded at a small scale where the format allows it."""
    from imgpar.formats.output_profile import srgb_frame
    from imgpar.pixels.fingerprint import SIDE, perceptual_hash
    from imgpar.recipe.tables import make_operation

    small = make_operation("resize", f"{SIDE}x{SIDE}", fit="fill")
    program = programs.compile_program(header, (small,), limits, keep_frames=False)
    memory = memoryview(bytearray(program.nbytes))
    frames, _ = stages.decode(program, data, memory, limits)
    frames, _ = stages.transform_frames(program, frames, memory)
    frame, _ = srgb_frame(frames[0], header.metadata)
    return perceptual_hash(stages.to_array(frame, "RGB", "uint8").array)


def _of_clip(path: str, name: str, targets: Sequence[Target], run: RunSpec) -> Properties:
    from imgpar.video.probe import probe

    clip = probe(path, run.limits)
    tags = {key.lower(): value for key, value in clip.metadata.items()}
    width, height = clip.picture.upright
    dates = (timestamp(tags.get(tag, "")) for tag in _CREATED)

    def size_of(target: Target) -> Size:
        from imgpar.video.plan import make_plan, output_size
        from imgpar.video.prepare import prepared

        output = run.branch(target.branch)
        if find_format(target.format).kind == "image":
            spec = clip.picture.spec  # an animation of the clip
            for operation in output.operations:
                if operation.dynamic:
                    return 0, 0
                spec = spec if operation.idle(spec) else operation.plan(spec)
            return spec.size
        made = prepared(clip, output.encode)
        content = sniff_file(path)
        same = content is not None and content.name == target.format
        plan = make_plan(made, target.format, output.operations, output.encode, same_container=same)
        return output_size(plan, made)

    return Properties(
        "video",
        name,
        width,
        height,
        len(clip.times),
        round(clip.duration, 3),
        animated=True,
        orientation=clip.picture.orientation,
        taken=next((date for date in dates if date and not date.startswith(_UNSET)), ""),
        camera=camera_name(_first(tags, _MAKE), _first(tags, _MODEL)),
        title=tags.get("title", ""),
        copyright=tags.get("copyright", ""),
        artist=tags.get("artist", "") or tags.get("author", ""),
        made=_made(targets, run, size_of),
    )


def _first(tags: Mapping[str, str], names: Sequence[str]) -> str:
    return next((tags[name] for name in names if tags.get(name)), "")


def _made(targets: Sequence[Target], run: RunSpec, size_of: Callable[[Target], Size]) -> tuple[Size, ...]:
    """The size of each target; (0, 0) for one that cannot be made, which fails when it is its turn.

    Raises:
        ItemError: none of them can be made.
    """
    if not run.wants.made:
        return ()
    found = dict[tuple[int, object], Size]()
    sizes, failure = list[Size](), None
    for target in targets:
        record = find_format(target.format)
        # Formats of one output differ in frames only; containers may need even sizes.
        key = (target.branch, record.name if record.kind == "video" else record.frames)
        try:
            if key not in found:
                found[key] = size_of(target)
            sizes.append(found[key])
        except ItemError as error:
            failure = failure or error
            sizes.append((0, 0))
    if failure and not found:
        raise failure
    return tuple(sizes)


def _picture_size(path: str, data: bytes, target: Target, run: RunSpec) -> Size:
    """The size of an output of a picture. Where a function decides it, the picture is decoded and
    transformed."""
    output = run.branch(target.branch)
    limits = output.limits
    header = codec.read_header(data, os.path.basename(path), limits)
    keep = find_format(target.format).frames
    program = programs.compile_program(header, output.operations, limits, keep_frames=keep)
    if not any(operation.dynamic for operation in output.operations):
        return program.size
    lease = memoryview(bytearray(program.nbytes))
    frames, _ = stages.decode(program, data, lease, limits)
    programs.begin_picture(output.operations, header, path, len(frames))
    return stages.transform_frames(program, frames, lease)[0][0].spec.size
