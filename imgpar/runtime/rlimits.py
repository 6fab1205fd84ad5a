"""Limits of the shell (`ulimit`): address space, open files, file size. Light."""

from __future__ import annotations

from imgpar.core.error_messages import setting
from imgpar.core.errors import RunError

CODEC_BYTES = 512 << 20
"""Bytes of address space that the codecs take before the first picture."""
PARENT_FILES, WORKER_FILES = 20, 4
"""Open files of the parent, and per worker while it is being started."""
MIN_FILES = PARENT_FILES + 2 * WORKER_FILES
"""Minimum number of open files for a run."""


def limit(name: str) -> int | None:
    """The soft limit of this name (AS, NOFILE, FSIZE), or None if unlimited."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    found = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
    return None if found == resource.RLIM_INFINITY else found


def most_memory() -> int | None:
    """Bytes of the largest arena under these limits, or None if unlimited."""
    space, size = limit("AS"), limit("FSIZE")
    found = [size] if size is not None else []
    # The parent maps it twice: by its name, and for arrays that outlive it.
    found += [max(0, space - CODEC_BYTES) // 2] if space is not None else []
    return min(found, default=None)


def few_files() -> bool:
    """Whether the limit on open files is too low to start a worker."""
    files = limit("NOFILE")
    return files is not None and files < MIN_FILES


def most_workers() -> int | None:
    """How many workers the limit on open files allows; None if unlimited."""
    files = limit("NOFILE")
    return None if files is None else max(1, (files - PARENT_FILES) // WORKER_FILES)


def check_limits(memory: int) -> None:
    """Check the limits before they make workers fail.

    Args:
        memory: bytes of the arena.

    Raises:
        RunError: a limit is too low.
    """
    if few_files():
        raise RunError(
            f"Only {limit('NOFILE')} files may be open at a time, and workers need {MIN_FILES}.",
            fix="Raise the limit: ulimit -n 1024.",
        )
    space = limit("AS")
    if space is not None and space < CODEC_BYTES + memory:
        raise RunError(
            f"The address space of a process is limited to {space >> 20:,} MiB, and the codecs need "
            f"{CODEC_BYTES >> 20} MiB beside the {memory >> 20:,} MiB of --memory.",
            fix=f"Raise the limit (ulimit -v unlimited), or lower {setting('memory')}.",
        )


def more_processes() -> str:
    """What to do where the system starts no further process or thread."""
    return f"Lower {setting('jobs')}, or raise the limit of processes (ulimit -u)."
