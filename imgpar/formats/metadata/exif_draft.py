"""Edits of EXIF in place: no value moves, so offsets inside maker notes, which only the camera vendor can
rewrite, remain valid."""

from __future__ import annotations

import struct

from imgpar.core.blocks import Exif, remember
from imgpar.formats.metadata.exif import (
    THUMBNAIL_AT,
    THUMBNAIL_LENGTH,
    WHOLE,
    Ifd,
    byte_order,
    first_ifd,
    get_number,
    leading_ifd,
    read_ifd,
    sub_ifd,
    unpack,
)


class Draft:
    """A copy of an EXIF block that is edited, and then becomes a block of its own.

    Its first IFD is followed through the edits. It is parsed again only where one of them overwrote it: in a
    hostile file, whose values overlap its directories.
    """

    __slots__ = ("_block", "_main", "_seen", "data")

    def __init__(self, block: Exif) -> None:
        self._block = block
        self._main = first_ifd(block)
        self.data = bytearray(block)
        self._seen = self._directory()

    @property
    def main(self) -> Ifd | None:
        """The first IFD; None where it cannot be parsed, and nothing can be edited."""
        if self._main is not None and self._seen != self._directory():
            self._main = leading_ifd(self.data)
            self._seen = self._directory()
        return self._main

    def finished(self) -> Exif:
        """The edited block; the same object where nothing changed."""
        before: bytes = self._block
        if self.data == before:
            return self._block
        made = Exif(self.data)
        remember(made, first_ifd, self.main)
        return made

    def sub_ifd(self, tag: int) -> Ifd | None:
        """The IFD to which a tag of the first one points."""
        return sub_ifd(self.data, self.main, tag)

    def set_number(self, ifd: Ifd | None, tag: int, value: int) -> None:
        """Overwrite an integer where the tag exists; nothing is added.

        Args:
            ifd: directory with the tag; None does nothing.
            tag: number of the tag.
            value: the new value.
        """
        if ifd is None or get_number(self.data, ifd, tag) is None:
            return
        entry = ifd.entries[tag]
        code = WHOLE[entry.kind]
        bits = 8 * struct.calcsize("=" + code) - code.islower()
        whole, value = byte_order(self.data) + code, min(value, (1 << bits) - 1)
        struct.pack_into(whole, self.data, entry.value_at, value)
        if ifd is self._main and self._seen:
            struct.pack_into(whole, self._seen, 8 + entry.value_at - ifd.at, value)

    def drop_thumbnail(self) -> None:
        """Unlink the thumbnail IFD and remove its picture (truncated at the end, else zeroed)."""
        main, data = self.main, self.data
        if main is None or main.next_at + 4 > len(data):
            return
        ifd = read_ifd(data, unpack(data, "I", main.next_at))
        struct.pack_into("4x", data, main.next_at)
        at, length = get_number(data, ifd, THUMBNAIL_AT), get_number(data, ifd, THUMBNAIL_LENGTH)
        if ifd is None or not at or not length or at + length > len(data):
            return
        if at <= max(main.next_at, ifd.next_at):
            return
        if any(data[at + length :]):
            data[at : at + length] = bytes(length)
            return
        del data[at:]
        if any(entry.value_at + entry.nbytes > at for entry in main.entries.values()):
            self._seen.clear()

    def drop_ifd(self, tag: int) -> None:
        """Remove the tag that points to an IFD, the IFD, and all its values."""
        if self.main is None or tag not in self.main.entries:
            return
        ifd = self.sub_ifd(tag)
        if ifd is not None:
            for value in ifd.entries.values():
                self.data[value.value_at : value.value_at + value.nbytes] = bytes(value.nbytes)
            self.data[ifd.at : ifd.next_at] = bytes(ifd.next_at - ifd.at)
        self.drop_entry(tag)

    def drop_entry(self, tag: int) -> None:
        """Remove a tag from the first IFD. Later entries and the link move up; no value does."""
        main, data = self.main, self.data
        entry = main.entries.get(tag) if main else None
        if main is None or entry is None:
            return
        end = min(main.next_at + 4, len(data))
        data[entry.at : end] = data[entry.at + 12 : end] + bytes(12)
        struct.pack_into(byte_order(data) + "H", data, main.at, unpack(data, "H", main.at) - 1)
        left = (each for each in main.entries.values() if each is not entry)
        entries = {each.tag: each if each.at < entry.at else each.moved(each.at - 12) for each in left}
        self._main = Ifd(main.at, entries, main.next_at - 12)
        self._seen = self._directory()
        if any(unpack(data, "H", place) == tag for place in range(entry.at, main.next_at - 12, 12)):
            self._seen.clear()  # the tag was there twice

    def _directory(self) -> bytearray:
        """The header and the first IFD, which no edit of something else may change."""
        main = self._main
        return self.data[:8] + self.data[main.at : main.next_at] if main else bytearray()
