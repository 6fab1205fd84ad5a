"""`imgpar help`, what is printed without a command, and the page at the end of every error."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imgpar.cli import main
from imgpar.cli.commands import COMMANDS
from imgpar.cli.completing import parser_of
from imgpar.cli.help import text_about
from imgpar.cli.pages import as_plain_text, page_text
from imgpar.cli.topics import TOPICS, see, topic_at
from imgpar.core import errors
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import ImgparError, item_error, topic_of
from imgpar.ops import operation_types

ROOT = Path(__file__).resolve().parents[2]
FOR_DEVELOPERS = {"index", "architecture", "reliability"}
"""Pages without a topic."""
ON_THE_SITE = {"tutorial", "memory", "performance", "colour", "security"}
"""Pages to read from the beginning to the end: no error and no flag leads there."""


def every_class(kind: type[ImgparError] = ImgparError) -> Iterator[type[ImgparError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every_class(each)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a call prints on standard error."""
    main(list(arguments))
    return capsys.readouterr().err


def test_nothing_prints_three_commands(capsys):
    assert main([]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert len(re.findall(r"^  imgpar (\w+)", shown.out, re.MULTILINE)) == 3


def test_the_three_commands_exist(capsys):
    main([])
    named = re.findall(r"^  imgpar (\w+)", capsys.readouterr().out, re.MULTILINE)
    assert set(named) <= set(COMMANDS)


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_text_without_marks(name):
    text = text_about(name)
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("      "))
    assert len(text) > 80
    assert re.findall(r"\]\(|\*\*[A-Z]|`|^#|^\||\|$", prose, re.MULTILINE) == []


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("name", TOPICS)
def test_paragraphs_fit_the_terminal(name, width):
    topic = TOPICS[name]
    lines = as_plain_text(page_text(topic.page, topic.sections), width).splitlines()
    prose = [line for line in lines if re.match(r"  (- )?[A-Z][a-z]", line) and "  " not in line.strip()]
    assert [line for line in prose if len(line) > width and " " in line.strip()] == []


def test_every_page_has_a_topic():
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages - FOR_DEVELOPERS - ON_THE_SITE == {topic.page for topic in TOPICS.values()}


def test_a_flag_has_one_topic():
    named = [flag for topic in TOPICS.values() for flag in topic.flags.split()]
    assert sorted(named) == sorted(set(named))


def test_flags_of_topics_exist():
    known = {name for command in COMMANDS for name in parser_of(command).flags()}
    named = {f"--{flag}" for topic in TOPICS.values() for flag in topic.flags.split()}
    assert {flag for flag in named if flag not in known and f"--no-{flag[2:]}" not in known} == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_command_is_the_help_of_the_command(capsys, command):
    assert main([command, "--help"]) == 0
    whole = capsys.readouterr().out
    assert main(["help", command]) == 0
    assert capsys.readouterr().out.startswith(whole.rstrip())


def test_a_command_that_is_a_topic_too_has_both():
    assert "usage: imgpar formats" in (text := text_about("formats"))
    assert "camera raw" in text


@pytest.mark.parametrize("name", ["watermark_text", "watermark-text", "--watermark-text"])
def test_help_about_an_operation(name):
    assert text_about(name).startswith("--watermark-text TEXT")


def test_help_about_a_flag_is_its_topic():
    assert text_about("--prefix") == text_about("names")


def test_help_about_a_page():
    assert text_about("img2dataset.md") == text_about("shards")


def test_help_about_several_topics(capsys):
    assert main(["help", "damaged", "locked"]) == 0
    shown = capsys.readouterr().out
    assert 0 < shown.index("--accept-damaged") < shown.index("--password-file")


def test_help_lists_all_commands_and_topics(capsys):
    assert main(["help"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", shown, re.MULTILINE) for name in [*COMMANDS, *TOPICS])


@pytest.mark.parametrize(
    ("name", "near"),
    [("nmaes", "names"), ("exitcodes", "exit-codes"), ("convrt", "convert"), ("sharpne", "sharpen")],
)
def test_an_unknown_topic_is_answered_with_the_nearest(capsys, name, near):
    assert main(["help", name]) == 2
    assert f"Did you mean 'imgpar help {near}'?" in capsys.readouterr().err


@pytest.mark.parametrize(("word", "topic"), [("gps", "metadata"), ("ray", "scaling"), ("--icc", "colours")])
def test_help_about_another_word_is_its_topic(word, topic):
    assert text_about(word) == text_about(topic)


def test_a_cluster_that_is_not_there_has_its_page():
    assert see(errors.RunError("No Ray cluster answers at a:1.")) == "imgpar help scaling"


def test_an_unknown_topic_that_resembles_none(capsys):
    assert main(["help", "zzzzzz"]) == 2
    assert "'imgpar help' lists the topics." in capsys.readouterr().err


def test_links_name_the_topic():
    assert as_plain_text("See [lists](lists.md) and [sizes](names.md#sizes).") == (
        "  See lists (imgpar help lists) and sizes (imgpar help sizes)."
    )


def test_a_table_is_aligned_and_filled():
    table = "| a | b |\n| --- | --- |\n| `one` | first second third fourth |\n| `three` | x |"
    assert as_plain_text(table, 24).splitlines() == [
        "  a      b", "  one    first second", "         third fourth", "  three  x",
    ]  # fmt: skip


def test_marks_of_markdown_inside_code_stay():
    assert as_plain_text("```sh\n# a | b\n\n**c**\n```\n\nd") == "      # a | b\n\n      **c**\n\n  d"


CLASSES = {kind.__name__: kind for kind in every_class()}


@pytest.mark.parametrize("kind", [CLASSES[name] for name in sorted(CLASSES)])
def test_every_class_of_error_has_a_page(kind):
    assert text_about(kind.topic)
    assert see(kind("It failed.")).startswith("imgpar help ")


@pytest.mark.parametrize("kind", sorted(name for name in CLASSES if hasattr(errors, name)))
def test_the_page_about_errors_names_every_class(kind):
    if kind in ("ImgparError", "ItemError", "RunError", "NothingFailedError", "NoInputError"):
        return
    assert f"`{kind}`" in page_text("errors")


def test_the_topic_of_a_kind():
    assert topic_of("DamagedError") == item_error("DamagedError", "").topic == "damaged"


@pytest.mark.parametrize(
    ("arguments", "topic"),
    [
        (["convert", "a.jpg", "-o", "b", "--name", "{nothing}"], "names"),
        (["convert", "a.jpg", "-o", "b", "--quality", "300"], "quality"),
        (["convert", "a.jpg", "-o", "b", "--crop", "x"], "crop"),
        (["convert", "a.jpg", "-o", "b", "--fit", "cover"], "resize"),
        (["convert", "a.jpg", "-o", "b", "--retries", "x"], "network"),
        (["convert", "a.jpg", "-o", "b", "--to", "jgp"], "formats"),
        (["convert", "a.jpg"], "convert"),
        (["undo"], "safety"),
        (["verify"], "verify"),
        (["convert", "nowhere.jpg", "-o", "b"], "unreadable"),
        (["nothing"], "usage"),
        (["convert", "a.jpg", "-o", "b", "--bad-flag"], "convert"),
        (["convert", "a.jpg", "-o", "b", "--recipe", "wbe"], "recipes"),
        (["convert", "a.jpg", "-o", "b", "--recipe", "nowhere.toml"], "recipes"),
        (["convert", "a.jpg", "-o", "b", "--ray-address", "auto"], "scaling"),
    ],
)  # fmt: skip
def test_a_usage_error_ends_with_its_page(capsys, tmp_path, monkeypatch, arguments, topic):
    monkeypatch.chdir(tmp_path)
    line = said(capsys, *arguments)
    assert line.count("\n") == 1
    assert re.search(rf"See:? (imgpar help {topic}|imgpar {topic} --help\.)\n$", line), line


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["duplicates", "."], "There are no pictures or clips in the input. See: imgpar help inputs"),
        (["sheet", ".", "-o", "s.jpg"], "no pictures or clips in the input. See: imgpar help inputs"),
        (["verify", "nowhere"], "does not exist. Check the spelling"),
        (["retry", "nowhere"], "does not exist. Check the spelling"),
        (["undo", "nowhere"], "does not exist. Check the spelling"),
        (["resize", ".", "-o", "b"], "--resize is a flag, not a command. Write: imgpar convert INPUT -o OUT"),
        (["nowhere.jpg", "a.webp"], "A command comes first. Did you mean 'imgpar convert nowhere.jpg"),
        (["convert", "api.py", "-o", "b"], "Leave it out; 'imgpar formats' lists what is read."),
    ],
)  # fmt: skip
def test_what_newcomers_write_is_answered_with_what_to_do(capsys, tmp_path, monkeypatch, command, words):
    monkeypatch.chdir(tmp_path)
    Path("api.py").write_text("print(1)")
    assert words in said(capsys, *command)


@pytest.mark.parametrize("goal", [["--max-bytes", "10"], ["--target", "ssim=1"]])
def test_a_goal_that_cannot_be_reached_ends_with_the_page_about_goals(capsys, tmp_path, monkeypatch, goal):
    monkeypatch.chdir(tmp_path)
    Image.effect_noise((64, 64), 50).save("a.png")
    assert said(capsys, "convert", "a.png", "-o", "b.jpg", *goal).endswith("See: imgpar help quality\n")


def test_a_page_is_named_once(capsys):
    line = said(capsys, "convert", "a.jpg", "-o", "b", "--resize")
    assert line.rstrip().endswith("--resize needs a value. See imgpar convert --help.")


def test_json_has_the_page_as_a_field(capsys):
    record = json.loads(said(capsys, "convert", "--log-format", "json"))
    assert record["help"] == "imgpar help convert"
    assert "See" not in record["message"]


def test_the_text_of_an_error_is_the_same_in_python():
    error = bad_value("--name", "a template", "x")
    assert str(error) == "Expected a template for --name but received 'x'."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a whole picture, one that is cut off, and one of no known format."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64), "red").save("whole.png")
    Image.effect_noise((64, 64), 50).save("cut.png")
    Path("cut.png").write_bytes(Path("cut.png").read_bytes()[:500])
    Path("odd.jpg").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "topic"),
    [
        (["--watermark", "nowhere.png"], "watermark"),
        (["--lut", "nowhere.cube"], "lut"),
        (["--gpx-gap", "1m"], "metadata"),
        (["--deterministic"], "archive-outputs"),
        (["--cache-control", "no-store"], "stores"),
        (["--manifest", "no/folder.json"], "web"),
        (["--to", "jpg", "--loudnorm"], "video"),
        (["--shrink"], "quality"),
    ],
)
def test_a_setting_that_cannot_be_used_ends_with_its_page(capsys, folder, flags, topic):
    assert said(capsys, "convert", "whole.png", "-o", "b/", *flags).endswith(f"See: imgpar help {topic}\n")


@pytest.mark.parametrize(
    "command",
    [["convert", ".", "-o", "out", "--to", "webp"], ["duplicates", "."]],
)
def test_failed_inputs_end_with_their_pages(capsys, folder, command):
    assert main(command) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last == "See: imgpar help damaged unsupported"


def test_a_dry_run_ends_with_the_pages_of_what_would_fail(capsys, folder):
    assert main(["convert", ".", "-o", "out", "--name", "{stem}-{width}", "-n"]) == 1
    assert capsys.readouterr().err.endswith("See: imgpar help unsupported\n")


def test_failed_questions_end_with_their_page(capsys, folder):
    assert main(["info", "odd.jpg"]) == 1
    assert capsys.readouterr().err.endswith("\nSee: imgpar help unsupported\n")


@pytest.mark.parametrize("flags", [["-q"], ["--json"], ["--log-format", "json"]])
def test_lines_for_programs_have_no_page(capsys, folder, flags):
    assert main(["convert", "odd.jpg", "-o", "out", *flags]) == 1
    assert "See:" not in capsys.readouterr().err


def test_a_run_without_failures_names_no_page(capsys, folder):
    assert main(["convert", "whole.png", "-o", "out/a.webp"]) == 0
    assert "See:" not in capsys.readouterr().err


def test_no_page_leads_to_the_page_of_developers():
    assert topic_at("architecture") == ""


def test_every_operation_has_help():
    assert [name for name in operation_types() if not text_about(name)] == []


def test_help_imports_nothing_heavy():
    code = "import sys; from imgpar.cli import main; main(['help', 'names'])"
    code += "; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "cv2", "PIL", "av"}.isdisjoint(done.stderr.split())
