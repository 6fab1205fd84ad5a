"""Side data of decoded frames: display matrix, mastering display, light levels."""

from __future__ import annotations

from typing import Any


def side_data(frame: Any, *kinds: str) -> dict[str, bytes]:
    """Side data of a PyAV frame, by kinds as named in `av.sidedata.sidedata.Type`."""
    try:
        found = frame.side_data
    except ValueError:  # a kind that this PyAV has no name for, but its FFmpeg has
        _name_all_kinds()
        found = frame.side_data
    pieces = {kind: found.get(kind) for kind in kinds}
    return {kind: bytes(piece) for kind, piece in pieces.items() if piece is not None}


def _name_all_kinds() -> None:
    """Let PyAV accept kinds of side data that its enumeration lacks (3D views, EXIF …)."""
    from av.sidedata.sidedata import Type

    def unknown(cls: Any, value: object) -> Any:
        member = object.__new__(cls)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return member

    Type._missing_ = classmethod(unknown)  # type: ignore[method-assign, assignment]
