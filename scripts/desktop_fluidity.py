"""How long the window stands still while many files are dropped on it: the longest gap between two ticks.

python scripts/desktop_fluidity.py 10000              # names of files, as a file manager drops them
python scripts/desktop_fluidity.py 30000 --folder     # one folder
python scripts/desktop_fluidity.py 30000 --blame 80   # and say what every thread was at when a tick was late

It makes tiny pictures in a temporary folder, converts them in the real window, and deletes everything again.
The tick of the window is due every 25 ms, so a gap of 25 ms is a window that never waits. On Linux the window
appears on a screen of its own (Xvfb) if there is one; --show has it on yours.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image


def main() -> int:
    """Measure, print, and say by the exit code whether the limit was kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", nargs="?", type=int, default=10_000, help="how many pictures")
    parser.add_argument("--folder", action="store_true", help="drop one folder instead of names")
    parser.add_argument("--limit", type=float, default=100.0, help="milliseconds that one gap may be long")
    parser.add_argument("--blame", type=float, default=0.0, help="milliseconds from which gaps are explained")
    parser.add_argument("--show", action="store_true", help="on the screen that is there")
    parser.add_argument("--shot", type=Path, help="write a picture of the window here, half way")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="imgpar-fluid-", dir=fast_folder()))
        )
        os.environ |= {"XDG_CONFIG_HOME": str(home / "config"), "APPDATA": str(home / "config")}
        if not given.show:
            stack.enter_context(own_screen())
        folder = make_pictures(home / "pictures", given.count)
        return measure(folder, given)


def fast_folder() -> str | None:
    """A folder in memory where there is one: the disk is not what is measured."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def make_pictures(folder: Path, count: int) -> Path:
    """So many copies of one tiny picture, each with its own name."""
    folder.mkdir()
    first = folder / "IMG_00000.png"
    Image.new("RGB", (24, 16), (90, 120, 60)).save(first)
    data = first.read_bytes()
    for number in range(1, count):
        (folder / f"IMG_{number:05}.png").write_bytes(data)
    return folder


@contextlib.contextmanager
def own_screen() -> Iterator[None]:
    """A screen that nobody sees, where Xvfb is installed."""
    if sys.platform in ("win32", "darwin") or not shutil.which("Xvfb"):
        yield
        return
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as answer:
            os.environ["DISPLAY"] = f":{answer.readline().strip()}"
        try:
            yield
        finally:
            server.terminate()


class Ticks:
    """Gaps between the window's ticks, and what the threads were at in the long ones."""

    def __init__(self, window: Any, blame: float) -> None:
        self.gaps: list[float] = []
        self.blamed: Counter[str] = Counter()
        self._window, self._blame = window, blame
        self._last = time.monotonic()
        self._open = True
        self._inner = window._tick
        window._tick = self._tick
        if blame:
            threading.Thread(target=self._watch, daemon=True).start()

    def _tick(self) -> None:
        now = time.monotonic()
        self.gaps.append(now - self._last)
        self._last = now
        self._inner()

    def _watch(self) -> None:
        while self._open:
            time.sleep(0.01)
            if time.monotonic() - self._last > self._blame / 1000:
                for frame in sys._current_frames().values():
                    lines = traceback.extract_stack(frame)
                    if lines[-1].name != "_watch":
                        where = " < ".join(
                            f"{Path(at.filename).name}:{at.lineno} {at.name}" for at in lines[:-6:-1]
                        )
                        self.blamed[where] += 1

    def close(self) -> None:
        """End the watch."""
        self._open = False


def measure(folder: Path, given: argparse.Namespace) -> int:
    """Drop the pictures, wait until they are done, and print what was seen."""
    import tkinter as tk

    from imgpar.desktop.pace import tune
    from imgpar.desktop.settings import Settings
    from imgpar.desktop.window import Window

    tune()
    window = Window(tk.Tk(className="imgpar"), Settings(language="en", look="light"))
    window.root.geometry("900x700+20+20")
    names = [str(folder)] if given.folder else [str(folder / name) for name in sorted(os.listdir(folder))]
    window.root.update()
    ticks = Ticks(window, given.blame)
    window.root.after(500, window.drop, names)
    began = time.monotonic()

    def look() -> None:
        """End when everything is done."""
        control = window.control
        if given.shot and control.board.done > given.count // 2:
            subprocess.run(["import", "-window", "root", str(given.shot)], check=False)
            given.shot = None
        if control.drops and control.state == "idle":
            window.close()
        else:
            window.root.after(200, look)

    look()
    window.root.mainloop()
    ticks.close()
    for where, times in ticks.blamed.most_common(12):
        print(f"{times:5}  {where}")
    gaps = sorted(ticks.gaps)
    done, seconds = window.control.board.counts["ok"], time.monotonic() - began
    median, most, longest = (1000 * gaps[at] for at in (len(gaps) // 2, len(gaps) * 99 // 100, -1))
    print(f"{done} of {given.count} converted in {seconds:.1f} s. Gaps between {len(gaps)} ticks: median")
    print(f"{median:.0f} ms, 99 % under {most:.0f} ms, longest {longest:.0f} ms.")
    return 0 if done == given.count and longest <= given.limit else 1


if __name__ == "__main__":
    sys.exit(main())
