"""Several pictures of one worker, transformed together where a function takes several at once.

    picture ─► steps ─┐                                   ┌─► steps ─► its lease
    picture ─► steps ─┼─► function: N×H×W×C ─► results ─► ┼─► steps ─► its lease
    picture ─► steps ─┘                                   └─► failed

All pictures pass the same operations, one after the other; a picture that fails leaves the others alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imgpar.batch.picture import stages
from imgpar.core.errors import ItemError
from imgpar.core.spec import Frame
from imgpar.ops import Operation
from imgpar.ops.apply_batch import ApplyBatch
from imgpar.runtime.protocol import Done
from imgpar.runtime.stage_times import StageClock

if TYPE_CHECKING:
    from imgpar.batch.picture.task import PictureWork, Transforming


def transform_together(
    works: Sequence[PictureWork], clocks: Sequence[StageClock]
) -> list[tuple[int, Callable[[], Done]]]:
    """Run the operations of stage `transform` on several pictures.

    Args:
        works: of the pictures, with the same operations.
        clocks: one for each; the time of all is divided among them.

    Returns:
        For each picture its index and what completes its stage, or raises its error. Those whose results need
        more memory than their leases come last, and have given these up.
    """
    errors: dict[int, Exception] = {}
    halves: dict[int, Transforming] = {}

    for number, work in enumerate(works):
        try:
            halves[number] = work.until_function()
        except Exception as error:
            errors[number] = error
    started = time.perf_counter()
    for position in range(min((len(half.functions) for half in halves.values()), default=0)):
        operations = {
            number: half.functions[position] for number, half in halves.items() if number not in errors
        }
        for number, result in _each(operations, halves).items():
            if isinstance(result, Exception):
                errors[number] = result
            else:
                halves[number] = halves[number]._replace(frames=result)
        clocks[0].tick()
    share = (time.perf_counter() - started) / len(clocks)
    for clock in clocks:
        clock.add("transform", share)
    for number, half in halves.items():
        if number not in errors:
            try:
                halves[number] = works[number].after_functions(half)
            except Exception as error:
                errors[number] = error
    first, last = list[tuple[int, Callable[[], Done]]](), list[tuple[int, Callable[[], Done]]]()
    for number, work in reversed(list(enumerate(works))):  # the last request is granted first
        if number in errors:
            first.append((number, partial(_fail, errors[number])))
        else:
            waits = work.request_memory(halves[number])
            (last if waits else first).append((number, partial(work.leave, halves[number])))
    return [*reversed(first), *reversed(last)]


def _each(
    operations: dict[int, Operation], halves: dict[int, Transforming]
) -> dict[int, list[Frame] | Exception]:
    """The frames of each picture after one operation, or its error."""
    found: dict[int, list[Frame] | Exception] = {}
    first = next(iter(operations.values()), None)
    if isinstance(first, ApplyBatch):
        owners = [number for number in operations for _ in halves[number].frames]
        results = first.each([frame for number in operations for frame in halves[number].frames])
        for number in operations:
            own = [result for owner, result in zip(owners, results, strict=True) if owner == number]
            halves[number].found.extend(dict.fromkeys(made.remark for made in own if made.remark))
            try:
                frames = [made.frame() for made in own]
                stages.check_one_spec(frames)
                found[number] = frames
            except ItemError as error:
                found[number] = error
        return found
    for number, operation in operations.items():
        try:
            found[number] = stages.run_dynamic(halves[number].frames, (operation,), halves[number].found)
        except Exception as error:
            found[number] = error
    return found


def _fail(error: Exception) -> Done:
    raise error
