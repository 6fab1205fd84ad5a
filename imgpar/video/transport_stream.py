"""Continuous timestamps from zero for transport streams, whose timestamps begin anywhere and may be
discontinuous, as in ffmpeg."""

from __future__ import annotations

from typing import Any

JUMPING = frozenset({"mpegts", "mpeg"})
"""Containers of broadcasts and recordings, whose clock may restart at any packet."""
FORWARD = 10.0
"""Seconds by which a packet may be later than expected; more is a discontinuity (ffmpeg's
`dts_delta_threshold`)."""
BACK = 0.1
"""Seconds by which it may be earlier than the previous one."""


class TimestampCorrector:
    """Corrects the timestamps of one demuxer, for all audio and video packets in file order.

    Args:
        demuxer: ffmpeg's name of the container; others than `JUMPING` are not corrected.
        origin: start time of its first stream, in seconds.
    """

    def __init__(self, demuxer: str, origin: float) -> None:
        self.watches = demuxer in JUMPING
        self.jumps = 0
        """Number of discontinuities so far."""
        self._offset = -origin
        self._last: dict[int, float] = {}
        """Decoding time of the last packet of each stream, in seconds."""
        self._next: dict[int, float] = {}
        """Expected decoding time of the next packet."""

    def streams(self, container: Any, chosen: Any) -> list[Any]:
        """The streams whose packets are needed to correct those of `chosen`."""
        if not self.watches:
            return [chosen]
        return [stream for stream in container.streams if stream.type in ("video", "audio")]

    def correct(self, packet: Any) -> None:
        """Correct the timestamps of a packet."""
        if not self.watches or packet.dts is None:
            return
        base, number = float(packet.time_base), packet.stream.index
        decoded = packet.dts * base + self._offset
        due = self._next.get(number)
        if due is None and self._last:
            due = max(self._last.values())
            jumped = abs(decoded - due) > FORWARD
        else:
            jumped = due is not None and (abs(decoded - due) > FORWARD or decoded + BACK < self._last[number])
        if jumped and due is not None:
            self.jumps += 1
            self._offset -= decoded - due
            decoded = due
        self._last[number] = decoded
        self._next[number] = decoded + (packet.duration or 0) * base
        if self._offset:
            moved = round(self._offset / base)
            packet.dts += moved
            packet.pts = packet.pts + moved if packet.pts is not None else None
