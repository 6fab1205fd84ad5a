"""A worker encodes one picture for `Pipeline.encode` and `encode_all`."""

from __future__ import annotations

import os

from imgpar.batch.encoded_file import EncodedFile, target_format
from imgpar.batch.picture.memory import Memory
from imgpar.batch.picture.outputs import convert_bytes
from imgpar.batch.picture.reading import read_item
from imgpar.batch.run_spec import RunSpec
from imgpar.formats.codec import clip_error
from imgpar.inputs.batches import clip_format
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Done, Task
from imgpar.runtime.serialization import pack


def answer_encoded(task: Task, run: RunSpec, context: Context) -> Done:
    """Encode the picture of a task into a file of the folder of the run, named by the number of its job.

    Raises:
        ItemError: the picture cannot be read, decoded, transformed or encoded, or is refused.
    """
    item, clock = task.job.item, context.clock
    if clip := clip_format(item):
        raise clip_error(clip, item.name)
    memory = Memory(context.buffer, context.lease)
    with clock.during("read"):
        data, _ = read_item(item, run)
    target = target_format((run.to,) if run.to else (), data, item.name)
    made = convert_bytes(
        data,
        item.name,
        run.operations,
        target.name,
        run.encode,
        run.limits,
        strict=run.strict,
        verify=run.verify,
        memory=lambda nbytes: memory.within(memory.lease(nbytes, standing=True)),
        during=clock.during,
    )
    with clock.during("commit"), open(os.path.join(run.folder, str(task.job.id)), "wb") as file:
        file.write(made.data)
    timings = clock.timings()
    seconds = sum(spent for _, spent in timings)
    answer = EncodedFile(target.name, *made.spec.size, made.lost, made.notes, seconds)
    return Done(task.serial, timings, facts=pack(answer))
