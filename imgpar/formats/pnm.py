"""Netpbm: Pillow for 8 bits; own code for what it reduces or rejects: 16 bits, float, PAM."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Layout, Spec
from imgpar.formats.backends import pillow
from imgpar.formats.base import check_size, damaged
from imgpar.formats.registry import Format

Array = np.ndarray[Any, Any]

_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*+[\n\r])*+([^\s#]++)")
_LAYOUTS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_HEAD = 4096


class PnmDetail(NamedTuple):
    """Parsed header; the pixels begin at offset `at`."""

    kind: bytes
    width: int
    height: int
    channels: int
    peak: float
    """The value of white; for floats the sign gives the byte order."""
    at: int

    def facts(self, _: Header) -> dict[str, Fact]:
        """No properties for `imgpar info`."""
        return {}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size, channels and bit depth."""
    facts = _parse(bytes(data[:_HEAD]))
    if facts is None:
        return pillow.read_header(data, fmt, limits)
    check_size(facts.width, facts.height, limits)
    floats = facts.kind in (b"PF", b"Pf")
    dtype = "float32" if floats else "uint16" if facts.peak > 255 else "uint8"
    spec = Spec(facts.width, facts.height, _LAYOUTS[facts.channels], dtype)
    return Header(fmt.name, spec, detail=facts)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frame.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    facts, spec = header.detail, header.spec
    if not isinstance(facts, PnmDetail):
        return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
    values, missing = _values(data, facts)
    if missing and not accept_damaged:
        raise damaged("Netpbm", f"it has {missing:,} values less than its size needs")
    values = values.reshape(spec.shape)
    if spec.dtype == "float32":
        np.copyto(frames[0].array, values[::-1])
        return ()
    peak = np.iinfo(spec.dtype).max
    if facts.peak != peak:
        values = np.rint(np.minimum(values, facts.peak) * (peak / facts.peak))
    np.copyto(frames[0].array, values, casting="unsafe")
    return ()


def _values(data: bytes | memoryview, facts: PnmDetail) -> tuple[Array, int]:
    """All stored values, and the number of missing ones (which are 0)."""
    count = facts.width * facts.height * facts.channels
    if facts.kind in (b"P2", b"P3"):
        text = re.sub(rb"#[^\n\r]*", b"", bytes(data[facts.at :])).split(maxsplit=count)[:count]
        found: Array = np.array(text, dtype=np.float64)
    else:
        order = "<" if facts.peak < 0 else ">"
        stored = f"{order}f4" if facts.kind in (b"PF", b"Pf") else ">u2" if facts.peak > 255 else "u1"
        size = np.dtype(stored).itemsize
        found = np.frombuffer(data, stored, min(count, (len(data) - facts.at) // size), facts.at)
    missing = count - len(found)
    return (np.concatenate([found, np.zeros(missing, found.dtype)]) if missing else found), missing


def _parse(head: bytes) -> PnmDetail | None:
    """The header of variants that are decoded here; None for those left to Pillow."""
    kind = head[:2]
    if kind == b"P7":
        return _parse_pam(head)
    if kind not in (b"P2", b"P3", b"P5", b"P6", b"PF", b"Pf"):
        return None
    words, at = list[bytes](), 2
    while len(words) < 3:
        found = _TOKEN.match(head, at)
        if found is None:
            return None
        words.append(found[1])
        at = found.end()
    try:
        width, height, peak = int(words[0]), int(words[1]), float(words[2])
    except ValueError:
        return None
    narrow = kind[1:].isdigit() and peak <= 255
    if narrow or not 0 < abs(peak) <= 65535 or min(width, height) < 1:
        return None
    return PnmDetail(kind, width, height, 3 if kind in (b"P3", b"P6", b"PF") else 1, peak, at + 1)


def _parse_pam(head: bytes) -> PnmDetail:
    """Lines of a name and a value each."""
    end = head.find(b"ENDHDR\n")
    lines = [line.split(None, 1) for line in head[:end].splitlines()[1:]]
    fields = {line[0].decode("latin-1"): line[1] for line in lines if len(line) == 2 and line[0][:1] != b"#"}
    try:
        width, height, channels, peak = (int(fields[name]) for name in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL"))
    except (KeyError, ValueError):
        end = -1
    if end < 0 or channels not in _LAYOUTS or not 0 < peak <= 65535 or min(width, height) < 1:
        raise damaged("Netpbm", "its PAM header is incomplete", hopeless=True)
    return PnmDetail(b"P7", width, height, channels, peak, end + 7)
