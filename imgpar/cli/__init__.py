"""Command-line interface: parse arguments, call the API, print results. `main` is the entry point."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence

from imgpar.cli.commands import COMMANDS, FIRST, commands_text
from imgpar.core.error_messages import closest
from imgpar.core.errors import ImgparError, RunError, UsageError
from imgpar.core.version import __version__

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from types import TracebackType

    from imgpar.batch.log_lines import Level

__all__ = ["main"]

NO_FOLDER = "The current folder no longer exists. Change to another one."
NO_THREAD = (
    "The system starts no further thread for this user. End other programs, or raise the limit (ulimit -u)."
)
NO_MEMORY = "There is too little memory for imgpar. Close other programs, or raise the limit (ulimit -v)."
_SELDOM = 100_000
"""Threshold of the cyclic garbage collector: a run creates no cycles, and loaded modules are never freed."""
_NO_WORK = {"-h", "--help", "-n", "--dry-run"}
"""Flags with which a command usually starts no workers."""

_RUNS = ("convert", "assemble", "sheet", "concat", "frames", "info", "compare", "duplicates", "run", "watch")
"""Commands that start workers."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 ok, 1 some failed, 2 usage, 3 no input, 4 stopped, 130."""
    if argv is None:
        sys.excepthook = _print_traceback
    gc.set_threshold(_SELDOM)
    atexit.register(gc.freeze)  # no collection at interpreter exit
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names outside a legacy code page are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except ImgparError as error:
        return _complain(str(error), error.exit_code, arguments, _see(error, arguments))
    except BrokenPipeError:
        return _closed_output()
    except KeyboardInterrupt:
        return _complain("Stopped.", 130, arguments)
    except (OSError, MemoryError, ImportError) as error:
        if isinstance(error, FileNotFoundError) and not _has_folder():
            return _complain(NO_FOLDER, 2, arguments)
        return _complain(_refused(error), RunError.exit_code, arguments, _see_system(error))
    except SystemError:
        if not _has_little_memory():
            raise
        return _complain(NO_MEMORY, RunError.exit_code, arguments, "imgpar help limits")
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        return _complain(NO_THREAD, RunError.exit_code, arguments, "imgpar help limits")
    except SystemExit as stop:  # argparse has printed help
        return stop.code if isinstance(stop.code, int) else 0
    return code


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(FIRST, end="")
        return 0
    first = arguments[0]
    if first in ("-h", "--help"):
        print(commands_text(), end="")
        return 0
    if first in ("-V", "--version"):
        print(f"imgpar {__version__}")
        return 0
    if first not in COMMANDS:
        raise _no_such_command(first, arguments)
    if first in _RUNS and not _has_folder():
        raise UsageError(NO_FOLDER)  # worker processes could not start
    if _starts_workers(first, arguments):
        from imgpar.batch import PRELOAD
        from imgpar.runtime.startup import warm_up

        # The codecs load while this process imports and plans.
        warm_up(PRELOAD, sandboxed=_may_be_sandboxed(first, arguments))
    module = importlib.import_module(COMMANDS[first][0])
    code: int = getattr(module, f"{first}_command")(arguments[1:])
    return code


def _starts_workers(command: str, arguments: list[str]) -> bool:
    """Whether the command is known to start workers; others start them when they find something to do."""
    if command not in _RUNS or not _NO_WORK.isdisjoint(arguments):
        return False
    return command != "info" or any(map(os.path.isfile, arguments))  # a folder is only counted


def _may_be_sandboxed(command: str, arguments: list[str]) -> bool:
    """Whether the workers of a command are likely to have a sandbox."""
    wanted = command == "watch" or "--sandbox" in arguments or any("://" in word for word in arguments)
    return wanted and "--no-sandbox" not in arguments


def _no_such_command(first: str, arguments: list[str]) -> UsageError:
    """The error for an unknown command; suggests a close name, or `convert` if it was omitted."""
    near = closest(first, COMMANDS)
    if near and not os.path.exists(first):
        return UsageError(f"There is no command {first!r}.", fix=f"Did you mean 'imgpar {near}'?")
    if not os.path.exists(first) and (flag := _flag_of_operation(first)):
        return UsageError(
            f"{flag} is a flag, not a command.", fix=f"Write: imgpar convert INPUT -o OUT {flag} …"
        )
    if (
        first.startswith("-")
        or os.path.exists(first)
        or os.path.splitext(first)[1]
        or {"-o", "--out"} & set(arguments)
    ):
        shown = " ".join(arguments[:4]) + (" …" if len(arguments) > 4 else "")
        return UsageError("A command comes first.", fix=f"Did you mean 'imgpar convert {shown}'?")
    return UsageError(f"There is no command {first!r}.", fix=f"Commands are {', '.join(COMMANDS)}.")


def _flag_of_operation(word: str) -> str:
    """The flag of the operation of this name; empty where it is none."""
    from imgpar.ops import operation_types

    return f"--{word}" if word.replace("-", "_") in operation_types() else ""


def _open_standard_streams() -> None:
    """Redirect closed standard streams to the null device; otherwise an opened file could receive descriptor
    0, 1 or 2 and the output of a library would be written into it. Workers inherit them, for the same reason.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    handle = 0
    while handle < 2:
        handle = os.open(os.devnull, os.O_RDWR)
        os.set_inheritable(handle, handle <= 2)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _see(error: ImgparError, arguments: Sequence[str]) -> str:
    from imgpar.cli.topics import see

    return see(error, arguments) if error.exit_code else ""


def _see_system(error: OSError | MemoryError | ImportError) -> str:
    if isinstance(error, ImportError):
        return "imgpar doctor"
    return f"imgpar help {'limits' if isinstance(error, MemoryError) else 'unreadable'}"


def _complain(text: str, code: int, arguments: Sequence[str], help_: str = "") -> int:
    from imgpar.cli.outlets import print_log, wants_json

    level: Level = "error" if code else "info"
    plain, see = f"imgpar: {text}", f"See: {help_}" if help_ else ""
    if see and text.endswith((".", "?")):  # a command to copy ends its line
        plain, see = f"{plain} {see}", ""
    fields = {"help": help_} if help_ else {}
    print_log(text, level, as_json=wants_json(arguments), plain=plain, below=see, exit_code=code, **fields)
    return code


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a fault of the program, without secrets of addresses."""
    import traceback

    from imgpar.core.addresses import without_secrets

    lines = traceback.format_exception(kind, error, trace)
    print(without_secrets("".join(lines)), end="", file=sys.stderr)


def _refused(error: OSError | MemoryError | ImportError) -> str:
    """The message for an error of the system that no other layer has translated."""
    said = str(error)
    if isinstance(error, MemoryError) or "failed to map segment" in said:
        return NO_MEMORY
    if isinstance(error, ImportError):
        return f"A package cannot be loaded: {said}. Install imgpar again."
    names = " → ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    where = f" ({names})" if names else ""
    return f"A system call failed: {error.strerror or said}{where}. Check the disk."


def _has_little_memory() -> bool:
    """Whether the address space is limited: then the interpreter fails in ways of its own, too."""
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return False


def _has_folder() -> bool:
    """Whether the current folder exists; relative paths and new processes require it."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _closed_output() -> int:
    """Standard output is closed (imgpar ops | head): exit silently, including the flush at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return 0
