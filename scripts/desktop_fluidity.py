"""Responsiveness of the window while many files are dropped on it: the longest interval between two ticks.

python scripts/desktop_fluidity.py 10000              # file names, as dropped by a file manager
python scripts/desktop_fluidity.py 30000 --folder     # one folder
python scripts/desktop_fluidity.py 30000 --blame 80   # and print all thread stacks when a tick was late

Generates tiny pictures in a temporary folder, converts them in the real window, and deletes everything. The
tick of the window is scheduled every 25 ms, so an interval of 25 ms means no delay. On Linux the window is
opened on a virtual display (Xvfb) if available; --show uses the current display.
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
    """Measure and print; exit with 1 if the limit was exceeded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", nargs="?", type=int, default=10_000, help="number of pictures")
    parser.add_argument("--folder", action="store_true", help="drop one folder instead of names")
    parser.add_argument("--limit", type=float, default=100.0, help="maximum interval in milliseconds")
    parser.add_argument(
        "--blame",
        type=float,
        default=0.0,
        help="print thread stacks for intervals longer than this, in milliseconds",
    )
    parser.add_argument("--show", action="store_true", help="use the current display")
    parser.add_argument("--shot", type=Path, help="save a screenshot of the window at half of the run")
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
    """A RAM disk if available, to exclude the disk from the measurement."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def make_pictures(folder: Path, count: int) -> Path:
    """Create copies of one tiny picture."""
    folder.mkdir()
    first = folder / "IMG_00000.png"
    Image.new("RGB", (24, 16), (90, 120, 60)).save(first)
    data = first.read_bytes()
    for number in range(1, count):
        (folder / f"IMG_{number:05}.png").write_bytes(data)
    return folder


@contextlib.contextmanager
def own_screen() -> Iterator[None]:
    """A virtual display, if Xvfb is installed."""
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
    """Intervals between the ticks of the window, and thread stacks during long ones."""

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
        """Stop the monitoring."""
        self._open = False


def measure(folder: Path, given: argparse.Namespace) -> int:
    """Drop the pictures, wait for the end of the run, and print the results."""
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
        """Stop when the run has ended."""
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
