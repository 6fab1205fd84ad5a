"""Archives of every kind, made of a folder or of names and bytes."""

from __future__ import annotations

import importlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

TARS = ("tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst")
KINDS = ("zip", *TARS, "7z")

Files = Mapping[str, bytes]


def needed(kind: str) -> None:
    """Skip a test where what reads this kind is missing."""
    if kind == "7z":
        pytest.importorskip("py7zr", reason="py7zr is missing")
    if kind == "tar.zst" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd", reason="backports.zstd is missing")


def packed(path: Path, files: Files, *, times: Mapping[str, int] | None = None) -> Path:
    """An archive of these files, in this order; its kind follows from the name.

    Args:
        path: of the archive.
        files: bytes by name.
        times: seconds of modification, by name.
    """
    kind = next(kind for kind in sorted(KINDS, key=len, reverse=True) if path.name.endswith(kind))
    needed(kind)
    times = times or {}
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                if name in times:
                    info.extra = b"UT\5\0\1" + times[name].to_bytes(4, "little")
                archive.writestr(info, data)
    elif kind == "7z":
        _sevenzip(path, files, times)
    else:
        path.write_bytes(_compressed(_tar(files, times), kind))
    return path


def packed_folder(folder: Path, path: Path) -> Path:
    """An archive of a folder, with its times, in the order of its directory."""
    names = [os.path.relpath(file, folder) for file in folder.rglob("*") if file.is_file()]
    files = {name: (folder / name).read_bytes() for name in names}
    times = {name: int((folder / name).stat().st_mtime) for name in names}
    return packed(path, files, times=times)


def _tar(files: Files, times: Mapping[str, int]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), times.get(name, 1_577_836_800)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _compressed(data: bytes, kind: str) -> bytes:
    method = kind.rpartition(".")[2]
    if method == "tar":
        return data
    if method == "zst":
        name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        module: Any = importlib.import_module(name)
    else:
        module = importlib.import_module({"gz": "gzip", "bz2": "bz2", "xz": "lzma"}[method])
    done: bytes = module.compress(data)
    return done


def _sevenzip(path: Path, files: Files, times: Mapping[str, int]) -> None:
    library: Any = importlib.import_module("py7zr")
    with library.SevenZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(data, name)
            if name in times:
                archive.header.files_info.files[-1]["lastwritetime"] = library.helpers.ArchiveTimestamp(
                    times[name] * 10**7 + 116_444_736_000_000_000
                )
