"""The end of a process while its daemon threads are in calls of imgpar."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import os
    import threading

    import numpy as np

    import imgpar

    pixels = np.zeros((24, 32, 3), np.uint8)
    data = imgpar.Pipeline().encode(pixels, to="png")
    begun = threading.Event()

    def slow(picture):
        begun.set()
        threading.Event().wait(0.2)
        os.write(1, b"done")
        return picture

    def twice():
        call(imgpar.Pipeline().resize("8x8").apply(slow))
        while True:
            call(imgpar.Pipeline().resize("8x8"))

    call = lambda pipe: {call}
    threading.Thread(target=twice, daemon=True).start()
    begun.wait()
"""
IN_THE_PROCESS = {
    "bytes": "pipe.encode(data, to='png')",
    "array": "pipe.array(data)",
    "a call": "pipe(pixels)",
    "frames": "list(imgpar.frames(imgpar.Pipeline().encode(pixels, to='gif'), pipeline=pipe))",
}
IN_WORKERS = {
    "encode": "pipe.encode(data, to='png', timeout=30)",
    "arrays": "list(pipe.arrays([data], jobs=1))",
    "run": "imgpar.convert([('a.png', data)], imgpar.MemorySink(), to='png', jobs=1)",
}
LOOP = """
    import threading
    import numpy as np
    import imgpar

    pixels = np.zeros((24, 32, 3), np.uint8)
    data = imgpar.Pipeline().encode(pixels, to="png")
    pipe = imgpar.Pipeline().resize("8x8")
    done = threading.Event()

    def loop():
        while True:
            {call}
            done.set()

    threading.Thread(target=loop, daemon=True).start()
    done.wait()
"""


def ended(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("call", IN_THE_PROCESS)
def test_the_process_waits_for_a_call_in_progress(call: str) -> None:
    assert ended(SCRIPT.replace("{call}", IN_THE_PROCESS[call])).stdout == "done"


@pytest.mark.parametrize("call", IN_WORKERS)
def test_a_thread_that_calls_on_and_on_ends_quietly(call: str) -> None:
    found = ended(LOOP.replace("{call}", IN_WORKERS[call]))
    assert (found.returncode, found.stderr) == (0, "")
