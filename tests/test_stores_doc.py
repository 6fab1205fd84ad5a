"""The example of the documentation converts from a source of its own into a sink of its own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "stores.py"


def test_the_second_run_does_nothing_and_the_third_what_changed(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "3 converted, 0 skipped",
        "0 converted, 3 skipped",
        "1 converted, 2 skipped",
        "skipped album.db/2024/0.webp",
        "ok album.db/2024/1.webp",
        "skipped album.db/2024/2.webp",
    ], done.stderr
    with closing(sqlite3.connect(tmp_path / "album.db")) as database:
        rows = database.execute("SELECT path, data FROM web ORDER BY path").fetchall()
    assert [path for path, _ in rows] == [f"web://{tmp_path}/album.db/2024/{at}.webp" for at in range(3)]
    assert all(data[8:12] == b"WEBP" for _, data in rows)
