"""The frame path: one worker decodes and encodes a clip, all workers transform its frames.

    decoder ─► slot ─► any worker: slot → slot ─► feed (in order, each with its time) ─► ffmpeg: encode, mux
       │         ▲                                   │ ▲
       │         └────────── slot is free ◄──────────┘ │
       └─► the clip's own worker, while it keeps up ───┘

1. A frame is decoded only when a slot is free: however long the clip is, its memory is bounded.
2. As long as the decoder or the encoder is what takes longest, the clip's own worker works on each frame as
   it comes: handing it over would cost time and gain none (`runtime/pace`).
3. Frames are offered to others as long as others take them; on the rest the clip's own worker works
   while it has nothing else to do. So the path is right, and only slower, with a single worker.
4. The first frame is done before the encoder starts: only then is the size known for certain, since a
   Python function may return any.
5. A function that keeps a state from frame to frame gets all of them here, in order; nothing is offered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from imgpar.batch.clip.frame_program import FrameFacts, clip_facts
from imgpar.batch.clip.helper import program_of, put
from imgpar.batch.clip.pace import Pace
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import DamagedError
from imgpar.runtime.helpers import Helpers
from imgpar.runtime.protocol import Finished, Returned
from imgpar.runtime.serialization import pack
from imgpar.runtime.shared_frames import NO_FRAME
from imgpar.video.clip import Clip, Stream
from imgpar.video.frame_feed import Feed
from imgpar.video.native import decoder_threads
from imgpar.video.plan import ClipPlan
from imgpar.video.planes import PlaneLayout, load
from imgpar.video.reader import Reader

SLOTS_PER_CORE = 2
EXTRA_SLOTS = 2
SHARE = 4
"""A clip takes at most one in so many parts of all shared memory."""

During = Callable[[str], AbstractContextManager[None]]


@dataclass(slots=True)
class _Entry:
    """A frame in a slot."""

    number: int
    stamp: int
    slot: int
    offered: bool = False
    mine: bool = False
    """It came back undone, so nobody else will have it."""
    done: bool = False


class FramePath:
    """One clip on its way through the frame path.

    Args:
        plan: of the clip; its encoding is set.
        clip: from `probe`.
        output: path of the new file.
        run: for the operations and limits.
        helpers: the other workers.
        during: measures stages.
    """

    def __init__(
        self, plan: ClipPlan, clip: Clip, output: str, run: RunSpec, helpers: Helpers, during: During
    ) -> None:
        assert plan.encoding is not None
        self._plan, self._clip, self._output = plan, clip, output
        self._wanted_clip = plan.timing.retimed(clip)
        self._helpers, self._during = helpers, during
        stream = clip.picture.stream
        # Titles may be of any length, and nobody works by them.
        picture = replace(clip.picture, stream=Stream(stream.index, stream.kind, stream.codec))
        facts = FrameFacts(picture, plan.encoding, run.encode.background)
        self._facts = facts
        self._limits = run.limits
        self._program = program_of(facts, run)
        self._facts_of_item = clip_facts(clip, len(self._wanted_clip.times))
        start, stop = plan.timing.window(clip)
        threads = decoder_threads(clip.picture, helpers.cores, run.limits.memory)
        self._reader = Reader(clip, threads, start=start, stop=stop)
        self._pace = Pace()
        self._frames: deque[_Entry] = deque()
        self._free: list[int] = []
        self._abroad = 0
        """Frames that are offered and not back."""
        self._most = SLOTS_PER_CORE * helpers.cores
        self._appetite = max(1, self._most - SLOTS_PER_CORE)
        """How many frames others are likely to take."""
        self._asked = False
        """A recall has not been answered yet."""
        self._all_begun = False
        """Everything that is offered is being worked on."""

    def run(self) -> tuple[str, ...]:
        """Convert the clip; returns the complaints of the decoder and of ffmpeg.

        Raises:
            ItemError: a frame cannot be decoded, transformed or encoded.
        """
        source = self._plan.timing.frames(iter(self._reader), self._clip)
        with self._during("decode"):
            first = next(source, None)
        if first is None:
            raise DamagedError(
                f"This clip has no frame that could be read. {'; '.join(self._reader.complaints[:3])}"
            )
        with self._during("transform"):
            self._program.begin(self._facts_of_item)
            wanted, planes = self._program.run_on(first[1])
        self._room = memoryview(bytearray(wanted.nbytes))
        put((wanted, planes), wanted, self._room)
        self._wanted = wanted
        self._blob = pack((self._facts, wanted))
        feed = Feed(self._plan, self._wanted_clip, wanted, self._output, self._helpers.cores)
        try:
            with self._during("encode"):
                feed.write(first[0], [self._room])
            self._loop(source, feed)
            with self._during("encode"):
                said = feed.close()
        except BaseException:
            feed.kill()
            raise
        return (*self._reader.complaints, *said)

    def _loop(self, source: Iterator[tuple[int, Any]], feed: Feed) -> None:
        self._take_slots(self._wanted)
        number, ended = 1, False
        while not ended or self._frames:
            direct = self._pace.relaxed and not self._frames
            if not ended and (direct or (self._free and not self._pace.relaxed)):
                with self._during("decode"), self._pace.waiting():
                    decoded = next(source, None)
                if decoded is None:
                    ended = True
                elif direct:
                    self._pass_on(number, *decoded, feed)
                else:
                    self._enter(number, *decoded)
                number += 1
                if direct:
                    continue
            while (message := self._helpers.receive(wait=False)) is not None:
                self._take(message)
            self._offer()
            self._write(feed)
            full = ended or not self._free or self._pace.relaxed
            if full and self._frames and not self._frames[0].done:
                self._help_out()

    def _take_slots(self, wanted: PlaneLayout) -> None:
        self._inside = -(-self._program.layout.nbytes // 64) * 64
        size = self._inside + wanted.nbytes
        count = min(self._most + EXTRA_SLOTS, self._limits.memory // SHARE // size)
        self._free = self._helpers.slots(size, max(1, count))

    def _pass_on(self, number: int, stamp: int, frame: Any, feed: Feed) -> None:
        """A frame that nobody else sees."""
        with self._during("transform"):
            layout, planes = self._program.run_on(frame)
            buffers: list[Any] = [*planes]
            if layout != self._wanted or not all(plane.flags.c_contiguous for plane in planes):
                put((layout, planes), self._wanted, self._room)
                buffers = [self._room]
        with self._during("encode"), self._pace.waiting():
            feed.write(stamp, buffers)
        self._helpers.advanced(number + 1, len(self._wanted_clip.times))

    def _enter(self, number: int, stamp: int, frame: Any) -> None:
        slot = self._free.pop()
        layout = self._program.layout
        with self._during("decode"):
            load(frame, layout.arrays(self._helpers.view(slot, layout.nbytes)))
        self._frames.append(_Entry(number, stamp, slot))

    def _offer(self) -> None:
        if self._helpers.alone or self._program.in_order:
            return
        for entry in self._frames:
            if self._abroad >= self._appetite:
                return
            if not (entry.offered or entry.mine or entry.done):
                entry.offered = True
                self._abroad += 1
                self._all_begun = False
                self._helpers.offer(entry.number, entry.slot, entry.slot + self._inside, self._blob)

    def _write(self, feed: Feed) -> None:
        while self._frames and self._frames[0].done:
            entry = self._frames.popleft()
            with self._during("encode"), self._pace.waiting():
                feed.write(entry.stamp, [self._helpers.view(entry.slot + self._inside, self._wanted.nbytes)])
            self._helpers.advanced(entry.number + 1, len(self._wanted_clip.times))
            self._free.append(entry.slot)

    def _help_out(self) -> None:
        """Nothing can be decoded or written: work on a frame that nobody else has."""
        mine = next((entry for entry in self._frames if not entry.offered and not entry.done), None)
        if mine is None:
            if not self._asked and not self._all_begun:
                self._asked = True
                self._helpers.recall()
            message = self._helpers.receive(wait=True)
            assert message is not None
            self._take(message)
            return
        layout = self._program.layout
        with self._during("transform"):
            result = self._program.run(layout.arrays(self._helpers.view(mine.slot, layout.nbytes)))
            put(result, self._wanted, self._helpers.view(mine.slot + self._inside, self._wanted.nbytes))
        mine.done = True

    def _take(self, message: Finished | Returned) -> None:
        """A frame has come back, done or not."""
        done = isinstance(message, Finished)
        if isinstance(message, Returned) and message.answer:
            self._asked = False
        if message.number == NO_FRAME:
            self._all_begun = True  # so the next thing to come is one of them
            return
        # Who takes frames gets more of them; where nobody does, the round trip is not worth it.
        self._appetite = min(self._appetite + 1, self._most) if done else max(1, self._appetite - 1)
        self._abroad -= 1
        for entry in self._frames:
            if entry.number == message.number:
                entry.done, entry.mine, entry.offered = done, not done, False
                return
