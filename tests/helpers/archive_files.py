"""Archives as OUT, without a run: outputs that are published, and what an archive holds."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from imgpar.core.digest import content_digest
from imgpar.core.job import OutputFile
from imgpar.outputs.archive_sink import ArchiveSink
from imgpar.outputs.sinks import sink_of

WHEN = 1_700_000_000_123_456_789
"""Modification time of what is published."""


def made_sink(path: Path) -> ArchiveSink:
    """The sink for an archive."""
    found = sink_of(str(path))
    assert isinstance(found, ArchiveSink)
    return found


def publish(sink: ArchiveSink, name: str, data: bytes, mtime_ns: int = WHEN) -> OutputFile:
    """Publish bytes under a name."""
    file = Path(sink.root).with_name("spooled")
    file.write_bytes(data)
    made = OutputFile(
        os.path.join(sink.root, name), len(data), mtime_ns=mtime_ns, digest=content_digest(data)
    )
    sink.publish(made.path, str(file), made)
    file.unlink()
    return made


def content(path: Path | str) -> dict[str, bytes]:
    """The regular files of an archive, read by another program than the one that is tested where possible."""
    path = Path(path)
    if path.suffix in (".zip", ".cbz"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    if path.suffix == ".7z":
        import py7zr

        folder = path.with_name("unpacked")
        with py7zr.SevenZipFile(path) as archive:
            assert archive.testzip() is None
        with py7zr.SevenZipFile(path) as archive:
            names = [info.filename for info in archive.list() if not info.is_directory]
            archive.extractall(folder)
        return {name: (folder / name).read_bytes() for name in names}
    if path.suffix == ".zst":
        zstd = pytest.importorskip("backports.zstd")
        data = io.BytesIO(zstd.decompress(path.read_bytes()))
    else:
        data = io.BytesIO(path.read_bytes())
    with tarfile.open(fileobj=data) as tar:
        files = [(info.name, tar.extractfile(info)) for info in tar if info.isreg()]
        return {name: file.read() for name, file in files if file}
