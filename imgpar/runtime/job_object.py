"""Windows: child processes end with their worker, and its memory is limited. Uses the documented API.

A job object holds processes. The worker puts itself into one and keeps the only handle. Its child processes
belong to the job as well; when the worker ends for any reason, the system closes the handle and ends the
rest. On Linux the same is done with a signal (`video.ffmpeg`).
"""

from __future__ import annotations

import ctypes
import sys

KILL_ON_CLOSE = 0x2000
PROCESS_MEMORY = 0x0100
_EXTENDED_LIMITS = 9

_kept: list[object] = []
"""The handle of the job: closing it would end this process."""


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
    """The limits of the job: end with the last handle, and `memory` bytes per process (0 is no limit)."""
    made = ExtendedLimits()
    made.basic.flags = KILL_ON_CLOSE | (PROCESS_MEMORY if memory else 0)
    made.process_memory = memory
    return made


def enter(memory: int) -> None:
    """Put this process into a job of its own. Does nothing on other systems, or where it is refused."""
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
        information = limits(memory)
        if kernel.SetInformationJobObject(
            job, _EXTENDED_LIMITS, ctypes.byref(information), ctypes.sizeof(information)
        ):
            kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())
