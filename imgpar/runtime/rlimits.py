"""What the shell lets this process have (`ulimit`): address space, open files, the size of a file. Light."""

from __future__ import annotations

from imgpar.core.errors import RunError

CODE = 512 << 20
"""Bytes of address space that the codecs take before the first picture."""
OWN_FILES, FILES_EACH = 20, 4
"""Files that the parent has open, and that it has open for each worker while that is being started."""
FILES = OWN_FILES + 2 * FILES_EACH
"""Open files below which it is not worth to begin."""


def limit(name: str) -> int | None:
    """The soft limit of this name (AS, NOFILE, FSIZE), or None where there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    found = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
    return None if found == resource.RLIM_INFINITY else found


def most_memory() -> int | None:
    """Bytes of the largest arena under these limits, or None where nothing limits it."""
    space, size = limit("AS"), limit("FSIZE")
    found = [size] if size is not None else []
    found += [max(0, space - CODE)] if space is not None else []
    return min(found, default=None)


def few_files() -> bool:
    """Whether so few files may be open that no worker can be started."""
    files = limit("NOFILE")
    return files is not None and files < FILES


def most_workers() -> int | None:
    """How many workers can be started with the files that may be open; None where nothing limits them."""
    files = limit("NOFILE")
    return None if files is None else max(1, (files - OWN_FILES) // FILES_EACH)


def check_limits(memory: int) -> None:
    """Find out before workers die of it that the limits are too low.

    Args:
        memory: bytes of the arena.

    Raises:
        RunError: they are.
    """
    if few_files():
        raise RunError(
            f"Only {limit('NOFILE')} files may be open at a time, and workers need {FILES}.",
            fix="Raise the limit: ulimit -n 1024.",
        )
    space = limit("AS")
    if space is not None and space < CODE + memory:
        raise RunError(
            f"The address space of a process is limited to {space >> 20:,} MiB, and the codecs need "
            f"{CODE >> 20} MiB beside the {memory >> 20:,} MiB of --memory.",
            fix="Raise the limit (ulimit -v unlimited), or ask for less with --memory.",
        )
