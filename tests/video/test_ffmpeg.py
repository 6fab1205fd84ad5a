"""How ffmpeg is started."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

SCRIPT = """
    import os, sys, threading
    from imgpar.video.ffmpeg import Ffmpeg

    class Held:
        def __del__(self):
            os.write(1, b"%d cleared\\n" % os.getpid())

    held, go, own = threading.Event(), threading.Event(), threading.local()

    def hold():
        own.thing = Held()
        held.set()
        go.wait()

    def start():
        Ffmpeg(["-version"], produce=True).process.wait()

    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    starter = threading.Thread(target=start)
    starter.start()
    starter.join()
    os._exit(0)
"""


def test_nothing_that_other_threads_hold_is_cleared_on_the_way_to_ffmpeg() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        capture_output=True, text=True, timeout=60, check=True, env={**os.environ},
    )  # fmt: skip
    assert done.stdout == ""
