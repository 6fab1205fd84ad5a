"""The frame path: one worker decodes and encodes a clip, all workers transform its frames.

    decoder ─► slot ─► any worker: slot → slot ─► feed (in order, with timestamps) ─► ffmpeg: encode, mux
       │         ▲                                   │ ▲
       │         └────────── slot is free ◄──────────┘ │
       └─► the clip's worker, while it has idle time ──┘

1. A frame is decoded only when a slot is free: memory is bounded, whatever the length of the clip.
2. While the decoder or the encoder is the bottleneck, the clip's worker transforms each frame itself, without
   slots: other workers would not make the clip faster (`pace`).
3. Otherwise frames are offered to helpers, as many as helpers take. The clip's worker transforms the others
   while it has nothing to decode or write; so the path also works with a single worker.
4. The first frame is transformed before the encoder starts, because a Python function may return any size.
5. An operation that keeps a state from frame to frame gets all frames here, in order; none is offered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from imgpar.batch.clip.frame_program import FrameFacts, clip_details, clip_facts
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
from imgpar.video.plan import ClipPlan, check_whole, cut_note
from imgpar.video.plane_layout import PlaneLayout, load
from imgpar.video.planes import Array
from imgpar.video.reader import Reader

SLOTS_PER_CORE = 2
EXTRA_SLOTS = 2
SHARE = 4
"""Slots of a clip take at most this fraction of the shared memory: one in `SHARE`."""

During = Callable[[str], AbstractContextManager[None]]


@dataclass(slots=True)
class _Entry:
    """A frame in a slot."""

    number: int
    stamp: int
    slot: int
    offered: bool = False
    returned: bool = False
    """A helper returned it; it is not offered again."""
    done: bool = False


class FramePath:
    """Converts one clip frame by frame.

    Args:
        plan: of the clip; its encoding is set.
        clip: from `probe`.
        output: path of the new file.
        run: operations and limits of the output.
        helpers: the other workers.
        during: context manager that measures a stage.
        branch: index of the output in the recipe, for the helpers.
    """

    def __init__(
        self,
        plan: ClipPlan,
        clip: Clip,
        output: str,
        run: RunSpec,
        helpers: Helpers,
        during: During,
        branch: int = 0,
    ) -> None:
        assert plan.encoding is not None
        self._plan, self._clip, self._output = plan, clip, output
        self._output_clip = plan.timing.retimed(clip)
        self._helpers, self._during = helpers, during
        stream = clip.picture.stream
        # Without titles, which may be of any length and are not needed for frames.
        picture = replace(clip.picture, stream=Stream(stream.index, stream.kind, stream.codec))
        details = clip_details(clip, run.operations, run.encode)
        facts = FrameFacts(picture, plan.encoding, run.encode.background, branch, details)
        self._facts = facts
        self._limits = run.limits
        self._program = program_of(facts, run)
        self._item_facts = clip_facts(clip, len(self._output_clip.times))
        start, stop = plan.timing.window(clip)
        threads = decoder_threads(clip.picture, helpers.cores, run.limits.memory)
        self._reader = Reader(clip, threads, start=start, stop=stop)
        self._pace = Pace()
        self._frames: deque[_Entry] = deque()
        self._free: list[int] = []
        self._offered = 0
        """Number of frames offered and not yet answered."""
        self._max_offers = SLOTS_PER_CORE * helpers.cores
        self._offer_limit = max(1, self._max_offers - SLOTS_PER_CORE)
        """Most frames offered at once; adapted to how many helpers take."""
        self._recall_pending = False
        """Whether a recall has not been answered yet."""
        self._all_started = False
        """Whether helpers have started on every offered frame."""
        self._warnings: tuple[str, ...] = ()
        """Of ffmpeg, when it has ended."""
        self._lossless = run.encode.lossless
        self.notes: tuple[str, ...] = ()
        """What is known with the first frame: that a function has given it a size that is cropped."""

    def run(self) -> tuple[str, ...]:
        """Convert the clip; returns the warnings of the decoder and of ffmpeg.

        Raises:
            ItemError: a frame cannot be decoded, transformed or encoded.
        """
        source = self._plan.timing.frames(iter(self._reader), self._clip)
        if self._program.together:
            return self._run_together(source)
        with self._during("decode"):
            first = next(source, None)
        if first is None:
            raise self._no_frame()
        with self._during("transform"):
            self._program.begin(self._item_facts)
            layout, planes = self._program.run_on(first[1])
        self._packed_facts = pack((self._facts, layout))
        with self._feed(layout) as feed:
            put((layout, planes), layout, self._buffer)
            with self._during("encode"):
                feed.write(first[0], [self._buffer])
            self._loop(source, feed)
        return (*self._reader.complaints, *self._warnings)

    def _run_together(self, source: Iterator[tuple[int, Any]]) -> tuple[str, ...]:
        """`run` where an operation works on several frames at once: all frames are transformed here."""
        with self._during("transform"):
            self._program.begin(self._item_facts)
            results = self._program.run_all(source)
            made = next(results, None)
        if made is None:
            raise self._no_frame()
        count = 0
        with self._feed(made[1]) as feed:
            while made is not None:
                self._write_planes(*made, feed)
                count += 1
                self._helpers.advanced(count, len(self._output_clip.times))
                with self._during("transform"):
                    made = next(results, None)
        return (*self._reader.complaints, *self._warnings)

    def _no_frame(self) -> DamagedError:
        said = "; ".join(self._reader.complaints[:3])
        return DamagedError(f"This clip has no frame that could be read. {said}")

    @contextmanager
    def _feed(self, layout: PlaneLayout) -> Iterator[Feed]:
        """The encoder for frames of this layout; it is ended with the block, and killed where that fails."""
        if any(operation.dynamic for operation in self._plan.operations):
            self._note_size()
        self._buffer = memoryview(bytearray(layout.nbytes))
        self._output_layout = layout
        feed = Feed(self._plan, self._output_clip, layout, self._output, self._helpers.cores)
        try:
            yield feed
            with self._during("encode"):
                self._warnings = feed.close()
        except BaseException:
            feed.kill()
            raise

    def _note_size(self) -> None:
        """Note that the first frame was cropped; raises EncodeError where every pixel is to be kept."""
        encoding = self._plan.encoding
        assert encoding is not None
        if self._lossless:
            check_whole(encoding, self._program.made_size)
        self.notes = cut_note(encoding, self._program.made_size)

    def _write_planes(self, stamp: int, layout: PlaneLayout, planes: list[Array], feed: Feed) -> None:
        buffers: list[Any] = [*planes]
        if layout != self._output_layout or not all(plane.flags.c_contiguous for plane in planes):
            put((layout, planes), self._output_layout, self._buffer)
            buffers = [self._buffer]
        with self._during("encode"), self._pace.waiting():
            feed.write(stamp, buffers)

    def _loop(self, source: Iterator[tuple[int, Any]], feed: Feed) -> None:
        self._allocate_slots(self._output_layout)
        number, ended = 1, False
        while not ended or self._frames:
            direct = self._pace.has_idle_time and not self._frames
            if not ended and (direct or (self._free and not self._pace.has_idle_time)):
                with self._during("decode"), self._pace.waiting():
                    decoded = next(source, None)
                if decoded is None:
                    ended = True
                elif direct:
                    self._convert_directly(number, *decoded, feed)
                else:
                    self._load_into_slot(number, *decoded)
                number += 1
                if direct:
                    continue
            while (message := self._helpers.receive(wait=False)) is not None:
                self._handle(message)
            self._offer()
            self._write(feed)
            full = ended or not self._free or self._pace.has_idle_time
            if full and self._frames and not self._frames[0].done:
                self._transform_or_wait()

    def _allocate_slots(self, wanted: PlaneLayout) -> None:
        self._input_bytes = -(-self._program.layout.nbytes // 64) * 64
        size = self._input_bytes + wanted.nbytes
        count = min(self._max_offers + EXTRA_SLOTS, self._limits.memory // SHARE // size)
        self._free = self._helpers.slots(size, max(1, count))

    def _convert_directly(self, number: int, stamp: int, frame: Any, feed: Feed) -> None:
        """Transform and write one frame without slots."""
        with self._during("transform"):
            layout, planes = self._program.run_on(frame)
        self._write_planes(stamp, layout, planes, feed)
        self._helpers.advanced(number + 1, len(self._output_clip.times))

    def _load_into_slot(self, number: int, stamp: int, frame: Any) -> None:
        slot = self._free.pop()
        layout = self._program.layout
        with self._during("decode"):
            load(frame, layout.arrays(self._helpers.view(slot, layout.nbytes)))
        self._frames.append(_Entry(number, stamp, slot))

    def _offer(self) -> None:
        if self._helpers.alone or self._program.in_order:
            return
        for entry in self._frames:
            if self._offered >= self._offer_limit:
                return
            if not (entry.offered or entry.returned or entry.done):
                entry.offered = True
                self._offered += 1
                self._all_started = False
                output = entry.slot + self._input_bytes
                self._helpers.offer(entry.number, entry.slot, output, self._packed_facts)

    def _write(self, feed: Feed) -> None:
        while self._frames and self._frames[0].done:
            entry = self._frames.popleft()
            with self._during("encode"), self._pace.waiting():
                feed.write(entry.stamp, [self._output_of(entry)])
            self._helpers.advanced(entry.number + 1, len(self._output_clip.times))
            self._free.append(entry.slot)

    def _output_of(self, entry: _Entry) -> memoryview:
        return self._helpers.view(entry.slot + self._input_bytes, self._output_layout.nbytes)

    def _transform_or_wait(self) -> None:
        """Nothing can be decoded or written: transform a frame that is not offered, or wait for a helper."""
        own = next((entry for entry in self._frames if not entry.offered and not entry.done), None)
        if own is None:
            if not self._recall_pending and not self._all_started:
                self._recall_pending = True
                self._helpers.recall()
            message = self._helpers.receive(wait=True)
            assert message is not None
            self._handle(message)
            return
        layout = self._program.layout
        with self._during("transform"):
            result = self._program.run(layout.arrays(self._helpers.view(own.slot, layout.nbytes)))
            put(result, self._output_layout, self._output_of(own))
        own.done = True

    def _handle(self, message: Finished | Returned) -> None:
        """Handle the answer for an offered frame: finished, or returned."""
        done = isinstance(message, Finished)
        if isinstance(message, Returned) and message.answer:
            self._recall_pending = False
        if message.number == NO_FRAME:
            self._all_started = True  # the next message is one of these frames
            return
        # Offer more where helpers finish frames, less where frames are returned.
        self._offer_limit = (
            min(self._offer_limit + 1, self._max_offers) if done else max(1, self._offer_limit - 1)
        )
        self._offered -= 1
        for entry in self._frames:
            if entry.number == message.number:
                entry.done, entry.returned, entry.offered = done, not done, False
                return
