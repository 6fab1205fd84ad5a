"""What a worker does for a run of pictures and clips: the `perform(task) → Done` that the runtime calls."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import PIL.Image

from imgpar.batch.picture.memory import Memory
from imgpar.batch.picture.task import PictureWork
from imgpar.batch.run_spec import RunSpec
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Done, Task


class BatchPerformer(NamedTuple):
    """Sent to every worker with the facts of the run."""

    run: RunSpec

    def begin(self) -> None:
        """Set the codecs of this process up."""
        _calm_opencv()
        PIL.Image.MAX_IMAGE_PIXELS = None  # the header is checked against our own limit

    def perform(self, task: Task, context: Context) -> Done:
        """One picture or one stage of it, one clip, or one frame of another worker's clip."""
        if task.stage == "frame":
            return self._help(task, context)
        if task.job.kind == "stream":
            return self._clip(task, context)
        memory = Memory(context.buffer, context.lease)
        return PictureWork(task, self.run, context.clock, memory).perform()

    def _clip(self, task: Task, context: Context) -> Done:
        """A clip is one task, whatever the schedule: its frames are never in memory all at once."""
        from imgpar.batch.clip.task import ClipWork  # most runs have no clips, and need no PyAV

        made = ClipWork(task.job, self.run, context.helpers(), context.clock.during).perform()
        lost, notes = tuple(dict.fromkeys(made.lost)), tuple(dict.fromkeys(made.notes))
        timings = context.clock.timings()
        return Done(task.serial, timings, None, tuple(made.outputs), lost, notes, made.digest, made.unchanged)

    def _help(self, task: Task, context: Context) -> Done:
        from imgpar.batch.clip.helper import Helper

        helper = context.kept.setdefault("helper", Helper())
        with context.clock.during("transform"):
            helper.work(task, self.run, context.buffer)
        return Done(task.serial, context.clock.timings())


def _calm_opencv() -> None:
    """One thread, and no graphics card: the cores are shared out by us. It is imported when it is needed."""
    os.environ |= {"OPENCV_FOR_THREADS_NUM": "1", "OPENCV_OPENCL_RUNTIME": "disabled"}
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"  # it names places in its own source; what matters is raised
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(1)
        if logs := getattr(cv2.utils, "logging", None):
            logs.setLogLevel(logs.LOG_LEVEL_SILENT)
        cv2.ocl.setUseOpenCL(False)
