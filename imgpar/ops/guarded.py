"""Operations of other packages raise errors of imgpar, with their name, wherever their methods are called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from imgpar.core.error_messages import library_words
from imgpar.core.errors import ImgparError, SetupError, TransformError, UsageError
from imgpar.core.spec import Spec

_ERRORS: dict[str, type[ImgparError]] = {"check": UsageError, "identity": UsageError, "set_up": SetupError}
"""What a method raises that concerns no picture; others raise TransformError."""
_RETURNS: dict[str, type] = {"plan": Spec, "identity": str}
_RETURN_OPERATIONS = ("numbered", "for_item", "settled", "coloured", "at_density")


def guard(kind: type, base: type, names: Iterable[str]) -> None:
    """Let the methods and properties that a class defines raise errors of imgpar only.

    Args:
        kind: the class.
        base: that of all operations.
        names: of the methods and properties that imgpar calls.
    """
    returns = _RETURNS | dict.fromkeys(_RETURN_OPERATIONS, base)
    for name in names:
        own = vars(kind).get(name)
        if isinstance(own, property) and own.fget is not None:
            setattr(kind, name, property(_guarded(own.fget, name, object), own.fset, own.fdel, own.__doc__))
        elif callable(own) and not isinstance(own, type):
            setattr(kind, name, _guarded(own, name, returns.get(name, object)))


def _guarded(method: Callable[..., Any], name: str, returned: type) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(self: Any, /, *given: Any, **named: Any) -> Any:
        try:
            found = method(self, *given, **named)
        except (ImgparError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            full = f"its {name} raised {type(error).__name__}: {error}"
            words = full if isinstance(error, SystemExit) else library_words(error, full)
            raise _error(self, name, words) from error
        if not isinstance(found, returned):
            kind = type(found).__name__
            raise _error(self, name, f"its {name} returned {kind} instead of {returned.__name__}")
        return found

    return called


def _error(operation: Any, method: str, words: str) -> ImgparError:
    kind = _ERRORS.get(method, TransformError)
    fix = "Its traceback is in the report." if kind is TransformError else "Tell its author."
    return kind(f"{operation.name} failed: {words}.", fix=fix)
