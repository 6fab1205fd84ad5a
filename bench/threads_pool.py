"""The same codecs as imgpar, called from threads of one process: what processes and shared memory are worth.

python threads_pool.py IN OUT SIZE QUALITY FORMAT JOBS
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import imgpar


def convert(file: Path, source: Path, target: Path, pipeline: imgpar.Pipeline, quality: int, to: str) -> bool:
    """One picture; as a script would do it, without journal, verification and renames."""
    out = (target / file.relative_to(source)).with_suffix("." + to)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        out.write_bytes(pipeline.encode(file.read_bytes(), to=to, quality=quality))
    except imgpar.ImgparError as error:
        print(f"{file}: {error}", file=sys.stderr)
        return False
    return True


def main() -> None:
    """All files below IN."""
    source, target, size, quality, to, jobs = sys.argv[1:]
    files = [path for path in Path(source).rglob("*") if path.is_file()]
    pipeline = imgpar.Pipeline().resize(size)
    work = partial(
        convert, source=Path(source), target=Path(target), pipeline=pipeline, quality=int(quality), to=to
    )
    with ThreadPoolExecutor(int(jobs)) as pool:
        done = sum(pool.map(work, files))
    print(json.dumps({"images": done, "failed": len(files) - done}))


if __name__ == "__main__":
    main()
