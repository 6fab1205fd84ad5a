"""Recognition of clip containers by their first bytes; files with audio only are not clips."""

from __future__ import annotations

_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), "heic"
    ),
    b"crx ": "raw",
    b"qt  ": "mov",
}
_AUDIO = {b"M4A ", b"M4B ", b"M4P "}
"""Brands of ISO files without video."""
_SYNC = 0x47
_PACKETS = ((0, 188), (4, 192), (0, 204))
"""Offset of the first packet of a transport stream, and packet size: plain, with timecodes (M2TS), with error
correction."""
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
"""GUID of the video stream type in its header."""
_OGG_VIDEO = (b"\x80theora", b"BBCD\0", b"OVP80", b"\1video\0")
"""First bytes of Theora, Dirac, VP8 and OGM."""
_MXF = bytes.fromhex("060e2b34020501010d010201")
"""Key of a partition pack, of any version and kind."""


def wants_more(head: bytes) -> bool:
    """Whether more than the usual 512 bytes are needed to tell a clip from audio: 64 KiB suffice."""
    return head[:16] == _ASF or head[:4] == b"OggS"


def clip_container(head: bytes) -> str | None:
    """Format of an ISO media file or clip; "" for audio only, None for others.

    >>> clip_container(b"FLV" + bytes([1, 5]))
    'flv'
    """
    if head[4:8] == b"ftyp":
        return "" if head[8:12] in _AUDIO else _brand(head)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free"):
        return "mov"
    if head[:4] == b"FLV\1":
        return "" if head[4:5] == b"\4" else "flv"
    if head[:16] == _ASF:
        return "wmv" if _ASF_VIDEO in head else ""
    if head[:4] == b"OggS":
        return "ogv" if any(mark in head for mark in _OGG_VIDEO) else ""
    return _broadcast(head)


def _broadcast(head: bytes) -> str | None:
    """Transport and program streams, MXF and DV."""
    if head.startswith(_MXF):
        return "mxf"
    if head[:4] == b"\0\0\1\xba" and len(head) > 4 and (head[4] & 0xC4 == 0x44 or head[4] & 0xF1 == 0x21):
        return "mpeg"
    if head[:3] == b"\x1f\x07\0" and head[3:4] in (b"\x3f", b"\xbf") and head[80:81] == b"\x3f":
        return "dv"
    for first, step in _PACKETS:
        marks = head[first : first + 2 * step + 1 : step]
        if len(marks) == 3 and set(marks) == {_SYNC}:
            return "ts"
    return None


def _brand(head: bytes) -> str:
    """Format by the major brand of an ISO media file, then by the compatible ones."""
    end = min(max(int.from_bytes(head[:4], "big"), 12), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    if brands[0] in (b"mif1", b"msf1", b"miaf") and not {b"avif", b"avis"}.isdisjoint(brands):
        return "avif"
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "mp4")
