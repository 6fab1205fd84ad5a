"""How long the stages of one task take, and which of them it is in, for the parent to see."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from imgpar.runtime.messages import STAGES


class Measured:
    """One block of a stage. A class: it is entered twelve times for a small picture, and a generator takes
    three times as long."""

    __slots__ = ("_clock", "_stage", "_start")

    def __init__(self, clock: Clock, stage: str) -> None:
        self._clock, self._stage = clock, stage

    def __enter__(self) -> None:
        clock = self._clock
        clock.stage = self._stage
        clock.board[clock.cell + 2] = STAGES.index(self._stage)
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        seconds, spent = self._clock.seconds, time.perf_counter() - self._start
        seconds[self._stage] = seconds.get(self._stage, 0.0) + spent


@dataclass(slots=True)
class Clock:
    """Measures the stages of one task, and shows the current one on the board."""

    board: memoryview
    cell: int
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = "read"

    def during(self, stage: str) -> Measured:
        """Add the time of the block to a stage, and remember the stage if the block fails."""
        return Measured(self, stage)

    def timings(self) -> tuple[tuple[str, float], ...]:
        """As they travel."""
        return tuple(self.seconds.items())
