"""The performer of a run: `perform(task) → Done`, called by the runtime in each worker.

The parent imports this module too, to send it: what only workers need is imported inside functions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import SetupError
from imgpar.core.job import OTHER
from imgpar.core.threads import on_cores
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Done, Task

if TYPE_CHECKING:
    from imgpar.batch.clip.extracting import ExtractWork
    from imgpar.batch.clip.task import ClipWork


class BatchPerformer(NamedTuple):
    """Performs the tasks of a run; serialized to every worker."""

    run: RunSpec

    def begin(self) -> None:
        """Configure the codecs of this process."""
        import PIL.Image

        configure_opencv()
        PIL.Image.MAX_IMAGE_PIXELS = None  # headers are checked against `Limits.max_pixels`

    def end(self) -> None:
        """The run is over: release what functions of the user hold."""
        for operation in self.run.every_operation:
            operation.tear_down()

    def perform(self, task: Task, context: Context) -> Done:
        """Perform a picture or one stage of it, a clip, one file of several items, or a piece of these."""
        if self.run.asks in ("looks", "thumbnail"):
            from imgpar.batch.pages.looks import answer_looks

            return answer_looks(task, self.run, context)
        if self.run.asks == "variant":
            from imgpar.batch.pages.variants import answer_variant

            return answer_variant(task, self.run, context)
        if self.run.asks == "encoded":
            from imgpar.batch.picture.encoding import answer_encoded

            return answer_encoded(task, self.run, context)
        if self.run.asks:
            from imgpar.batch.answers import answer_task

            return answer_task(task, self.run, context.clock)
        self.run.begin_task()
        self._set_up(context)
        if task.stage == "frame":
            return self._help(task, context)
        if task.job.item.format == OTHER or task.job.twin is not None:
            from imgpar.batch.picture.copies import copy_task

            return copy_task(task, self.run, context.clock)
        if self.run.gather is not None:
            from imgpar.batch.gather.work import perform

            return perform(task, self.run, context)
        if task.job.kind == "stream":
            return self._convert_clip(task, context)
        from imgpar.batch.picture.memory import Memory
        from imgpar.batch.picture.task import PictureWork

        memory = Memory(context.buffer, context.lease)
        with on_cores(task.cores):
            return PictureWork(task, self.run, context.clock, memory).perform()

    def read_ahead(self, task: Task) -> None:
        """Let the system read the input of a picture that follows, which otherwise the codecs wait for."""
        item, kind = task.job.item, task.job.kind
        reads = task.stage in ("chain", "decode") and kind != "stream" and not task.job.check
        if reads and not (item.source or item.fetched or self.run.asks):
            from imgpar.batch.picture.reading import read_ahead

            read_ahead(item.path, item.size)

    def perform_together(
        self, tasks: Sequence[Task], contexts: Sequence[Context]
    ) -> list[tuple[int, Callable[[], Done]]]:
        """Call the functions that take several pictures at once; see `picture/together`."""
        from imgpar.batch.picture.memory import Memory
        from imgpar.batch.picture.task import PictureWork
        from imgpar.batch.picture.together import transform_together

        self._set_up(contexts[0])
        works = [
            PictureWork(task, self.run, context.clock, Memory(context.buffer, context.lease, context.request))
            for task, context in zip(tasks, contexts, strict=True)
        ]
        return transform_together(works, [context.clock for context in contexts])

    def _set_up(self, context: Context) -> None:
        """Set up the operations; what has failed once in this worker is not tried again in the run, as other
        tasks may be here before the parent hears of it."""
        run, failed = context.kept.get("setup", (None, None))
        if failed is not None and run is self.run:
            raise failed
        try:
            for operation in self.run.every_operation:
                operation.set_up()
        except SetupError as error:
            context.kept["setup"] = self.run, error
            raise

    def _convert_clip(self, task: Task, context: Context) -> Done:
        """A clip is one task with every schedule; its frames are never all in memory."""
        made = self._clip_work()(task.job, self.run, context.helpers(), context.clock).perform()
        lost, notes = tuple(dict.fromkeys(made.lost)), tuple(dict.fromkeys(made.notes))
        return Done(
            task.serial,
            context.clock.timings(),
            outputs=tuple(made.outputs),
            lost=lost,
            notes=notes,
            digest=made.digest,
            unchanged=made.unchanged,
            failed_output=made.failure,
        )

    def _clip_work(self) -> type[ClipWork] | type[ExtractWork]:
        """Imported on demand: most runs have no clips and need no PyAV."""
        if self.run.extract.kind:
            from imgpar.batch.clip.extracting import ExtractWork

            return ExtractWork
        from imgpar.batch.clip.task import ClipWork

        return ClipWork

    def _help(self, task: Task, context: Context) -> Done:
        """A piece of the job of another worker: an item of several, or a frame of a clip."""
        assert task.piece is not None
        if task.piece.item >= 0:
            from imgpar.batch.gather.items import Scratch, help_with_item

            scratch = context.kept.setdefault("scratch", Scratch())
            help_with_item(task, self.run, context.clock, context.buffer, scratch)
            return Done(task.serial, context.clock.timings())
        from imgpar.batch.clip.helper import Helper

        helper = context.kept.setdefault("helper", Helper())
        with context.clock.during("transform"):
            helper.work(task, self.run, context.buffer)
        return Done(task.serial, context.clock.timings())


def configure_opencv() -> None:
    """Set OpenCV to one thread without OpenCL: each core has a worker. OpenCV is imported only on demand."""
    os.environ |= {"OPENCV_FOR_THREADS_NUM": "1", "OPENCV_OPENCL_RUNTIME": "disabled"}
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"  # its messages are debug output; errors are raised
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(1)
        if logs := getattr(cv2.utils, "logging", None):
            logs.setLogLevel(logs.LOG_LEVEL_SILENT)
        cv2.ocl.setUseOpenCL(False)
