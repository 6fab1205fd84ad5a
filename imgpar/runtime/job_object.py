"""Windows: what a worker starts dies with it, and its memory has a limit. By the documented interface.

A job object holds processes. The worker puts itself into one and keeps the only handle: whatever it starts
belongs to the job as well, and when the worker is gone, however it went, the system closes the handle and
ends what is left. Linux does the same by a signal (`video.process`).
"""

from __future__ import annotations

import ctypes
import sys

KILL_ON_CLOSE = 0x2000
PROCESS_MEMORY = 0x0100
_EXTENDED_LIMITS = 9

_kept: list[object] = []
"""The handle: closing it would end this process."""


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("least_working_set", ctypes.c_size_t),
        ("most_working_set", ctypes.c_size_t),
        ("processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", BasicLimits),
        ("counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


def limits(memory: int) -> ExtendedLimits:
    """What the job is told: end with the last handle, and `memory` bytes for each process (0 is no limit)."""
    made = ExtendedLimits()
    made.basic.flags = KILL_ON_CLOSE | (PROCESS_MEMORY if memory else 0)
    made.process_memory = memory
    return made


def enter(memory: int) -> None:
    """Put this process into a job of its own; elsewhere than on Windows, and where it is refused, nothing."""
    if sys.platform == "win32":
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
        kernel.CreateJobObjectW.restype = wintypes.HANDLE
        kernel.SetInformationJobObject.argtypes = (
            wintypes.HANDLE,
            ctypes.c_int,
            wintypes.LPVOID,
            wintypes.DWORD,
        )
        kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        job = kernel.CreateJobObjectW(None, None)
        if not job:
            return
        _kept.append(job)
        told = limits(memory)
        if kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(told), ctypes.sizeof(told)):
            kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())
