"""Many clips of one second: imgpar against a loop that calls ffmpeg for each.

    python bench/short_clips.py [--clips 40] [--rounds 5] [--json runs/short-clips.json]

The clips are made here: 640×360, 30 frames, H.264 and AAC. Both sides scale to 320 pixels and write H.264
with x264's veryfast preset at CRF 20, and copy the sound. `loop` is what people write: one ffmpeg after the
other, each with its own choice of threads. `loop, as many as cores` runs as many at once as there are cores,
with one thread for the encoder each. imgpar also counts the frames of every output, compares times, and keeps
a journal. Wall time depends on what else the machine does, processor time (of all processes) less.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from machine import machine
from measure import adopt_orphans, measure

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SOURCE = "testsrc2=size=640x360:rate=30:duration=1,noise=alls=6:allf=t"
WIDTH = 320


def make_clips(folder: Path, count: int) -> None:
    """Copies of one clip."""
    folder.mkdir()
    first = folder / "clip-000.mp4"
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", SOURCE, "-f", "lavfi", "-i", "sine=duration=1"]
    command += ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-c:a", "aac"]
    subprocess.run([*command, str(first)], check=True)
    for number in range(1, count):
        shutil.copyfile(first, folder / f"clip-{number:03d}.mp4")


def commands(folder: Path, out: Path, jobs: int) -> dict[str, list[str]]:
    """Name → command."""
    ours = [sys.executable, "-m", "imgpar", "convert", str(folder), "-o", str(out), "-q", "-j", str(jobs)]
    ours += ["--resize", f"{WIDTH}x", "--quality", "80", "--effort", "2"]
    call = f"{shlex.quote(FFMPEG)} -nostdin -v error -y -i {{}} -vf scale={WIDTH}:-2:flags=lanczos"
    call += " -c:v libx264 -preset veryfast -crf 20 -fps_mode passthrough -c:a copy -movflags +faststart"
    target = f"{shlex.quote(str(out))}/$(basename {{}})"
    found = {"imgpar": ours}
    for name, at_once, more in (("loop", 1, ""), ("loop, as many as cores", jobs, " -threads 1")):
        each = f"sh -c '{call}{more} {target}'"
        listed = f"find {shlex.quote(str(folder))} -type f"
        found[name] = [
            "sh",
            "-c",
            f"mkdir {shlex.quote(str(out))}; {listed} | xargs -P {at_once} -I{{}} {each}",
        ]
    return found


def main() -> None:
    """Take turns, print the ratios, keep the raw numbers."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--scratch", type=Path, help="where clips lie; default: the temporary folder")
    parser.add_argument("--json", type=Path, help="file for the raw numbers")
    given = parser.parse_args()
    adopt_orphans()
    rounds: list[dict[str, dict[str, Any]]] = []
    with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
        folder, out = Path(scratch) / "clips", Path(scratch) / "out"
        make_clips(folder, given.clips)
        for turn in range(given.rounds + 1):
            done = {}
            for name, command in commands(folder, out, given.jobs).items():
                done[name] = measure(command, out, memory=False)
                shutil.rmtree(out)
                if done[name]["files"] != given.clips:
                    raise SystemExit(f"{name} made {done[name]['files']} of {given.clips} clips.")
            rounds += [done] if turn else []  # the first one warms the file cache
    result: dict[str, Any] = {"machine": machine(), "ffmpeg": imageio_ffmpeg.get_ffmpeg_version()}
    for base in list(rounds[0])[1:]:
        result[f"imgpar ÷ {base}"] = {
            key: round(statistics.median(done["imgpar"][key] / done[base][key] for done in rounds), 3)
            for key in ("seconds", "cpu_seconds")
        }
        print(base, result[f"imgpar ÷ {base}"])
    if given.json:
        given.json.write_text(json.dumps({**result, "runs": rounds}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
