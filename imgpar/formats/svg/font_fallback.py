"""Fallback fonts for characters of an SVG that its font lacks.

resvg's own fallback picks any font, and fails where characters join in it (flags, Indic scripts): it draws
boxes. So such characters get an element with an explicit font. Where characters join, resvg confuses them
with those of other fonts: then one font is set for the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from imgpar.core import fonts

_EMOJI = "Noto Color Emoji, Apple Color Emoji, Segoe UI Emoji"
"""Families to use where the installed fonts are unknown."""
_SIMPLE = ("\u058f", "\u1e00", "\u2bff")
"""Up to the first, and from the second to the third: Latin, Greek, Cyrillic, symbols; no joining."""
_JOINING = (("\u0600", "\u109f"), ("\u1780", "\u18af"), ("\U0001f1e6", "\U0001f1ff"))
"""Arabic, Indic and neighbours; Khmer and Mongolian; regional indicators."""


class _LetterRun(NamedTuple):
    """Consecutive characters."""

    text: str
    family: str
    """The font to set for them; empty for no change."""


class Spans(NamedTuple):
    """The characters of a text element."""

    nodes: tuple[tuple[_LetterRun, ...], ...]
    unjoined: str
    """Characters that may not be drawn: some join, and no font contains the whole text."""


def spans(nodes: Sequence[str], document: str) -> Spans:
    """Split a text element where the font changes.

    Args:
        nodes: its text nodes.
        document: the whole file; fonts that it names are kept.

    >>> spans(["Hello"], "").nodes
    ((_LetterRun(text='Hello', family=''),),)
    """
    as_they_are = tuple((_LetterRun(node, ""),) for node in nodes)
    clusters = [cluster for cluster in fonts.clusters("".join(nodes)) if _needs_font(cluster)]
    joining = [cluster for cluster in clusters if _joins(cluster)]
    if not joining:
        return Spans(tuple(_cut(node, document) for node in nodes) if clusters else as_they_are, "")
    having = fonts.with_letters("".join(nodes))
    if having == ():
        return Spans(as_they_are, "".join(dict.fromkeys(clusters)))
    family = _chosen(having or (), document) if having else _EMOJI if fonts.is_emoji(joining[0]) else ""
    return Spans(tuple((_LetterRun(node, family),) for node in nodes), "")


def _cut(text: str, document: str) -> tuple[_LetterRun, ...]:
    chosen = [[_family(cluster, document), cluster] for cluster in fonts.clusters(text)]
    for before, space, after in zip(chosen, chosen[1:], chosen[2:], strict=False):
        if space[1].isspace() and before[0] == after[0]:
            space[0] = before[0]
    groups = groupby(chosen, key=lambda pair: pair[0])
    return tuple(_LetterRun("".join(cluster for _, cluster in group), family) for family, group in groups)


def _family(cluster: str, document: str) -> str:
    if not _needs_font(cluster):
        return ""
    having = fonts.with_letters(cluster)
    if having is None:
        return _EMOJI if fonts.is_emoji(cluster) else ""
    return _chosen(having, document)


def _chosen(having: Iterable[fonts.Font], document: str) -> str:
    """The first of some fonts; none where the file itself names one of them."""
    families = [font.family for font in having]
    return "" if not families or any(family in document for family in families) else families[0]


def _needs_font(cluster: str) -> bool:
    none, first, last = _SIMPLE
    return fonts.is_emoji(cluster) or any(
        letter > none and not first <= letter <= last for letter in fonts.visible(cluster)
    )


def _joins(cluster: str) -> bool:
    return len(cluster) > 1 or any(first <= letter <= last for first, last in _JOINING for letter in cluster)
