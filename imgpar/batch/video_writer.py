"""Clips from arrays, encoded in the calling process: `imgpar.VideoWriter`."""

from __future__ import annotations

import os
from fractions import Fraction
from multiprocessing import util
from typing import TYPE_CHECKING, Any

from imgpar.core import parsing
from imgpar.core.error_messages import InWords, bad_value, refuse_address
from imgpar.core.errors import EncodeError, UsageError, naming
from imgpar.core.exiting import held_at_exit
from imgpar.core.job import OutputFile, Target
from imgpar.core.spec import ITEM_BYTES, Frame, Layout, Spec
from imgpar.core.unit_range import in_unit_range
from imgpar.formats.options import Codec, EncodeOptions
from imgpar.formats.registry import format_of_suffix
from imgpar.inputs.one_file import check_file

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.clip.encoder import FrameEncoder
    from imgpar.core.fs import Half
    from imgpar.video.clip import Clip
    from imgpar.video.soundtrack import Soundtrack

    Array = np.ndarray[Any, Any]

_SAME_TIME = 0.001
"""Seconds by which a time may differ from that of the frame rate."""
_LAYOUTS: dict[int, Layout] = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class VideoWriter:
    """Writes a clip from arrays; the file is committed when it is complete.

    >>> with VideoWriter("out.mp4", fps=30) as writer:  # doctest: +SKIP
    ...     for array in arrays:
    ...         writer.write(array)

    Args:
        path: of the clip; its suffix decides the container.
        fps: frames a second, for frames that are written without a time: a number, a fraction, or text such
            as "30000/1001".
        quality: 1 to 100, the same scale for every codec; None is the default of the codec.
        effort: 0 is fastest, 10 makes the smallest file; None is the default of the codec.
        lossless: keep every pixel exactly, where the codec can.
        codec: "h264", "hevc", "av1", "vp9", "prores" or "ffv1"; empty leaves the choice to the container.
        pixel_format: FFmpeg's name of the stored samples, such as "yuv444p10le", "yuva420p", "gray" or
            "gbrp"; empty is the default of the codec. "rgb24" and "gbrp" are the same samples.
        audio: path of a clip or an audio file, whose default audio track is added: copied if the container
            takes its codec, else encoded. It begins with the first frame; longer audio is cut at the end of
            the last frame, up to one packet later if it is copied; after shorter audio there is silence.
        replace: whether a file that is there may be replaced, whoever wrote it, once the new one is whole.
        threads: of the encoder; 0 lets it choose.

    The clip begins with its first frame. Of an odd width or height the last column or row is cropped where
    the encoder needs even ones, and `notes` says so; VP9 and FFV1 do not need them, and with `lossless` it
    is an error. Alpha is kept in
    WebM and MKV (VP9) and in MOV (ProRes 4444); elsewhere transparent pixels are rejected. A container,
    codec and pixel format that do not go together are rejected with the first frame.

    It belongs to the process that began it: in a forked child `write` and `close` raise an error, and leaving
    the block does nothing.

    Raises:
        UsageError: a value is invalid, or the suffix is not that of a container for clips.
        ItemError: `audio` cannot be read.
        EncodeError: the encoder fails, or frames are missing in its output.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: float | str | Fraction = 25.0,
        quality: int | None = None,
        effort: int | None = None,
        lossless: bool = False,
        codec: Codec = "",
        pixel_format: str = "",
        audio: str | os.PathLike[str] | None = None,
        replace: bool = True,
        threads: int = 0,
    ) -> None:
        from imgpar.video.lossless import parse_pixel_format
        from imgpar.video.soundtrack import find_soundtrack

        given = parsing.named("path", parsing.path, path)
        sound = None if audio is None else parsing.named("audio", parsing.path, audio)
        for place in filter(None, (given, sound)):
            refuse_address(place, "a file")
        name = os.path.abspath(given)
        replace = parsing.named("replace", parsing.switch, replace)
        found = format_of_suffix(name)
        if found is None or found.kind != "video" or not found.writable:
            raise UsageError(f"{name} is not named like a clip.", fix="Use .mp4, .mov, .mkv, .webm or .avi.")
        if os.path.lexists(name) and not replace:
            raise UsageError(f"{name} already exists.", fix="Choose another name, or replace=True.")
        self._target = Target(found.name, name, replaces=os.path.exists(name))
        self._options = _options(quality=quality, effort=effort, lossless=lossless, codec=codec)
        self._pixel_format: str = parsing.named("pixel_format", parse_pixel_format, pixel_format)
        self._soundtrack = None
        if sound is not None:
            with naming(sound):
                check_file(sound, "Name a clip or an audio file.")
                self._soundtrack = find_soundtrack(sound)
        self._rate: Fraction = parsing.named("fps", parsing.rate(0.001, 1000), fps)
        self._threads = parsing.named("threads", parsing.integer(0, 1024), threads)
        self._encoder: FrameEncoder | None = None
        self._spec: Spec | None = None
        self._half: Half | None = None
        self.count = 0
        """Number of frames written."""
        self.notes: tuple[str, ...] = ()
        """What the clip does not keep of its frames; known with the first one."""
        self._last_time: Fraction | None = None
        self._closed, self._may_replace = False, replace
        self._owner = os.getpid()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.cancel()
        elif not self._closed and self._is_mine:
            self.close()

    @property
    def _is_mine(self) -> bool:
        """Whether this process began the clip; a child that was forked since has no part in it."""
        return os.getpid() == self._owner

    def _check_mine(self) -> None:
        if not self._is_mine:
            raise UsageError(
                f"{self._target.path} belongs to the process that began it, which has forked.",
                fix="Create a VideoWriter in this process, or write in that one.",
            )

    @held_at_exit()
    def write(self, array: Array, time: float | Fraction | None = None) -> None:
        """Add a frame.

        Args:
            array: H×W or H×W×1 to 4 (grey, grey with alpha, RGB, RGBA) of uint8, uint16 or float32 (0 to 1),
                in sRGB, of the shape and type of the first one. It is only read, and may be used again
                afterwards.
            time: seconds at which it is shown, a number or a fraction; makes the rate variable. Times must
                grow. AVI stores none: there they have to be those of `fps`.

        Raises:
            UsageError: the array or the time is invalid, or the writer is closed or of another process.
            EncodeError: the encoder fails, or the container cannot store how long after the frames before
                it this one is shown.
        """
        self._check_mine()
        if self._closed:
            raise UsageError(f"{self._target.path} is closed.", fix="Create another VideoWriter.")
        whole, spec = _checked(array)
        if self._spec not in (None, spec):
            raise bad_value(
                "a frame", f"an array like the first one, {_text(self._spec)},", InWords(_text(spec))
            )
        seconds = self._seconds(time)
        if self._encoder is None:
            self._begin(spec)
        assert self._encoder is not None
        if spec.alpha and not self._encoder.alpha and _transparent(whole):
            raise EncodeError(
                f"{self._target.format} stores no transparency with this encoder.",
                fix="Use .webm, .mov or .mkv with the default codec, or write frames without alpha.",
            )
        if self._options.lossless and not _held(whole, self._encoder.depth):
            raise EncodeError(
                f"The frame has values that {self._pixel_format} does not hold exactly.",
                fix="Choose a deeper pixel_format, or leave lossless out.",
            )
        self._last_time = seconds
        self._encoder.write(Frame(spec, whole), seconds)
        self.count += 1

    def _seconds(self, time: float | Fraction | None) -> Fraction:
        """When the next frame is shown."""
        even = self.count / self._rate
        if time is None:
            seconds = even
        else:
            number = float(time) if isinstance(time, Fraction) else time
            checked: float = parsing.named("time", parsing.number(0, 1e9), number)
            seconds = time if isinstance(time, Fraction) else Fraction(checked)
        if self._last_time is not None and seconds <= self._last_time:
            raise bad_value("time", f"seconds after {float(self._last_time):g}", time)
        if self._target.format == "avi" and abs(seconds - even) > _SAME_TIME:
            raise bad_value("time", f"{float(even):g} seconds, as AVI stores a rate instead of times,", time)
        return seconds

    def _begin(self, spec: Spec) -> None:
        from imgpar.batch.clip.encoder import FrameEncoder
        from imgpar.core.fs import sweep_temporary_files
        from imgpar.outputs.commit import begin_file

        self._spec = spec
        sweep_temporary_files(os.path.dirname(self._target.path))
        self._half = begin_file(self._target)
        try:
            self._encoder = FrameEncoder(
                spec, self._half.path, self._target.format, self._rate, self._options, self._threads,
                self._pixel_format,
            )  # fmt: skip
            _check_whole(self._encoder, spec, self._options)
            self.notes = self._encoder.notes
        except BaseException:
            if self._encoder is not None:
                self._encoder.kill()
                self._encoder = None
            self._half.drop()
            self._half = None
            raise
        # Not that of `weakref`: a forked child must not end what its parent writes.
        self._finalizer = util.Finalize(self, _discard, (self._encoder, self._half), exitpriority=0)

    def close(self) -> OutputFile:
        """Finish the file, check its number of frames, and commit it.

        Raises:
            UsageError: the writer is closed or of another process.
            EncodeError: no frame was written, or frames are missing in the output.
        """
        from imgpar.outputs.commit import commit_file

        self._check_mine()
        if self._closed:
            raise UsageError(f"{self._target.path} is closed already.")
        if self._encoder is None or self._half is None:
            raise EncodeError("A clip needs a frame.", fix="Call write() before close().")
        self._finalizer.cancel()
        try:
            made = self._encoder.finish()
            if self._soundtrack is not None:
                self._add(self._soundtrack, made)
        except BaseException:
            self.cancel()
            raise
        half = self._half
        size = os.path.getsize(half.path)
        self._closed = True
        exists = os.path.exists(self._target.path)
        target = self._target._replace(replaces=exists and self._may_replace)
        return commit_file(
            half,
            target,
            keep_times_of=None,
            fsync=False,
            expected=size,
            dimensions=made.picture.upright,
        )

    def _add(self, track: Soundtrack, made: Clip) -> None:
        """Replace the temporary file by one with audio."""
        from imgpar.outputs.commit import begin_file
        from imgpar.video.soundtrack import add_soundtrack

        assert self._half is not None
        length = made.times[-1] - made.times[0] + (made.last or float(1 / self._rate))
        silent, self._half = self._half, begin_file(self._target)
        with silent:
            add_soundtrack(track, made, self._target.format, length, self._half.path)

    def cancel(self) -> None:
        """Discard the file; nothing in a forked child."""
        if not self._is_mine:
            return
        if not self._closed:
            if self._encoder is not None:
                self._finalizer.cancel()
                self._encoder.kill()
            if self._half is not None:
                self._half.drop()
        self._closed = True


def _discard(encoder: FrameEncoder, half: Half) -> None:
    """Remove the file of a writer that was neither closed nor cancelled."""
    encoder.kill()
    half.drop()


def _checked(array: object) -> tuple[Array, Spec]:
    """The array with three dimensions, and its spec; raises UsageError."""
    import numpy as np

    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3):
        shown = InWords(f"one with {array.ndim} dimensions") if isinstance(array, np.ndarray) else array
        raise bad_value("a frame", "an array H×W or H×W×C", shown)
    native = array.dtype.newbyteorder("=")
    whole = np.ascontiguousarray(array if array.ndim == 3 else np.asarray(array)[..., None], native)
    height, width, channels = whole.shape
    if channels not in _LAYOUTS:
        raise bad_value("a frame", "1 to 4 channels", channels)
    if whole.dtype.name not in ITEM_BYTES:
        raise bad_value("a frame", "uint8, uint16 or float32", InWords(whole.dtype.name))
    if not height or not width:
        raise bad_value("a frame", "at least one pixel", InWords(f"{width}×{height}"))
    return in_unit_range(whole), Spec(width, height, _LAYOUTS[channels], whole.dtype.name)


def _held(array: Array, depth: int) -> bool:
    """Whether samples of `depth` bits hold the values of an array exactly."""
    from imgpar.video.plane_layout import lowered, raised

    if array.dtype.name != "uint16" or depth >= 16:
        return True
    return bool((raised(lowered(array, depth), depth) == array).all())


def _check_whole(encoder: FrameEncoder, spec: Spec, options: EncodeOptions) -> None:
    """Raise EncodeError where a lossless clip would lose a column or row."""
    if options.lossless and encoder.size != spec.size:
        raise EncodeError(
            f"This encoder cannot store {spec.width}×{spec.height} losslessly: it needs even sizes.",
            fix="Choose codec='ffv1' in an MKV.",
        )


def _transparent(array: Array) -> bool:
    """Whether any pixel of an array with alpha is not opaque."""
    import numpy as np

    most = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    return bool(array[..., -1].min() < most)


def _text(spec: Spec | None) -> str:
    return f"{spec.width}×{spec.height} {spec.layout} {spec.dtype}" if spec else ""


def _options(**given: Any) -> EncodeOptions:
    """Validated encoder settings; raises BadValueError."""
    known = EncodeOptions.options()
    return EncodeOptions(
        **{
            name: parsing.named(name, known[name].parse, value)
            for name, value in given.items()
            if value not in (None, "")
        }
    )
