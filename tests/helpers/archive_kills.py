"""Runs into an archive that are killed at random moments, until one ends by itself.

python tests/helpers/archive_kills.py zip 100
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

SCRIPT = """
import json, os, sys
import imgpar
from imgpar.outputs.sinks import sink_of

_, pictures, out, log = sys.argv

if __name__ == "__main__":
    sink = sink_of(out)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    publish, close = sink.publish, sink.close
    def logged(path, file, made):
        os.write(handle, f"begin {path}\\n".encode())
        publish(path, file, made)
        os.write(handle, f"end {path}\\n".encode())
    def ending():
        os.write(handle, b"close\\n")
        close()
    sink.publish, sink.close = logged, ending
    report = imgpar.convert(pictures, sink, to="webp", resize="64", jobs=2)
    print(json.dumps({"ok": report.ok, "failed": report.failed, "reasons": dict(report.reasons)}))
"""


def run_until_done(folder: Path, pictures: Path, out: Path, kills: int, seed: int) -> dict[str, Any]:
    """Convert `pictures` into `out` and kill the run `kills` times; the last run ends by itself.

    Returns:
        How often each output was published, the last lines of the killed runs, and the last report.
    """
    chance = random.Random(seed)
    script = folder / "kill_me.py"
    script.write_text(SCRIPT)
    published, torn, moments = Counter[str](), Counter[str](), Counter[str]()
    environment = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
    for number in range(kills + 1):
        log = folder / f"log-{number}"
        log.touch()
        command = [sys.executable, str(script), str(pictures), str(out), str(log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
            if number < kills:
                _kill(process, log, chance, ending=number > kills * 2 // 3)
            text = process.stdout.read() if process.stdout else ""
        lines = log.read_text().splitlines()
        done = Counter(line[4:] for line in lines if line.startswith("end "))
        begun = [line[6:] for line in lines if line.startswith("begin ")]
        published += done
        torn.update(name for name in begun if name not in done)
        moments[(lines or ["nothing"])[-1].split(" ")[0]] += process.returncode == -signal.SIGKILL
    assert process.returncode == 0
    return {"published": published, "torn": torn, "moments": moments, "report": json.loads(text)}


def _kill(process: subprocess.Popen[str], log: Path, chance: random.Random, *, ending: bool) -> None:
    """Kill it a random moment after its start, after a random line of its log, or after the last one."""
    lines = chance.choice((0, 1, chance.randrange(12), chance.randrange(40)))
    limit = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < limit:
        text = log.read_bytes()
        if text.endswith(b"close\n") if ending else text.count(b"\n") >= lines:
            break
    time.sleep(chance.random() * (0.005 if ending else 0.003 if lines else 1.5))
    process.kill()


def main(suffix: str, kills: int) -> None:
    """Print what came of it."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, out = folder / "pictures", folder / f"out.{suffix}"
        pictures.mkdir()
        for at in range(600):
            Image.effect_noise((80, 60), 60).convert("RGB").save(pictures / f"{at:03}.jpg")
        found = run_until_done(folder, pictures, out, kills, 1)
        twice = {name for name, times in found["published"].items() if times > 1}
        print(suffix, "published", len(found["published"]), "twice", len(twice), "torn", len(found["torn"]))
        print("killed after", dict(found["moments"]), "last run", found["report"])
        print("left", [path.name for path in folder.iterdir() if path.name.startswith(".imgpar")])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
