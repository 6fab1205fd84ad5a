"""How close the pictures come to an exact resize: PSNR of their brightness against Lanczos 3 of the whole
picture, in dB."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import measure
from peers import PEERS, Work
from PIL import Image, ImageOps

MOST = 24
"""Pictures that are compared; of more, some spread over all."""


def psnr_of(name: str, work: Work, scratch: Path | None) -> dict[str, Any]:
    """Runs one peer with the best output that the format has, so that the encoder does not hide the resize.

    JPEG stays JPEG, as imgpar goes another way to it. Brightness alone counts: at quality 100 some encoders
    store colour at half its size and some do not.
    """
    # imgpar's way to a JPEG depends on the colour that is stored; that of lower qualities is meant.
    halved = (*work.extra, "--subsampling", "420")
    best = replace(work, quality=100, extra=halved) if work.to == "jpg" else replace(work, to="png")
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        out = Path(folder) / "out"
        peer = PEERS[name]
        measure(peer.command(best, out), out, memory=False, environment=peer.environment(best))
        sources = sorted(path for path in work.folder.rglob("*") if path.is_file())
        sources = sources[:: max(1, len(sources) // MOST)]
        values = [
            value
            for source in sources
            if (value := _psnr(source, out / source.relative_to(work.folder).with_suffix(f".{best.to}")))
            is not None
        ]
    if not values:
        return {"pictures": 0}
    return {"pictures": len(values), "mean_db": statistics.mean(values), "worst_db": min(values)}


def _psnr(source: Path, made: Path) -> float | None:
    if not made.exists():
        return None
    with Image.open(source) as image, Image.open(made) as result:
        upright = ImageOps.exif_transpose(image).convert("L")
        exact = np.asarray(upright.resize(result.size, Image.Resampling.LANCZOS), np.float64)
        error = np.mean((exact - np.asarray(result.convert("L"), np.float64)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
