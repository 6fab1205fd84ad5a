"""The default of a field that holds a mapping: one object for all values, so nothing may change it."""

from __future__ import annotations

from typing import Any, NoReturn


class _NoFacts(dict[Any, Any]):
    """An empty dict that stays empty. A dict, so that it can be pickled and written as JSON."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("This mapping is shared and cannot be changed. Make a dict of it.")

    __setitem__ = __ior__ = update = setdefault = _refuse


NO_FACTS = _NoFacts()
