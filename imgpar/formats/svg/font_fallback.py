"""Fonts for letters of an SVG that the font named there does not have.

resvg looks for another font itself, takes any, and gives up where letters join in that one (flags, Indic
scripts): it draws boxes. So such letters get an element of their own that names a font. Where letters join,
resvg mixes them up with those of other fonts: there one font is named for the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from imgpar.core import fonts

_EMOJI = "Noto Color Emoji, Apple Color Emoji, Segoe UI Emoji"
"""Families that are named where it cannot be asked what is installed."""
_SIMPLE = ("\u058f", "\u1e00", "\u2bff")
"""Up to the first, and from the second to the third: Latin, Greek, Cyrillic, signs; nothing joins there."""
_JOINING = (("\u0600", "\u109f"), ("\u1780", "\u18af"), ("\U0001f1e6", "\U0001f1ff"))
"""Arabic, Indic and neighbours; Khmer and Mongolian; the halves of flags."""


class _LetterRun(NamedTuple):
    """Letters that lie side by side."""

    text: str
    family: str
    """The font to be named for them; empty where it stays as it is."""


class Spans(NamedTuple):
    """The letters of a text element."""

    nodes: tuple[tuple[_LetterRun, ...], ...]
    unjoined: str
    """Letters of which it is not known whether they are drawn: some join, and no font has all of the text."""


def spans(nodes: Sequence[str], document: str) -> Spans:
    """The letters of a text element, cut where the font changes.

    Args:
        nodes: its text, as it is divided among the elements inside.
        document: the whole file; a font that it names stays.

    >>> spans(["Hello"], "").nodes
    ((Span(text='Hello', family=''),),)
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
