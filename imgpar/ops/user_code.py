"""Calls of a user's code: objects that are set up once per process, and tracebacks with the user's lines."""

from __future__ import annotations

import functools
import linecache
import os
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from imgpar.core.error_messages import raised_words
from imgpar.core.errors import SetupError, TransformError
from imgpar.ops.function_digest import cell_values, qualified_name

_DEPTH = 4
"""Maximum nesting of the code whose lines are sent."""
_LONGEST = 1 << 20
"""Maximum characters of one file whose lines are sent."""

_set_up: dict[int, Callable[[], object]] = {}
"""References to the objects whose `setup` was called in this process, by their `id`."""
_lock = threading.RLock()


def call(function: Callable[..., Any], label: str, *given: object) -> Any:
    """Call a function of the user.

    Args:
        function: with any signature.
        label: names the function in errors.
        given: its arguments.

    Raises:
        TransformError: the function raised; its cause has a traceback that begins in the user's code.
        MemoryError: the memory of this process is used up.
    """
    pid = os.getpid()
    try:
        return function(*given)
    except MemoryError:
        raise  # the memory limit of workers, reported by the runtime
    except (Exception, SystemExit) as error:
        words = f"{label} raised {raised_words(error)}."
        raise TransformError(words, fix="See its traceback.") from _in_user_code(error)
    finally:
        _end_child(pid)


def set_up(function: object, label: str) -> None:
    """Call the method `setup` of an object, if it has one and it was not called in this process.

    Raises:
        SetupError: it raised.
    """
    setup = getattr(function, "setup", None)
    if not callable(setup) or _is_set_up(function):
        return
    with _lock:
        if _is_set_up(function):
            return
        pid = os.getpid()
        try:
            setup()
        except (Exception, SystemExit) as error:
            raise SetupError(
                f"{label} cannot be used: its setup() raised {raised_words(error)}.",
                fix="Nothing can be done without it: correct setup(), and run again.",
            ) from _in_user_code(error)
        finally:
            _end_child(pid)
        _set_up[id(function)] = _reference(function)


def tear_down(function: object) -> None:
    """Call the method `close` of an object that was set up in this process. What it raises is printed."""
    with _lock:
        known = _is_set_up(function)
        _set_up.pop(id(function), None)
    close = getattr(function, "close", None)
    if known and callable(close):
        pid = os.getpid()
        try:
            close()
        except Exception:
            import traceback

            traceback.print_exc()
        finally:
            _end_child(pid)


def _end_child(parent: int) -> None:
    """End this process if the code of the user forked it from `parent`: it would do the work of its parent
    again, and answer in its place."""
    if os.getpid() != parent:
        os._exit(0)


def _is_set_up(function: object) -> bool:
    found = _set_up.get(id(function))
    return found is not None and found() is function


def _reference(function: object) -> Callable[[], object]:
    """Returns the object; keeps it alive only where it cannot be referenced weakly."""
    try:
        return weakref.ref(function)
    except TypeError:
        return lambda: function


def _in_user_code(error: BaseException) -> BaseException:
    """The error with a traceback that begins in the user's code."""
    trace = error.__traceback__
    return error.with_traceback(trace.tb_next or trace) if trace else error


# ----- lines of source ------------------------------------------------------------------------------


def source_lines(function: object) -> dict[str, list[str]]:
    """The lines of source that another process could not read: of notebooks, consoles and `python -c`.

    Returns:
        The lines by file name, as tracebacks name it; empty where all of the code is in files.
    """
    found: dict[str, list[str]] = {}
    for code in _codes(function, 0):
        name = code.co_filename
        if name not in found and (lines := linecache.getlines(name)) and sum(map(len, lines)) < _LONGEST:
            found[name] = lines
    return found


def know_lines(lines: dict[str, list[str]]) -> None:
    """Let the tracebacks of this process show these lines; see `source_lines`."""
    for name, text in lines.items():
        # Without a time, so that it is not compared with a file.
        linecache.cache.setdefault(name, (sum(map(len, text)), None, text, name))


def _codes(value: object, depth: int) -> Iterator[types.CodeType]:
    """Code that is in no file, of a function and of the functions that it uses."""
    if depth > _DEPTH:
        return
    if isinstance(value, types.FunctionType):
        value = getattr(value, "__wrapped__", value)  # of a decorator
    match value:
        case types.FunctionType():
            if os.path.isabs(value.__code__.co_filename) and os.path.exists(value.__code__.co_filename):
                return
            yield value.__code__
            used = [value.__globals__.get(name) for name in value.__code__.co_names]
            parts = [*used, *(value.__defaults__ or ()), *cell_values(value)]
        case types.MethodType():
            parts = [value.__func__, value.__self__]
        case functools.partial():
            parts = [value.func, *value.args, *value.keywords.values()]
        case type():
            parts = [part for part in vars(value).values() if isinstance(part, types.FunctionType)]
        case _ if callable(value):
            parts = [type(value), *getattr(value, "__dict__", {}).values()]
        case _:
            return
    for part in parts:
        if callable(part):
            yield from _codes(part, depth + 1)


def function_label(function: object, step: int) -> str:
    """How errors name a function: by its name and the number of its step in the pipeline."""
    where = f" (step {step})" if step else ""
    return f"The function {qualified_name(function)}{where}"
