"""SMPTE timecodes, including drop-frame."""

from __future__ import annotations

import re
from fractions import Fraction

_WRITTEN = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d+)")


def advanced(code: str, seconds: float, rate: Fraction, new_rate: Fraction | None = None) -> str:
    """The timecode `seconds` later; an invalid one is returned unchanged.

    Args:
        code: hours, minutes, seconds and frames; `;` before the frames marks drop-frame.
        seconds: offset.
        rate: frames per second of the timecode.
        new_rate: of the new clip, if different.

    >>> advanced("01:00:00:00", 2.0, Fraction(25))
    '01:00:02:00'
    >>> advanced("00:00:59;29", 1001 / 30000, Fraction(30000, 1001))
    '00:01:00;02'
    """
    found = _WRITTEN.fullmatch(code)
    if found is None or rate <= 0:
        return code
    hours, minutes, whole, frames = (int(found[at]) for at in (1, 2, 3, 5))
    nominal, drop = max(1, round(rate)), found[4] != ":"
    number = ((hours * 60 + minutes) * 60 + whole) * nominal + frames
    if drop:
        number -= _dropped(nominal) * (hours * 54 + minutes - minutes // 10)
    number += round(seconds * rate)
    if new_rate is None or new_rate == rate:
        return _written(number, nominal, drop=drop)
    drop = drop and new_rate in (Fraction(30000, 1001), Fraction(60000, 1001))
    at = number / rate if drop else Fraction(number, nominal)
    return _written(round(at * (new_rate if drop else round(new_rate))), max(1, round(new_rate)), drop=drop)


def _dropped(nominal: int) -> int:
    """Number of dropped frame numbers at the start of each minute except every tenth."""
    return 2 * max(1, nominal // 30)


def _written(number: int, nominal: int, *, drop: bool) -> str:
    if drop:
        left_out = _dropped(nominal)
        ten, minute = nominal * 600 - 9 * left_out, nominal * 60 - left_out
        tens, rest = divmod(number, ten)
        number += left_out * (9 * tens + max(0, (rest - left_out) // minute if rest >= left_out else 0))
    seconds, frames = divmod(number, nominal)
    mark = ";" if drop else ":"
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{frames:02}"
