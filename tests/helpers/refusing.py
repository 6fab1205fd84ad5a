"""A system that refuses: chosen calls fail with a chosen error, in a command and its children. Linux only.

The kernel itself does it (seccomp), so no code is replaced and no privileges are needed.

    python refusing.py EDQUOT write:100000 -- python -m imgpar convert …
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {
        "write": (1,), "pwrite64": (18,), "fsync": (74, 75), "fchmod": (91,), "mkdir": (83, 258),
        "fallocate": (285,), "rename": (82, 264, 316), "link": (86, 265), "utimensat": (280,),
        "flock": (73,),
    },
    "aarch64": {
        "write": (64,), "pwrite64": (68,), "fsync": (82, 83), "fchmod": (52,), "mkdir": (34,),
        "fallocate": (47,), "rename": (38, 276), "link": (37,), "utimensat": (88,),
        "flock": (32,),
    },
}  # fmt: skip
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _COUNT = 0, 4, 32
"""Offsets in what the kernel shows of a call; the third argument of read and write is the count."""
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def supported() -> bool:
    """Whether calls can be refused here."""
    return sys.platform == "linux" and platform.machine() in NUMBERS


def refuse(error: int, call: str, at_least: int = 0) -> None:
    """From now on `call` fails with `error` in this process and its children.

    With `at_least` only where so many bytes are to be read or written.
    """
    machine = platform.machine()
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _ALLOW),
    ]
    for number in NUMBERS[machine][call]:
        code += [
            (_LOAD, 0, 0, _NUMBER),
            (_EQUAL, 0, 3, number),
            (_LOAD, 0, 0, _COUNT),
            (_AT_LEAST, 0, 1, at_least),
            (_RETURN, 0, 0, _ERROR | error),
        ]
    code.append((_RETURN, 0, 0, _ALLOW))
    packed = b"".join(struct.pack("HBBI", *line) for line in code)
    program = _Program(len(code), packed)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_NO_NEW_PRIVS, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the kernel takes no filter")


def main() -> None:
    """Refuse what the arguments say, then become the command after `--`."""
    end = sys.argv.index("--")
    name, *calls = sys.argv[1:end]
    for call in calls:
        kind, _, count = call.partition(":")
        refuse(getattr(errno, name), kind, int(count or 0))
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
