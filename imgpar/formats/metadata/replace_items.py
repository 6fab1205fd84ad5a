"""Writes EXIF and XMP into AVIF and HEIC: as items of the meta box, whose contents go to the end of the file.

meta ─ pitm: id of the picture │ iinf ─ infe: id, type │ iref ─ cdsc: "describes" │ iloc: where each item lies

The meta box changes its length, so every offset into the file behind it is moved (ISO/IEC 14496-12, 8.11).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from imgpar.formats.tlv import BOXES, build_box, walk

_MIME = b"application/rdf+xml"
_HEAD = b"\0\0\0\0"
"""Version and flags of most boxes."""
_BIG = (1 << 32) - 1
_CHUNK_OFFSETS = {b"stco": "I", b"co64": "Q"}
_FOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


class _Place(NamedTuple):
    """Where an item lies."""

    item: int
    method: int
    """0: in the file, 1: in the idat box, 2: in another item."""
    reference: int
    extents: tuple[tuple[int, int], ...]
    """Offset and length."""


class _UnsupportedError(ValueError):
    """The structure is one that is not rewritten."""


def with_items(data: bytes, changed: Mapping[str, bytes]) -> bytes | None:
    """The file with other `exif` and `xmp`; None where its structure does not allow it.

    Args:
        data: the whole file.
        changed: new content by kind; empty removes it.
    """
    try:
        return _rewritten(data, changed)
    except (struct.error, ValueError, IndexError):
        return None


def _rewritten(data: bytes, changed: Mapping[str, bytes]) -> bytes:
    boxes = [(bytes(box.kind), bytes(box.body), bytes(box.whole)) for box in walk(data, BOXES)]
    metas = [number for number, box in enumerate(boxes) if box[0] == b"meta"]
    if len(metas) != 1 or sum(len(box[2]) for box in boxes) != len(data):
        raise _UnsupportedError
    before = metas[0]
    start = sum(len(whole) for _, _, whole in boxes[:before])
    old = boxes[before][2]
    end = start + len(old)
    if boxes[-1][2][:4] == _HEAD:  # extends to the end of the file
        last, body, whole = boxes[-1]
        boxes[-1] = (last, body, struct.pack(">I", len(whole)) + whole[4:])
    total = len(data)
    payload, lengths = b"", dict[str, int]()
    for name, block in changed.items():
        content = bytes(4) + block if name == "exif" and block else block
        payload += content
        lengths[name] = len(content)
    boxes = _blanked(data, boxes, changed)
    delta = 0
    for _ in range(3):  # the length of the box depends on offsets, whose number of bytes is fixed
        meta = _meta(boxes[before][1], lengths, end, delta, total + delta + 8)
        if len(meta) - len(old) == delta:
            break
        delta = len(meta) - len(old)
    else:
        raise _UnsupportedError
    rest = [_moved_chunks(whole, end, delta) if name == b"moov" else whole for name, _, whole in boxes]
    rest[before] = meta
    return b"".join(rest) + (build_box(b"mdat", payload) if payload else b"")


def _blanked(
    data: bytes, boxes: list[tuple[bytes, bytes, bytes]], changed: Mapping[str, bytes]
) -> list[tuple[bytes, bytes, bytes]]:
    """The boxes with zeros in place of the old contents, which nothing refers to any more."""
    meta = next(body for kind, body, _ in boxes if kind == b"meta")
    parts = {bytes(box.kind): bytes(box.body) for box in walk(meta[4:], BOXES)}
    if not {b"iinf", b"iloc"} <= parts.keys():
        raise _UnsupportedError
    _, kinds = _infos(parts[b"iinf"])
    _, places = _places(parts[b"iloc"])
    spans = {place.item: place.extents for place in places if place.method == 0}
    old = [span for item, kind in kinds.items() if kind in changed for span in spans.get(item, ())]
    kept = [span for item, own in spans.items() if kinds.get(item) not in changed for span in own]
    out = bytearray(data)
    for at, length in old:
        if not any(at < begin + size and begin < at + length for begin, size in kept):
            out[at : at + length] = bytes(min(length, max(0, len(out) - at)))
    start, made = 0, list[tuple[bytes, bytes, bytes]]()
    for kind, body, whole in boxes:
        end = start + len(whole)
        # Only media data are changed: everything else is parsed.
        made.append((kind, body, bytes(out[start:end]) if kind == b"mdat" else whole))
        start = end
    return made


def _meta(body: bytes, lengths: Mapping[str, int], end: int, delta: int, tail: int) -> bytes:
    """The meta box with the items; their contents begin at offset `tail` of the file."""
    parts = {bytes(box.kind): bytes(box.body) for box in walk(body[4:], BOXES)}
    order = [bytes(box.kind) for box in walk(body[4:], BOXES)]
    if len(order) != len(parts) or not {b"iinf", b"iloc", b"pitm"} <= parts.keys():
        raise _UnsupportedError
    picture = struct.unpack_from(">I" if parts[b"pitm"][0] else ">H", parts[b"pitm"], 4)[0]
    infos, kinds = _infos(parts[b"iinf"])
    sizes, places = _places(parts[b"iloc"])
    for place in places:
        if place.method == 0 and place.extents and place.extents[0][0] + place.reference == 0:
            raise _UnsupportedError
    moved = [
        place._replace(extents=tuple((at + delta * (at >= end), n) for at, n in place.extents))
        if place.method == 0
        else place
        for place in places
    ]
    references = parts.get(b"iref", b"")
    at = tail
    for kind, length in lengths.items():
        known = [item for item, own in kinds.items() if own == kind]
        for item in known[1:] if length else known:
            infos.pop(item)
            moved = [place for place in moved if place.item != item]
            references = _without_references(references, item)
        if not length:
            continue
        if known:
            item = known[0]
        else:
            item = max([*infos, *(place.item for place in moved)], default=0) + 1
            infos[item] = _info(item, kind)
            references = _with_reference(references, item, picture)
        moved = [place for place in moved if place.item != item]
        moved.append(_Place(item, 0, 0, ((at, length),)))
        at += length
    parts[b"iinf"] = _joined_infos(parts[b"iinf"], infos)
    parts[b"iloc"] = _joined_places(sizes, moved)
    if references and b"iref" not in parts:
        order.append(b"iref")
    parts[b"iref"] = references
    content = b"".join(build_box(kind, parts[kind]) for kind in order if kind != b"iref" or references)
    return build_box(b"meta", body[:4] + content)


def _infos(body: bytes) -> tuple[dict[int, bytes], dict[int, str]]:
    """The infe box of each item, and which of them are `exif` and `xmp`."""
    begin = 8 if body[0] else 6
    infos, kinds = dict[int, bytes](), dict[int, str]()
    for box in walk(body[begin:], BOXES):
        info = bytes(box.body)
        if box.kind != b"infe" or info[0] not in (2, 3):
            raise _UnsupportedError
        item, at = (
            (struct.unpack_from(">H", info, 4)[0], 8)
            if info[0] == 2
            else (struct.unpack_from(">I", info, 4)[0], 10)
        )
        infos[item] = bytes(box.whole)
        if info[at : at + 4] == b"Exif":
            kinds[item] = "exif"
        elif info[at : at + 4] == b"mime" and info[at + 4 :].split(b"\0")[1:2] == [_MIME]:
            kinds[item] = "xmp"
    return infos, kinds


def _info(item: int, kind: str) -> bytes:
    name = b"Exif\0" if kind == "exif" else b"mime\0" + _MIME + b"\0"
    if item > 0xFFFF:
        return build_box(b"infe", b"\3\0\0\1" + struct.pack(">IH", item, 0) + name)
    return build_box(b"infe", b"\2\0\0\1" + struct.pack(">HH", item, 0) + name)


def _joined_infos(old: bytes, infos: Mapping[int, bytes]) -> bytes:
    count = struct.pack(">I" if old[0] else ">H", len(infos))
    return old[:4] + count + b"".join(infos.values())


def _places(body: bytes) -> tuple[tuple[int, int, int, int], list[_Place]]:
    """Version and number of bytes of offset, length and base; and the items. A base is added to offsets."""
    version, first, second = body[0], body[4], body[5]
    if version > 2:
        raise _UnsupportedError
    offset, length, base, index = first >> 4, first & 15, second >> 4, second & 15 if version else 0
    wide = version == 2
    at = 6
    count = int.from_bytes(body[at : at + 2 + 2 * wide], "big")
    at += 2 + 2 * wide

    def take(size: int) -> int:
        nonlocal at
        if at + size > len(body):
            raise _UnsupportedError
        at += size
        return int.from_bytes(body[at - size : at], "big")

    places = list[_Place]()
    for _ in range(count):
        item = take(2 + 2 * wide)
        method = take(2) & 15 if version else 0
        reference, start = take(2), take(base)
        extents = list[tuple[int, int]]()
        for _ in range(take(2)):
            take(index)
            position = start + take(offset)
            extents.append((position, take(length)))
        if index and method == 2:
            raise _UnsupportedError
        places.append(_Place(item, method, reference, tuple(extents)))
    return (version, offset, length, base), places


def _joined_places(sizes: tuple[int, int, int, int], places: list[_Place]) -> bytes:
    """The iloc box, without bases, with 32-bit offsets and lengths (64 bits where they are needed)."""
    wide = any(at > _BIG or n > _BIG for place in places for at, n in place.extents)
    size, code = (8, "Q") if wide else (4, "I")
    version = max(sizes[0], int(any(place.method for place in places)))
    if any(place.item > 0xFFFF for place in places):
        version = 2
    item_code = ">I" if version == 2 else ">H"
    parts = [bytes((version, 0, 0, 0, size << 4 | size, 0)), struct.pack(item_code, len(places))]
    for place in places:
        parts.append(struct.pack(item_code, place.item))
        if version:
            parts.append(struct.pack(">H", place.method))
        parts.append(struct.pack(">HH", place.reference, len(place.extents)))
        parts += [struct.pack(">2" + code, at, n) for at, n in place.extents]
    return b"".join(parts)


def _with_reference(body: bytes, item: int, picture: int) -> bytes:
    """References with one more: the item describes the picture."""
    body = body or (b"\1\0\0\0" if max(item, picture) > 0xFFFF else _HEAD)
    code = ">IHI" if body[0] else ">HHH"
    return body + build_box(b"cdsc", struct.pack(code, item, 1, picture))


def _without_references(body: bytes, item: int) -> bytes:
    """References without those that come from an item."""
    code = ">I" if body[:1] == b"\1" else ">H"
    kept = [
        bytes(box.whole) for box in walk(body[4:], BOXES) if struct.unpack_from(code, box.body)[0] != item
    ]
    return body[:4] + b"".join(kept) if kept else b""


def _moved_chunks(moov: bytes, end: int, delta: int) -> bytes:
    """The boxes of an image sequence with offsets of chunks behind `end` moved."""
    out = bytearray(moov)

    def visit(view: memoryview) -> None:
        for box in walk(view, BOXES):
            if box.kind in _FOLDERS:
                visit(box.body)
            elif code := _CHUNK_OFFSETS.get(bytes(box.kind)):
                (count,) = struct.unpack_from(">I", box.body, 4)
                offsets = struct.unpack_from(f">{count}{code}", box.body, 8)
                moved = [at + delta if at >= end else at for at in offsets]
                struct.pack_into(f">{count}{code}", box.body, 8, *moved)

    visit(memoryview(out))
    return bytes(out)
