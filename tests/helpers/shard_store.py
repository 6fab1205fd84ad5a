"""Samples stored in shards without a run, in little time, also by a process that is killed."""

from __future__ import annotations

import os
from pathlib import Path

from imgpar.core.digest import content_digest
from imgpar.core.job import Outcome, OutputFile
from imgpar.outputs.shards.settings import ShardSettings, ShardSize
from imgpar.outputs.shards.sink import ShardSink


def store_all(root: str, spool: str) -> None:
    """Store eight samples in shards of three, those that are not there."""
    sink = ShardSink(root, ShardSettings(ShardSize(3)))
    for number in range(8):
        path = f"{root}/{number}.txt"
        if sink.find(path) is None:
            os.makedirs(os.path.join(root, ".imgpar"), exist_ok=True)
            file = Path(spool, str(number))
            file.write_bytes(data := bytes([number]) * 900)
            made = OutputFile(path, len(data), digest=content_digest(data))
            sink.publish(path, str(file), made)
            sink.record(Outcome(f"/in/{number}", "ok", (made,), job=number), None)
    sink.close()
