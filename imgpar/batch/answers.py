"""A worker's answers to questions about an input, for runs that ask for facts instead of outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from imgpar.batch.describing import PictureInfo, describe_file
from imgpar.batch.header_files import header_file
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import LimitError
from imgpar.core.job import Job
from imgpar.core.properties import Properties
from imgpar.core.spec import Spec
from imgpar.formats.registry import sniff_file
from imgpar.inputs.companions import SIDECAR
from imgpar.inputs.opening import local_file
from imgpar.ops import Operation
from imgpar.runtime.protocol import Done, Task
from imgpar.runtime.serialization import pack
from imgpar.runtime.stage_times import StageClock
from imgpar.runtime.validation import LONGEST_RESULT
from imgpar.video.clip_info import ClipInfo


class Described(NamedTuple):
    """The properties of a file: one of the two is set."""

    picture: PictureInfo | None = None
    clip: ClipInfo | None = None


class Explained(NamedTuple):
    """How a planned job would be done."""

    sizes: tuple[tuple[int, int], ...] = ()
    """Width and height of the input, and after each operation."""
    ways: tuple[str, ...] = ()
    """The processing method of each output if there are several, and the reason."""
    made: tuple[tuple[int, int], ...] = ()
    """For a recipe with [[output]] tables: width and height of each target. `sizes` has the operations that
    they share."""


def answer_task(task: Task, run: RunSpec, clock: StageClock) -> Done:
    """Answer the question of a run for one input.

    Raises:
        ItemError: the input cannot be read, or could not be converted.
    """
    item = task.job.item
    place = header_file if run.header_only else local_file
    with clock.during("read"), place(item, run.sources) as path:
        job = task.job._replace(items=(item._replace(path=path),))
        data = pack(_ANSWERS[run.asks](job, run))
    if len(data) > LONGEST_RESULT:
        raise LimitError(f"Its properties take {len(data) >> 10:,} KiB, more than {LONGEST_RESULT >> 10:,}.")
    return Done(task.serial, clock.timings(), facts=data)


def _properties(job: Job, run: RunSpec) -> Properties:
    from imgpar.batch.property_answers import properties_of

    return properties_of(job, run)


def _described(job: Job, run: RunSpec) -> Described:
    info = describe_file(job.item.path, run.limits)
    return Described(clip=info) if isinstance(info, ClipInfo) else Described(picture=info)


def _explained(job: Job, run: RunSpec) -> Explained:
    if any(target.format == SIDECAR for target in job.targets):
        return Explained()
    spec = Spec(*describe_file(job.item.path, run.limits).size)
    ways = tuple(_ways_of_clip(job, run) if job.kind == "stream" else _ways(job, run))
    if not run.branches:
        return Explained(_sizes(spec, run.operations), ways)
    from imgpar.batch.picture.trees import common

    shared = common([branch.operations for branch in run.branches])
    made = tuple(_sizes(spec, run.branch(target.branch).operations)[-1] for target in job.targets)
    return Explained(_sizes(spec, shared), ways, made)


def _sizes(spec: Spec, operations: Iterable[Operation]) -> tuple[tuple[int, int], ...]:
    sizes = [spec.size]
    for operation in operations:
        spec = operation.plan(spec)
        sizes.append(spec.size)
    return tuple(sizes)


def _ways(job: Job, run: RunSpec) -> list[str]:
    if run.branches:
        return []  # decoded once for all of them, to colours
    from imgpar.batch.picture import planar

    formats = [target.format for target in job.targets]
    return planar.explain_planes(job.item.path, run.operations, formats, run.encode, run.limits)


def _ways_of_clip(job: Job, run: RunSpec) -> Iterator[str]:
    from imgpar.video.plan import make_plan
    from imgpar.video.prepare import prepared
    from imgpar.video.probe import probe
    from imgpar.video.segments import may_be_cut

    source = probe(job.item.path, run.limits)
    content = sniff_file(job.item.path)
    for target in job.targets:
        output = run.branch(target.branch)
        clip = prepared(source, output.encode)
        plan = make_plan(
            clip,
            target.format,
            output.operations,
            output.encode,
            same_container=content is not None and content.name == target.format,
            staged=run.staged,
        )
        words = "; in parts, and an interrupted run goes on" if may_be_cut(plan, clip) else ""
        yield f"{target.format} by {plan.way}: {plan.why}{words}"


_ANSWERS: dict[str, Callable[[Job, RunSpec], Described | Explained | Properties]] = {
    "info": _described,
    "explain": _explained,
    "properties": _properties,
}
