"""The output of img2dataset and ours, of one list: the same files, keys, fields and values.

The test needs the program img2dataset 1.47, in the PATH or named by IMGPAR_IMG2DATASET: it lives in an
environment of its own, because it wants older packages.
"""

from __future__ import annotations

import csv
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
pytest.importorskip("exifread", reason="exifread-nocycle is not installed")
PROGRAM = os.environ.get("IMGPAR_IMG2DATASET") or shutil.which("img2dataset")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAM, reason="img2dataset is not installed"),
]
SHARD = 7


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the pictures in `www`."""
    (tmp_path / "www").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def listed(tmp_path: Path, server: str) -> Path:
    """A list of 16 pictures: with EXIF, with transparency, grey, damaged, missing."""
    random, rows = np.random.default_rng(1), []
    for number in range(16):
        width, height = (int(side) for side in random.integers(60, 400, 2))
        y, x = np.mgrid[:height, :width]
        pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
        name, picture = f"p{number}.jpg", Image.fromarray(pixels)
        exif = Image.Exif()
        exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", f"Camera {number}", 1
        exif.get_ifd(0x8769)[0x8827] = 400
        if number == 5:
            name = "p5.png"
            picture.putalpha(picture.getchannel(0))
            picture.save(tmp_path / "www" / name)
        elif number == 9:
            (tmp_path / "www" / name).write_bytes(b"no picture")
        elif number != 11:
            picture = picture.convert("L") if number == 7 else picture
            extra = {"exif": exif} if number % 3 else {}
            picture.save(tmp_path / "www" / name, quality=90, **extra)
        texts = {"text": f'caption {number}, "é"', "id": number, "score": number / 7, "lang": "en"}
        rows.append({"url": f"{server}/{name}", **texts})
    with open(tmp_path / "list.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "list.csv"


def samples(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return sorted(parquet.read_table(path).to_pylist(), key=lambda row: row["key"])


def test_the_output_is_that_of_img2dataset_field_by_field(listed: Path, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    command = f"""{PROGRAM} --url_list {listed} --input_format csv --url_col url --caption_col text
        --output_format webdataset --output_folder {theirs} --processes_count 1 --thread_count 4
        --image_size 128 --resize_mode keep_ratio_largest --number_sample_per_shard {SHARD}"""
    more = ["--save_additional_columns", '["id","score","lang"]']
    environment = {**os.environ, "WANDB_MODE": "disabled", "PYTHONPATH": ""}
    subprocess.run([*command.split(), *more], check=True, capture_output=True, env=environment)
    report = imgpar.convert(
        imgpar.InputList(listed, url_column="url"),
        ours,
        shard=SHARD,
        caption_column="text",
        resize="128",
        enlarge=True,
        to="jpg",
        quality=95,
        allow_private=True,
    )
    assert (report.ok, report.failed) == (14, 2)
    assert sorted(path.name for path in theirs.iterdir()) == sorted(
        path.name for path in ours.iterdir() if path.name != ".imgpar"
    )
    for path in sorted(theirs.glob("*.parquet")):
        assert parquet.read_schema(path).remove_metadata() == parquet.read_schema(ours / path.name)
        for theirs_row, ours_row in zip(rows_of(path), rows_of(ours / path.name), strict=True):
            for row in (theirs_row, ours_row):  # the sentences differ
                row["error_message"] = bool(row["error_message"])
            assert ours_row == theirs_row
    for path in sorted(theirs.glob("*.tar")):
        mine, other = samples(ours / path.name), samples(path)
        assert mine.keys() == other.keys()
        for name, data in other.items():
            if name.endswith(".jpg"):
                sizes = [Image.open(io.BytesIO(found)).size for found in (mine[name], data)]
                assert sizes[0] == sizes[1]
            elif name.endswith(".json"):
                assert list(json.loads(mine[name]).items()) == list(json.loads(data).items())
            else:
                assert mine[name] == data
    for path in sorted(theirs.glob("*_stats.json")):
        mine, other = json.loads((ours / path.name).read_text()), json.loads(path.read_text())
        assert list(mine) == list(other)
        for name in ("count", "successes", "failed_to_download", "failed_to_resize"):
            assert mine[name] == other[name]
