"""The command line: parse, call the API, print. `main` is the entry point of `imgpar`."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence

from imgpar.core.errors import ImgparError, RunError, UsageError, closest
from imgpar.core.version import __version__

__all__ = ["main"]

COMMANDS = {
    "convert": ("imgpar.cli.convert", "resize, convert, clean and watermark files and folders"),
    "frames": ("imgpar.cli.frames", "pictures out of clips: stills, poster, contact sheet, animation"),
    "assemble": ("imgpar.cli.assemble", "a clip out of a folder of pictures"),
    "concat": ("imgpar.cli.concat", "one clip out of several"),
    "retry": ("imgpar.cli.retry", "run again what failed in a folder"),
    "verify": ("imgpar.cli.verify", "are the outputs in a folder still what imgpar wrote?"),
    "undo": ("imgpar.cli.undo", "put back the originals that --in-place replaced"),
    "info": ("imgpar.cli.show", "what is in a file"),
    "formats": ("imgpar.cli.show", "what can be read and written"),
    "ops": ("imgpar.cli.show", "what can be done to a picture"),
    "desktop": ("imgpar.cli.desktop", "the window to drop files on, and its menu entries"),
    "doctor": ("imgpar.cli.doctor", "is this machine ready, and the exact fix if not"),
}
"""Command → the module with `<command>_parser()` and `<command>_command(argv)`, and its line in the help."""

NO_FOLDER = "The folder you are in does not exist any more. Change to another one."
_SELDOM = 100_000
"""Objects between two looks for garbage in cycles: a run makes none, and what is loaded is never garbage."""
_NO_WORK = {"-h", "--help", "-n", "--dry-run", "--explain"}
"""Flags with which `convert` needs no workers."""

PLANNED = ("watch",)
"""Commands of later versions: refused with that word."""

HELP = """\
Usage: imgpar COMMAND ...

Work on whole folders of pictures and clips, on every core, without losing one.

  imgpar convert photos/ -o web/ --resize 1920 --to webp    smaller copies, longest side 1920
  imgpar convert photos/ -o web/ --recipe web               ready for a web page, GPS removed
  imgpar convert IMG_1.HEIC -o holiday.jpg                  one file
  imgpar info IMG_1.HEIC                                    what is in it

Commands:
{commands}

'imgpar COMMAND --help' says more. The originals are never touched unless you say --in-place.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 ok, 1 some failed, 2 usage, 3 nothing, 4 stopped, 130."""
    gc.set_threshold(_SELDOM)
    atexit.register(gc.freeze)  # nobody needs the memory of a process that ends
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # an old code page must not stop us from saying a name
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except ImgparError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        return _nobody_reads()
    except KeyboardInterrupt:
        return _complain("Stopped.", 130)
    except (OSError, MemoryError, ImportError) as error:
        if isinstance(error, FileNotFoundError) and not _has_folder():
            return _complain(NO_FOLDER, 2)
        return _complain(_refused(error), RunError.exit_code)
    except SystemExit as stop:  # argparse has printed help
        return stop.code if isinstance(stop.code, int) else 0
    return code


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in ("-h", "--help", "help"):
        rows = "\n".join(f"  {name:9}{text}" for name, (_, text) in COMMANDS.items())
        print(HELP.format(commands=rows), end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    if first in ("-V", "--version"):
        print(f"imgpar {__version__}")
        return 0
    if first not in COMMANDS:
        raise _no_such_command(first, arguments)
    if first == "convert" and not _has_folder():
        raise UsageError(NO_FOLDER)  # worker processes could not even start
    if first == "convert" and _NO_WORK.isdisjoint(arguments):
        from imgpar.batch import PRELOAD
        from imgpar.runtime.startup import warm_up

        warm_up(PRELOAD)  # the codecs load while this process still imports and plans
    module = importlib.import_module(COMMANDS[first][0])
    code: int = getattr(module, f"{first}_command")(arguments[1:])
    return code


def _no_such_command(first: str, arguments: list[str]) -> UsageError:
    """The hint is for the one who forgot `convert`, or mistyped a command."""
    if first in PLANNED:
        return UsageError(f"imgpar {first} is not part of this version.", fix="See imgpar --help.")
    near = closest(first, COMMANDS)
    if near and not os.path.exists(first):
        return UsageError(f"There is no command {first!r}.", fix=f"Did you mean 'imgpar {near}'?")
    if first.startswith("-") or os.path.exists(first) or {"-o", "--out"} & set(arguments):
        shown = " ".join(arguments[:4]) + (" …" if len(arguments) > 4 else "")
        return UsageError("A command comes first.", fix=f"Did you mean 'imgpar convert {shown}'?")
    return UsageError(f"There is no command {first!r}.", fix=f"Commands are {', '.join(COMMANDS)}.")


def _open_standard_streams() -> None:
    """What was closed by whoever started us leads nowhere; else a file that we open would take its number,
    and what a library prints would go into that."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while os.open(os.devnull, os.O_RDWR) < 2:
        pass
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _complain(text: str, code: int) -> int:
    from imgpar.batch.progress import printable

    print(f"imgpar: {printable(text)}", file=sys.stderr)
    return code


def _refused(error: OSError | MemoryError | ImportError) -> str:
    """The sentence for what the system refuses where no other part of imgpar has one."""
    said = str(error)
    if isinstance(error, MemoryError) or "failed to map segment" in said:
        return "There is too little memory for imgpar. Close other programs, or raise the limit (ulimit -v)."
    if isinstance(error, ImportError):
        return f"A package cannot be loaded: {said}. Install imgpar again."
    names = " → ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    where = f" ({names})" if names else ""
    return f"The system refuses what imgpar needs: {error.strerror or said}{where}. Check the disk."


def _has_folder() -> bool:
    """Whether the current folder is still there; every relative path and every new process needs it."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _nobody_reads() -> int:
    """Standard output is closed (imgpar ops | head): leave quietly, also when Python flushes at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return 0
