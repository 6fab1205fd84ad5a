"""Validation of the messages of a worker: valid and invalid values of each field, without processes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from imgpar.core.job import Item, Job, OutputFile, Target
from imgpar.core.spec import FrameRef, Spec
from imgpar.runtime.protocol import (
    Advanced,
    Done,
    Dropped,
    Failed,
    Files,
    Garbled,
    ItemFailure,
    Lease,
    Need,
    NoMemory,
    Offer,
    Placed,
    Recall,
    Task,
)
from imgpar.runtime.records import WorkerState
from imgpar.runtime.validation import LONGEST_RESULT, MOST_FILES, disorder

SPEC = Spec(10, 10, "RGB")
FILE = OutputFile("/out/a.png", 5)
LEASE = Lease(1000, 400)
SIDE, LARGEST = 1 << 31, 1 << 63
MISPLACED = "larger than its memory"


def task(
    stage: str = "chain",
    *targets: Target,
    kind: str = "frames",
    numbers: tuple[int, ...] = (),
    digest: str = "",
    check: tuple[OutputFile, ...] = (),
) -> Task:
    outputs = targets or (Target("png", FILE.path),)
    job = Job(0, (Item("/in/a.png", "a.png", 1, 1),), outputs, digest, check=check, kind=kind)  # type: ignore[arg-type]
    return Task(7, 1, stage, job, targets=numbers)  # type: ignore[arg-type]


def rejection(
    message: object,
    what: Task | None = None,
    lease: Lease | None = LEASE,
    *,
    arrays: bool = False,
    facts: bool = False,
    offered: int = 0,
    waiting: tuple[int, int] | None = None,
    files: tuple[OutputFile, ...] = (),
) -> str:
    worker = WorkerState()
    worker.outstanding[7] = what or task()
    worker.requests = [waiting] if waiting else []
    return disorder(
        message,
        worker,
        lambda _: lease,
        arrays=arrays,
        facts=facts,
        offered=lambda _: offered,
        files=lambda _: files,
    )


def done(**facts: Any) -> Done:
    return Done(**{"serial": 7, "timings": (), "outputs": (FILE,), **facts})


def placed(spec: Spec = SPEC, count: int = 1, offset: int = 1000, header: tuple[int, int] = (0, 0)) -> Placed:
    return Placed(LEASE, FrameRef(offset, spec, count), header)


def test_a_valid_result_is_accepted() -> None:
    assert rejection(done()) == ""


@pytest.mark.parametrize("message", [None, 7, "done", (7,), (7, ()), ValueError("x")])
def test_other_types_are_rejected(message: object) -> None:
    assert "sent an object of unknown type" in rejection(message)


def test_an_unreadable_message_has_its_reason() -> None:
    assert rejection(Garbled("sent half a message")) == "sent half a message"


@pytest.mark.parametrize(("token", "good"), [(1, True), (99, True), (0, False), (-1, False)])
def test_a_released_token_is_positive(token: int, good: bool) -> None:
    assert (rejection(Dropped(token)) == "") is good


@pytest.mark.parametrize("serial", [0, 6, 8, -7])
def test_results_of_unassigned_tasks_are_rejected(serial: int) -> None:
    assert "task that was not assigned" in rejection(done(serial=serial))


def test_a_task_that_waits_for_memory_sends_no_result() -> None:
    assert "waits for memory" in rejection(done(), waiting=(7, 100))
    assert rejection(done(), waiting=(8, 100)) == ""


# ----- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nbytes", "good"), [(1, True), (1 << 60, True), (0, False), (-1, False)])
def test_a_memory_request_is_positive(nbytes: int, good: bool) -> None:
    assert (rejection(Need(7, nbytes)) == "") is good


@pytest.mark.parametrize("stage", ["encode", "frame"])
@pytest.mark.parametrize("message", [Need(7, 100), NoMemory(7)])
def test_stages_without_memory_requests(stage: str, message: Any) -> None:
    assert "needs none" in rejection(message, task(stage), Lease(0, 1, True))


@pytest.mark.parametrize(
    ("lease", "good"), [(Lease(0, 1, True), True), (Lease(0, 1, False), False), (None, False)]
)
def test_only_a_fresh_lease_can_lack_memory(lease: Lease | None, good: bool) -> None:
    assert (rejection(NoMemory(7), lease=lease) == "") is good


# ----- frames of a clip -----------------------------------------------------------------------------


STREAM = task(kind="stream")


@pytest.mark.parametrize("message", [Advanced(7, 0, 0), Recall(7), Offer(7, 0, 1000, 1000, b"")])
def test_frame_messages_are_for_clips_only(message: Any) -> None:
    assert rejection(message, STREAM) == ""
    assert "of a clip that was not assigned" in rejection(message, task())
    assert "of a clip that was not assigned" in rejection(message, task("frame", kind="stream"))


@pytest.mark.parametrize("count", [-1, LARGEST])
def test_limits_of_frame_counts(count: int) -> None:
    for message in (Advanced(7, count, 0), Advanced(7, 0, count)):
        assert "invalid frame count" in rejection(message, STREAM)
    assert rejection(Advanced(7, LARGEST - 1, LARGEST - 1), STREAM) == ""


@pytest.mark.parametrize(
    ("at", "good"), [(1000, True), (1399, True), (999, False), (1400, False), (0, False), (-1, False)]
)
def test_an_offered_frame_starts_in_its_lease(at: int, good: bool) -> None:
    for message in (Offer(7, 0, at, 1000, b""), Offer(7, 0, 1000, at, b"")):
        assert (rejection(message, STREAM) == "") is good
        assert "outside of its lease" in rejection(message, STREAM, None)


@pytest.mark.parametrize(
    ("number", "length", "good"),
    [
        (0, 0, True),
        (LARGEST - 1, 1 << 16, True),
        (-1, 0, False),
        (LARGEST, 0, False),
        (0, (1 << 16) + 1, False),
    ],
)
def test_limits_of_an_offered_frame(number: int, length: int, good: bool) -> None:
    assert (rejection(Offer(7, number, 1000, 1000, bytes(length)), STREAM) == "") is good


@pytest.mark.parametrize(("offered", "good"), [(0, True), (4095, True), (4096, False)])
def test_open_offers_are_limited(offered: int, good: bool) -> None:
    assert (rejection(Offer(7, 0, 1000, 1000, b""), STREAM, offered=offered) == "") is good


# ----- failures -------------------------------------------------------------------------------------


def failed(**facts: Any) -> Failed:
    known = {
        "serial": 7,
        "stage": "decode",
        "error": "DamagedError",
        "message": "",
        "fix": "",
        "traceback": "",
    }
    return Failed(**{**known, **facts})


@pytest.mark.parametrize(
    ("facts", "good"),
    [
        ({}, True),
        ({"stage": "nowhere"}, False),
        ({"error": "no name"}, False),
        ({"error": ""}, False),
        ({"error": "Fehlör"}, False),
        ({"message": "x" * 8000, "fix": "x" * 8000, "traceback": "x" * 8000}, True),
        ({"message": "x" * 8001}, False),
        ({"fix": "x" * 8001}, False),
        ({"traceback": "x" * 8001}, False),
        ({"notes": ("x" * 8000,) * 1000}, True),
        ({"notes": ("x",) * 1001}, False),
        ({"notes": ("x" * 8001,)}, False),
        ({"timings": (("decode", 1.0),)}, True),
        ({"timings": (("nowhere", 1.0),)}, False),
    ],
)
def test_fields_of_a_failure(facts: dict[str, Any], good: bool) -> None:
    assert (rejection(failed(**facts)) == "") is good


# ----- reports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "good"), [(0.0, True), (1e9, True), (-0.1, False), (1.1e9, False), (math.nan, False)]
)
def test_limits_of_stage_times(seconds: float, good: bool) -> None:
    assert (rejection(done(timings=(("decode", seconds),))) == "") is good


@pytest.mark.parametrize("field", ["lost", "notes"])
@pytest.mark.parametrize(
    ("texts", "good"), [(("x",) * 1000, True), (("x",) * 1001, False), (("x" * 8001,), False)]
)
def test_limits_of_notes_and_losses(field: str, texts: tuple[str, ...], good: bool) -> None:
    assert (rejection(done(**{field: texts})) == "") is good


@pytest.mark.parametrize(("digest", "good"), [("ab" * 16, True), ("ä", False), ("x" * 8001, False)])
def test_a_digest_is_short_ascii(digest: str, good: bool) -> None:
    assert (rejection(failed(digest=digest)) == "") is good
    assert (rejection(done(digest=digest)) == "") is good
    assert (rejection(done(outputs=(FILE._replace(digest=digest),))) == "") is good


@pytest.mark.parametrize(
    ("facts", "good"),
    [
        ({"bytes": 0, "width": 0, "height": 0}, True),
        ({"bytes": LARGEST - 1, "width": SIDE - 1, "height": SIDE - 1}, True),
        ({"bytes": -1}, False),
        ({"bytes": LARGEST}, False),
        ({"width": -1}, False),
        ({"width": SIDE}, False),
        ({"height": -1}, False),
        ({"height": SIDE}, False),
        ({"mtime_ns": LARGEST - 1, "ctime_ns": -LARGEST}, True),
        ({"mtime_ns": LARGEST}, False),
        ({"mtime_ns": -LARGEST - 1}, False),
        ({"ctime_ns": LARGEST}, False),
        ({"inode": 1 << 64}, True),
    ],
)
def test_limits_of_file_properties(facts: dict[str, int], good: bool) -> None:
    assert (rejection(done(outputs=(FILE._replace(**facts),))) == "") is good


# ----- output files ---------------------------------------------------------------------------------


TWO = (Target("png", "/out/a.png"), Target("webp", "/out/a.webp"))
WEBP = OutputFile("/out/a.webp", 5)


@pytest.mark.parametrize(
    ("outputs", "good"),
    [
        ((FILE, WEBP), True),
        ((WEBP, FILE), True),
        ((FILE,), False),
        ((), False),
        ((FILE, FILE), False),
        ((FILE, WEBP, FILE), False),
        ((FILE, OutputFile("/etc/passwd", 5)), False),
    ],
)
def test_the_outputs_match_the_job(outputs: tuple[OutputFile, ...], good: bool) -> None:
    assert (rejection(done(outputs=outputs), task("chain", *TWO)) == "") is good


def test_a_task_for_one_target_returns_that_output() -> None:
    for numbers, good, bad in (((1,), WEBP, FILE), ((0,), FILE, WEBP)):
        what = task("encode", *TWO, numbers=numbers)
        assert rejection(done(outputs=(good,)), what) == ""
        assert "files of another job" in rejection(done(outputs=(bad,)), what)


def test_known_outputs_may_be_omitted_but_not_all() -> None:
    what = task("chain", TWO[0], TWO[1]._replace(known=(WEBP,)))
    assert rejection(done(outputs=(FILE,)), what) == ""
    assert rejection(done(outputs=(FILE, WEBP)), what) == ""
    assert "files of another job" in rejection(done(outputs=(WEBP,)), what)
    both = task("chain", *(target._replace(known=(FILE,)) for target in TWO))
    assert "files of another job" in rejection(done(outputs=()), both)


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (("a-p1.png", "a-p2.png", "a-p3.png"), True),
        (("a-p1.png",), True),
        (("a-p1.png", "a-p3.png"), True),
        (("a-p2.png",), True),
        (("a-p1.png", "a-p1.png"), False),
        (("a-p01.png",), False),
        (("a-p1.png", "b-p2.png"), False),
        (("a.png",), True),
        (("a.png", "a-p1.png"), False),
    ],
)
def test_split_pages_are_those_of_the_target(names: tuple[str, ...], good: bool) -> None:
    outputs = tuple(OutputFile(f"/out/{name}", 5) for name in names)
    split = task("chain", Target("png", "/out/a.png", split="pages"))
    assert (rejection(done(outputs=outputs), split) == "") is good
    if names != ("a.png",):
        assert "files of another job" in rejection(done(outputs=outputs), task())


FRAMES = task("chain", Target("png", "/out/a.png", split="frames"), kind="stream")
SPRITES = task(
    "chain",
    Target("png", "/out/a.png", split="sprites"),
    Target("vtt", "/out/a.vtt"),
    kind="stream",
)


def named(*names: str) -> tuple[OutputFile, ...]:
    return tuple(OutputFile(f"/out/{name}", 5) for name in names)


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (("a-000000.png", "a-000010.png"), True),
        (("a-1234567.png",), True),
        (("a-0000010.png",), False),
        (("a-000010.png", "a-000010.png"), False),
        (("a-00010.png",), False),
        (("b-000010.png",), False),
        (("a.png",), False),
        (("a-p1.png",), False),
    ],
)
def test_frames_are_named_by_their_index(names: tuple[str, ...], good: bool) -> None:
    assert (rejection(done(outputs=named(*names)), FRAMES) == "") is good


def test_outputs_may_be_missing_only_beside_a_failure() -> None:
    two = task("chain", Target("png", "/out/a.png"), Target("webp", "/out/a.webp"))
    failure = Failed(7, "encode", "EncodeError", "no", "", "")
    assert "another job" in rejection(done(outputs=named("a.png")), two)
    assert rejection(done(outputs=named("a.png"), failed_output=failure), two) == ""
    assert "another job" in rejection(done(outputs=named("b.png"), failed_output=failure), two)
    assert "without any" in rejection(done(outputs=(), failed_output=failure), two)
    wrong = failure._replace(error="no class")
    assert "unknown class" in rejection(done(outputs=named("a.png"), failed_output=wrong), two)


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (("a-p1.png", "a-p2.png", "b.png"), True),
        (("a.png", "b.png"), True),
        (("a-p1.png", "a-p3.png", "b.png"), True),
        (("a-p1.png", "a-p2.png"), False),
        (("a-p1.png", "b.png", "b-p1.png"), False),
    ],
)
def test_pages_beside_a_whole_output(names: tuple[str, ...], good: bool) -> None:
    """Outputs of a recipe may differ in what they do with pages."""
    both = task("chain", Target("png", "/out/a.png", split="pages"), Target("png", "/out/b.png", branch=1))
    assert (rejection(done(outputs=named(*names)), both) == "") is good


def test_sprites_need_their_index() -> None:
    pictures = named("a-sprites-1.png", "a-sprites-2.png")
    assert rejection(done(outputs=(*pictures, *named("a.vtt"))), SPRITES) == ""
    assert rejection(done(outputs=named("a.vtt")), SPRITES, files=pictures) == ""
    assert "another job" in rejection(done(outputs=pictures), SPRITES)
    assert "another job" in rejection(done(outputs=named("a.vtt")), SPRITES)
    assert "another job" in rejection(done(outputs=pictures[1:]), SPRITES, files=pictures[:1])


def test_files_before_the_result_are_checked_like_it() -> None:
    assert rejection(Files(7, named("a-000000.png")), FRAMES) == ""
    assert "another job" in rejection(Files(7, named("b-000000.png")), FRAMES)
    assert "another job" in rejection(Files(7, named("a.vtt")), SPRITES)
    assert "an invalid file" in rejection(Files(7, (OutputFile("/out/a-000000.png", -1),)), FRAMES)
    assert "not assigned" in rejection(Files(7, (FILE,)))
    many = (OutputFile("/out/a-000000.png", 5),) * MOST_FILES
    assert "more files" in rejection(Files(7, named("a-000000.png")), FRAMES, files=many)


def test_a_file_is_reported_once() -> None:
    before = named("a-000000.png")
    assert rejection(done(outputs=named("a-000001.png")), FRAMES, files=before) == ""
    assert "another job" in rejection(done(outputs=before), FRAMES, files=before)


def test_outputs_exclude_frames() -> None:
    assert "files of another job" in rejection(done(placed=placed()))


# ----- unchanged ------------------------------------------------------------------------------------


def test_unchanged_requires_a_known_digest_or_output() -> None:
    unchanged = done(unchanged=True, outputs=())
    assert rejection(unchanged, task(digest="known")) == ""
    assert rejection(unchanged, task(check=(FILE,))) == ""
    assert "an unknown file as unchanged" in rejection(unchanged, task())
    assert "an unknown file as unchanged" in rejection(done(unchanged=True), task(digest="known"))
    with_frames = done(unchanged=True, outputs=(), placed=placed())
    assert "an unknown file as unchanged" in rejection(with_frames, task(digest="known"))


def test_a_frame_task_returns_no_results() -> None:
    assert rejection(done(outputs=()), task("frame")) == ""
    assert "sent results with a frame" in rejection(done(), task("frame"))
    assert "sent results with a frame" in rejection(done(outputs=(), placed=placed()), task("frame"))


# ----- frames in shared memory ----------------------------------------------------------------------


def returned(where: Placed | None, stage: str = "decode", **facts: Any) -> str:
    return rejection(done(placed=where, outputs=()), task(stage), **facts)


@pytest.mark.parametrize("stage", ["decode", "transform"])
def test_decode_and_transform_return_frames(stage: str) -> None:
    assert returned(placed(), stage) == ""
    assert "without its location" in returned(None, stage)
    assert "without its location" in rejection(done(placed=placed()), task(stage))


def test_decode_may_write_pages() -> None:
    assert rejection(done(), task("decode")) == ""
    assert "without its location" in rejection(done(), task("transform"))


def test_a_clip_returns_no_frames() -> None:
    assert rejection(done(), task("decode", kind="stream")) == ""
    assert "files of another job" in rejection(
        done(placed=placed(), outputs=()), task("decode", kind="stream")
    )


@pytest.mark.parametrize(
    "lease", [None, Lease(1000, 399), Lease(1000, 401), Lease(999, 400), Lease(1001, 400)]
)
def test_frames_are_in_the_lease_of_the_task(lease: Lease | None) -> None:
    assert "outside of its lease" in returned(placed(), lease=lease)
    assert returned(placed(), lease=Lease(1000, 400, True)) == ""


@pytest.mark.parametrize(
    ("where", "good"),
    [
        (placed(Spec(10, 10, "RGBX")), True),
        (placed(Spec(10, 10, "RGBX"), offset=1001), False),
        (placed(offset=1100), True),
        (placed(offset=1101), False),
        (placed(offset=999), False),
        (placed(Spec(401, 1, "L")), False),
        (placed(Spec(400, 1, "L")), True),
        (placed(Spec(1, 400, "L")), True),
        (placed(Spec(0, 1, "L")), False),
        (placed(Spec(1, 0, "L")), False),
        (placed(Spec(-1, -1, "L")), False),
        (placed(Spec(SIDE, 1, "L")), False),
        (placed(Spec(1, 1, "XYZ")), False),  # type: ignore[arg-type]
        (placed(Spec(1, 1, "L", "int8")), False),  # type: ignore[arg-type]
        (placed(Spec(1, 1, "L"), count=0), False),
        (placed(Spec(1, 1, "L"), count=-1), False),
        (placed(Spec(1, 1, "L"), count=2), True),
    ],
)
def test_frames_fit_into_the_lease(where: Placed, good: bool) -> None:
    assert (returned(where) == "") is good


@pytest.mark.parametrize(
    ("header", "good"),
    [
        ((0, 0), True),
        ((1300, 100), True),
        ((1300, 101), False),
        ((999, 10), False),
        ((1399, 1), True),
        ((1400, 1), False),
        ((1000, -1), False),
    ],
)
def test_the_header_is_in_the_lease(header: tuple[int, int], good: bool) -> None:
    assert (returned(placed(Spec(1, 1), header=header)) == "") is good


# ----- arrays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["chain", "transform"])
@pytest.mark.parametrize(
    ("where", "good"),
    [(placed(), True), (placed(Spec(1, 1, "L"), count=2), False), (placed(Spec(4, 4, "YCC420")), False)],  # type: ignore[arg-type]
)
def test_an_array_is_one_picture(stage: str, where: Placed, good: bool) -> None:
    assert (returned(where, stage, arrays=True) == "") is good


def test_a_decoded_array_may_have_several_frames() -> None:
    assert returned(placed(Spec(1, 1, "L"), count=2), "decode", arrays=True) == ""


def test_array_tasks_write_no_files() -> None:
    for stage in ("chain", "decode", "transform"):
        assert "without its location" in rejection(done(), task(stage), arrays=True)
        assert "without its location" in returned(None, stage, arrays=True)


# ----- facts ----------------------------------------------------------------------------------------


def test_failures_of_items_are_checked_in_a_failed_job_too() -> None:
    bad = Failed(
        7, "read", "NothingReadError", "None.", "", "", failures=(ItemFailure(1, "DamagedError", "x"),)
    )
    assert "another job" in rejection(bad, task())
    long = bad._replace(failures=(ItemFailure(0, "DamagedError", "x" * 100_000),))
    assert "longer than the limit" in rejection(long, task())
    assert rejection(bad._replace(failures=(ItemFailure(0, "DamagedError", "x"),)), task()) == ""


def test_facts_are_accepted_where_they_are_requested() -> None:
    assert rejection(done(outputs=(), facts=b"x"), facts=True) == ""
    assert rejection(done(outputs=(), facts=bytes(LONGEST_RESULT)), facts=True) == ""


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (done(facts=b"x"), "sent results where facts"),
        (done(outputs=(), placed=placed(), facts=b"x"), "sent results where facts"),
        (done(outputs=(), unchanged=True, facts=b"x"), "sent results where facts"),
        (done(outputs=()), "sent facts of an invalid length"),
        (done(outputs=(), facts=bytes(LONGEST_RESULT + 1)), "sent facts of an invalid length"),
        (done(outputs=(), facts=b"x", timings=(("read", math.nan),)), "invalid timings"),
    ],
)
def test_other_results_are_rejected_where_facts_are_requested(message: Done, words: str) -> None:
    assert words in rejection(message, facts=True)


def test_facts_that_were_not_requested_are_rejected() -> None:
    assert rejection(done(facts=b"x")) == "sent facts that were not requested"
