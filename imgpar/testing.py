"""Test helpers for imgpar and for programs that use it: faulty functions, generated pictures, and checks of
operations and formats of other packages.

The functions are passed to `Pipeline.apply` and run in a worker process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgpar.core.job import OutputFile
from imgpar.engines.local import LocalEngine

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.engine import Assignment
    from imgpar.core.job import Job
    from imgpar.core.slices import MadeFiles
    from imgpar.core.spec import Frame, Spec
    from imgpar.ops import Operation
    from imgpar.runtime.scheduler import Effort

    Array = np.ndarray[Any, Any]


def pattern(width: int, height: int, seed: int = 0) -> Array:
    """H×W×3 uint8: gradients and a checkerboard; every `seed` gives different colours.

    >>> pattern(64, 48).shape
    (48, 64, 3)
    """
    import numpy as np

    y, x = np.mgrid[0:height, 0:width]
    board = ((x // 8 + y // 8) % 2) * 40
    planes = [x * 215 // max(1, width - 1), y * 215 // max(1, height - 1), (x + y + 37 * seed) % 216]
    return np.stack([(plane + board + seed * (k + 3)) % 256 for k, plane in enumerate(planes)], -1).astype(
        np.uint8
    )


def write_pictures(folder: Path, names: Sequence[str], size: tuple[int, int] = (96, 64)) -> Path:
    """Write a different pattern under every name; returns the folder."""
    from PIL import Image

    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pattern(*size, seed)).save(path)
    return folder


def die(array: Array) -> Array:  # noqa: ARG001
    """Kill this process with SIGKILL, like the OOM killer."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def crash(array: Array) -> Array:  # noqa: ARG001
    """Crash this process with a segmentation fault."""
    import ctypes

    ctypes.string_at(0)
    raise AssertionError


def hang(array: Array) -> Array:  # noqa: ARG001
    """Never return."""
    while True:
        time.sleep(1)


def shout(array: Array) -> Array:
    """Print to standard output."""
    print("output of a function")  # noqa: T201
    return array


def fail(array: Array) -> Array:  # noqa: ARG001
    """Raise an exception."""
    raise ZeroDivisionError("on purpose")


def die_once(marker: str) -> Any:
    """A function that kills its process on the first call only.

    `marker` is the path of a file that must not exist; it records the first call.
    """

    def once(array: Array) -> Array:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return array
        return die(array)

    return once


def hold_gil(array: Array) -> Array:
    """Never return, and never release the GIL, like a C library that hangs."""
    import ctypes

    ctypes.PyDLL(None).pause()
    return array


def eat_memory(array: Array) -> Array:
    """Allocate memory until the limit is reached, like the decoder of a hostile file."""
    import numpy as np

    blocks = []
    while True:
        blocks.append(np.empty(64 << 20, np.uint8))
        if len(blocks) > 10_000:
            return array


_NEW_MOUNTS, _OWN_AND_BELOW = 0x20000, 0x44000
"""CLONE_NEWNS; MS_PRIVATE and MS_REC."""


def own_shm() -> bool:
    """Mount a private /dev/shm for this process and its children, isolated from other programs; False if the
    system does not permit it."""
    if sys.platform != "linux" or os.geteuid():
        return False
    import ctypes

    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_MOUNTS) or libc.mount(b"none", b"/", None, _OWN_AND_BELOW, None):
        return False
    return bool(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, None) == 0)


def strike_at(step: int, files: Sequence[str], *, group: bool = False, marker: str = "") -> None:
    """Kill this process at the `step`-th line that the current thread executes in files of these names.

    With `group` the whole process group is killed, as in a power failure. `marker` is a file that is created
    before; if it exists, nothing happens.
    """
    left = step

    def at_line(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if os.path.basename(frame.f_code.co_filename) not in files:
            return None
        left -= event == "line"
        if left <= 0 and not (marker and os.path.exists(marker)):
            if marker:
                Path(marker).touch()
            os.kill(0 if group else os.getpid(), signal.SIGKILL)
        return at_line

    if not (marker and os.path.exists(marker)):
        sys.settrace(at_line)


def die_at(step: int, marker: str, *, group: bool = False) -> Any:
    """A function that kills its process later, at the `step`-th executed line of the code that renames files.

    Only once: `marker` is the path of a file that must not exist. If fewer lines are executed, nothing
    happens and no marker is created. `group` as for `strike_at`.
    """

    def arm(array: Array) -> Array:
        strike_at(step, ("commit.py", "fs.py"), group=group, marker=marker)
        return array

    return arm


class InstantEngine(LocalEngine):
    """Settles each job as if its picture had become a file; reads and writes nothing. So a run, or a run and
    the nodes of a cluster, can be measured without the pictures: `RayEngine(options, engine=InstantEngine)`.

    >>> InstantEngine().do  # doctest: +ELLIPSIS
    <bound method InstantEngine.do of ...>
    """

    def do(self, work: Assignment) -> Effort:
        """As `Engine.do`."""
        from imgpar.batch.incremental import Unchanged
        from imgpar.core.job import Job, outcome_of
        from imgpar.runtime.scheduler import Effort, NotYet

        begun, turned = time.monotonic(), 0.0
        for entry in work.then(work.plan):
            if (now := time.monotonic()) - turned > 0.05:
                work.turn()
                turned = now
            if work.cancel.cancelled:
                break
            if isinstance(entry, NotYet):
                time.sleep(0.005)
            elif isinstance(entry, Unchanged):
                work.unchanged(entry)
            elif not isinstance(entry, Job):
                work.settle_planned(entry)
            elif entry.kind == "slice":
                work.settle_slice(entry, _as_if_made(entry), ())
            else:
                made = tuple([_FILE._replace(path=target.path) for target in entry.targets])
                number = entry.id
                work.settle(
                    entry,
                    [outcome_of(item, "ok", made, job=number + at) for at, item in enumerate(entry.items)],
                )
        return Effort(0, 1, time.monotonic() - begun)


_FILE = OutputFile("", 1000, 100, 80, mtime_ns=1, digest="0" * 32)


def _as_if_made(job: Job) -> MadeFiles:
    """The columns of a slice, each of whose pictures has become the same file."""
    from imgpar.core.slices import TIMED, MadeFiles

    count, one = len(job.items), _FILE
    return MadeFiles(
        tuple(range(count)),
        (one.bytes,) * count,
        (one.width,) * count,
        (one.height,) * count,
        (one.mtime_ns,) * count,
        (one.ctime_ns,) * count,
        (one.inode,) * count,
        (one.digest,) * count,
        ("",) * count,
        ((0.001,) * count,) * len(TIMED),
    )


_SIZES = ((1, 1), (5, 3), (61, 43))


def check_operation(operation: Operation) -> None:
    """Run an operation on every layout and depth that it takes, at three sizes, and check its results.

    >>> from imgpar.ops.invert import Invert
    >>> check_operation(Invert())

    Args:
        operation: with the fields that are to be tried.

    Raises:
        AssertionError: it modifies its input, leaves values of its result unwritten, gives different results
            for equal pictures, plans another layout than it takes, or does not survive pickling; a package
            could not add its class, for example because a field has the name of a setting.
        TransformError: it refuses one of these pictures.
    """
    import pickle

    problem = _problem_of(type(operation))
    assert not problem, f"imgpar would refuse it: {problem}"
    assert pickle.loads(pickle.dumps(operation)) == operation, "a pickled copy differs"  # noqa: S301
    for spec in (spec for size in _SIZES for spec in _specs(operation.accepts, operation.depths, size)):
        src = _frame_of(spec)
        before = src.array.copy()
        settled = operation.settled([src])
        planned = settled.plan(spec)
        assert planned == settled.plan(spec), f"two plans for {spec} differ"
        results = [_result(settled, src, planned, fill) for fill in (0, 1)]
        assert (src.array == before).all(), f"{spec}: the input was modified"
        assert (results[0] == results[1]).all(), f"{spec}: values of the result were not written, or differ"


def _problem_of(kind: type[Operation]) -> str:
    """Why a package could not add this operation, as a part of a sentence; empty for those of imgpar."""
    import imgpar.api.pipeline  # noqa: F401 - reserves the names of settings and methods
    from imgpar.ops import operation_types, origin_of
    from imgpar.ops.plugins import problem_of

    known = {name for name, other in operation_types().items() if other is not kind}
    built_in = kind in operation_types().values() and origin_of(kind) is None
    return "" if built_in or not kind.portable else problem_of(kind.name, kind, known)


def check_format(name: str) -> None:
    """Write every layout and depth of a format, read it again, and read damaged files.

    >>> check_format("png")

    Args:
        name: of the format; it has to be readable and writable.

    Raises:
        AssertionError: size, layout or depth differ, or the pixels of a format that is always lossless; a
            damaged file is read without an error of imgpar.
    """
    import numpy as np

    from imgpar.core.errors import ItemError
    from imgpar.core.limits import Limits
    from imgpar.core.spec import Frame, Metadata
    from imgpar.formats import codec
    from imgpar.formats.options import EncodeOptions
    from imgpar.formats.registry import find_format

    fmt = find_format(name)
    whole = b""
    for spec in (spec for size in _SIZES for spec in _specs(fmt.layouts, fmt.dtypes, size)):
        frame = _frame_of(spec)
        whole = bytes(codec.encode([frame], fmt, Metadata(), EncodeOptions()).data)
        header = codec.read_header(whole, f"a.{fmt.suffix}", Limits())
        assert header.format == fmt.name, f"{spec}: its header is of {header.format}"
        assert header.spec.size == spec.size, f"{spec} is read as {header.spec}"
        read = Frame(header.spec, np.empty(header.spec.shape, header.spec.dtype))
        codec.decode(whole, header, [read])
        exact = fmt.lossless == "always" and header.spec == spec and spec.layout != "RGBX"
        assert not exact or (read.array == frame.array).all(), f"{spec}: the pixels differ"
    for length in sorted({len(whole) * part // 16 for part in range(16)}):
        try:
            header = codec.read_header(whole[:length], f"a.{fmt.suffix}", Limits())
            empty = Frame(header.spec, np.empty(header.spec.shape, header.spec.dtype))
            codec.decode(whole[:length], header, [empty])
        except ItemError:
            continue
        raise AssertionError(f"{length} of {len(whole)} bytes were read as if they were whole")


def _specs(layouts: Sequence[Any], dtypes: Sequence[str], size: tuple[int, int]) -> list[Spec]:
    from imgpar.core.spec import Spec

    return [Spec(*size, layout, dtype) for layout in layouts for dtype in dtypes]


def _frame_of(spec: Spec) -> Frame:
    """A frame with noise; alpha as well."""
    import numpy as np

    from imgpar.core.spec import Frame

    noise = np.random.default_rng(7).random(spec.shape)
    peak = 1.0 if spec.dtype == "float32" else float(np.iinfo(spec.dtype).max)
    return Frame(spec, np.ascontiguousarray((noise * peak).astype(spec.dtype)))


def _result(operation: Operation, src: Frame, planned: Spec, fill: int) -> Array:
    """The result, in memory that held `fill` everywhere."""
    import numpy as np

    from imgpar.core.spec import Frame

    dst = Frame(planned, np.full(planned.shape, fill, planned.dtype))
    operation.apply(src, dst)
    return dst.array
