"""Operations: every module of this package that defines an `Operation` is one, found by its file name.

This room may import numpy, OpenCV and Pillow, and read the files of watermarks and fonts. Modules: `base`
(the interface), one per operation, and `overlay` and `function_digest` as helpers.
"""

from __future__ import annotations

import importlib
from functools import cache

from imgpar.core.options import Option, option
from imgpar.ops.base import Operation

__all__ = ["Operation", "Option", "operation_types", "option"]


@cache
def operation_types() -> dict[str, type[Operation]]:
    """Name → class of every operation in recipes, in alphabetical order.

    >>> "resize" in operation_types()
    True
    """
    import pkgutil  # not needed in workers

    found: dict[str, type[Operation]] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Operation)
                and value.__module__ == module.__name__
                and "name" in vars(value)
                and value.portable
            ):
                found[value.name] = value
    return dict(sorted(found.items()))
