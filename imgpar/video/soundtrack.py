"""Audio from a file for a clip whose frames come from memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

from imgpar.core.errors import EncodeError, TransformError
from imgpar.video.clip import Clip, Stream
from imgpar.video.containers import CONTAINERS
from imgpar.video.demux import DEMUXERS, open_clip
from imgpar.video.ffmpeg import Ffmpeg
from imgpar.video.native import check_exit
from imgpar.video.probe import probe, stream_of
from imgpar.video.streams import audio_options

_DEMUXERS = DEMUXERS + ",mp3,wav,w64,flac,aac,ac3,aiff,caf"
"""Permitted demuxers: clips, and files that hold nothing but audio."""


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """An audio stream of a file."""

    path: str
    stream: Stream


def find_soundtrack(path: str) -> Soundtrack:
    """The default audio stream of a clip or an audio file, or its first one.

    Raises:
        TransformError: it has no audio.
        ItemError: it cannot be read.
    """
    with open_clip(path, _DEMUXERS) as container:
        tracks = [stream_of(stream) for stream in container.streams.audio]
    if not tracks:
        raise TransformError(f"{path} has no audio.", fix="Leave audio out, or choose another file.")
    return Soundtrack(path, next((track for track in tracks if track.default), tracks[0]))


def add_soundtrack(track: Soundtrack, clip: Clip, container: str, length: float, output: str) -> None:
    """Copy the frames of a clip, and add audio, which begins with the first frame and ends with the last.

    Args:
        track: copied if the container takes its codec, else encoded.
        clip: with frames only.
        container: name of the format.
        length: of the clip in seconds; longer audio is cut off there, up to one packet later if it is copied.
        output: path of the new file, which exists and is empty.

    Raises:
        EncodeError: frames or audio are missing in the new file.
        ItemError: as `check_exit`.
    """
    record, source = CONTAINERS[container], os.path.abspath(track.path)
    known = ["-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS]
    arguments = [*known, "-fflags", "+genpts", "-i", f"file:{os.path.abspath(clip.path)}"]
    arguments += [*known, "-t", f"{length:.6f}", "-i", f"file:{source}"]
    arguments += ["-map", "0:v:0", "-map", f"1:{track.stream.index}", "-c:v:0", "copy"]
    arguments += ["-map_metadata", "-1", "-map_chapters", "-1", *audio_options(track.stream, record)]
    child = Ffmpeg([*arguments, *record.flags, "-f", record.muxer, f"file:{output}"])
    check_exit(child.wait(), child.lines)
    made = probe(output)
    if len(made.times) != len(clip.times) or not made.of_kind("audio"):
        raise EncodeError(
            f"The new clip is not whole: {len(made.times)} of {len(clip.times)} frames, or no audio."
        )
