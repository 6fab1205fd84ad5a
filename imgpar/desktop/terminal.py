"""Conversion in the terminal, without tkinter or without a display."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import imgpar
from imgpar.desktop.making import make_files
from imgpar.desktop.problems import one_line, plain_sentences
from imgpar.desktop.settings import Settings
from imgpar.desktop.texts import Texts


def convert_in_terminal(names: Sequence[str], reason: str) -> int:
    """Print why there is no window, then convert `names` with the saved settings; returns the exit code."""
    settings = Settings.load()
    texts = Texts(settings.language)
    say(texts(reason))
    if not names:
        say(texts("name_files", command="imgpar convert photos/ -o web/ --recipe web"))
        return 2

    def listen(event: imgpar.Event) -> None:
        outcome = event.outcome
        if outcome is not None and outcome.status == "failed":
            say(f"{one_line(outcome.source)}: {texts.problem(outcome)}")
        elif event.kind == "note":
            say(one_line(event.text))

    place = settings.out(names)
    try:
        report = make_files(settings, names, place, listen)
    except imgpar.ImgparError as error:
        say(plain_sentences(texts.error(error, place)))
        return error.exit_code
    print(report.summary())
    return report.exit_code


def say(text: str) -> None:
    """Print one line on stderr, if there is one."""
    if sys.stderr is not None:
        encoding = sys.stderr.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)
