"""A drive that is taken away, or too small: run by tests in a mount namespace of its own.

python unplug.py MODE FOLDER    prints as JSON what the window would say
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from conftest import make_photo
from PIL import Image

from imgpar.desktop.control import Control
from imgpar.desktop.settings import Settings
from imgpar.desktop.texts import Texts

mode, folder = sys.argv[1], Path(sys.argv[2])
drive, own = folder / "drive", folder / "own"
drive.mkdir()
own.mkdir()
size = "1m" if mode == "full" else "100m"
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(drive)], check=True)
pictures = (drive if mode == "source" else own) / "Phone"
pictures.mkdir()
for number in range(60):
    Image.fromarray(make_photo(300, 200, number)).save(pictures / f"{number}.png")
if mode == "readonly":
    subprocess.run(["mount", "-o", "remount,ro", str(drive)], check=True)

control = Control()
out = own / "out" if mode == "source" else drive / "out"
control.drop([str(pictures)], Settings(recipe="", format="png" if mode == "full" else "jpg", folder=str(out)))
pulled, deadline = mode not in ("source", "results"), time.monotonic() + 60
while control.state != "idle" and time.monotonic() < deadline:
    control.look(0.01)
    time.sleep(0.002)
    if not pulled and control.board.done > 3:
        pulled = True
        subprocess.run(["umount", "-l", str(drive)], check=True)
control.kill()
print(
    json.dumps(
        {
            "state": control.state,
            "counts": dict(control.board.counts),
            "error": Texts("en").error(control.error, "OUT") if control.error else control.halt,
            "problems": sorted({Texts("zh").problem(row.outcome) for row in control.board.problems.values()}),
            "again": control.can_try_again,
        }
    )
)
