"""Worker processes restrict themselves, by Landlock and seccomp (Linux 6.7 or newer).

What a hostile file makes of a decoder then reads nothing but the inputs and the installation, writes
nothing but the outputs and temporary files, and connects to nothing. Programs that a worker starts, such as
ffmpeg, are restricted as it is. A restriction cannot be lifted, so such workers serve runs that read and
write in the same places.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from imgpar.core.errors import RunError
from imgpar.core.forbidden import set_sandboxed
from imgpar.core.tempfiles import SHM_FOLDER
from imgpar.runtime.linux_calls import forbid_sockets, is_known, landlock_version

ABI = 4
"""Of Landlock, with rules for TCP; since ABI 6 signals and abstract sockets stay inside, too."""
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix/store", "/gnu/store")
"""Programs, libraries and their settings."""
_READ = (
    "/proc", "/sys", "/dev/urandom", "/dev/random", "/var/cache/fontconfig",
    "~/.fonts", "~/.local/share/fonts", "~/.cache/fontconfig", "~/.config/fontconfig", "~/.fonts.conf",
)  # fmt: skip
_WRITE = ("/dev/null", "/dev/zero", "/dev/full", SHM_FOLDER)

Place = tuple[str, int, int]
"""A path, with the device and the number of what lies there."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a worker may touch besides the installation, fonts and temporary files."""

    reads: tuple[str, ...] = ()
    """Absolute paths of files and folders; folders with all that is in them."""
    writes: tuple[str, ...] = ()
    """Absolute paths of folders in which it may also create, replace and remove files."""

    def places(self) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
        """What of it exists now: rules hold for what lies at a path when a worker starts."""
        return tuple(_existing(self.reads)), tuple(_existing(self.writes))


def _existing(paths: Iterable[str]) -> Iterator[Place]:
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            yield path, status.st_dev, status.st_ino


@cache
def why_unsupported() -> str:
    """Why workers cannot be restricted here; empty where they can."""
    if not sys.platform.startswith("linux"):
        return "A sandbox needs Linux"
    if find_spec("landlockpy") is None:
        return "A sandbox needs the package landlockpy"
    try:
        version = landlock_version()
    except OSError as error:
        return f"This system refuses Landlock, which a sandbox needs ({error.strerror or error})"
    if not version:
        return "This kernel has no Landlock, which a sandbox needs (Linux 6.7 or newer, and lsm=landlock)"
    if not is_known():
        return "A sandbox is made for processors of the kinds x86-64 and ARM64"
    if version < ABI:
        return f"This kernel has an older Landlock (ABI {version}); a sandbox needs Linux 6.7 or newer"
    return ""


def restrict(sandbox: Sandbox) -> None:
    """Restrict this process and all programs that it will start; it should have no other threads yet.

    Args:
        sandbox: what it may touch. Paths that do not exist are left out.

    Raises:
        OSError: the kernel refuses; nothing is restricted.
        RunError: there is no Landlock here.
    """
    if why := why_unsupported():
        raise RunError(f"{why}.")
    from landlockpy import AccessFS, Ruleset, Scope, abi_version, fs_for_abi

    read = AccessFS.READ_FILE | AccessFS.READ_DIR
    run = read | AccessFS.EXECUTE
    special = AccessFS.MAKE_CHAR | AccessFS.MAKE_BLOCK | AccessFS.IOCTL_DEV | AccessFS.EXECUTE
    write = fs_for_abi(abi_version()) & ~special
    of_files = AccessFS.READ_FILE | AccessFS.WRITE_FILE | AccessFS.TRUNCATE
    with Ruleset(scoped=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET) as rules:
        rights = {run: _installation(), read: (*_READ, *sandbox.reads)}
        rights[write] = (*_WRITE, tempfile.gettempdir(), *sandbox.writes)
        for access, paths in rights.items():
            for path in dict.fromkeys(map(os.path.expanduser, paths)):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                    within = access if os.path.isdir(path) else access & (of_files | AccessFS.EXECUTE)
                    rules.allow_path(path, within)
        rules.restrict()
    forbid_sockets()
    set_sandboxed()


def _installation() -> Iterator[str]:
    """Where programs and packages lie. A home folder on the path of modules, as that of a script there, would
    open all of it."""
    yield from _SYSTEM
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.dirname(__file__)))
    home = os.path.realpath(os.path.expanduser("~"))
    for entry in (*sys.path, *os.environ.get("PATH", "").split(os.pathsep)):
        real = os.path.realpath(entry)
        if entry and not (home + os.sep).startswith(real.rstrip(os.sep) + os.sep):
            yield real
    if chosen := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        yield chosen
