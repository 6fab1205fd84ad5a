"""Encrypted clips, and recordings whose index was never written."""

from __future__ import annotations

from typing import BinaryIO

from imgpar.core.errors import DamagedError, ItemError, LockedError
from imgpar.video.boxes import kinds, movie_box, tracks_of

_TAGS = {"encv": "Common Encryption", "enca": "Common Encryption", "enct": "Common Encryption",
         "drmi": "FairPlay", "drms": "FairPlay"}  # fmt: skip
"""Sample entries of encrypted tracks in ISO files."""
_ASF = (bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"), bytes.fromhex("14e68a292226174cb935dae07ee9289c"))
"""Header objects of an ASF file with DRM: content encryption, extended content encryption."""
_ASF_HEAD = bytes.fromhex("3026b2758e66cf11")
_MXF_ENCRYPTED = bytes.fromhex("060e2b34040101070d010301020b0100")
"""Label of an encrypted essence container (SMPTE ST 429-6)."""
_HEAD = 1 << 16


def encryption_error(file: BinaryIO) -> ItemError | None:
    """Why a file cannot be read as a clip, according to its boxes; None where they give no reason."""
    if (locked := lock_of(file)) is not None:
        return locked
    found = kinds(file)
    if b"mdat" in found and not {b"moov", b"moof"} & set(found):
        return DamagedError(
            "The recording was cut off before its index was written: it has frames, but no index of them.",
            fix="Tools such as untrunc can rebuild it from another recording of the same camera.",
        )
    return None


def lock_of(file: BinaryIO) -> LockedError | None:
    """How a clip is encrypted; None where it is not, or where its boxes do not tell."""
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(_ASF_HEAD) and any(mark in head for mark in _ASF):
        return _locked("DRM of Windows Media")
    if _MXF_ENCRYPTED in head and head.startswith(b"\x06\x0e\x2b\x34"):
        return _locked("the encryption of digital cinema")
    moov = movie_box(file)
    if not any(tag.encode() in moov for tag in _TAGS):  # a search takes microseconds
        return None
    tag = next((track.tag for track in tracks_of(moov) if track.tag in _TAGS), "")
    return _locked(_TAGS[tag]) if tag else None


def _locked(what: str) -> LockedError:
    return LockedError(f"This clip is encrypted ({what}).", fix="Play it where its licence is valid.")
