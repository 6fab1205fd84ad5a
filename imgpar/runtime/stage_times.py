"""Times of the stages of a task, and the current stage, visible to the parent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from imgpar.runtime.protocol import STAGES

_NUMBERS = {stage: number for number, stage in enumerate(STAGES)}


@dataclass(slots=True)
class StageClock:
    """Measures the stages of one task, and writes the current one to the board.

    The object is its own context manager: a small picture enters six blocks, one after the other.
    """

    board: memoryview
    cell: int
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = "read"
    _start: float = 0.0

    def during(self, stage: str) -> StageClock:
        """Add the time of the block to a stage, and remember the stage if the block fails. Blocks are not
        nested."""
        self.stage = stage
        self.board[self.cell + 2] = _NUMBERS[stage]
        self._start = time.perf_counter()
        return self

    def tick(self) -> None:
        """Tell the parent that this process is not stuck: it waits for another one."""
        self.board[self.cell + 1] += 1

    def at_item(self, index: int) -> None:
        """Note which item of a job with several is being processed; −1 is none. If this process dies, the
        parent knows which one to blame."""
        self.board[self.cell + 3] = index + 1

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + time.perf_counter() - self._start

    def add(self, stage: str, seconds: float) -> None:
        """Add the task's share of work that was done for several tasks at once."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def timings(self) -> tuple[tuple[str, float], ...]:
        """The timings, as sent in messages."""
        return tuple(self.seconds.items())
