"""Digest of a function: code, constants and the plain values it uses."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

_DEPTH = 6
"""Maximum nesting of analysed functions; deeper ones are identified by name."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def fingerprint(function: object) -> str:
    """A hex digest that is the same in every process of one Python version, and changes with the code.

    Helpers and constants of the function's module are included, line numbers and comments are not.

    >>> fingerprint(lambda array: array * 2) == fingerprint(lambda array: array * 3)
    False
    """
    import hashlib  # OpenSSL is a large library

    return hashlib.sha256("\n".join(_traits(function, 0)).encode("utf-8", "backslashreplace")).hexdigest()


def qualified_name(function: object) -> str:
    """The name of a function, of the function in a partial, or of a callable object's class."""
    if isinstance(function, functools.partial):
        return qualified_name(function.func)
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _traits(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, _PLAIN):
        yield repr(value)
    elif depth > _DEPTH or isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType)):
        yield f"{_module(value)}.{qualified_name(value)}"
    else:
        for part in _parts(value):
            yield from _traits(part, depth + 1)


def _parts(value: object) -> tuple[Any, ...]:
    """The parts of a value that determine the behaviour of a function."""
    match value:
        case tuple() | list():
            return tuple(value)
        case set() | frozenset():
            return tuple(sorted(map(repr, value)))  # their order differs between processes
        case dict():
            return tuple(value.items())
        case types.CodeType():
            return (value.co_code.hex(), value.co_names, value.co_consts)
        case functools.partial():
            return (value.func, value.args, value.keywords)
        case types.MethodType():
            return (value.__func__, value.__self__)
        case types.FunctionType():
            used = [value.__globals__.get(name) for name in value.__code__.co_names]
            return (
                value.__qualname__,
                value.__code__,
                value.__defaults__,
                value.__kwdefaults__,
                cell_values(value),
                used,
            )
    name = f"{_module(type(value))}.{type(value).__qualname__}"
    if not callable(value):
        return (name,)
    return (name, vars(type(value)).get("__call__"), getattr(value, "__dict__", None))


def _module(value: object) -> str:
    """The name of the module that defines a value; that of the script is another one in spawned processes."""
    name = str(getattr(value, "__module__", ""))
    return "__main__" if name == "__mp_main__" else name


def cell_values(function: types.FunctionType) -> list[object]:
    """Closure values of a nested function; unbound names are skipped."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            continue
    return found
