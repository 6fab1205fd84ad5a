"""A clip in a worker: read by its path, written beside its place, checked, renamed.

probe ─► plan ─► copy, remux or convert ─► read back and count ─► commit
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from imgpar.codecs.formats import FORMATS, sniff
from imgpar.commit import begin_file, commit_file, file_digest, original_path
from imgpar.errors import SourceError, TransformError
from imgpar.files import remove
from imgpar.model import Job, OutputFile, Target
from imgpar.runtime.runspec import RunSpec

if TYPE_CHECKING:
    from imgpar.video.clip import Clip

HEAD = 64

During = Callable[[str], AbstractContextManager[None]]
"""Measures a stage: `with during("encode"): …`."""


@cache
def _video_formats() -> frozenset[str]:
    return frozenset(name for name, record in FORMATS.items() if record.kind == "video")


def is_clip(job: Job) -> bool:
    """Whether a job turns a clip into clips."""
    return bool(job.targets) and job.targets[0].format in _video_formats()


@dataclass(slots=True)
class ClipResult:
    """What was made of a clip."""

    outputs: list[OutputFile] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    digest: str = ""
    unchanged: bool = False


def convert_clip(job: Job, run: RunSpec, during: During, *, serial: int, cores: int) -> ClipResult:
    """Make every target of a job; nothing of a clip is in this process's memory but one frame.

    Raises:
        ItemError: it cannot be read, converted or written; no target of this attempt has its final name
            unless it is whole.
    """
    from imgpar.video.check import check_source
    from imgpar.video.probe import probe

    result = ClipResult()
    path = original_path(job)
    with during("read"):
        before = _status(path)
        if run.digests:
            result.digest = _digest(path)
            if job.digest and job.digest == result.digest:
                result.unchanged = True
                return result
    with during("decode"):
        clip = probe(path, run.limits)
        result.notes += check_source(clip, accept_damaged=run.limits.accept_damaged)
    for target in job.targets:
        _make(target, clip, run, during, result, serial=serial, cores=cores)
    after = _status(original_path(job))
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError("It changed while it was read.", fix="Run again when it is complete.")
    return result


def _make(
    target: Target, clip: Clip, run: RunSpec, during: During, result: ClipResult, *, serial: int, cores: int
) -> None:
    """One target, from the plan to its final name."""
    from imgpar.video.check import check_output
    from imgpar.video.native import run_native
    from imgpar.video.plan import make_plan

    same = _content(clip.path) == target.format
    plan = make_plan(clip, target.format, run.operations, run.encode, same_container=same)
    lost, size = list(plan.lost), clip.picture.upright
    with during("encode"):
        if run.strict and lost:
            raise _refused(lost)
        output = begin_file(target, run.name, serial)
    try:
        with during("encode"):
            if plan.way == "copy":
                shutil.copyfile(clip.path, output)
            else:
                if plan.way == "frames":
                    raise TransformError(f"This cannot be done on clips yet: {plan.why}.")
                complaints = run_native(plan, clip, output, cores)
                made, more, notes = check_output(
                    plan, clip, output, complaints, accept_damaged=run.limits.accept_damaged
                )
                lost += more
                size = made.picture.upright
                result.notes += notes
            if run.strict and lost:
                raise _refused(lost)
        with during("commit"):
            written = commit_file(
                output,
                target,
                keep_times_of=os.stat(clip.path),
                fsync=target.replaces or bool(target.retires),
                expected=os.path.getsize(output),
                dimensions=size,
            )
    except BaseException:
        remove(output)
        raise
    result.outputs.append(written)
    result.lost += lost
    result.notes += plan.notes


def _refused(lost: list[str]) -> TransformError:
    return TransformError(
        f"It would lose {', '.join(dict.fromkeys(lost))}.",
        fix="Choose a format that holds it, or leave --strict out.",
    )


def _content(path: str) -> str:
    with open(path, "rb") as file:
        found = sniff(file.read(HEAD))
    return found.name if found else ""


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise SourceError(f"It cannot be read: {error.strerror}.") from None


def _digest(path: str) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise SourceError(f"It cannot be read: {error.strerror}.") from None
