"""Operations on colours by ffmpeg, in RGB: the same frames as on the frame path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from operation_frames import film_cube, psnr
from video_clips import ffmpeg

import imgpar
from imgpar.recipe.tables import make_operation
from imgpar.video.filters import filters_of
from imgpar.video.probe import probe

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


def frames(path: Path) -> np.ndarray:
    return np.stack([frame.array for frame in imgpar.frames(str(path), dtype="uint16")]) / 65535


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [("limited", "levels", "20,220,1.3"), ("full", "sepia", 0.8), ("deep", "lut", "")],
)
def test_both_paths_give_the_same_frames(
    session: imgpar.Session, folder: Path, tmp_path: Path, form: str, name: str, value: object
) -> None:
    operation = make_operation(name, value or str(folder / "film.cube"))
    pipe, made = imgpar.Pipeline().then(operation), []
    for schedule in ("auto", "staged"):
        out = tmp_path / f"{schedule}.mkv"
        settings = {"codec": "ffv1", "lossless": True} if form != "full" else {"codec": "h264", "quality": 98}
        settings |= {"journal": str(tmp_path / "journal.db")}
        report = session.run(pipe, str(folder / f"{form}.mkv"), str(out), schedule=schedule, **settings)
        assert [(item.status, item.error) for item in report.items] == [("ok", "")]
        made.append(frames(out))
    assert psnr(*made) >= 38
    assert psnr(made[0], frames(folder / f"{form}.mkv")) < 38


def test_consecutive_filters_share_their_conversions(folder: Path) -> None:
    names = (("sepia", True), ("gamma", 1.2), ("flip", "vertical"), ("invert", True))
    operations = [make_operation(name, value) for name, value in names]
    chain, _ = filters_of(operations, probe(str(folder / "limited.mkv")).picture)
    assert chain is not None
    assert "format=gbrp,colorchannelmixer=" in chain
    assert chain.count("scale=in_color_matrix=bt709:in_range=tv") == 2
    assert chain.endswith("out_range=tv:flags=area,format=yuv420p")


def test_a_clip_with_alpha_takes_the_frame_path(folder: Path) -> None:
    picture = replace(probe(str(folder / "limited.mkv")).picture, alpha=True, pixel_format="yuva420p")
    assert filters_of([make_operation("gamma", 2)], picture) == (None, "gamma is not an ffmpeg filter")
