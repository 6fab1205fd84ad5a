"""What a sandbox keeps from this process: the words for errors, and whether an error comes from it.

`runtime.sandbox` restricts worker processes; what reads their inputs only needs to say why that failed.
"""

from __future__ import annotations

import errno
import os

FORBIDS = "The sandbox forbids it: it lies outside of the inputs, or is a link that leads out of them."
NO_SANDBOX = "Name the folder that it lies in as an input, too, or leave the sandbox out (--no-sandbox)."

_sandboxed = False


def set_sandboxed() -> None:
    """From now on this process is restricted."""
    global _sandboxed
    _sandboxed = True


def forbidden(error: OSError) -> bool:
    """Whether the sandbox is the reason of an error, and not the permissions of the file or of its folder:
    these are all that access(2) asks about."""
    path = error.filename
    if not _sandboxed or error.errno != errno.EACCES or not isinstance(path, (str, bytes)):
        return False
    if os.path.lexists(path):
        return os.access(path, os.R_OK)
    return os.access(os.path.dirname(path), os.W_OK)


def reason_of(error: OSError) -> str:
    """Why a file cannot be read, without a full stop."""
    return FORBIDS.rstrip(".") if forbidden(error) else error.strerror or str(error)
