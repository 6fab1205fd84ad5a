"""`--events`, `--log-format` and `--metrics` through the program: what other programs read of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import imgpar
from imgpar.batch.event_stream import EventStream
from imgpar.batch.progress import Progress
from imgpar.core.job import Event, Outcome, OutputFile

ROOT = Path(__file__).resolve().parents[2]
JOBS = ("-j", "2", "--memory", "64M")
posix = pytest.mark.skipif(os.name == "nt", reason="named pipes and descriptors")


@cache
def validator() -> jsonschema.Draft202012Validator:
    """Of the published schema, without the room that it leaves for later versions."""
    schema = json.loads((ROOT / "docs" / "events.schema.json").read_text("utf-8"))
    for line in schema["$defs"].values():
        line["additionalProperties"] = False
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def checked(data: bytes) -> list[dict[str, Any]]:
    """The lines, each of which fits the schema; of every run a first and a last one, and no gap."""
    assert data.endswith(b"\n")
    lines = [json.loads(line) for line in data.splitlines()]
    for line in lines:
        validator().validate(line)
    for run in {line["run"] for line in lines}:
        own = [line for line in lines if line["run"] == run]
        assert [line["seq"] for line in own] == list(range(len(own)))
        assert (own[0]["event"], own[-1]["event"]) == ("run", "summary")
    return lines


def kinds(lines: list[dict[str, Any]]) -> Counter[str]:
    return Counter(line["event"] for line in lines if line["event"] != "progress")


def call(*arguments: object, code: int = 0, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "imgpar", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=100, **options)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done


@pytest.fixture
def photos(photo_folder) -> Path:
    folder = photo_folder("a.jpg", "b.png", "sub/c.jpg")
    (folder / "bad.jpg").write_bytes(b"no picture")
    return folder


# ----- events -------------------------------------------------------------------------------------------


def test_every_input_has_a_line_on_standard_output_and_nothing_else_is_there(photos, tmp_path):
    done = call("convert", photos, "-o", tmp_path / "out", "--to", "webp", "--events", "-", *JOBS, code=1)
    lines = checked(done.stdout)
    assert kinds(lines) == {"run": 1, "planned": 1, "started": 4, "done": 3, "failed": 1, "summary": 1}
    assert b"Done: 3 ok" in done.stderr
    first, last = lines[0], lines[-1]
    assert (first["out"], first["version"]) == (str(tmp_path / "out"), imgpar.__version__)
    assert (last["ok"], last["failed"], last["exit_code"]) == (3, 1, 1)
    made = next(line for line in lines if line["event"] == "done" and line["source"].endswith("c.jpg"))
    (output,) = made["outputs"]
    assert output["path"] == str(tmp_path / "out" / "sub" / "c.webp")
    assert output["bytes"] == os.path.getsize(output["path"])
    assert (output["width"], output["height"], len(output["digest"])) == (96, 64, 32)
    failed = next(line for line in lines if line["event"] == "failed")
    assert (failed["kind"], failed["stage"]) == ("UnknownFormatError", "read")


def test_runs_share_a_file_and_unchanged_inputs_have_lines_too(photos, tmp_path):
    events = tmp_path / "events.ndjson"
    command = ("convert", photos, "-o", tmp_path / "out", "--events", events, *JOBS)
    call(*command, code=1)
    with events.open("ab") as file:
        file.write(b'{"schema": 1, "event": "do')  # as a killed run leaves it
    done = call(*command, code=1)
    assert b"Done: 0 ok" in done.stdout
    torn = [line for line in events.read_bytes().splitlines(True) if not line.endswith(b"}\n")]
    assert torn == [b'{"schema": 1, "event": "do\n']
    lines = checked(events.read_bytes().replace(torn[0], b""))
    assert len({line["run"] for line in lines}) == 2
    again = [line for line in lines if line["run"] == lines[-1]["run"]]
    assert kinds(again)["skipped"] == 3
    assert {line["reason"] for line in again if line["event"] == "skipped"} == {"unchanged"}


@pytest.mark.slow
def test_frames_sheets_retries_and_tasks_have_events(photos, tmp_path):
    call("convert", photos, "-o", tmp_path / "out", *JOBS, code=1)
    done = call("retry", tmp_path / "out", "--events", "-", *JOBS, code=1)
    assert kinds(checked(done.stdout)) == {"run": 1, "planned": 1, "started": 1, "failed": 1, "summary": 1}
    sheet = ("sheet", photos / "a.jpg", photos / "b.png", "-o", tmp_path / "sheet.jpg")
    done = call(*sheet, "--events", "-", *JOBS)
    assert kinds(checked(done.stdout))["done"] == 2
    (tmp_path / "imgpar.toml").write_text(
        '[task.a]\ninputs = "photos/a.jpg"\nout = "x/"\n[task.b]\ninputs = "photos/b.png"\nout = "y/"\n'
    )
    done = call("run", "--events", "-", "-j", "1", cwd=tmp_path)
    lines = checked(done.stdout)
    assert kinds(lines)["summary"] == kinds(lines)["done"] == 2
    assert b"a:" in done.stderr


def test_an_error_that_ends_a_run_is_in_its_summary(photos, tmp_path):
    (tmp_path / "out").write_text("a file")
    events = tmp_path / "events.ndjson"
    call("convert", photos, "-o", tmp_path / "out", "--events", events, *JOBS, code=4)
    (_, summary) = checked(events.read_bytes())
    assert summary["exit_code"] == 4
    assert str(tmp_path / "out") in summary["error"]


@posix
def test_a_named_pipe_and_a_descriptor_get_the_same_lines(photos, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = ("convert", photos / "a.jpg", "-o", tmp_path / "out", "--events")
    taken: list[bytes] = []
    reader = threading.Thread(target=lambda: taken.append(pipe.read_bytes()))
    reader.start()
    call(*command, pipe, *JOBS)
    reader.join(timeout=60)
    assert kinds(checked(taken[0]))["done"] == 1
    receiver, sender = os.pipe()
    try:
        call(*command, f"/dev/fd/{sender}", *JOBS, pass_fds=(sender,))
    finally:
        os.close(sender)
    with os.fdopen(receiver, "rb") as end:
        assert kinds(checked(end.read()))["skipped"] == 1


@posix
def test_a_reader_that_goes_away_is_named_once_and_the_run_goes_on(photos, tmp_path):
    receiver, sender = os.pipe()
    os.close(receiver)
    command = ("convert", photos, "-o", tmp_path / "out", "--events", f"/dev/fd/{sender}")
    done = call(*command, *JOBS, code=1, pass_fds=(sender,))
    os.close(sender)
    assert done.stderr.count(b"The reader of events is gone; the run goes on without events.") == 1
    assert len(list((tmp_path / "out").rglob("*.[jp][pn]g"))) == 3


@posix
def test_a_slow_reader_misses_nothing_and_is_not_waited_for(tmp_path):
    receiver, sender = os.pipe()
    said: list[str] = []
    stream = EventStream(f"/dev/fd/{sender}", said.append, patience=60)
    os.close(sender)
    lines = [b"%06d" % number + b"." * 93 + b"\n" for number in range(60_000)]  # more than is kept in memory
    for line in lines:
        stream.write(line)  # nobody reads: a write that waited would end this test by its time limit
    with os.fdopen(receiver, "rb") as end:
        reader = threading.Thread(target=lambda: said.append(str(end.read() == b"".join(lines))))
        reader.start()
        stream.close()
        reader.join(timeout=60)
    assert said == ["True"]


@posix
def test_a_file_without_room_is_written_again_when_there_is_some(tmp_path):
    import resource

    said: list[str] = []
    stream = EventStream(str(tmp_path / "e.ndjson"), said.append)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (25, before[1]))  # the second line is cut
        for number in range(4):
            stream.write(b'{"seq": %08d}\n' % number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    stream.write(b'{"seq": 4}\n')
    stream.close()
    assert (tmp_path / "e.ndjson").read_bytes().split(b"\n") == [
        b'{"seq": 00000000}', b'{"seq":', b'{"seq": 4}', b"",
    ]  # fmt: skip
    assert len(said) == 1
    assert "events are missing there" in said[0]


@posix
def test_a_reader_that_takes_nothing_is_given_up_at_the_end(tmp_path):
    receiver, sender = os.pipe()
    said: list[str] = []
    stream = EventStream(f"/dev/fd/{sender}", said.append, patience=0.01)
    stream.write(b"." * (1 << 20))
    stream.close()
    os.close(sender)
    os.close(receiver)
    assert len(said) == 1
    assert said[0].startswith("The reader of events has not taken the last ")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--events", "-", "--json"), b"--events - and --json both write to standard output."),
        (("--events", "-", "-n"), b"--events is about a run, but --dry-run runs nothing."),
        (("--metrics", "m.prom", "--check"), b"--metrics is about a run, but --check runs nothing."),
        (("--events", "notes.txt"), b"notes.txt already exists and is not a file of events"),
        (("--events", "a.jpg"), b"The file of events cannot be written to a.jpg"),
        (("--events", "missing/e.ndjson"), b"Events cannot be written to 'missing/e.ndjson': No such file"),
        (("--log-format", "xml"), b"Expected one of text, json for --log-format but received 'xml'."),
    ],
)
def test_bad_flags_are_refused_with_a_sentence(photos, tmp_path, flags, said):
    (tmp_path / "notes.txt").write_text("mine")
    done = call("convert", photos, "-o", "out", *flags, code=2, cwd=tmp_path)
    assert said in done.stderr
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_events_and_the_picture_cannot_share_standard_output(photos):
    done = call("convert", photos / "a.jpg", "-o", "-", "--events", "-", code=2)
    assert b"-o - and --events - both write to standard output." in done.stderr


def test_python_writes_the_same_lines(photos, tmp_path):
    path = tmp_path / "events.ndjson"
    with imgpar.EventLog(path) as log:
        imgpar.convert(photos, tmp_path / "out", on_event=log, jobs=2)
        imgpar.convert(photos, tmp_path / "out2", on_event=log, dry_run=True)
    lines = checked(path.read_bytes())
    assert kinds(lines)["started"] == 4
    assert kinds(lines)["would"] == 4


def test_progress_has_counts_rates_and_the_clips_in_work(tmp_path):
    path, written = tmp_path / "events.ndjson", threading.Event()
    with imgpar.EventLog(path, every=0.001) as log:
        log(Event("start", text="/out"))
        log(Event("started", text="clip.mp4"))
        log(Event("planned", total=10**6))
        log(Event("item", 1, outcome=Outcome("a.jpg", "ok", (OutputFile("/out/a", 7),), source_bytes=50)))
        log(Event("frames", text="clip.mp4", frames=(20, 80)))
        size = path.stat().st_size
        while path.stat().st_size <= size + 1000:
            written.wait(0.001)
    last = [line for line in checked(path.read_bytes()) if line["event"] == "progress"][-1]
    assert (last["done"], last["total"], last["ok"], last["in_progress"]) == (1, 10**6, 1, 1)
    assert (last["bytes_in"], last["bytes_out"]) == (50, 7)
    assert last["clips"] == [{"source": "clip.mp4", "frames": 20, "total": 80}]
    assert last["items_per_second"] > 0
    assert last["seconds_left"] > 0


# ----- the log ------------------------------------------------------------------------------------------


def logged(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(list(line)[:3] == ["time", "level", "message"] for line in lines)
    return lines


def test_the_log_is_json_with_failures_and_the_summary(photos, tmp_path):
    command = ("convert", photos, "-o", tmp_path / "out", "--log-format", "json", *JOBS)
    done = call(*command, code=1)
    assert done.stdout == b""
    failed, summary = logged(done)
    assert (failed["level"], failed["kind"]) == ("error", "UnknownFormatError")
    assert failed["source"] == str(photos / "bad.jpg")
    assert (summary["level"], summary["ok"], summary["exit_code"]) == ("info", 3, 1)
    assert [line["status"] for line in logged(call(*command, "-v", code=1))[:-1]].count("skipped") == 3
    assert len(logged(call(*command, "-q", code=1))) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("convert", "--log-format", "json", "missing", "-o", "out"), 2),
        (("convert", "--log-format=json", "empty", "-o", "out"), 3),
        (("convert", "photos", "--log-format", "json", "--fit", "x", "-o", "out"), 2),
        (("retry", "--log-format", "json", "photos"), 2),
    ],
)
def test_errors_of_the_command_are_json_too(photos, tmp_path, arguments, code):
    (tmp_path / "empty").mkdir()
    (line,) = logged(call(*arguments, code=code, cwd=tmp_path))
    assert (line["level"], line["exit_code"]) == ("error", code)


def test_a_dry_run_logs_its_failures_as_json(photos, tmp_path):
    (tmp_path / "gone.txt").write_text(f"{photos / 'a.jpg'}\n{photos / 'gone.jpg'}\n")
    done = call("convert", "--files-from", "gone.txt", "-o", "out", "-n", "--log-format", "json",
                code=1, cwd=tmp_path)  # fmt: skip
    (line,) = logged(done)
    assert (line["level"], line["status"]) == ("error", "failed")
    assert b"Would work on 1" in done.stdout


def test_steady_lines_replace_the_bar_without_a_terminal(tmp_path):
    with open(tmp_path / "log", "w+") as stream, Progress(stream, every=0.001) as progress:
        progress(Event("start", text="/out"))
        progress(Event("planned", total=4))
        progress(Event("item", 1, outcome=Outcome("a.jpg", "ok", source_bytes=9)))
        size = os.fstat(stream.fileno()).st_size
        while os.fstat(stream.fileno()).st_size <= size + 200:
            pass
        progress(Event("end"))
        stream.seek(0)
        lines = stream.read().splitlines()
    assert "1 of 4 done" in lines[-1]
    assert lines[-1].endswith(" left")
    assert "\r" not in "".join(lines)
    assert "\x1b" not in "".join(lines)


@posix
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_closed_standard_streams_change_nothing(photos, tmp_path, closed):
    command = f"exec '{sys.executable}' -m imgpar convert '{photos}' -o out --log-format json -j 1 {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=100, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert len(list((tmp_path / "out").rglob("*.[jp][pn]g"))) == 3


# ----- metrics ------------------------------------------------------------------------------------------


def test_metrics_are_a_text_file_for_prometheus(photos, tmp_path):
    pytest.importorskip("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    path = tmp_path / "imgpar.prom"
    command = ("convert", photos, "-o", tmp_path / "out", "--metrics", path, *JOBS)
    call(*command, code=1)

    def values() -> dict[tuple[str, ...], float]:
        families = text_string_to_metric_families(path.read_text("utf-8"))
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, *sample.labels.values()): sample.value for sample in samples}

    found = values()
    size = sum(file.stat().st_size for file in (tmp_path / "out").rglob("*.[jp][pn]g"))
    assert (found["imgpar_items_total", "ok"], found["imgpar_items_total", "failed"]) == (3, 1)
    assert found["imgpar_written_bytes_total",] == size
    assert found["imgpar_stage_seconds_total", "decode"] > 0
    assert (found["imgpar_items_in_progress",], found["imgpar_last_exit_code",]) == (0, 1)
    assert found["imgpar_last_success_timestamp_seconds",] == 0
    (photos / "bad.jpg").unlink()
    call(*command)
    found = values()
    assert found["imgpar_items_total", "skipped"] == 3
    assert found["imgpar_last_success_timestamp_seconds",] > 0
    assert [name for name in os.listdir(tmp_path) if name.startswith("imgpar.prom")] == ["imgpar.prom"]


def test_metrics_go_on_where_their_file_could_not_be_written(tmp_path):
    pytest.importorskip("prometheus_client")
    from imgpar.batch.metrics import MetricsFile

    failed, written = threading.Event(), threading.Event()

    class Observed(MetricsFile):
        def _write(self) -> None:
            try:
                super()._write()
            except imgpar.OutputError:
                failed.set()
                raise
            written.set()

    folder = tmp_path / "metrics"
    folder.mkdir()
    with Observed(str(folder / "m.prom"), every=0.01):
        folder.rename(tmp_path / "aside")
        assert failed.wait(30)
        written.clear()
        (tmp_path / "aside").rename(folder)
        assert written.wait(30)


@pytest.mark.slow
def test_a_watch_tells_what_changes_only(photos, tmp_path):
    (photos / "bad.jpg").unlink()
    command = ("watch", photos, "-o", tmp_path / "out", "--once", "--settle", "0.01", "--events", "-", *JOBS)
    assert kinds(checked(call(*command).stdout))["done"] == 3
    assert call(*command).stdout == b""
