"""Edits of pictures between two runs of `storm.py`; every edit must survive."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from hashlib import sha256
from pathlib import Path

from PIL import Image

EDITABLE = {".jpg": "JPEG", ".png": "PNG"}
MOST = 4
"""Files that are edited in one pause, at most."""


class Edits:
    """The last edit of each file, by its path below the folder.

    Some preserve the size and mtime of the file, as `exiftool -P` does; some write into the file, some
    replace it.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.made: dict[str, str] = {}
        """The digest of what the user wrote last."""

    def make(self, folder: Path) -> int:
        """Edit some pictures in a folder; returns their number."""
        paths = [
            path
            for path in sorted(folder.rglob("*"))
            if path.suffix in EDITABLE and ".imgpar" not in path.relative_to(folder).parts
        ]
        chosen = self._random.sample(paths, min(len(paths), self._random.randint(1, MOST)))
        for path in chosen:
            data = self._edit(path)
            self.made[str(path.relative_to(folder))] = sha256(data).hexdigest()
        return len(chosen)

    def _edit(self, path: Path) -> bytes:
        before = path.stat()
        with Image.open(path) as image:
            picture = image.convert("RGB")
        picture.paste(tuple(self._random.choices(range(256), k=3)), (3, 3, 40, 30))
        file = io.BytesIO()
        picture.save(file, EDITABLE[path.suffix], quality=40, optimize=True)
        keep = self._random.random() < 0.6
        data = _padded(file.getvalue(), before.st_size) if keep else file.getvalue()
        if self._random.random() < 0.5:
            path.write_bytes(data)
        else:
            other = path.with_name(f"{path.name}.edited")
            other.write_bytes(data)
            other.chmod(before.st_mode)
            other.replace(path)
        if keep:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return data

    def overwritten(self, folder: Path) -> list[str]:
        """Edits that are neither in their place nor kept as an original."""
        undo = folder / ".imgpar/undo"
        kept = {_digest(path) for path in undo.rglob("*") if path.is_file()} if self.made else set()
        return [
            name
            for name, digest in self.made.items()
            if _digest(folder / name) != digest and digest not in kept
        ]


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _padded(data: bytes, size: int) -> bytes:
    """The picture padded to its previous size by a comment; unchanged if impossible."""
    spare = size - len(data)
    if data.startswith(b"\xff\xd8") and 4 <= spare < 65_000:
        return data[:2] + struct.pack(">HH", 0xFFFE, spare - 2) + bytes(spare - 4) + data[2:]
    if data.startswith(b"\x89PNG") and spare >= 12:
        body = b"prVt" + bytes(spare - 12)
        chunk = struct.pack(">I", spare - 12) + body + struct.pack(">I", zlib.crc32(body))
        return data[:-12] + chunk + data[-12:]
    return data
