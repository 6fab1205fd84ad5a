"""Long clips go on where they were: parts that are whole are kept beside the journal until the clip is.

JOURNAL.parts/<target>/key       what they were made of, and how
                       0.nut …   whole parts; 3.nut.half is one that was being made
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
    """One long clip on its way to one target.

    Args:
        folder: for the parts of all clips of the run.
        target: where the clip will lie in the end; a later run finds its parts by that.
        threads, decoders: of the encoder and the decoder.
        advanced: is told how many frames are done.
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
        self._all, self._folder = folder, os.path.join(folder, sha256(os.fsencode(target)).hexdigest()[:16])
        self.kept = 0
        """Parts that were there already."""
        self.count = 1

    def run(self, output: str) -> tuple[str, ...] | None:
        """Write the clip; None where it has to be done in one piece, and while another run has the parts.

        Raises what `check_exit` raises.
        """
        parts = parts_of(self._clip)
        self.count = len(parts)
        if self.count < 2 or not self._take():
            return None
        self._begin()
        files = list[str]()
        for number, part in enumerate(parts):
            files.append(os.path.join(self._folder, f"{number}.nut"))
            if os.path.exists(files[-1]) and is_whole(files[-1], self._clip, part):
                self.kept += 1
            elif not self._make(part, files[-1]):
                self.clear()  # whoever sees the whole clip can say what is wrong with it
                return None
        return join_parts(self._plan, self._clip, files, output)

    def clear(self) -> None:
        """Remove the parts."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # other clips have parts there
            os.rmdir(self._all)
        self._let_go()

    def _take(self) -> bool:
        """Keep other runs out: journals of single files are shared, and so is the folder of their parts."""
        os.makedirs(self._folder, exist_ok=True)
        if not WINDOWS:  # folders cannot be held there, but nobody removes a file in one that is open
            self._handle = hold_folder(self._folder)
        return WINDOWS or self._handle >= 0

    def _let_go(self) -> None:
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)

    def __del__(self) -> None:
        self._let_go()

    def _begin(self) -> None:
        """Keep what was made of the same source in the same way, and nothing else."""
        status = os.stat(self._clip.path)
        how = native_arguments(self._plan, self._clip, "", 1, 1)  # how many cores there are shows nowhere
        told = repr((status.st_size, status.st_mtime_ns, how))
        key, mark = sha256(told.encode()).hexdigest(), os.path.join(self._folder, "key")
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
        """One part; whether nothing was wrong with it."""
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
