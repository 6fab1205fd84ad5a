"""What a single input may cost, and the password that opens it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Secret:
    """A password; never printed or stored."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for a single input."""

    max_pixels: int = 100_000_000
    """Pixels of one frame, according to the header."""
    max_frames: int = 10_000
    memory: int = 1 << 30
    """Bytes of the arena: a frame that does not fit cannot be processed."""
    accept_damaged: bool = False
    """Keep the readable part of a damaged file instead of failing."""
    density: float = 0.0
    """Resolution in dpi at which vector formats (PDF, SVG) are rendered; 0 is the default of the format."""
    pages: str = ""
    """Pages of a document, or frames of an animation, to read, from 1, as `formats.option_values.page_range`
    returns them; empty is all."""
    password: Secret | None = None
    """For encrypted files."""
