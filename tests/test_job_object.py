"""The part of Windows' job objects that can be looked at anywhere: what they are told."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from imgpar.runtime import job_object

wide = pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the documented sizes are of 64 bits")


@wide
def test_the_structure_has_the_size_that_windows_expects():
    assert ctypes.sizeof(job_object.ExtendedLimits) == 144


@wide
@pytest.mark.parametrize(
    ("name", "offset", "size"),
    [
        ("process_time", 0, 8),
        ("job_time", 8, 8),
        ("flags", 16, 4),
        ("least_working_set", 24, 8),
        ("most_working_set", 32, 8),
        ("processes", 40, 4),
        ("affinity", 48, 8),
        ("priority", 56, 4),
        ("scheduling", 60, 4),
    ],
)
def test_the_basic_fields_are_where_windows_looks(name, offset, size):
    field = getattr(job_object.BasicLimits, name)
    assert (field.offset, field.size) == (offset, size)


def test_the_limits_are_asked_for_by_their_documented_number():
    assert job_object._EXTENDED_LIMITS == 9


@wide
@pytest.mark.parametrize(("name", "offset"), [("counters", 64), ("process_memory", 112), ("job_memory", 120)])
def test_the_fields_are_where_windows_looks(name, offset):
    assert getattr(job_object.ExtendedLimits, name).offset == offset


@pytest.mark.parametrize(("memory", "flags"), [(0, 0x2000), (1 << 30, 0x2100)])
def test_the_flags_say_what_is_limited(memory, flags):
    told = job_object.limits(memory)
    assert (told.basic.flags, told.process_memory) == (flags, memory)


@pytest.mark.skipif(sys.platform != "win32", reason="there are no job objects")
def test_a_child_ends_with_its_parent():
    child = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'input()']).pid)"
    code = f"from imgpar.runtime import job_object; job_object.enter(0); {child}"
    pid = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    found = subprocess.run(
        ["tasklist", "/FI", f"PID eq {pid.strip()}"], capture_output=True, text=True, check=True
    )
    assert pid.strip() not in found.stdout
