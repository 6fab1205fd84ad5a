"""One clock that begins at zero for transport streams, whose time stamps begin anywhere and may jump: as
ffmpeg makes it."""

from __future__ import annotations

from typing import Any

JUMPING = frozenset({"mpegts", "mpeg"})
"""Containers of broadcasts and recordings, whose clock may begin again at any packet."""
FORWARD = 10.0
"""Seconds by which a packet may come later than expected; more is a jump (ffmpeg's `dts_delta_threshold`)."""
BACK = 0.1
"""Seconds by which it may come earlier than the one before."""


class TimestampCorrector:
    """Corrects the packets of one demuxer, of all sound and picture streams and in the order of the file.

    Args:
        demuxer: what ffmpeg calls the container; in others than `JUMPING` nothing is corrected.
        origin: seconds at which its first stream begins.
    """

    def __init__(self, demuxer: str, origin: float) -> None:
        self.watches = demuxer in JUMPING
        self.jumps = 0
        """How often the clock has jumped so far."""
        self._offset = -origin
        self._last: dict[int, float] = {}
        """Seconds at which the last packet of each stream is decoded."""
        self._next: dict[int, float] = {}
        """Seconds at which the packet after it is due."""

    def streams(self, container: Any, chosen: Any) -> list[Any]:
        """The streams whose packets it has to see for those of `chosen`."""
        if not self.watches:
            return [chosen]
        return [stream for stream in container.streams if stream.type in ("video", "audio")]

    def correct(self, packet: Any) -> None:
        """Move the time stamps of a packet to where they belong."""
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
