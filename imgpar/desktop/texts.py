"""The texts of one language: labels, numbers, and what the library says in words for laypeople."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import imgpar
from imgpar.desktop.problems import GONE, KINDS, chinese, one_line, plain_sentences
from imgpar.desktop.said import REMOVED, chinese_note, loss
from imgpar.desktop.system import system_language
from imgpar.desktop.wording import LANGUAGES, TEXTS


class Texts:
    """The texts of one language.

    >>> Texts("en")("working", done=3, total=10)
    '3 of 10 done'
    """

    def __init__(self, language: str = "") -> None:
        self.language = language if language in LANGUAGES else system_language()
        self._column = list(LANGUAGES).index(self.language)

    def __call__(self, key: str, **facts: Any) -> str:
        """The text for a key, with its values inserted."""
        return self.marked(key, **facts)[0]

    def marked(self, key: str, **facts: Any) -> tuple[str, int]:
        """The text for a key, and the index of its access key; −1 if it has none.

        >>> Texts("en").marked("options")
        ('Settings', 4)
        """
        text = TEXTS[key][self._column]
        return text.replace("&", "", 1).format(**facts), text.find("&")

    def join(self, parts: list[str]) -> str:
        """Join texts into one line."""
        return (" · " if self.language == "en" else "，").join(part for part in parts if part)

    def duration(self, seconds: float) -> str:
        """A rounded duration.

        >>> Texts("en").duration(200)
        '3 min'
        """
        for unit, length in (("hours", 3600.0), ("minutes", 60.0)):
            if seconds >= 1.5 * length:
                return self(unit, n=round(seconds / length))
        return self("seconds", n=max(1, round(seconds)))

    def problem(self, outcome: imgpar.Outcome) -> str:
        """The reason of a failed file."""
        if self.language == "zh":
            known = chinese(outcome.error, outcome.kind)
            return one_line(known or self("unexpected", text=plain_sentences(outcome.error)))
        return plain_sentences(outcome.error)

    def note(self, text: str) -> str:
        """A note of the library."""
        if found := REMOVED.search(text):
            names = self._names(found[1].rstrip(".").split(", "))
            return self("removed", what=names)
        said = (chinese_note(text) or chinese(text)) if self.language == "zh" else ""
        return one_line(said or plain_sentences(text))

    def lost(self, words: Sequence[str]) -> str:
        """What an output lacks.

        >>> Texts("en").lost(("gps", "alpha"))
        'lost: the place (GPS), transparency'
        """
        return self("lost", what=self._names(words)) if words else ""

    def _names(self, words: Sequence[str]) -> str:
        """What these words of the library are called."""
        return ("、" if self.language == "zh" else ", ").join(loss(word, self.language) for word in words)

    def error(self, error: Exception, folder: str) -> str:
        """The reason of a failed or aborted run."""
        said, names = str(error), [kind.__name__ for kind in type(error).__mro__]
        kind = next((name for name in names if name in TEXTS or name in KINDS), "")
        if kind in TEXTS:
            return self("gone" if GONE.search(said) else kind, folder=one_line(folder))
        if self.language == "zh" and (known := chinese(said)):
            return one_line(known)
        if self.language == "zh" and kind:
            return KINDS[kind]
        if isinstance(error, imgpar.UsageError):
            return self("wrong", text=plain_sentences(said))
        return self("unexpected", text=plain_sentences(said if kind else f"{type(error).__name__}: {said}"))


def size_text(count: int) -> str:
    """A number of bytes in units of 1000.

    >>> size_text(1_234_567)
    '1.2 MB'
    """
    number, unit = count / 1000, "kB"
    for bigger in ("MB", "GB", "TB"):
        if number < 999.95:
            break
        number, unit = number / 1000, bigger
    return f"{number:.1f} {unit}"
