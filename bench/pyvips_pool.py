"""pyvips in a pool, as its documentation advises: `thumbnail` shrinks while it decodes, one thread each.

python pyvips_pool.py IN OUT SIZE QUALITY FORMAT JOBS
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from functools import partial
from pathlib import Path

os.environ["VIPS_CONCURRENCY"] = "1"


def convert(file: Path, source: Path, target: Path, size: int, quality: int, suffix: str) -> bool:
    """One picture, upright, with its profile and EXIF."""
    import pyvips

    out = (target / file.relative_to(source)).with_suffix("." + suffix)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        image = pyvips.Image.thumbnail(str(file), size, height=size, size="down")
        if suffix == "png":
            image.write_to_file(str(out), compression=1)
        else:
            image.write_to_file(str(out), Q=quality)
    except pyvips.Error as error:
        print(f"{file}: {error}", file=sys.stderr)
        return False
    return True


def main() -> None:
    """All files below IN."""
    source, target, size, quality, suffix, jobs = sys.argv[1:]
    files = [path for path in Path(source).rglob("*") if path.is_file()]
    work = partial(
        convert, source=Path(source), target=Path(target), size=int(size), quality=int(quality), suffix=suffix
    )
    with multiprocessing.Pool(int(jobs)) as pool:
        done = sum(pool.imap_unordered(work, files))
    print(json.dumps({"images": done, "failed": len(files) - done}))


if __name__ == "__main__":
    main()
