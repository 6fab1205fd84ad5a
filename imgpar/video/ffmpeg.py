"""An ffmpeg child process: it never reads the terminal, never blocks on its log output, and ends with the
worker that started it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO

from imgpar.core.children import Lifeline, dying_with_thread, program_options
from imgpar.video.binary import ffmpeg
from imgpar.video.demux import DEMUXERS

LAST_LINES = 20
LOOK_SECONDS = 0.5
_SPARSE = frozenset({"mpeg", "mpegts", "asf"})
"""Containers in which packets may lack presentation times, which muxers require."""
_PREFIX = re.compile(r"\s*\[([^\]\[]+?) @ (?:0x)?[0-9a-fA-F]+\] ?")
"""Prefix of a log line with the name of an ffmpeg object."""
_ADDRESS = re.compile(r" ?@? ?\b0x[0-9a-f]{5,}")


class Ffmpeg:
    """A running ffmpeg; a thread reads its log and keeps the last lines.

    Args:
        arguments: command-line arguments after the program name.
        feed: whether standard input is a pipe to be written.
        produce: whether standard output is a pipe to be read.
        level: log level.
        counted: whether to count written frames in `frames`.
        brief: whether it ends by itself within seconds, so that it may be started without a fork.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        feed: bool = False,
        produce: bool = False,
        level: str = "error",
        counted: bool = False,
        brief: bool = False,
    ) -> None:
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self.count = 0
        """Number of log lines; at this log level each is a warning or an error."""
        self.frames = 0
        """Number of frames written so far, if `counted`."""
        command = [ffmpeg(), "-nostdin", "-hide_banner", "-nostats", "-loglevel", level, "-y"]
        command += [*(("-progress", "pipe:1", "-stats_period", "0.3") if counted else ()), *arguments]
        self._lifeline = Lifeline()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if produce or counted else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # SVT-AV1 ignores the log level of ffmpeg; only its errors are needed. A copy takes 0.3 ms.
            env={**os.environ, "SVT_LOG": "1"} if "libsvtav1" in command else None,
            pass_fds=self._lifeline.inherited,
            preexec_fn=None if brief or feed or produce else dying_with_thread(),
            **program_options(),
        )
        self._lifeline.ends(self.process.pid)
        _all.add(self)
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._drain, args=(self.process.stderr,), daemon=True)
        self._reader.start()
        self._counter: threading.Thread | None = None
        if counted:
            self._counter = threading.Thread(target=self._count, args=(self.stdout,), daemon=True)
            self._counter.start()

    @property
    def stdin(self) -> IO[bytes]:
        """Pipe for raw frames to ffmpeg."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Pipe for the output of ffmpeg."""
        assert self.process.stdout is not None
        return self.process.stdout

    def _count(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                name, _, number = line.partition(b"=")
                if name == b"frame" and number.strip().isdigit():
                    self.frames = int(number)

    def _drain(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self.count += 1
                text = cleaned(line.decode("utf-8", "replace"))
                if text:
                    self.lines.append(text)

    def wait(self, during: Callable[[int], None] | None = None) -> int:
        """Wait for its end; returns the exit code.

        Args:
            during: called at intervals, and at the end, with the number of frames written.
        """
        # Its log ends when it exits, which is noticed at once; `Popen.wait` polls.
        while during is not None and self._reader.is_alive():
            self._reader.join(LOOK_SECONDS)
            during(self.frames)
        self._reader.join()
        if during is not None and self._counter is not None:
            self._counter.join(LOOK_SECONDS)  # the last report may come after the end of the log
            during(self.frames)
        code = self.process.wait()
        self._lifeline.close()
        return code

    def release(self) -> None:
        """In a forked child: its end is no longer a reason to end ffmpeg."""
        self._lifeline.close()

    def kill(self) -> None:
        """Kill it if it is still running."""
        self.process.kill()
        self.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


_all = weakref.WeakSet[Ffmpeg]()


def _after_fork() -> None:
    """Close the pipes to them in a forked child: they see their end only when no process holds them."""
    for one in list(_all):
        one.release()
        if one.process.stdin is not None:
            with contextlib.suppress(OSError):
                one.process.stdin.raw.close()  # type: ignore[attr-defined]  # the buffer has a lock


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def cleaned(line: str) -> str:
    """A log line of ffmpeg without the addresses of objects.

    >>> cleaned("[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55d0c8] moov atom not found")
    'mov: moov atom not found'
    >>> cleaned("[vost#0:0/libx264 @ 0x5] [enc:libx264 @ 0x6] Error while opening encoder")
    'libx264: Error while opening encoder'
    """
    name = ""
    while (found := _PREFIX.match(line)) is not None:
        name, line = found[1], line[found.end() :]
    line = _ADDRESS.sub("", line).strip()
    name = name.rpartition("/")[2].rpartition(":")[2].partition(",")[0]
    return f"{name}: {line}" if name and line else line


def guarded(path: str, demuxer: str = "") -> tuple[str, ...]:
    """Input options that open a clip as a plain file, whatever its name or content; with `demuxer` where
    streams are copied."""
    return (
        *(("-fflags", "+genpts") if demuxer in _SPARSE else ()),
        "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-i", f"file:{os.path.abspath(path)}",
    )  # fmt: skip
