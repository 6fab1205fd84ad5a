"""How long the stages of one task take, and which of them it is in, for the parent to see."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from imgpar.runtime.protocol import STAGES


@dataclass(slots=True)
class StageClock:
    """Measures the stages of one task, and shows the current one on the board.

    It is the context manager itself: a small picture enters six blocks, one after the other.
    """

    board: memoryview
    cell: int
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = "read"
    _start: float = 0.0

    def during(self, stage: str) -> StageClock:
        """Add the time of the block to a stage, and remember the stage if the block fails. Blocks do not lie
        in each other."""
        self.stage = stage
        self.board[self.cell + 2] = STAGES.index(stage)
        self._start = time.perf_counter()
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + time.perf_counter() - self._start

    def timings(self) -> tuple[tuple[str, float], ...]:
        """As they travel."""
        return tuple(self.seconds.items())
