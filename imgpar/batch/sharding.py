"""`--shard`: OUT as WebDataset shards."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from imgpar.batch.report_lines import state_folder
from imgpar.batch.run_options import RunOptions
from imgpar.core.addresses import is_address
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.filenames import short_hash
from imgpar.core.fs import OURS
from imgpar.core.install_hint import pip
from imgpar.formats.registry import format_of_suffix
from imgpar.inputs.roots import absolute
from imgpar.outputs.shards.settings import ShardSettings
from imgpar.outputs.sinks import Sink, Stored, check_sink, is_sharded, sink_of

if TYPE_CHECKING:  # most runs write none
    from imgpar.outputs.shards.sink import ShardSink

_ONLY = ("shard_keys", "shard_checksum", "caption_column", "checksum_column")
"""Settings that need `shard`."""


def sharded(out: str | Sink | None, options: RunOptions) -> str | Sink | None:
    """OUT as shards, where that was asked for; else as it is.

    Raises:
        UsageError: the settings exclude each other, OUT holds something else, or a package is missing.
    """
    if options.shard is None:
        for name in _ONLY:
            if getattr(options, name) is not None:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--{flag} ({name}) is for shards.", fix=f"Add {setting('shard')}, or leave it out."
                )
        return out
    if options.others != "skip":
        raise UsageError(
            "Shards hold what is made of pictures and clips, so there is no --others (others).",
            fix="Leave it out.",
        )
    if options.companions == "copy":
        raise UsageError(
            "Shards hold samples, so there is no --companions copy (companions).",
            fix=f"Write {setting('companions', 'samples')} to keep what lies beside each picture.",
        )
    if options.companions == "samples" and options.caption_column:
        raise UsageError(
            "The captions of samples are in their TXT files, so there is no --caption-column.",
            fix=f"Leave out {setting('companions', 'samples')} or {setting('caption_column')}.",
        )
    if options.checksum_column and options.shard_checksum == "none":
        raise UsageError(
            "No checksum is made, so none can be compared.", fix=f"Leave {setting('shard_checksum')} out."
        )
    if out is None or options.in_place:
        raise UsageError("Shards need a folder (--shard).", fix="Name one with -o OUT.")
    if isinstance(out, str):
        _check_folder_name(out)
    require_packages()
    from imgpar.outputs.shards.sink import ShardSink

    if not isinstance(out, str) or is_address(out):
        store = check_sink(out) if not isinstance(out, str) else sink_of(out)
        assert store is not None
        return _shards_in(store, settings_of(options))
    folder = absolute(out)
    if os.path.isfile(os.path.join(folder, OURS, "journal.db")) and not is_sharded(folder):
        raise UsageError(
            f"{folder} has the outputs of a run without --shard.", fix="Choose another OUT for shards."
        )
    return ShardSink(folder, settings_of(options))


def _check_folder_name(out: str) -> None:
    """Refuse the name of an archive or a picture, unless there is such a folder."""
    if out.endswith(("/", os.sep)) or os.path.isdir(out):
        return
    if format_of_suffix(out) or (not is_address(out) and sink_of(out)):
        name = os.path.basename(out)
        raise UsageError(
            f"Shards need a folder, and OUT is named like a file ({name}).",
            fix=f"Write {name}/ for a folder of that name.",
        )


def known_shards(out: str | Sink) -> str | Sink:
    """OUT as its shards, where an earlier run has written some to such an address; else as it is."""
    if not isinstance(out, str) or not is_address(out) or (store := sink_of(out)) is None:
        return out
    return _shards_in(store) if is_sharded(_folder_of(store)) else out


def _shards_in(store: Sink, settings: ShardSettings | None = None) -> ShardSink:
    """Shards in a place that is no folder."""
    from imgpar.outputs.shards.homes import StoreHome
    from imgpar.outputs.shards.sink import ShardSink

    return ShardSink(StoreHome(store), settings, _folder_of(store), Stored(store).journal)


def _folder_of(store: Sink) -> str:
    """The folder of what is not finished there, and of its index."""
    journal = Stored(store).journal
    return os.path.dirname(journal) or os.path.join(state_folder(), "outputs", short_hash(store.root, 32))


def settings_of(options: RunOptions) -> ShardSettings:
    """The settings of shards among the options of a run."""
    assert options.shard is not None
    samples = options.companions == "samples"
    return ShardSettings(
        options.shard,
        options.shard_keys or ("name" if samples else "number"),
        options.shard_checksum or "sha256",
        options.caption_column or "",
        options.checksum_column or "",
        "samples" if samples else "",
    )


def require_packages() -> None:
    """Raises UsageError where a package is missing that shards need."""
    missing = [name for name, module in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise UsageError(f"Shards need {' and '.join(missing)}.", fix=f"Install it: {pip('imgpar[shards]')}")


_PACKAGES = {"pyarrow": "pyarrow", "exifread-nocycle": "exifread"}
"""Modules by the name of their package."""
