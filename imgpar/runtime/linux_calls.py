"""System calls of Linux for the sandbox: the version of Landlock, a filter that refuses sockets (seccomp).

Before its ABI 9, Landlock lets a process connect to sockets that have a path: those of D-Bus, of Docker, and
of the fork server, all of which run what they are told outside of the sandbox. UDP is not restricted before
ABI 10. What a process has already, and pairs of sockets, go on working. libseccomp would have to be installed
beside Python, and this filter has ten instructions.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from typing import Any, NamedTuple

_LOAD, _IS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ, BPF_JMP|JGE, BPF_RET
_NUMBER, _ARCHITECTURE = 0, 4
"""Offsets in struct seccomp_data."""
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_X32 = 0x40000000
"""Numbers of the system calls of x32 begin here, under the architecture of x86-64."""
_CREATE_RULESET = 444
"""The system call; its number is the same on all processors."""
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


class _Calls(NamedTuple):
    """An architecture, and its numbers of socket, connect, bind and io_uring_setup."""

    audit: int
    refused: tuple[int, ...]


_KNOWN = {
    "x86_64": _Calls(0xC000003E, (41, 42, 49, 425)),
    "aarch64": _Calls(0xC00000B7, (198, 203, 200, 425)),
}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("then", ctypes.c_uint8),
        ("otherwise", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def is_known() -> bool:
    """Whether there is a filter for this processor, as Python and the kernel have it."""
    return platform.machine() in _KNOWN and ctypes.sizeof(ctypes.c_void_p) == 8


def forbid_sockets() -> None:
    """From now on this process and what it starts make, bind and connect no sockets: EACCES.

    System calls of another architecture, as those of 32-bit programs, are refused altogether.

    Raises:
        OSError: the kernel refuses.
    """
    calls = _KNOWN[platform.machine()]
    checks = [(_IS, number) for number in calls.refused] + [(_AT_LEAST, _X32)]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_IS, 0, len(checks) + 2, calls.audit), (_LOAD, 0, 0, _NUMBER)]
    steps += [(code, len(checks) - at, 0, value) for at, (code, value) in enumerate(checks)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    program = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _prctl(_SECCOMP, _FILTER, ctypes.byref(_Program(len(steps), program)))


def landlock_version() -> int:
    """The version of Landlock in this kernel; 0 without it. landlockpy tells it, too, and takes 5 ms to load,
    for which the parent has no other use.

    Raises:
        OSError: the system refuses to say it, as some containers do.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version: int = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    code = ctypes.get_errno()
    if version >= 0 or code in (errno.ENOSYS, errno.EOPNOTSUPP):
        return max(version, 0)
    raise OSError(code, os.strerror(code))


def _prctl(*arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in (*arguments, 0, 0, 0, 0)[:5]]
    if libc.prctl(ctypes.c_int(arguments[0]), *given[1:]):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
