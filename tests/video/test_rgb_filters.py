"""Operations on colours by ffmpeg, in RGB: the same frames as on the frame path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from operation_frames import film_cube, psnr
from video_clips import ffmpeg

import imgpar
from imgpar.ops import Operation
from imgpar.recipe.tables import make_operation

CASES = {
    "brightness": 1.3,
    "gamma": 1.6,
    "levels": "20,220,1.3",
    "saturation": 1.6,
    "sepia": 0.8,
    "hue": 70,
    "invert": True,
    "posterise": 6,
    "white_balance": 4500,
    "lut": "film.cube",
}
FORMS = {
    "limited": ("yuv420p", "bt709", "tv"),
    "full": ("yuv420p", "smpte170m", "pc"),
    "deep": ("yuv420p10le", "bt2020nc", "tv"),
}


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clips")
    (made / "film.cube").write_text(film_cube(9))
    for name, (form, matrix, span) in FORMS.items():
        source = "gradients=s=128x96:r=5:d=0.4:c0=red:c1=blue:c2=yellow:c3=gray:nb_colors=4:seed=3"
        change = (
            f"format=gbrp,scale=out_color_matrix={matrix.removesuffix('nc')}:out_range={span},format={form}"
        )
        tags = ["-colorspace", matrix, "-color_range", span]
        ffmpeg("-f", "lavfi", "-i", source, "-vf", change, *tags, "-c:v", "ffv1", made / f"{name}.mkv")
    return made


def operation_of(name: str, folder: Path) -> Operation:
    value = CASES[name]
    return make_operation(name, str(folder / str(value)) if name == "lut" else value)


def frames(path: Path) -> np.ndarray:
    return np.stack([frame.array for frame in imgpar.frames(str(path), dtype="uint16")]) / 65535


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "limited") for name in CASES), ("levels", "full"), ("sepia", "full"), ("lut", "deep")],
)
def test_both_paths_give_the_same_frames(session, folder: Path, tmp_path: Path, name: str, form: str) -> None:
    pipe = imgpar.Pipeline().then(operation_of(name, folder))
    made = []
    for schedule in ("auto", "staged"):
        out = tmp_path / f"{schedule}.mkv"
        settings = {"codec": "ffv1", "lossless": True} if form != "full" else {"codec": "h264", "quality": 98}
        settings |= {"journal": str(tmp_path / "journal.db")}
        report = session.run(pipe, str(folder / f"{form}.mkv"), str(out), schedule=schedule, **settings)
        assert [(item.status, item.error) for item in report.items] == [("ok", None)]
        made.append(frames(out))
    assert psnr(*made) >= 38
    assert psnr(made[0], frames(folder / f"{form}.mkv")) < 38
