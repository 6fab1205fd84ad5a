"""The task of a clip: read by path, written to a temporary file, checked, and renamed.

probe ─► plan ─► copy, remux or convert ─► probe the output and compare ─► commit
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from imgpar.batch.results import TargetResults
from imgpar.batch.run_spec import RunSpec
from imgpar.core.digest import file_digest
from imgpar.core.errors import (
    SourceError,
    TransformError,
    setting,
)
from imgpar.core.forbidden import reason_of
from imgpar.core.job import Facts, Job, OutputFile, Target, by_branch
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, sniff_file
from imgpar.formats.relevance import with_measured
from imgpar.inputs.opening import local_file
from imgpar.outputs.commit import (
    Original,
    Times,
    begin_file,
    commit_file,
    default_times,
    done_before,
    taken_over,
)
from imgpar.runtime.protocol import Failed
from imgpar.runtime.stage_times import StageClock

if TYPE_CHECKING:
    from imgpar.batch.clip.resuming import Resuming
    from imgpar.core.spec import Header
    from imgpar.runtime.helpers import Helpers
    from imgpar.video.clip import Clip
    from imgpar.video.plan import ClipPlan

During = Callable[[str], AbstractContextManager[None]]
"""Measures a stage: `with during("encode"): …`."""


@dataclass(slots=True)
class ClipResult:
    """Outputs of a clip, with losses and notes."""

    outputs: list[OutputFile] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    digest: str = ""
    unchanged: bool = False
    failure: Failed | None = None
    """The first output that failed, where others were written."""


class _Made(NamedTuple):
    """A file that is written and not yet committed."""

    size: tuple[int, int]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ClipWork:
    """Performs the job of one clip; only a few of its frames are in memory at a time.

    Args:
        job: with its targets.
        run: recipe and limits of the run.
        helpers: the workers that transform frames, and the progress of the task.
        clock: measures the stages.
    """

    def __init__(self, job: Job, run: RunSpec, helpers: Helpers, clock: StageClock) -> None:
        self._job, self._run, self._helpers, self._clock = job, run, helpers, clock
        self._during = clock.during
        self._in_place = any(target.retires for target in job.targets)
        self._results = TargetResults(helpers.serial, together=run.strict or self._in_place)
        self._digest = ""
        self._notes: list[str] = []
        """Notes on the output that is being made."""
        self._source: os.stat_result | None = None
        self._parts: Resuming | None = None

    def perform(self) -> ClipResult:
        """Make every target.

        Raises:
            ItemError: it cannot be read, converted or written; incomplete outputs are never committed.
        """
        if self._helpers.alone and (before := done_before(self._job.targets, self._run.noted())):
            return ClipResult(before)
        with local_file(self._job.item, self._run.sources) as path:
            return self._convert_file(path)

    def _convert_file(self, path: str) -> ClipResult:
        """Make every target from a local file."""
        from imgpar.video.check import check_source
        from imgpar.video.probe import probe

        with self._during("read"):
            self._source = read_status(path)
            if self._run.digests:
                self._digest = read_digest(path)
                if self._job.digest and self._job.digest == self._digest:
                    return ClipResult(digest=self._digest, unchanged=True)
        with self._during("decode"):
            clip = probe(path, self._run.limits)
            notes = check_source(clip, accept_damaged=self._run.limits.accept_damaged)
            clip = replace(clip, name=self._job.item.path)
            self._results.add((), (), notes)
        self._make_all(clip)
        made = self._results.written()
        if not self._in_place:
            check_unchanged(path, self._source)
        texts = list(made.lost), list(made.notes)
        return ClipResult(list(made.files), *texts, self._digest, failure=made.failure)

    def _make_all(self, clip: Clip) -> None:
        """Make every target; each output of the recipe with its own settings."""
        from imgpar.video.prepare import measured, prepared

        for number, targets in by_branch(self._job.targets).items():
            run = self._for_clip(self._run.branch(number), clip)
            with self._results.attempt(targets, self._clock):
                with self._during("decode"):
                    own = measured(prepared(clip, run.encode), run.encode)
                for target in sorted(targets, key=lambda target: bool(target.retires)):
                    with self._results.attempt([target], self._clock):
                        self._make(own, target, run)

    def _for_clip(self, run: RunSpec, clip: Clip) -> RunSpec:
        """The run with the operations for this clip, whose tags may be drawn."""
        from imgpar.batch.clip.frame_program import clip_details, clip_facts, operations_for_clip

        details = clip_details(clip, run.operations, run.encode)
        operations, notes = operations_for_clip(run.operations, clip_facts(clip, len(clip.times)), details)
        self._results.add((), (), notes)
        return run._replace(operations=operations)

    def _make(self, clip: Clip, target: Target, run: RunSpec) -> None:
        """Write, check and commit one target, with the operations and settings of its output."""
        self._notes = []
        with begin_file(target, self._run.name, self._helpers.serial) as half:
            kind = FORMATS[target.format].kind
            make = {"video": self._make_clip, "image": self._make_animation, "audio": self._make_sound}[kind]
            made = make(clip, target, half.path, run)
            self._check_strict(made.lost)
            if self._helpers.alone:
                target = taken_over(target, self._run.noted())
            original = self._original(target)
            with self._during("commit"):
                written = commit_file(
                    half,
                    target,
                    keep_times_of=self._times(clip),
                    fsync=target.replaces or bool(target.retires),
                    expected=os.path.getsize(half.path),
                    dimensions=made.size,
                    original=original,
                    note=self._run.note(),
                )
        lost = (*made.lost, *(original.lost if original else ()))
        self._results.add([(target, written)], lost, (*self._notes, *made.notes))

    def _times(self, clip: Clip) -> Times:
        item = self._job.item
        return default_times(item.mtime_ns) if item.source else os.stat(clip.path)

    def _make_clip(self, clip: Clip, target: Target, output: str, run: RunSpec) -> _Made:
        from imgpar.video.plan import make_plan

        content = sniff_file(clip.path)
        same = content is not None and content.name == target.format

        def planned(options: EncodeOptions) -> ClipPlan:
            return make_plan(
                clip,
                target.format,
                run.operations,
                options,
                same_container=same,
                staged=run.staged,
            )

        encode = with_measured(run.encode, FORMATS[target.format])
        plan = planned(encode)
        if encode.target and plan.encoding:
            plan = self._with_target_quality(clip, planned, encode)
        self._check_strict(plan.lost)
        lost, size = self._convert(plan, clip, output, target, run)
        return _Made(size, lost, plan.notes)

    def _make_animation(self, clip: Clip, target: Target, output: str, run: RunSpec) -> _Made:
        """An animated picture, without sound."""
        from imgpar.batch.clip.animations import read_animation
        from imgpar.batch.picture import stages

        fmt = FORMATS[target.format]
        with self._during("decode"):
            frames, header = read_animation(clip, run.operations, run.encode, run.limits, fmt)
        lost, notes = tuple[str, ...](), tuple[str, ...]()
        with self._during("encode"):
            if run.encode.edits:
                header, lost, notes = _with_edits(header, clip, run.encode)
            encoded = stages.encode(frames, header, fmt.name, run.encode)
            with open(output, "r+b") as file:
                file.write(encoded.data)
        return _Made(encoded.spec.size, (*header.lost, *lost, *encoded.lost), (*notes, *encoded.notes))

    def _make_sound(self, clip: Clip, target: Target, output: str, run: RunSpec) -> _Made:
        from imgpar.video.sound import plan_track, write_track

        track = plan_track(clip, target.format, run.encode)
        self._check_strict(track.lost)
        with self._during("encode"):
            lacking = write_track(track, output, accept_damaged=run.limits.accept_damaged)
        return _Made((0, 0), (*track.lost, *lacking), track.notes)

    def _original(self, target: Target) -> Original | None:
        """In place, the original that the target replaces."""
        if not target.retires:
            return None
        assert self._source is not None
        facts = Facts.of(self._source)
        return Original(target.retires, facts, self._digest, strict=self._run.strict)

    def _with_target_quality(
        self, clip: Clip, planned: Callable[[EncodeOptions], ClipPlan], options: EncodeOptions
    ) -> ClipPlan:
        """The plan with the lowest quality that reaches the target measure."""
        from imgpar.video.rate_control import LosslessSamples, aimed

        target = options.target
        assert target is not None
        with (
            self._during("encode"),
            LosslessSamples(clip, planned(options), target.measure, self._helpers.cores) as samples,
        ):
            quality, reached = aimed(
                target, options, lambda tried: samples.measured(planned(replace(options, quality=tried)))
            )
        missed = "" if reached >= target.value else f", {target.value:g} cannot be reached"
        name = target.measure.upper()
        self._notes.append(f"quality {quality}: {name} {reached:.4g} on samples{missed}")
        return planned(replace(options, quality=quality))

    def _convert(
        self, plan: ClipPlan, clip: Clip, output: str, target: Target, run: RunSpec
    ) -> tuple[tuple[str, ...], tuple[int, int]]:
        """Write the new file and check it; returns losses and size."""
        from imgpar.video.check import check_output
        from imgpar.video.native import decoder_threads, run_native
        from imgpar.video.rate_control import within

        if plan.way == "copy":
            with self._during("encode"):
                shutil.copyfile(clip.path, output)
            return (), clip.picture.upright
        wanted = plan.timing.retimed(clip)

        def write(plan: ClipPlan) -> tuple[str, ...]:
            if plan.way == "frames":
                from imgpar.batch.clip.frame_path import FramePath

                path = FramePath(plan, clip, output, run, self._helpers, self._during, target.branch)
                warnings = path.run()
                self._notes += [note for note in path.notes if note not in self._notes]
                return warnings
            with self._during("encode"):
                total = len(wanted.times)
                return run_native(
                    plan,
                    wanted,
                    output,
                    self._helpers.cores,
                    lambda done: self._helpers.advanced(done, total),
                    decoders=decoder_threads(clip.picture, self._helpers.cores, run.limits.memory),
                )

        most = run.encode.max_bytes
        if most and plan.encoding:
            complaints, note = within(most, plan, wanted, output, self._helpers.cores, write)
            self._notes += [note] if note else []
        elif (complaints_of_parts := self._convert_parts(plan, wanted, output, target.path)) is not None:
            complaints = complaints_of_parts
        else:
            complaints = write(plan)
        with self._during("encode"):
            damaged = run.limits.accept_damaged
            try:
                made, lost, notes = check_output(plan, wanted, output, complaints, accept_damaged=damaged)
            finally:
                if self._parts is not None:  # parts with errors are not used again
                    self._parts.clear()
        self._notes += notes
        return (*plan.lost, *lost), made.picture.upright

    def _convert_parts(self, plan: ClipPlan, clip: Clip, output: str, final: str) -> tuple[str, ...] | None:
        """Write a long clip in parts, so that a later run can resume; None where that is impossible."""
        from imgpar.video.segments import may_be_cut

        self._parts = None
        if not (self._run.parts and may_be_cut(plan, clip)):
            return None
        from imgpar.batch.clip.resuming import Resuming
        from imgpar.video.native import decoder_threads

        def advanced(done: int) -> None:
            self._helpers.advanced(done, len(clip.times))

        cores = self._helpers.cores
        decoders = decoder_threads(clip.picture, cores, self._run.limits.memory)
        final = final.removeprefix(self._run.base)
        parts = Resuming(plan, clip, self._run.parts, final, cores, decoders, advanced)
        with self._during("encode"):
            warnings = parts.run(output)
        if warnings is not None:
            self._parts = parts
            if parts.kept:
                self._notes.append(f"{parts.kept} of {parts.count} parts were there already")
        return warnings

    def _check_strict(self, lost: Sequence[str]) -> None:
        if self._run.strict and lost:
            raise TransformError(
                f"It would lose {', '.join(dict.fromkeys(lost))}.",
                fix=f"Choose a format that holds it, or omit {setting('strict')}.",
            )


def _with_edits(
    header: Header, clip: Clip, options: EncodeOptions
) -> tuple[Header, tuple[str, ...], tuple[str, ...]]:
    """The header of an animation with the metadata that are to be written; losses and notes."""
    from imgpar.formats.metadata.editing import edited
    from imgpar.video.tags import clip_values, is_stripped

    name = clip.name or clip.path
    tags = {key: value for key, value in clip.metadata.items() if not is_stripped(key, options.strip)}
    wishes = options.with_literals(clip_values(tags, name)).edits
    assert wishes is not None
    made = edited(header.metadata, wishes, FORMATS[header.format], name)
    return header._replace(metadata=made.metadata), made.lost, made.notes


def read_status(path: str) -> os.stat_result:
    """The status of an input. Raises SourceError."""
    try:
        return os.stat(path)
    except OSError as error:
        raise SourceError(f"It cannot be read: {reason_of(error)}.") from None


def read_digest(path: str) -> str:
    """The digest of the content of an input. Raises SourceError."""
    try:
        return file_digest(path)
    except OSError as error:
        raise SourceError(f"It cannot be read: {reason_of(error)}.") from None


def check_unchanged(path: str, before: os.stat_result) -> None:
    """Raise SourceError where an input was written to since its status was read."""
    after = read_status(path)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError("It changed while it was read.", fix="Run again when it is complete.")
