"""One ffmpeg as a child process: it never waits for a keyboard, never blocks on its own messages, and does
not outlive the worker that started it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import IO, Any

from imgpar.video.binary import ffmpeg
from imgpar.video.demux import DEMUXERS

LAST_LINES = 20
LOOK_SECONDS = 0.5
_SPARSE = frozenset({"mpeg", "mpegts", "asf"})
"""Containers in which not every packet has a presentation time; muxers need them all."""
_PREFIX = re.compile(r"\s*\[([^\]\[]+?) @ (?:0x)?[0-9a-fA-F]+\] ?")
"""Which of its objects says something."""
_ADDRESS = re.compile(r" ?@? ?\b0x[0-9a-f]{5,}")
_PR_SET_PDEATHSIG = 1
_NEW_GROUP_NO_WINDOW = 0x0800_0200


class Ffmpeg:
    """A running ffmpeg; its messages are read by a thread, of which the last lines are kept.

    Args:
        arguments: after the program's name.
        feed: whether something will be written to its standard input.
        produce: whether something will be read from its standard output.
        level: how much it says.
        counted: whether `frames` shall say how far it is.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        feed: bool = False,
        produce: bool = False,
        level: str = "error",
        counted: bool = False,
    ) -> None:
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self.count = 0
        """Lines that it wrote; at this log level each is a complaint."""
        self.frames = 0
        """Frames that it has written; counted where `counted` is asked for."""
        command = [ffmpeg(), "-nostdin", "-hide_banner", "-nostats", "-loglevel", level, "-y"]
        command += [*(("-progress", "pipe:1", "-stats_period", "0.3") if counted else ()), *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if produce or counted else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # SVT-AV1 says what it does, whatever ffmpeg was told; only its errors are of interest.
            env={**os.environ, "SVT_LOG": "1"},
            **_alone(),
        )
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._drain, args=(self.process.stderr,), daemon=True)
        self._reader.start()
        if counted:
            threading.Thread(target=self._count, args=(self.stdout,), daemon=True).start()

    @property
    def stdin(self) -> IO[bytes]:
        """Where frames are written to."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Where frames are read from."""
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
        """Until it has ended; returns its exit code. `during` is told the number of frames now and then."""
        # Its messages end when it does, and this is known at once; `Popen.wait` looks now and then.
        while during is not None and self._reader.is_alive():
            self._reader.join(LOOK_SECONDS)
            during(self.frames)
        self._reader.join()
        return self.process.wait()

    def kill(self) -> None:
        """End it now, if it still runs."""
        self.process.kill()
        self.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


def cleaned(line: str) -> str:
    """A line of ffmpeg's log without the addresses of its objects.

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
    """Options that open a clip by its name, whatever the name or the file's content is; with its `demuxer`
    where streams are to be copied."""
    return (
        *(("-fflags", "+genpts") if demuxer in _SPARSE else ()),
        "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-i", f"file:{os.path.abspath(path)}",
    )  # fmt: skip


def _alone() -> dict[str, Any]:
    """Ctrl-C on the terminal is the parent's business, and the child dies with its worker; one that another
    thread started ends when its pipe to us does."""
    if os.name == "nt":
        return {"creationflags": _NEW_GROUP_NO_WINDOW}
    # With code between fork and exec, Python clears the thread-local objects of other threads in the child; a
    # scaler of PyAV then waits for ever for threads that the child has not. Workers use their main one.
    careful = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    return {"process_group": 0, **({"preexec_fn": _dying_with(os.getpid())} if careful else {})}


def _dying_with(parent: int) -> Any:
    """Linux ends the child when the thread that started it ends, which is the worker's main thread."""
    prctl = _libc().prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask


@cache
def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)
