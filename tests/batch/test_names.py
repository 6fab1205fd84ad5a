"""Names from templates, folders from them, several sizes: planned for the whole run, kept by later ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.api import retry
from imgpar.api.settings import resolve
from imgpar.batch.checking import check_place
from imgpar.batch.property_answers import properties_of
from imgpar.batch.run_inputs import input_batches
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.setup import planner
from imgpar.cli import convert
from imgpar.core.errors import ItemError, UsageError
from imgpar.core.job import Job, Outcome
from imgpar.core.properties import HEADER_ONLY, Properties, Wants
from imgpar.inputs.patterns import Patterns
from imgpar.outputs.memory_sink import MemorySink
from imgpar.testing import write_pictures


@pytest.fixture(scope="module")
def session() -> Iterator[imgpar.Session]:
    with imgpar.Session(jobs=2, memory="128M") as session:
        yield session


class InThisProcess:
    """Reads properties as a worker does."""

    stopped = False

    def __init__(self, recipe: imgpar.Recipe) -> None:
        specs = output_specs(recipe)
        self._run = RunSpec("", specs[0].operations, branches=tuple(specs) if len(specs) > 1 else ())
        self._found: dict[str, Properties | Outcome] = {}
        self.asked = 0

    def ask(self, jobs: Iterable[Job], wants: Wants = HEADER_ONLY) -> None:
        for job in jobs:
            self.asked += 1
            try:
                found: Properties | Outcome = properties_of(job, self._run._replace(wants=wants))
            except ItemError as error:
                found = Outcome(job.item.path, "failed", error=str(error))
            self._found[job.item.path] = found

    def of(self, path: str) -> Properties | Outcome | None:
        return self._found.get(path)


def planned(source: Path | Sequence[Path], **settings: Any) -> list[str]:
    """The names that a first run would give, in the order of the inputs: paths below OUT, or errors."""
    recipe, options = resolve(imgpar.Recipe(), settings)
    given = [str(path) for path in ([source] if isinstance(source, Path) else source)]
    out = os.path.join(os.path.dirname(given[0]), "out")
    place = check_place(given, out, recipe, options)
    plan = planner(place, recipe, options, None)
    patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
    batches = input_batches(given, place, options, patterns)
    if plan.need.whole:
        batches = iter(plan.prepare(batches, InThisProcess(recipe)))
    found = list[str]()
    for batch in batches:
        for entry in plan.plan(batch):
            if isinstance(entry, Job):
                found += [os.path.relpath(target.path, out) for target in entry.targets]
            else:
                found.append(entry.error or entry.status)
    return found


def files(out: Path) -> list[str]:
    found = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if ".imgpar" not in path.parts)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "in", ["a.png", "x/a.png", "x/b.jpg", "y/A.jpg"], (40, 30))


def dated(path: Path, date: str = "", camera: str = "", size: tuple[int, int] = (8, 6)) -> None:
    exif = Image.Exif()
    if camera:
        exif[0x0110] = camera
    if date:
        exif.get_ifd(0x8769)[0x9003] = date
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (len(path.name) * 9, 7, 7)).save(path, exif=exif)


# ----- the fields -----------------------------------------------------------------------------------


def test_names_have_stem_parent_and_folder(photos):
    assert planned(photos, name="{parent}_{dir}_{stem}") == [
        "in__a.png", "x/x_x_a.png", "x/x_x_b.jpg", "y/y_y_A.jpg"
    ]  # fmt: skip


def test_the_counter_counts_the_inputs_of_the_run(photos):
    assert planned(photos, name="{n:03}") == ["001.png", "x/002.png", "x/003.jpg", "y/004.jpg"]


def test_the_date_is_that_of_the_picture(tmp_path):
    dated(tmp_path / "in" / "a.jpg", "2024:05:01 10:20:30")
    assert planned(tmp_path / "in", name="{date:%Y%m%d-%H%M%S}") == ["20240501-102030.jpg"]


def test_a_missing_date_is_the_time_of_the_file_in_local_time(tmp_path):
    dated(tmp_path / "in" / "a.jpg")
    os.utime(tmp_path / "in" / "a.jpg", (1e9, 1e9))
    expected = datetime.fromtimestamp(1e9).strftime("%Y%m%d-%H")
    assert planned(tmp_path / "in", name="{date:%Y%m%d-%H}") == [f"{expected}.jpg"]


def test_a_missing_date_takes_the_fallback(tmp_path):
    dated(tmp_path / "in" / "a.jpg")
    assert planned(tmp_path / "in", name="{date:%Y|undated}-{stem}") == ["undated-a.jpg"]


def test_the_camera_is_made_a_part_of_a_name(tmp_path):
    dated(tmp_path / "in" / "a.jpg", camera="../EOS/5: *")
    assert planned(tmp_path / "in", name="{camera}-{stem}") == ["_EOS_5_ _-a.jpg"]


def test_a_missing_camera_fails_its_input_only(tmp_path):
    dated(tmp_path / "in" / "a.jpg", camera="X100")
    dated(tmp_path / "in" / "b.jpg")
    made, error = planned(tmp_path / "in", name="{camera}")
    assert made == "X100.jpg"
    assert error.startswith("It has no {camera} for its name.")


def test_width_and_height_are_those_of_the_output(photos):
    assert planned(photos, name="{stem}-{width}x{height}", resize="20", include="/a.png") == ["a-20x15.png"]


def test_the_hash_is_that_of_the_source(tmp_path):
    from imgpar.core.digest import file_digest

    dated(tmp_path / "in" / "a.jpg")
    digest = file_digest(str(tmp_path / "in" / "a.jpg"))
    assert planned(tmp_path / "in", name="{hash:8}", to="png") == [f"{digest[:8]}.png"]


def test_the_page_is_the_one_that_is_read(tmp_path):
    pages = [Image.new("L", (8, 8), grey) for grey in (0, 100, 200)]
    (tmp_path / "in").mkdir()
    pages[0].save(tmp_path / "in" / "a.tif", save_all=True, append_images=pages[1:])
    assert planned(tmp_path / "in", name="{stem}_{page:02}", pages="3", to="png") == ["a_03.png"]


def test_the_recipe_is_a_part_of_the_name(tmp_path, photos):
    (tmp_path / "small.toml").write_text('name = "{stem}-{recipe}"')
    report = imgpar.dry_run(photos / "a.png", tmp_path / "out", recipe=tmp_path / "small.toml")
    assert [Path(out.path).name for item in report.items for out in item.outputs] == ["a-small.png"]


def test_without_a_recipe_there_is_no_name_of_one(photos):
    with pytest.raises(UsageError, match="name of a recipe file, but there is none"):
        planned(photos, name="{recipe}-{stem}")


def test_an_input_that_cannot_be_read_fails_as_usual(tmp_path, session):
    dated(tmp_path / "in" / "a.jpg", "2024:05:01 10:20:30")
    (tmp_path / "in" / "b.jpg").write_bytes(b"no picture at all")
    plain = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "plain", to="png")
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", to="png", name="{date:%Y}")
    assert files(tmp_path / "out") == ["2024.png"]
    told = [(item.status, item.error, item.stage) for item in report.items]
    assert told == [(item.status, item.error, item.stage) for item in plain.items]
    assert report.failed == 1


# ----- folders and collisions -----------------------------------------------------------------------


def test_flat_has_no_folders_and_no_two_names_alike(photos):
    assert planned(photos, flat=True) == ["in-a.png", "x-a.png", "b.jpg", "A.jpg"]


def test_names_that_differ_by_case_only_are_alike(photos):
    assert planned(photos, flat=True, to="webp") == [
        "in-a.png.webp", "x-a.png.webp", "b.webp", "A.jpg.webp"
    ]  # fmt: skip


def test_a_template_with_folders_is_a_path_below_out(photos):
    assert planned(photos, name="{ext}/{stem}") == ["png/in-a.png", "png/x-a.png", "jpg/b.jpg", "jpg/A.jpg"]


def test_folders_of_inputs_may_be_kept(photos):
    assert planned(photos, name="new/{dir}/{stem}") == [
        "new/a.png",
        "new/x/a.png",
        "new/x/b.jpg",
        "new/y/A.jpg",
    ]


def test_equal_names_get_the_name_of_the_source(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        dated(tmp_path / "in" / name, "2024:05:01 10:20:30")
    dated(tmp_path / "in" / "c.jpg", "2023:05:01 10:20:30")
    assert planned(tmp_path / "in", name="{date:%Y}", to="png") == [
        "2024-a.jpg.png",
        "2024-b.jpg.png",
        "2023.png",
    ]


def test_inputs_of_several_roots_are_planned_together(tmp_path):
    write_pictures(tmp_path, ["one/a.png", "two/a.png"], (8, 6))
    assert planned([tmp_path / "one", tmp_path / "two"], flat=True) == ["one-a.png", "two-a.png"]


def test_long_names_are_shortened_and_differ(tmp_path):
    names = ["a" * 240 + end + ".png" for end in "xy"]
    write_pictures(tmp_path / "in", names, (8, 6))
    made = planned(tmp_path / "in", suffix="-" + "s" * 60)
    assert all(len(name) <= 255 for name in made)
    assert len(set(made)) == 2


def test_without_recursive_only_the_files_of_the_folder_itself_are_taken(photos):
    assert planned(photos, recursive=False) == ["a.png"]


def test_an_inner_input_is_an_input_of_its_own_where_nothing_is_recursive(photos):
    assert planned([photos, photos / "x"], recursive=False) == ["in/a.png", "x/a.png", "x/b.jpg"]


def test_a_list_has_no_subfolders(photos, tmp_path):
    (tmp_path / "list.txt").write_text(str(photos / "a.png"))
    with pytest.raises(UsageError, match="A list names files"):
        convert.convert_command(
            ["--files-from", str(tmp_path / "list.txt"), "-o", str(tmp_path / "out"), "--no-recursive"]
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"in_place": True, "name": "{stem}-a", "resize": "9"},
            "In place an input has one output with its own name",
        ),
        (
            {"in_place": True, "flat": True, "resize": "9"},
            "In place an input has one output with its own name",
        ),
        ({"in_place": True, "sizes": "9"}, "the recipe has sizes"),
    ],
)
def test_in_place_names_stay(photos, settings, message):
    with pytest.raises(UsageError, match=message):
        imgpar.Pipeline().run(photos, **settings)


def test_one_file_has_its_name(photos, tmp_path):
    with pytest.raises(UsageError, match="there is no template for its name"):
        imgpar.Pipeline().run(photos / "a.png", tmp_path / "b.webp", name="{stem}-a")


def test_sizes_and_tables_exclude_each_other(photos, tmp_path):
    pipe = imgpar.Pipeline().output(resize="20", name="{stem}-small")
    with pytest.raises(UsageError, match="which exclude each other"):
        pipe.run(photos, tmp_path / "out", sizes=[10])


# ----- sizes ----------------------------------------------------------------------------------------


def test_each_size_in_each_format_and_never_larger(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png"], (40, 30))
    pipe = imgpar.Pipeline()
    report = session.run(pipe, tmp_path / "in", tmp_path / "out", sizes=(10, 20, 50), to="webp,jpg")
    assert report.ok == 1
    assert files(tmp_path / "out") == [
        f"a-{width}.{suffix}" for width in (10, 20, 40) for suffix in ("jpg", "webp")
    ]
    for name in files(tmp_path / "out"):
        with Image.open(tmp_path / "out" / name) as made:
            width = int(name.split("-")[1].split(".")[0])
            assert made.size == (width, width * 3 // 4 + (width == 10))


def test_a_size_is_what_a_resize_of_its_own_makes(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png"], (400, 300))
    pipe = imgpar.Pipeline().grey()
    session.run(pipe, tmp_path / "in", tmp_path / "out", sizes=[100], to="png")
    session.run(pipe.resize("100x"), tmp_path / "in", tmp_path / "alone", to="png")
    with Image.open(tmp_path / "out" / "a-100.png") as one, Image.open(tmp_path / "alone" / "a.png") as other:
        assert (one.size, one.mode, one.tobytes()) == ((100, 75), "L", other.tobytes())


def test_a_photo_is_decoded_no_larger_than_its_sizes_need(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.jpg"], (1600, 1200))  # decoded at a quarter, as for one resize
    pipe = imgpar.Pipeline()
    session.run(pipe, tmp_path / "in", tmp_path / "out", sizes=[100, 200], to="png")
    session.run(pipe.resize("200x"), tmp_path / "in", tmp_path / "alone", to="png")
    with Image.open(tmp_path / "out" / "a-200.png") as one, Image.open(tmp_path / "alone" / "a.png") as other:
        assert (one.size, one.mode, one.tobytes()) == ((200, 150), "RGB", other.tobytes())


def test_a_resize_comes_before_the_sizes(photos):
    assert planned(photos / "a.png", resize="30", sizes=[10, 35]) == ["a-10.png", "a-30.png"]


def test_a_second_run_makes_only_the_sizes_that_are_new(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png", "b.png"], (40, 30))

    def run(*sizes: int) -> tuple[int, int]:
        report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", sizes=sizes, to="webp")
        return report.ok, report.skipped

    assert run(10, 50) == (2, 0)
    times = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in files(tmp_path / "out")}
    assert run(10, 50) == (0, 2)
    assert run(10, 20, 50, 60) == (2, 0)
    assert files(tmp_path / "out") == [
        "a-10.webp",
        "a-20.webp",
        "a-40.webp",
        "b-10.webp",
        "b-20.webp",
        "b-40.webp",
    ]
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == time for name, time in times.items())


def test_unchanged_inputs_of_several_sizes_are_asked_nothing(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png", "b.jpg"], (40, 30))
    settings: dict[str, Any] = {"sizes": (10, 50), "to": "webp"}
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", **settings)
    events = list[imgpar.Event]()
    report = session.run(
        imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", on_event=events.append, **settings
    )
    assert (report.skipped, [event for event in events if event.kind == "reading"]) == (2, [])


def test_sizes_of_a_clip(tmp_path, session):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "a.mp4", size=(64, 48), frames=3)
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", sizes=(32, 128), to="mp4")
    found = session.describe([tmp_path / "out" / name for name in files(tmp_path / "out")])
    sizes = {Path(path).name: info.size for path, info in found if not isinstance(info, ItemError)}
    assert sizes == {"a-32.mp4": (32, 24), "a-64.mp4": (64, 48)}


def test_tables_that_end_in_one_size_are_made_once(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png"], (40, 30))
    pipe = imgpar.Pipeline()
    for size in ("100x", "50x", "20x"):
        pipe = pipe.output(resize=size, to="webp", name="{stem}-{width}")
    report = session.run(pipe, tmp_path / "in", tmp_path / "out")
    assert (report.ok, files(tmp_path / "out")) == (1, ["a-20.webp", "a-40.webp"])
    assert session.run(pipe, tmp_path / "in", tmp_path / "out").skipped == 1


def test_tables_of_one_size_and_other_settings_need_other_names(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png"], (40, 30))
    pipe = imgpar.Pipeline().output(resize="100x", to="webp", name="{stem}-{width}", quality=10)
    pipe = pipe.output(resize="50x", to="webp", name="{stem}-{width}", quality=90)
    report = session.run(pipe, tmp_path / "in", tmp_path / "out")
    assert report.failed == 1
    assert "would have the same name" in next(iter(report.items)).error


# ----- later runs -----------------------------------------------------------------------------------

TEMPLATE = "{date:%Y}/{n:02}_{stem}-{width}"


def test_a_second_run_does_nothing(tmp_path, session):
    for name in ("a.jpg", "x/a.jpg"):
        dated(tmp_path / "in" / name, "2024:05:01 10:20:30")
    first = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE)
    second = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE)
    assert (first.ok, second.skipped, second.reasons) == (2, 2, {"unchanged": 2})
    assert files(tmp_path / "out") == ["2024/01_a-8.jpg", "2024/02_a-8.jpg"]


def test_a_file_keeps_its_number_and_new_ones_go_on(tmp_path, session):
    for name in ("b.jpg", "d.jpg"):
        dated(tmp_path / "in" / name, "2024:05:01 10:20:30")
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE)
    for name in ("a.jpg", "c.jpg"):
        dated(tmp_path / "in" / name, "2024:05:01 10:20:30")
    dated(tmp_path / "in" / "d.jpg", "2024:05:01 10:20:30", camera="Z5")
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE)
    assert (report.ok, report.skipped) == (3, 1)
    assert files(tmp_path / "out") == [
        "2024/01_b-8.jpg", "2024/02_d-8.jpg", "2024/03_a-8.jpg", "2024/04_c-8.jpg"
    ]  # fmt: skip


def test_a_newcomer_takes_no_name_that_is_there(tmp_path, session):
    write_pictures(tmp_path / "in", ["x/a.png"], (8, 6))
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", flat=True)
    write_pictures(tmp_path / "in", ["b/a.png"], (9, 6))
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", flat=True)
    assert (report.ok, report.skipped, files(tmp_path / "out")) == (1, 1, ["a.png", "b-a.png"])


def test_without_a_template_no_name_is_taken_that_one_has_given(tmp_path, session):
    write_pictures(tmp_path / "in", ["x/a.jpg"], (8, 6))
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", flat=True, to="png")
    write_pictures(tmp_path / "in", ["a.jpg"], (9, 6))
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", to="png")
    assert (report.ok, files(tmp_path / "out")) == (2, ["a.jpg.png", "a.png", "x/a.png"])


def test_an_input_of_another_root_takes_no_name_that_is_there(tmp_path, session):
    for number, root in enumerate(("one", "two")):
        write_pictures(tmp_path / root, ["sub/a.png"], (8 + number, 6))
        session.run(imgpar.Pipeline(), tmp_path / root, tmp_path / "out", flat=True)
    made = files(tmp_path / "out")
    assert (len(made), made[0]) == (2, "a.png")


def test_names_depend_on_no_worker(tmp_path):
    for number in range(12):
        dated(tmp_path / "in" / f"{number}.jpg", f"2024:05:{number % 3 + 1:02} 10:20:30")
    made = list[list[str]]()
    for jobs in (1, 4):
        imgpar.convert(tmp_path / "in", tmp_path / f"out{jobs}", name="{date:%d}/{n}", jobs=jobs)
        made.append(files(tmp_path / f"out{jobs}"))
    assert made[0] == made[1]
    assert len(made[0]) == 12


def test_a_run_that_is_cancelled_while_it_reads_writes_nothing(tmp_path, session):
    for number in range(20):
        dated(tmp_path / "in" / f"{number}.jpg", "2024:05:01 10:20:30")
    cancel = imgpar.CancelToken()

    def told(event: imgpar.Event) -> None:
        if event.kind == "reading":
            cancel.cancel()

    report = session.run(
        imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE, on_event=told, cancel=cancel
    )
    assert (report.cancelled, report.total, files(tmp_path / "out")) == (True, 0, [])
    assert session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE).ok == 20


def test_a_dry_run_shows_the_names(tmp_path, session):
    dated(tmp_path / "in" / "a.jpg", "2024:05:01 10:20:30")
    plan = imgpar.dry_run(tmp_path / "in", tmp_path / "out", name=TEMPLATE, jobs=1)
    shown = [Path(out.path) for item in plan.items for out in item.outputs]
    assert not (tmp_path / "out").exists()
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE)
    assert [path.relative_to(tmp_path / "out").as_posix() for path in shown] == files(tmp_path / "out")


DATED = (
    "2 inputs do not say when they were taken, so {date} is the time of the file; "
    "{date|text} writes a text instead."
)


def test_a_note_says_how_many_dates_are_those_of_files(tmp_path, session):
    for name in ("a.jpg", "b.jpg"):
        dated(tmp_path / "in" / name)
    dated(tmp_path / "in" / "c.jpg", "2024:05:01 10:20:30")
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name="{date:%Y}-{stem}")
    assert [note for note in report.notes if "do not say when they were taken" in note] == [DATED]


def test_the_note_on_other_settings_names_a_template(tmp_path, session):
    write_pictures(tmp_path / "in", ["a.png"], (8, 6))
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", to="webp")
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", to="webp", quality=20)
    assert "--name, such as '{stem}-{width}.{ext}'" in report.notes[0]


def test_sidecars_and_live_clips_follow_their_picture(tmp_path, session):
    dated(tmp_path / "in" / "IMG_1.jpg", "2024:05:01 10:20:30")
    make_clip(tmp_path / "in" / "IMG_1.mov", size=(16, 16), frames=3)
    (tmp_path / "in" / "IMG_1.jpg.xmp").write_text("whole")
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE, companions="copy")
    assert files(tmp_path / "out") == [
        "2024/01_IMG_1-8.jpg",
        "2024/01_IMG_1-8.jpg.xmp",
        "2024/01_IMG_1-8.mov",
    ]


def test_a_companion_that_comes_later_follows_the_name_that_is_there(tmp_path, session):
    for name in ("a.jpg", "b.jpg"):
        dated(tmp_path / "in" / name, "2024:05:01 10:20:30")
    settings: dict[str, Any] = {"name": TEMPLATE, "companions": "copy"}
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", **settings)
    (tmp_path / "in" / "b.xmp").write_text("late")
    report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", **settings)
    assert (report.ok, report.skipped) == (1, 2)
    assert (tmp_path / "out" / "2024" / "02_b-8.xmp").read_text() == "late"


def test_sizes_of_live_clips_follow_those_of_the_picture(tmp_path, session):
    dated(tmp_path / "in" / "a.jpg", size=(40, 30))
    make_clip(tmp_path / "in" / "a.mov", size=(64, 48), frames=3)
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", sizes=(16, 32))
    assert files(tmp_path / "out") == ["a-16.jpg", "a-16.mov", "a-32.jpg", "a-32.mov"]


def test_a_sink_takes_names_from_templates(tmp_path, session):
    dated(tmp_path / "in" / "x" / "a.jpg", "2024:05:01 10:20:30")
    sink = MemorySink()
    report = session.run(imgpar.Pipeline(), tmp_path / "in", sink, name="{date:%Y}/{stem}-{width}", to="png")
    assert report.ok == 1
    assert list(sink) == ["2024/a-8.png"]


def test_an_archive_takes_names_from_templates(tmp_path, session):
    import zipfile

    dated(tmp_path / "in" / "x" / "a.jpg", "2024:05:01 10:20:30")
    for skipped in (0, 1):
        report = session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "o.zip", name="{date:%Y}/{n:02}")
        assert report.skipped == skipped
    with zipfile.ZipFile(tmp_path / "o.zip") as archive:
        assert archive.namelist() == ["2024/01.jpg"]


def test_what_failed_is_retried_under_its_name(tmp_path):
    dated(tmp_path / "in" / "a.jpg", "2024:05:01 10:20:30")
    dated(tmp_path / "in" / "b.jpg", "2024:05:01 10:20:30")
    whole = (tmp_path / "in" / "a.jpg").read_bytes()
    (tmp_path / "in" / "a.jpg").write_bytes(whole[:-40])
    first = imgpar.convert(tmp_path / "in", tmp_path / "out", name="{date:%Y}/{n:02}", to="png", jobs=1)
    assert (first.ok, first.failed) == (1, 1)
    (tmp_path / "in" / "a.jpg").write_bytes(whole)
    assert retry.retry(tmp_path / "out", jobs=1).ok == 1
    assert files(tmp_path / "out") == ["2024/01.png", "2024/02.png"]


def test_a_retry_reads_no_other_folders(tmp_path):
    write_pictures(tmp_path / "in", ["x/b.png"], (8, 6))
    (tmp_path / "in" / "a.png").write_bytes(b"no picture")
    (tmp_path / "in" / "x" / "c.png").write_bytes(b"no picture")
    first = imgpar.convert(tmp_path / "in", tmp_path / "out", recursive=False, flat=True, jobs=1)
    second = retry.retry(tmp_path / "out", jobs=1)
    assert (first.total, second.total) == (1, 1)


KILLED = """
import os, signal, sys, imgpar
def told(event):
    if event.kind == "item" and event.done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
imgpar.convert(sys.argv[1], sys.argv[2], name="{date:%d}/{n:03}", to="png", jobs=1, on_event=told)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_ends_with_the_same_names(tmp_path, session):
    for number in range(15):
        dated(tmp_path / "in" / f"{number:02}.jpg", f"2024:05:{number % 9 + 1:02} 10:20:30")
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "in", tmp_path / "out"], check=False)
    assert killed.returncode == -signal.SIGKILL
    before = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")}
    pipe = imgpar.Pipeline()
    session.run(pipe, tmp_path / "in", tmp_path / "out", name="{date:%d}/{n:03}", to="png")
    found = files(tmp_path / "out")
    assert found == sorted(f"{number % 9 + 1:02}/{number + 1:03}.png" for number in range(15))
    assert all((tmp_path / "out" / name).read_bytes() == data for name, data in before.items())


def test_outputs_of_templates_are_verified(tmp_path, session):
    dated(tmp_path / "in" / "a.jpg", "2024:05:01 10:20:30")
    session.run(imgpar.Pipeline(), tmp_path / "in", tmp_path / "out", name=TEMPLATE)
    assert imgpar.verify(tmp_path / "out").failed == 0
    (tmp_path / "out" / "2024" / "01_a-8.jpg").write_bytes(b"damage")
    assert imgpar.verify(tmp_path / "out").failed == 1


def test_an_input_for_which_a_template_gives_no_name_fails_alone(tmp_path):
    (tmp_path / "in").mkdir()
    for name in (" .png", "ok.png"):
        Image.new("L", (4, 4)).save(tmp_path / "in" / name)
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", name="{stem:3}", to="webp", jobs=1)
    assert (report.ok, report.failed) == (1, 1)
    assert (tmp_path / "out" / "ok.webp").is_file()
