"""How a run behaves: every option of a run, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imgpar.core import parsing
from imgpar.core.errors import unknown_setting
from imgpar.core.model import Secret
from imgpar.core.options import Declared, option

FILES, RUN = "files", "run"
"""Groups of flags."""
EXISTS = ("skip", "overwrite", "rename", "error")
SCHEDULES = ("auto", "staged", "chain")
COMPANIONS = ("ignore", "copy")


@dataclass(frozen=True, slots=True)
class RunOptions(Declared):
    """How a run behaves; what it makes of the pixels is in the recipe. None stands for "not given"."""

    on_exists: Literal["skip", "overwrite", "rename", "error"] | None = option(
        parsing.choice(*EXISTS),
        "for files that exist (default: skip those that imgpar did not make, replace those that it made with "
        "other settings)",
        default=None,
        choices=EXISTS,
        example="rename",
        group=FILES,
        calls="run retry",
    )
    companions: Literal["ignore", "copy"] = option(
        parsing.choice(*COMPANIONS),
        "sidecars of pictures (XMP, AAE): leave them, or copy them under the new names",
        default="ignore",
        choices=COMPANIONS,
        example="copy",
        group=FILES,
        calls="run retry",
    )
    include: tuple[str, ...] = option(
        parsing.patterns,
        "take only files that match, such as '*.jpg' or '2024/**'; repeat it for more",
        default=(),
        metavar="GLOB",
        example="*.jpg",
        group=FILES,
        repeats=True,
        calls="run retry arrays",
    )
    exclude: tuple[str, ...] = option(
        parsing.patterns,
        "leave out files and folders that match, such as 'proofs/'; repeat it for more",
        default=(),
        metavar="GLOB",
        example="proofs/",
        group=FILES,
        repeats=True,
        calls="run retry arrays",
    )
    in_place: bool = option(
        parsing.switch,
        "replace the originals, and keep them in .imgpar/undo",
        default=False,
        group=FILES,
        calls="run",
    )
    dry_run: bool = option(
        parsing.switch, "only show what would be done", default=False, group=FILES, short="-n", calls="run"
    )
    jobs: int | None = option(
        parsing.integer(1, 1000),
        "worker processes (default: every core this process may use)",
        default=None,
        metavar="N",
        example="8",
        group=RUN,
        short="-j",
        calls="run retry arrays frames assemble",
    )
    memory: int | None = option(
        parsing.byte_size,
        "shared memory for pictures in flight, such as 800M or 2G",
        default=None,
        metavar="SIZE",
        example="2G",
        group=RUN,
        of_workers=True,
        calls="run retry arrays",
    )
    timeout: float | None = option(
        parsing.duration,
        "give up on one input after 30s, 2m … (default: 15m; clips have no limit)",
        default=None,
        metavar="TIME",
        example="2m",
        group=RUN,
        calls="run retry arrays",
    )
    schedule: Literal["auto", "staged", "chain"] = option(
        parsing.choice(*SCHEDULES),
        "how work is handed out; the outputs are the same",
        default="auto",
        choices=SCHEDULES,
        example="staged",
        group=RUN,
        calls="run retry arrays",
    )
    max_pixels: int = option(
        parsing.pixels,
        "refuse larger pictures (default: 100MP)",
        default=100_000_000,
        metavar="N",
        example="200MP",
        group=RUN,
        calls="run retry arrays encode",
    )
    max_frames: int = option(
        parsing.integer(1, 1 << 31),
        "refuse animations with more frames, files with more pages (default: 10000)",
        default=10_000,
        metavar="N",
        example="500",
        group=RUN,
        calls="run retry arrays encode",
    )
    worker_memory: int | None = option(
        parsing.worker_memory,
        "private memory of a worker, Linux only (default: 4G); an input that needs more fails",
        default=None,
        metavar="SIZE",
        example="8G",
        group=RUN,
        of_workers=True,
        calls="run retry arrays",
    )
    keep_originals: int | None = option(
        parsing.days,
        "in place: remove kept originals that are older, or keep none of this run "
        "(default: until undo --forget)",
        default=None,
        metavar="DAYS|none",
        example="30",
        group=RUN,
        calls="run retry",
    )
    accept_damaged: bool = option(
        parsing.switch,
        "keep what can be read of a damaged file",
        default=False,
        group=RUN,
        calls="run retry arrays encode frames assemble",
    )
    password: Secret | None = option(
        parsing.secret,
        "opens locked PDFs",
        default=None,
        metavar="TEXT",
        group=RUN,
        calls="run retry arrays encode",
    )
    verify: bool = option(
        parsing.switch,
        "decode every output again before it is written, and compare those that exist",
        default=False,
        group=RUN,
        calls="run retry encode",
    )
    keep_failures: str | None = option(
        parsing.path,
        "keep what is needed to reproduce each failure",
        default=None,
        metavar="DIR",
        example="failures",
        group=RUN,
        calls="run retry",
    )
    strict: bool = option(
        parsing.switch,
        "losing anything (GPS, depth, frames …) is a failure",
        default=False,
        group=RUN,
        calls="run retry encode",
    )
    journal: str | None = option(
        parsing.path,
        "where to note what is done (default: OUT/.imgpar, or the user's state folder where OUT is a file)",
        default=None,
        metavar="FILE",
        example="run.db",
        group=RUN,
        calls="run retry",
    )

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> RunOptions:
        """Options from values as users give them; None is "not given".

        >>> RunOptions.read({"timeout": "2m", "jobs": None}).timeout
        120.0

        Raises:
            UsageError: a name or a value is wrong.
        """
        known = cls.options()
        for key in given:
            if key not in known:
                raise unknown_setting(key, known)
        values = {
            key: parsing.named(key, known[key].parse, value)
            for key, value in given.items()
            if value is not None
        }
        return cls(**values)
