"""The task of a clip from which pictures are extracted: one per frame, or one of many frames.

probe ─► decode and choose ─► encode, commit      one file after the other, for every chosen frame
                          └─► put together ─► encode, commit      poster, contact sheet, sprites, animation

Every file is noted in the write-ahead log before it gets its name, so that after a kill the next attempt or
the next run knows which files are its own. The frames of a damaged clip that could be read are kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from imgpar.batch.clip.task import ClipResult, check_unchanged, read_digest, read_status
from imgpar.batch.frames.reading import Choice
from imgpar.batch.run_spec import RunSpec
from imgpar.core.error_messages import setting
from imgpar.core.errors import (
    CommitError,
    DamagedError,
    ItemError,
    KeptError,
    LimitError,
    NothingThereError,
    TransformError,
)
from imgpar.core.job import Job, OutputFile, Target
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.extraction import Every, Extraction
from imgpar.formats.registry import find_format
from imgpar.inputs.opening import local_file
from imgpar.outputs.commit import Data, commit, done_before, take_back, taken_over
from imgpar.outputs.parts import PartTargets, finish
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.stage_times import StageClock

if TYPE_CHECKING:
    import numpy as np

    from imgpar.runtime.helpers import Helpers
    from imgpar.video.clip import Clip

    Array = np.ndarray[Any, Any]

T = TypeVar("T")

MOST_FRAMES = 200_000
"""Maximum files of one clip."""
TOGETHER = 500
"""Files reported to the parent in one message."""
FPS = 10
"""Frame rate of animations without --fps."""


class ExtractWork:
    """Performs the job of one clip; one frame is in memory at a time, except for animations.

    Args:
        job: with its targets.
        run: recipe and limits of the run.
        helpers: receives the progress of the task.
        clock: measures the stages.
    """

    def __init__(self, job: Job, run: RunSpec, helpers: Helpers, clock: StageClock) -> None:
        self._job, self._run, self._helpers, self._during = job, run, helpers, clock.during
        self._result = ClipResult()
        self._noted = run.noted() if helpers.alone else {}
        self._note = run.note()
        self._written: list[tuple[Target, OutputFile]] = []
        self._reported = 0
        """Number of the written files that the parent knows."""

    @property
    def _extract(self) -> Extraction:
        return self._run.extract

    def perform(self) -> ClipResult:
        """Make every target.

        Raises:
            NothingThereError: it is no motion photo, and its clip was to be extracted.
            ItemError: the clip cannot be read, or a file cannot be written.
        """
        with local_file(self._job.item, self._run.sources) as path:
            return self._extracted(path)

    def _extracted(self, path: str) -> ClipResult:
        """Make every target from a local file."""
        result = self._result
        with self._during("read"):
            source = read_status(path)
            if self._run.digests:
                result.digest = read_digest(path)
                if self._job.digest and self._job.digest == result.digest:
                    result.unchanged = True
                    return result
        try:
            self._make(path)
            self._check_source(path, source)
        except KeptError as error:
            if not self._written:
                raise
            raise CommitError(str(error)) from None
        except ItemError:
            if self._run.strict:
                take_back(self._written)
            raise
        files = [file for _, file in self._written]
        finish(self._job.targets, files, self._note)
        result.outputs += files[self._reported :]
        return result

    def _check_source(self, path: str, source: os.stat_result) -> None:
        try:
            check_unchanged(path, source)
        except ItemError:
            take_back(self._written)
            raise

    def _make(self, path: str) -> None:
        from imgpar.batch.frames.motion_photo import clip_path
        from imgpar.video.prepare import prepared_for_pictures
        from imgpar.video.probe import probe

        if self._extract.motion:
            self._motion(path)
            return
        with clip_path(path) as found:
            with self._during("decode"):
                clip = prepared_for_pictures(probe(found, self._run.limits), self._run.encode)
            make: dict[str, Callable[[Clip, Choice], None]] = {
                "every": self._frames,
                "poster": self._poster,
                "sheet": self._sheet,
                "sprites": self._sprites,
                "animation": self._animation,
            }
            make[self._extract.kind](clip, self._choice(clip))

    # ----- what is read ---------------------------------------------------------------------------

    def _choice(self, clip: Clip) -> Choice:
        """How frames are read: with alpha where the picture holds it."""
        alpha, target = clip.picture.alpha, self._job.targets[0]
        kept = alpha and self._extract.kind in ("every", "poster", "animation")
        kept = kept and find_format(target.format).alpha
        if alpha and not kept:
            self._lose(("alpha",))
        return Choice(
            layout="RGBA" if kept else "RGB",
            accept_damaged=self._run.limits.accept_damaged,
            threads=self._helpers.cores,
            seen=self._helpers.advanced,
            damage=self._damage,
            limits=self._run.limits,
        )

    def _damage(self, words: str) -> None:
        self._result.notes += (words,)

    @property
    def _recipe(self) -> Recipe:
        return Recipe(self._run.operations)

    def _decoded(self, frames: Iterator[T]) -> Iterator[T]:
        """The same frames; their decoding is measured."""
        while True:
            with self._during("decode"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    # ----- what is made ---------------------------------------------------------------------------

    def _frames(self, clip: Clip, choice: Choice) -> None:
        from imgpar.batch.frames.stills import pick

        every, span = self._extract.every or Every(), self._run.encode.trim
        self._check_count(clip, every)
        parts = PartTargets(self._job.targets[0])
        found = pick(clip, every, self._recipe, span, threshold=self._extract.threshold, choice=choice)
        for frame in self._decoded(found):
            if len(self._written) >= MOST_FRAMES:
                raise _too_many(len(clip.times))
            self._picture([frame.array], parts.target(frame.index))
        if not self._written:
            raise DamagedError("No frame of this clip is left.", fix=f"Choose another {setting('trim')}.")

    def _check_count(self, clip: Clip, every: Every) -> None:
        """Refuse too many frames before the first is written, where their number is known."""
        span = self._run.encode.trim
        start, stop = (span.start, span.stop) if span else (0.0, math.inf)
        count = sum(1 for time in clip.times if start <= time < stop) // every.frames
        if every.seconds:
            count = min(count, int(clip.duration / every.seconds))
        if count > MOST_FRAMES and not (every.keys or every.scenes):
            raise _too_many(count)

    def _poster(self, clip: Clip, choice: Choice) -> None:
        from imgpar.batch.frames.stills import poster

        with self._during("decode"):
            frame = poster(clip, self._recipe, self._run.encode.trim, choice)
        self._picture([frame.array], self._job.targets[0])

    def _sheet(self, clip: Clip, choice: Choice) -> None:
        from imgpar.batch.frames.sheets import sheet

        assert self._extract.sheet is not None
        with self._during("decode"):
            array = sheet(clip, self._extract.sheet, self._recipe, self._run.encode.trim, choice)
        self._picture([array], self._job.targets[0])

    def _sprites(self, clip: Clip, choice: Choice) -> None:
        from imgpar.batch.frames.sheets import sprites

        pictures, index = self._job.targets
        parts, names = PartTargets(pictures), list[str]()
        text = ""
        found = sprites(clip, self._extract.sprites or 1.0, self._recipe, self._run.encode.trim, choice)
        for facts, array in self._decoded(found):
            target = parts.target(len(names) + 1)
            names.append(os.path.basename(target.path))
            self._picture([array], target)
            text = facts.vtt(names) if len(names) == facts.pictures else ""
        self._commit(text.encode(), index)

    def _animation(self, clip: Clip, choice: Choice) -> None:
        from imgpar.batch.frames.animation import animation

        options = self._run.encode
        with self._during("decode"):
            arrays, durations = animation(clip, options.fps or FPS, self._recipe, options.trim, choice)
        self._picture(arrays, self._job.targets[0], durations)

    def _motion(self, path: str) -> None:
        from imgpar.batch.frames.motion_photo import read_clip

        with self._during("decode"):
            clip = read_clip(path, self._run.limits)
        if clip is None:
            raise NothingThereError("It is no motion photo.")
        self._commit(clip, self._job.targets[0])

    # ----- what is written ------------------------------------------------------------------------

    def _picture(self, arrays: Sequence[Array], target: Target, durations: Sequence[int] = ()) -> None:
        """Encode and commit a picture or an animation.

        Args:
            arrays: uint8, H×W×3 or H×W×4, all of one shape; they are not modified.
            target: the output.
            durations: of each frame in milliseconds, for an animation.
        """
        from imgpar.batch.picture import outputs, stages

        if before := done_before([target], self._noted):
            self._add(target, before[0])
            return
        run = self._run
        height, width, channels = arrays[0].shape
        spec = Spec(width, height, "RGBA" if channels == 4 else "RGB")
        frames = [Frame(spec, array) for array in arrays]
        header = Header(
            target.format, spec, frames=len(frames), metadata=Metadata(durations=tuple(durations))
        )
        with self._during("encode"):
            encoded = stages.encode(frames, header, target.format, run.encode)
            self._lose(encoded.lost)
            if run.verify:
                outputs.check(encoded, frames, target.format, header.metadata, strict=run.strict, verify=True)
        self._result.notes += (note for note in encoded.notes if note not in self._result.notes)
        self._commit(encoded.data, target, (width, height))

    def _lose(self, lost: Sequence[str]) -> None:
        if lost and self._run.strict:
            raise TransformError(
                f"It would lose {', '.join(lost)}.",
                fix=f"Choose a format that holds it, or omit {setting('strict')}.",
            )
        self._result.lost += (loss for loss in lost if loss not in self._result.lost)

    def _commit(self, data: Data, target: Target, size: tuple[int, int] = (0, 0)) -> None:
        with self._during("commit"):
            made = commit(
                data,
                taken_over(target, self._noted),
                keep_times_of=None,
                # A file of its own can be made again; one of the user must survive a power failure.
                fsync=target.replaces and not target.known,
                run=self._run.name,
                job=self._helpers.serial,
                dimensions=size,
                note=self._note,
            )
        self._add(target, made)

    def _add(self, target: Target, file: OutputFile) -> None:
        if len(self._written) - self._reported >= TOGETHER and self._job.targets[0].split:
            self._helpers.written([made for _, made in self._written[self._reported :]])
            self._reported = len(self._written)
        self._written.append((target, file))


def _too_many(count: int) -> LimitError:
    return LimitError(
        f"It has {count:,} frames, and no more than {MOST_FRAMES:,} files are made of one clip.",
        fix=f"Choose fewer with {setting('every')}, or a part with {setting('trim')}.",
    )
