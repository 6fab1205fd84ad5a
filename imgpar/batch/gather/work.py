"""The task of a gather job: items in order become one file, which is checked and committed.

clip       frames ─► one ffmpeg ─► counted ─► commit
joined     clips ─► one ffmpeg ─► counted ─► commit
sheet      frames ─► one picture ─► commit
animation  frames, all in memory ─► one picture ─► commit
document   pages, one at a time ─► one file ─► commit
icon       frames ─► one file of several sizes ─► commit
"""

from __future__ import annotations

from imgpar.batch.gather.making import Making
from imgpar.batch.run_spec import RunSpec
from imgpar.core.job import OutputFile
from imgpar.outputs.commit import done_before
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Done, Task


def perform(task: Task, run: RunSpec, context: Context) -> Done:
    """Make the file of a job, unless an attempt that died has committed it.

    Args:
        task: of the job, with one target.
        run: recipe and limits of the run; `gather` says what is made.
        context: clock, memory and helpers.

    Raises:
        ItemError: an item cannot be read, or the file cannot be encoded or written; nothing is left.
    """
    making = Making(task, run, context)
    before = done_before([making.target], run.noted()) if task.attempt else []
    file = before[0] if before else _make(making)
    lost, notes = tuple(making.remarks.lost), tuple(making.remarks.notes)
    failures = tuple(making.frames.failures)
    return Done(task.serial, making.clock.timings(), None, (file,), lost, notes, failures=failures)


def _make(making: Making) -> OutputFile:
    match making.gather.kind:
        case "clip":
            from imgpar.batch.gather.clip import make_clip

            return make_clip(making)
        case "joined":
            from imgpar.batch.gather.joined import join_clips

            return join_clips(making)
        case "sheet":
            from imgpar.batch.gather.sheet import make_sheet

            return make_sheet(making)
        case "animation":
            from imgpar.batch.gather.animation import make_animation

            return make_animation(making)
        case "document":
            from imgpar.batch.gather.document import make_document

            return make_document(making)
        case "icon":
            from imgpar.batch.gather.icon import make_icon

            return make_icon(making)
