"""Resuming long clips: complete parts are kept beside the journal until the whole clip is complete.

JOURNAL.parts/<target>/key       digest of the source and the arguments of ffmpeg
                       0.nut …   complete parts; 3.nut.half is an incomplete one
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from hashlib import sha256

from imgpar.core.fs import WINDOWS, remove_file
from imgpar.core.liveness import hold_folder
from imgpar.video.clip import Clip
from imgpar.video.ffmpeg import Ffmpeg
from imgpar.video.native import check_exit, native_arguments
from imgpar.video.plan import ClipPlan
from imgpar.video.segments import Part, is_whole, join_parts, part_arguments, parts_of


class Resuming:
    """Converts one long clip in parts, for one target.

    Args:
        plan: of the clip.
        clip: the wanted clip, with its timestamps.
        folder: for the parts of all clips of the run.
        target: path of the output below OUT; a later run finds the parts by it.
        threads: number of threads of the encoder.
        decoders: number of threads of the decoder.
        advanced: called with the number of frames done.
    """

    def __init__(
        self,
        plan: ClipPlan,
        clip: Clip,
        folder: str,
        target: str,
        threads: int,
        decoders: int,
        advanced: Callable[[int], None],
    ) -> None:
        self._plan, self._clip, self._threads, self._decoders = plan, clip, threads, decoders
        self._advanced = advanced
        self._handle = -1
        self._parent = folder
        self._folder = os.path.join(folder, sha256(os.fsencode(target)).hexdigest()[:16])
        self.kept = 0
        """Number of parts left by an earlier run."""
        self.count = 1

    def run(self, output: str) -> tuple[str, ...] | None:
        """Write the clip; None where it has to be one piece, and while another run holds the parts.

        Raises what `check_exit` raises.
        """
        parts = parts_of(self._clip)
        self.count = len(parts)
        if self.count < 2 or not self._lock_folder():
            return None
        self._discard_other_parts()
        files = list[str]()
        for number, part in enumerate(parts):
            files.append(os.path.join(self._folder, f"{number}.nut"))
            if os.path.exists(files[-1]) and is_whole(files[-1], self._clip, part):
                self.kept += 1
            elif not self._make(part, files[-1]):
                self.clear()  # conversion in one piece reports the error
                return None
        return join_parts(self._plan, self._clip, files, output)

    def clear(self) -> None:
        """Remove the parts."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # other clips have parts there
            os.rmdir(self._parent)
        self._release()

    def _lock_folder(self) -> bool:
        """Lock the folder: runs that share a journal of single files also share the folder of parts."""
        os.makedirs(self._folder, exist_ok=True)
        if not WINDOWS:  # folders cannot be locked there, but open files cannot be removed
            self._handle = hold_folder(self._folder)
        return WINDOWS or self._handle >= 0

    def _release(self) -> None:
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)

    def __del__(self) -> None:
        self._release()

    def _discard_other_parts(self) -> None:
        """Remove parts of another source or of other arguments."""
        status = os.stat(self._clip.path)
        how = native_arguments(self._plan, self._clip, "", 1, 1)  # independent of the number of cores
        how = [argument.replace(self._clip.path, "") for argument in how]  # it may be a temporary copy
        facts = repr((status.st_size, status.st_mtime_ns, how))
        key, mark = sha256(facts.encode()).hexdigest(), os.path.join(self._folder, "key")
        try:
            with open(mark, encoding="ascii") as file:
                if file.read() == key:
                    return
        except OSError:
            pass
        for name in os.listdir(self._folder):
            remove_file(os.path.join(self._folder, name))
        with open(mark, "w", encoding="ascii") as file:
            file.write(key)

    def _make(self, part: Part, path: str) -> bool:
        """Write one part; returns False where ffmpeg reported errors or the part is incomplete."""
        half = path + ".half"
        arguments = part_arguments(self._plan, self._clip, part, half, self._threads, self._decoders)
        child = Ffmpeg(arguments, counted=True)
        try:
            code = child.wait(lambda done: self._advanced(part.first + done))
        except BaseException:
            child.kill()
            raise
        try:
            check_exit(code, child.lines)
        except BaseException:
            remove_file(half)
            raise
        if child.count or not is_whole(half, self._clip, part):
            return False
        os.replace(half, path)
        return True
