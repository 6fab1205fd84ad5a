"""The plan: what becomes of each input, under which name, and what is done already."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgpar.batch.incremental import Recorded
from imgpar.batch.planner import Planner
from imgpar.core.errors import BadValueError, OutputError, UsageError
from imgpar.core.filenames import fold, legal
from imgpar.core.job import Item, Job, Outcome, OutputFile, SameItem
from imgpar.inputs.batches import Batch, Entries
from imgpar.inputs.local import scan
from imgpar.outputs.destination import Out, free_space_problem, read_out
from imgpar.outputs.prior import PLANNED, PriorResult


def items(*names: str, folder: str = "/in") -> list[Item]:
    return [Item(f"{folder}/{name}", name, 10, 20, 30) for name in names]


def batch(*names: str, folder: str = "/in", **facts: Any) -> Batch:
    return Batch(folder, "", items(*names, folder=folder), **facts)


def targets(entries: Sequence[Job | Outcome]) -> dict[str, list[str]]:
    """Source name → names of its targets, for jobs."""
    return {
        os.path.basename(entry.item.path): [os.path.basename(target.path) for target in entry.targets]
        for entry in entries
        if isinstance(entry, Job)
    }


def plan(*names: str, to: Sequence[str] = (), out: str = "/nowhere", **facts: Any) -> dict[str, list[str]]:
    return targets(list(Planner(Out(out), to=to).plan(batch(*names, **facts))))


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("IMG_1.JPG", ["jpg"], ["IMG_1.jpg"]),
        ("a.jpeg", ["jpeg"], ["a.jpg"]),
        ("a.png", ["tiff"], ["a.tif"]),
        ("a.b.png", ["webp"], ["a.b.webp"]),
        ("IMG_1.JPG", [], ["IMG_1.JPG"]),
        ("a.tiff", [], ["a.tiff"]),
        ("a.png", ["webp", "avif"], ["a.webp", "a.avif"]),
        ("a.png", ["webp", "mp4"], ["a.webp"]),
        ("clip.MOV", ["webp"], ["clip.MOV"]),
        ("clip.mov", ["webp", "mp4"], ["clip.mp4"]),
        ("a.png", ["mp4"], ["a.png"]),
        ("a.heic", [], ["a.heic"]),
        ("a.dng", [], ["a.jpg"]),
        ("a.tga", [], ["a.png"]),
    ],
)
def test_to_decides_format_and_suffix(name: str, to: list[str], expected: list[str]) -> None:
    assert plan(name, to=to) == {name: expected}


def test_without_a_suffix_the_content_decides() -> None:
    item = Item("/in/IMG.0001", "IMG.0001", 1, 1, format="jpeg")
    assert targets(list(Planner(Out("/nowhere")).plan(Batch("/in", "", [item])))) == {
        "IMG.0001": ["IMG.0001.jpg"]
    }


def test_a_stand_in_format_is_said() -> None:
    (job,) = Planner(Out("/nowhere")).plan(batch("a.dng"))
    assert isinstance(job, Job)
    assert "camera raw" in job.notes[0]


def test_a_file_that_says_nothing_of_itself_fails_in_the_plan() -> None:
    (outcome,) = Planner(Out("/nowhere")).plan(batch("notes.dat"))
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.stage, "imgpar formats" in outcome.error) == ("failed", "plan", True)


def test_a_format_that_cannot_be_written_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="Targa"):
        Planner(Out("/nowhere"), to=["tga"])
    with pytest.raises(BadValueError, match="webpp"):
        Planner(Out("/nowhere"), to=["webpp"])


def test_all_that_collide_take_the_whole_source_name() -> None:
    assert plan("a.jpg", "a.png", "b.png", to=["webp"]) == {
        "a.jpg": ["a.jpg.webp"],
        "a.png": ["a.png.webp"],
        "b.png": ["b.webp"],
    }


def test_a_whole_name_that_is_taken_moves_on_until_nothing_collides() -> None:
    names = plan("a.jpg", "a.png", "a.png.webp", to=["webp"])
    assert names["a.jpg"] == ["a.jpg.webp"]
    assert names["a.png.webp"] == ["a.png.webp.webp"]
    assert len({name for (name,) in names.values()}) == 3


def test_names_that_differ_only_by_case_or_unicode_form_collide() -> None:
    names = plan("Café.jpg", "CAFE\u0301.png", to=["webp"])
    assert {fold(name) for (name,) in names.values()} == {fold("café.jpg.webp"), fold("café.png.webp")}


def test_a_file_makes_room_for_a_folder_of_the_same_name() -> None:
    assert plan("a.png", to=["webp"], folders=("A.webp",)) == {"a.png": ["a.png.webp"]}


def test_files_of_the_same_name_from_several_folders_take_that_of_the_folder() -> None:
    both = [*items("1.jpg", folder="/x"), *items("1.jpg", folder="/y")]
    jobs = list(Planner(Out("/nowhere"), to=["webp"]).plan(Batch("", "", both)))
    names = [os.path.basename(job.targets[0].path) for job in jobs if isinstance(job, Job)]
    assert names == ["x-1.jpg.webp", "y-1.jpg.webp"]


NAMES = st.lists(
    st.builds(
        lambda stem, suffix: stem + suffix,
        st.sampled_from(
            ["a", "A", "é", "e\u0301", "ß", "ss", "a.png", "a.jpg.webp", "in-a", "x" * 240, "\udcff"]
        ),
        st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".webp", ".tif", ".mp4", ".heic"]),
    ),
    max_size=12,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(
    NAMES,
    st.sampled_from([(), ("webp",), ("jpg", "png"), ("webp", "mp4")]),
    st.randoms(use_true_random=False),
)
def test_outputs_never_meet_and_the_order_of_the_inputs_changes_nothing(
    names: list[str], to: tuple[str, ...], chance: random.Random
) -> None:
    shuffled = list(names)
    chance.shuffle(shuffled)
    first, second = plan(*names, to=to), plan(*shuffled, to=to)
    outputs = [name for made in first.values() for name in made]
    assert first == second
    assert len(first) == len(names)
    assert len({fold(name) for name in outputs}) == len(outputs)
    assert all(len(os.fsencode(name)) <= 255 for name in outputs)


@settings(max_examples=300, deadline=None)
@given(
    NAMES,
    st.sampled_from([(), ("webp",), ("jpg", "png")]),
    st.sampled_from([(), ("a.webp",), ("b", "A.PNG")]),
    st.sampled_from([(), ("IMG_1.jpg", "IMG_2.jpg", "IMG_10.jpg"), ("a.b", "scan")]),
)
def test_a_folder_is_settled_by_its_names_as_it_is_by_its_items(
    names: list[str], to: tuple[str, ...], folders: tuple[str, ...], more: tuple[str, ...]
) -> None:
    rows = [(name, 1, 2, 3, 4) for name in dict.fromkeys([*names, *more])]
    entries = Entries.of("/in", "", rows, {"a.b": "png", "scan": "jpeg"})
    planner = Planner(Out("/nowhere"), to=to)
    by_name = targets(list(planner.plan(Batch("/in", "", entries, folders=folders))))
    by_item = targets(list(planner.plan(Batch("/in", "", tuple(entries), folders=folders))))
    assert by_name == by_item


@pytest.mark.parametrize(
    ("stem", "suffix", "expected"),
    [
        ("con", ".png", "_con.png"),
        ("NUL.tar", ".png", "_NUL.tar.png"),
        ("a", ". ", "a"),
        ("com", ".jpg", "com.jpg"),
    ],
)
def test_names_that_windows_reserves_are_changed_there(stem: str, suffix: str, expected: str) -> None:
    assert legal(stem, suffix, windows=True) == expected
    assert legal(stem, suffix, windows=False) == stem + suffix


def test_ids_count_all_inputs_in_order() -> None:
    planner = Planner(Out("/nowhere"), to=["webp"])
    gone = Item("/in/gone.jpg", "gone.jpg", 0, 0, error="It does not exist.")
    entries = list(planner.plan(Batch("/in", "", [*items("a.jpg"), gone])))
    entries += planner.plan(batch("b.jpg"))
    assert [entry.id if isinstance(entry, Job) else entry.job for entry in entries] == [0, 1, 2]
    assert planner.count == 3


def written(path: Path, digest: str = "") -> OutputFile:
    status = path.stat()
    times = status.st_mtime_ns, status.st_ctime_ns
    return OutputFile(str(path), status.st_size, 1, 1, *times, status.st_ino, digest)


class Place:
    """A real input folder and a real OUT, planned as a run would."""

    def __init__(self, root: Path) -> None:
        self.source = root / "in"
        self.out = root / "out"
        self.source.mkdir()
        self.known: dict[str, list[PriorResult]] = {}
        self.others: list[tuple[str, PriorResult]] = []
        self.covered: tuple[OutputFile, ...] = ()

    def write(self, name: str, data: bytes = b"\xff\xd8\xff") -> Path:
        path = self.source / name
        path.write_bytes(data)
        os.utime(path, ns=(10**18, 10**18))
        return path

    def output(self, name: str, data: bytes = b"made") -> Path:
        self.out.mkdir(exist_ok=True)
        path = self.out / name
        path.write_bytes(data)
        return path

    def remember(self, source: Path, *outputs: Path, recipe: str = "key", **facts: Any) -> None:
        status = source.stat()
        made = tuple(written(path) for path in outputs)
        times = status.st_mtime_ns, status.st_ctime_ns
        inode = 0 if os.name == "nt" else status.st_ino
        record = PriorResult(recipe, "ok", status.st_size, *times, inode, "digest", 1, made)
        self.known.setdefault(str(source), []).insert(0, record._replace(**facts))

    def done(self, batch: Batch, paths: Any = None) -> dict[str, list[PriorResult]]:
        return self.known

    def recorded(self, batch: Batch, key: str, siblings: Sequence[str] = ()) -> Recorded:
        return Recorded({})

    def owners(self, batch: Batch) -> None:
        return None

    def taken(self, batch: Batch) -> list[tuple[str, PriorResult]]:
        return self.others

    def of(self, path: str) -> tuple[str, tuple[OutputFile, ...]]:
        inside = os.path.relpath(path, self.source)
        return str(self.source / ".imgpar/undo/7" / inside), self.covered

    def plan(
        self, *, in_place: bool = False, to: Sequence[str] = ("webp",), **facts: Any
    ) -> list[Job | Outcome]:
        out = Out(str(self.source), in_place=True) if in_place else Out(str(self.out))
        planner = Planner(out, "key", to=to, past=self, originals=self, **facts)
        return [entry for found in scan([str(self.source)], out=None) for entry in planner.plan(found)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def only(entries: list[Job | Outcome]) -> Any:
    (entry,) = entries
    return entry


def test_what_is_done_and_unchanged_is_skipped(place: Place) -> None:
    output = place.output("a.webp")
    place.remember(place.write("a.jpg"), output)
    outcome = only(place.plan())
    assert (outcome.status, outcome.reason) == ("skipped", "unchanged")
    assert [file.path for file in outcome.outputs] == [str(output)]


@pytest.mark.parametrize(
    "facts",
    [{"size": 99}, {"recipe": "other"}, {"state": "failed"}, {"outputs": ()}],
    ids=lambda fact: next(iter(fact)),
)
def test_what_changed_is_done_again(place: Place, facts: dict[str, Any]) -> None:
    place.remember(place.write("a.jpg"), place.output("a.webp"), **facts)
    entry = only(place.plan())
    assert isinstance(entry, Job) or entry.reason == "exists"
    assert getattr(entry, "digest", "") == ""


def test_a_changed_input_replaces_its_own_output(place: Place) -> None:
    place.remember(place.write("a.jpg"), place.output("a.webp"), size=99)
    assert only(place.plan()).targets[0].replaces


def test_a_missing_output_is_made_again(place: Place) -> None:
    output = place.output("a.webp")
    place.remember(place.write("a.jpg"), output)
    output.unlink()
    assert not only(place.plan()).targets[0].replaces


@pytest.mark.parametrize("keep_time", [False, True])
def test_an_output_that_the_user_edited_is_kept(place: Place, keep_time: bool) -> None:
    output = place.output("a.webp")
    place.remember(place.write("a.jpg"), output)
    when = output.stat().st_mtime_ns
    output.write_bytes(b"retouched")
    os.utime(output, ns=(when, when) if keep_time else (10**18, 10**18 + 10**11))
    assert only(place.plan()).reason == "changed"


def test_an_output_is_replaced_only_while_it_is_what_was_recorded(place: Place) -> None:
    """An edit may keep the size, so whoever replaces it compares the digest."""
    output = place.output("a.webp")
    place.remember(place.write("a.jpg"), output, size=99)
    recorded = written(output)
    output.write_bytes(b"EDIT")
    assert only(place.plan()).targets[0].known == (recorded,)


@pytest.mark.parametrize(
    "facts", [{"mtime_ns": 5}, {"ctime_ns": 5}, {"inode": 12345}], ids=["time", "change", "inode"]
)
def test_a_touched_input_is_compared_by_its_digest(place: Place, facts: dict[str, int]) -> None:
    if os.name == "nt" and "inode" in facts:
        pytest.skip("Windows lists no inodes")
    place.remember(place.write("a.jpg"), place.output("a.webp"), **facts)
    assert only(place.plan()).digest == "digest"


def test_a_newer_recipe_that_took_the_output_is_seen(place: Place) -> None:
    source, output = place.write("a.jpg"), place.output("a.webp")
    place.remember(source, output)
    place.remember(source, output, recipe="other")
    assert only(place.plan()).targets[0].replaces


def test_a_newcomer_never_moves_an_output_that_is_there(place: Place) -> None:
    place.remember(place.write("a.jpg"), place.output("a.webp"))
    place.write("a.png")
    entries = place.plan()
    assert targets(entries) == {"a.png": ["a.png.webp"]}
    place.known[str(place.source / "a.jpg")][0] = place.known[str(place.source / "a.jpg")][0]._replace(
        size=99
    )
    assert targets(place.plan()) == {"a.jpg": ["a.webp"], "a.png": ["a.png.webp"]}


def test_an_output_of_a_planned_row_is_ours_only_when_its_worker_noted_it(place: Place) -> None:
    source, output = place.write("a.jpg"), place.output("a.webp", b"written just before the crash")
    os.utime(output, ns=(source.stat().st_mtime_ns,) * 2)
    claim = OutputFile(str(output), PLANNED, 0, 0, source.stat().st_mtime_ns)
    place.remember(source, state="planned", outputs=(), claims=(claim,))
    assert only(place.plan()).reason == "exists"
    place.known.clear()
    place.remember(source, state="planned", outputs=(), claims=(written(output),))
    assert only(place.plan()).targets[0].replaces


def test_foreign_files_are_skipped_by_default(place: Place) -> None:
    place.write("a.jpg")
    output = place.output("a.webp")
    outcome = only(place.plan())
    assert (outcome.status, outcome.reason, outcome.outputs[0].path) == ("skipped", "exists", str(output))


def test_foreign_files_are_overwritten_renamed_or_refused_when_asked(place: Place) -> None:
    place.write("a.jpg")
    place.output("a.webp")
    place.output("a-1.webp")
    assert only(place.plan(on_exists="overwrite")).targets[0].replaces
    renamed = only(place.plan(on_exists="rename")).targets[0]
    assert (os.path.basename(renamed.path), renamed.replaces) == ("a-2.webp", False)
    assert "exists" in only(place.plan(on_exists="error")).error


def test_renamed_outputs_do_not_meet_others_of_the_run(place: Place) -> None:
    place.write("a.jpg")
    place.write("a-1.jpg")
    place.output("a.webp")
    names = targets(place.plan(on_exists="rename"))
    assert names == {"a.jpg": ["a-2.webp"], "a-1.jpg": ["a-1.webp"]}


def test_of_several_targets_only_the_free_ones_are_made(place: Place) -> None:
    place.write("a.jpg")
    place.output("a.webp")
    job = only(place.plan(to=["webp", "avif"]))
    assert [target.format for target in job.targets] == ["avif"]
    assert "a.webp" in job.notes[0]


def test_overwrite_never_takes_an_input(place: Place) -> None:
    place.write("a.jpg")
    planner = Planner(Out(str(place.source)), on_exists="overwrite")
    (outcome,) = [entry for found in scan([str(place.source)], out=None) for entry in planner.plan(found)]
    assert isinstance(outcome, Outcome)
    assert "input" in outcome.error


def test_in_place_replaces_the_input_and_keeps_the_original(place: Place) -> None:
    source = place.write("a.jpg")
    target = only(place.plan(in_place=True, to=())).targets[0]
    assert (target.path, target.replaces, target.retires) == (str(source), True, str(source))
    assert target.backup == str(place.source / ".imgpar/undo/7/a.jpg")


def test_in_place_with_another_format_retires_the_original(place: Place) -> None:
    source = place.write("a.png")
    target = only(place.plan(in_place=True)).targets[0]
    assert (target.path, target.replaces) == (str(place.source / "a.webp"), False)
    assert target.retires == str(source)


def test_in_place_a_file_that_stays_keeps_its_name(place: Place) -> None:
    place.write("a.webp")
    place.write("a.png")
    assert targets(place.plan(in_place=True)) == {"a.png": ["a.png.webp"], "a.webp": ["a.webp"]}


def test_a_second_run_in_place_recognises_its_own_output(place: Place) -> None:
    old, new = place.source / "a.png", place.write("a.webp", b"small")
    place.known[str(old)] = [PriorResult("key", "ok", 999, 1, 1, 1, "digest", 1, (written(new),))]
    assert only(place.plan(in_place=True)).reason == "unchanged"
    new.write_bytes(b"edited by the user")
    assert isinstance(only(place.plan(in_place=True)), Job)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no time of the last change")
def test_an_output_in_place_that_was_moved_is_compared_by_its_digest(place: Place) -> None:
    new = place.write("a.webp", b"small")
    made = written(new, "digest of the output")
    place.known[str(new)] = [PriorResult("key", "ok", 999, 1, 1, 1, "digest", 1, (made,))]
    os.utime(new)
    assert only(place.plan(in_place=True)).digest == "digest of the output"


def test_in_place_what_imgpar_wrote_is_known_to_be_no_original(place: Place) -> None:
    place.covered = (written(place.write("a.webp")),)
    assert only(place.plan(in_place=True)).targets[0].covered == place.covered


@pytest.mark.skipif(os.name == "nt", reason="Windows links need privileges")
def test_in_place_a_link_is_skipped(place: Place) -> None:
    (place.source / "a.webp").symlink_to(place.output("real.webp"))
    assert only(place.plan(in_place=True)).reason == "link"


class TestOtherRoots:
    """Outputs of another root lie in the same folder."""

    def other(self, place: Place, output: Path, **facts: Any) -> None:
        record = PriorResult("key", "ok", 3, 1, 1, 1, "digest", 1, (written(output),), (), 5)
        self.record = record._replace(**facts)
        place.others.append(("a.jpg", self.record))

    def test_a_newcomer_takes_its_whole_name(self, place: Place) -> None:
        place.write("a.jpg")
        self.other(place, place.output("a.webp"))
        assert targets(place.plan()) == {"a.jpg": ["a.jpg.webp"]}

    def test_and_then_the_name_of_its_root_as_a_folder(self, place: Place) -> None:
        place.write("a.jpg")
        for name in ("a.webp", "a.jpg.webp"):
            self.other(place, place.output(name))
        assert only(place.plan()).targets[0].path == str(place.out / "in/a.webp")

    def test_without_a_format_there_is_no_longer_name(self, place: Place) -> None:
        place.write("a.jpg")
        self.other(place, place.output("a.jpg"))
        assert only(place.plan(to=())).targets[0].path == str(place.out / "in/a.jpg")

    def test_equal_content_is_the_same_input(self, place: Place) -> None:
        place.write("a.jpg")
        self.other(place, place.output("a.webp"))
        job = only(place.plan())
        assert (job.digest, job.same) == ("digest", SameItem(5, self.record.outputs))

    @pytest.mark.parametrize("facts", [{"size": 4}, {"recipe": "other"}, {"digest": ""}], ids=str)
    def test_other_content_is_told_without_reading(self, place: Place, facts: dict[str, Any]) -> None:
        place.write("a.jpg")
        self.other(place, place.output("a.webp"), **facts)
        assert (only(place.plan()).digest, only(place.plan()).same) == ("", None)

    def test_an_output_that_is_gone_gives_its_name_free(self, place: Place) -> None:
        place.write("a.jpg")
        output = place.output("a.webp")
        self.other(place, output)
        output.unlink()
        assert targets(place.plan()) == {"a.jpg": ["a.webp"]}


@pytest.mark.parametrize(
    ("on_exists", "expected"), [(None, "a.webp"), ("overwrite", "a.webp"), ("rename", "a-1.webp")]
)
def test_outputs_of_other_settings_are_replaced_unless_the_user_says_what_to_do(
    place: Place, on_exists: str | None, expected: str
) -> None:
    place.remember(place.write("a.jpg"), place.output("a.webp"), recipe="other")
    assert targets(place.plan(on_exists=on_exists)) == {"a.jpg": [expected]}


def test_outputs_of_other_settings_stay_when_the_user_says_so(place: Place) -> None:
    place.remember(place.write("a.jpg"), place.output("a.webp"), recipe="other")
    assert only(place.plan(on_exists="skip")).reason == "settings"


def test_outputs_of_other_settings_are_no_error_of_foreign_files(place: Place) -> None:
    place.remember(place.write("a.jpg"), place.output("a.webp"), recipe="other")
    assert "made with other settings" in only(place.plan(on_exists="error")).error


def test_what_is_verified_is_a_job_that_writes_nothing(place: Place) -> None:
    output = place.output("a.webp")
    place.remember(place.write("a.jpg"), output)
    job = only(place.plan(verify=True))
    assert (job.check, job.targets) == ((written(output),), ())


def test_out_may_be_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    out = read_out(str(tmp_path / "b.webp"), [str(tmp_path / "a.jpg")])
    assert (out.folder, out.name) == (str(tmp_path), "b.webp")
    (job,) = Planner(out).plan(batch("a.jpg"))
    assert isinstance(job, Job)
    assert (job.targets[0].format, job.targets[0].path) == ("webp", str(tmp_path / "b.webp"))


def test_out_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    folder, file = tmp_path / "in", tmp_path / "a.jpg"
    folder.mkdir()
    file.write_bytes(b"")
    for out, inputs, to in [
        (folder, [folder], []),
        (None, [folder], []),
        (tmp_path / "b.webp", [folder], []),
        (tmp_path / "b.webp", [file, file], []),
        (tmp_path / "b.webp", [file], ["png"]),
    ]:
        with pytest.raises(UsageError):
            read_out(out and str(out), [str(path) for path in inputs], to=to)
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(OutputError):
        read_out(str(tmp_path / "plain"), [str(folder)])


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.webp").mkdir()
    assert read_out(str(tmp_path / "out.webp"), ["a.jpg"]).name == ""


def test_a_full_disk_is_said_before_the_run(tmp_path: Path) -> None:
    assert free_space_problem(str(tmp_path / "not/yet/there"), 1) == ""
    assert "free" in free_space_problem(str(tmp_path / "not/yet/there"), 1 << 60)
