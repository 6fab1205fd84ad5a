"""OpenCV in a multiprocessing.Pool, as its documentation advises: a reduced decode while that is still large
enough, then INTER_AREA. It turns pictures upright, but carries no metadata: no profile, EXIF or XMP.

python opencv_pool.py IN OUT SIZE QUALITY FORMAT JOBS
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from functools import partial
from pathlib import Path


def convert(file: Path, source: Path, target: Path, size: int, quality: int, suffix: str) -> bool:
    """One picture; its size is read by Pillow, as OpenCV tells it only after decoding."""
    import cv2
    from PIL import Image

    cv2.setNumThreads(1)
    out = (target / file.relative_to(source)).with_suffix("." + suffix)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Image.open(file) as header:
            longest = max(header.size)
        factor = next((factor for factor in (8, 4, 2) if longest >= factor * size), 1)
        flag = cv2.IMREAD_COLOR if factor == 1 else getattr(cv2, f"IMREAD_REDUCED_COLOR_{factor}")
        image = cv2.imread(str(file), flag)
        height, width = image.shape[:2]
        scale = size / max(width, height)
        if scale < 1:
            small = max(1, round(width * scale)), max(1, round(height * scale))
            image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        kinds = {"jpg": cv2.IMWRITE_JPEG_QUALITY, "webp": cv2.IMWRITE_WEBP_QUALITY}
        kinds["avif"] = getattr(cv2, "IMWRITE_AVIF_QUALITY", 0)
        return bool(cv2.imwrite(str(out), image, [kinds[suffix], quality] if suffix in kinds else []))
    except (OSError, AttributeError, cv2.error) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return False


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
