"""Options of a run, each declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imgpar.core import parsing
from imgpar.core.errors import unknown_setting
from imgpar.core.limits import Secret
from imgpar.core.options import Declared, option
from imgpar.inputs.fetching import FetchOptions, agent, robots
from imgpar.inputs.ordering import SortKey, sort_keys
from imgpar.inputs.sources import Access
from imgpar.inputs.where import Condition, conditions
from imgpar.outputs.shards.settings import CHECKSUMS, KEYS, ShardSize, shard_size

FILES, SHARDS, RUN, NETWORK, CLUSTER = "files", "shards", "run", "network", "cluster"
"""Groups of flags."""
EXISTS = ("skip", "overwrite", "rename", "error")
SCHEDULES = ("auto", "staged", "chain")
ENGINES = ("local", "ray")
COMPANIONS = ("ignore", "copy", "samples")
OTHERS = ("skip", "copy", "link")
DUPLICATES = ("keep", "skip", "link")
READING = "run retry arrays assemble sheet concat describe frames compare"
"""Calls that read inputs, from wherever these are."""


@dataclass(frozen=True, slots=True)
class RunOptions(Declared):
    """Options of a run; the processing is defined by the recipe. None means "not given"."""

    on_exists: Literal["skip", "overwrite", "rename", "error"] | None = option(
        parsing.choice(*EXISTS),
        "what to do if an output exists (default: skip files that imgpar did not write, replace files that "
        "it "
        "wrote with other settings)",
        default=None,
        choices=EXISTS,
        example="rename",
        group=FILES,
        calls="run retry assemble sheet concat frames",
    )
    companions: Literal["ignore", "copy", "samples"] = option(
        parsing.choice(*COMPANIONS),
        "sidecar files of pictures (XMP, AAE): ignore, copy under the name of the output, or samples: also "
        "JSON, TXT and CLS files, as WebDataset has them (default: ignore)",
        default="ignore",
        choices=COMPANIONS,
        example="copy",
        group=FILES,
        calls="run retry",
    )
    others: Literal["skip", "copy", "link"] = option(
        parsing.choice(*OTHERS, aliases={"ignore": "skip"}),
        "files in the input folders that are neither pictures nor clips: skip, copy to their place in OUT, "
        "or link (hard links, copies where that is not possible) (default: skip)",
        default="skip",
        choices=OTHERS,
        example="copy",
        group=FILES,
        calls="run retry",
    )
    duplicates: Literal["keep", "skip", "link"] = option(
        parsing.choice(*DUPLICATES),
        "inputs whose content is that of an earlier input: keep (convert each), skip, or link (their outputs "
        "become hard links to those of the first) (default: keep)",
        default="keep",
        choices=DUPLICATES,
        example="skip",
        group=FILES,
        calls="run",
    )
    deterministic: bool = option(
        parsing.switch,
        "equal outputs make equal archives: members in the order of their names, with one time "
        "(SOURCE_DATE_EPOCH, or 1980-01-01), whatever -j",
        default=False,
        group=FILES,
        calls="run retry frames",
    )
    cache_control: str | None = option(
        parsing.cache_control,
        "Cache-Control of the objects that are stored in OUT (s3://, gs://, az://), such as "
        "'public, max-age=86400'",
        default=None,
        metavar="DIRECTIVES",
        example="max-age=86400",
        group=FILES,
        calls="run retry frames",
    )
    include: tuple[str, ...] = option(
        parsing.patterns,
        "process only files whose path below the input folder matches, ignoring case, such as '*.jpg' or "
        "'2024/**'; repeatable",
        default=(),
        metavar="GLOB",
        example="*.jpg",
        group=FILES,
        repeats=True,
        calls="run retry arrays assemble sheet describe frames compare",
    )
    exclude: tuple[str, ...] = option(
        parsing.patterns,
        "skip files and folders whose path below the input folder matches, ignoring case, such as "
        "'proofs/'; repeatable",
        default=(),
        metavar="GLOB",
        example="proofs/",
        group=FILES,
        repeats=True,
        calls="run retry arrays assemble sheet describe frames compare",
    )
    manifest: str | None = option(
        parsing.path,
        "write a JSON file that lists the outputs of each input: size, bytes, digest, dominant colour, "
        "BlurHash and ThumbHash",
        default=None,
        metavar="FILE.json",
        example="web/site.json",
        group=FILES,
        calls="run",
    )
    html: str | None = option(
        parsing.path,
        "write a page with the <picture> markup of each input, with all its sizes and formats",
        default=None,
        metavar="FILE.html",
        example="web/pictures.html",
        group=FILES,
        calls="run",
    )
    base_url: str | None = option(
        parsing.base_url,
        "begin each address in --manifest and --html with this, such as /img/ (default: relative to OUT in "
        "the manifest, to the page in its markup)",
        default=None,
        metavar="URL",
        example="/img/",
        group=FILES,
        calls="run",
    )
    where: tuple[Condition, ...] = option(
        conditions,
        "process only files that fulfil a condition, such as 'width>=800', 'date>=2024-01-01', 'bytes<2M', "
        "format=jpeg, orientation=portrait, animated or 'camera=canon'; repeatable",
        default=(),
        metavar="CONDITION",
        example="format=jpeg",
        group=FILES,
        repeats=True,
        calls="run retry arrays assemble sheet concat describe frames",
    )
    sort: tuple[SortKey, ...] = option(
        sort_keys,
        "order of the files: name, path, date, mtime, bytes, width …, also several: date,name; "
        ":desc is descending (default: natural order of the names)",
        default=(),
        metavar="FIELD[:desc]",
        example="date",
        group=FILES,
        calls="run retry arrays assemble sheet concat describe frames",
    )
    reverse: bool = option(
        parsing.switch,
        "reverse the order of the files",
        default=False,
        group=FILES,
        calls="run retry arrays assemble sheet concat describe frames",
    )
    recursive: bool = option(
        parsing.switch,
        "read subfolders of the inputs",
        default=True,
        group=FILES,
        calls="run retry arrays assemble sheet frames",
    )
    root: str | None = option(
        parsing.path,
        "folder above all inputs that OUT mirrors: of the root photos/, photos/2024/a.jpg becomes 2024/a.jpg",
        default=None,
        metavar="DIR",
        example="photos/",
        group=FILES,
        calls="run arrays",
    )
    archives: bool = option(
        parsing.switch,
        "open archives (ZIP, tar, 7z) that are found in input folders, each like a folder of its name",
        default=False,
        group=FILES,
        calls=READING,
    )
    shard: ShardSize | None = option(
        shard_size,
        "write WebDataset shards (00000.tar, 00001.tar … with tables of their metadata) into OUT, each of at "
        "most this size, such as 1GB, or this number of inputs, such as 10000",
        default=None,
        metavar="SIZE|N",
        example="1GB",
        group=SHARDS,
        calls="run",
    )
    shard_keys: Literal["number", "name"] | None = option(
        parsing.choice(*KEYS),
        "with --shard: call samples by number, or by the name of the output (default: number)",
        default=None,
        choices=KEYS,
        example="name",
        group=SHARDS,
        calls="run",
    )
    shard_checksum: Literal["sha256", "sha512", "md5", "none"] | None = option(
        parsing.choice(*CHECKSUMS),
        "with --shard: checksum of each input in the tables (default: sha256)",
        default=None,
        choices=CHECKSUMS,
        example="md5",
        group=SHARDS,
        calls="run",
    )
    checksum_column: str | None = option(
        parsing.text,
        "with --shard: column of the list with the checksum that each input must have, of the kind of "
        "--shard-checksum",
        default=None,
        metavar="NAME",
        example="sha256",
        group=SHARDS,
        calls="run",
    )
    caption_column: str | None = option(
        parsing.text,
        "with --shard: column of the list whose text is the caption of a sample, KEY.txt",
        default=None,
        metavar="NAME",
        example="caption",
        group=SHARDS,
        calls="run",
    )
    in_place: bool = option(
        parsing.switch,
        "replace the originals and keep them in .imgpar/undo",
        default=False,
        group=FILES,
        calls="run",
    )
    dry_run: bool = option(
        parsing.switch,
        "print what would be done and write nothing",
        default=False,
        group=FILES,
        short="-n",
        calls="run assemble sheet concat frames",
    )
    jobs: int | None = option(
        parsing.integer(0, 1000),
        "maximum number of worker processes (default: available cores); 0 works in this process, without "
        "isolation",
        default=None,
        metavar="N",
        example="8",
        group=RUN,
        short="-j",
        calls="run retry arrays frames assemble sheet concat describe compare",
    )
    memory: int | None = option(
        parsing.memory_size,
        "limit of shared memory for decoded frames, such as 800M or 2G (powers of 1024)",
        default=None,
        metavar="SIZE",
        example="2G",
        group=RUN,
        of_workers=True,
        calls=f"{READING} encode",
    )
    timeout: float | None = option(
        parsing.duration,
        "time limit per input, such as 30s or 2m (default: 15m; none for clips)",
        default=None,
        metavar="TIME",
        example="2m",
        group=RUN,
        calls=f"{READING} encode",
    )
    schedule: Literal["auto", "staged", "chain"] = option(
        parsing.choice(*SCHEDULES),
        "scheduling of stages on workers; does not change the outputs (default: auto)",
        default="auto",
        choices=SCHEDULES,
        example="staged",
        group=RUN,
        calls="run retry arrays",
    )
    max_pixels: int = option(
        parsing.pixels,
        "reject pictures with more pixels (default: 100MP; no limit for info)",
        default=100_000_000,
        metavar="N",
        example="200MP",
        group=RUN,
        calls="run retry arrays encode assemble sheet describe frames compare",
    )
    max_frames: int = option(
        parsing.integer(1, 1 << 31),
        "reject animations with more frames and documents with more pages (default: 10000)",
        default=10_000,
        metavar="N",
        example="500",
        group=RUN,
        calls="run retry arrays encode assemble sheet describe",
    )
    worker_memory: int | None = option(
        parsing.worker_memory,
        "limit of private memory per worker, Linux only (default: 4G, powers of 1024); inputs that "
        "need more fail",
        default=None,
        metavar="SIZE",
        example="8G",
        group=RUN,
        of_workers=True,
        calls=READING,
    )
    keep_originals: int | None = option(
        parsing.days,
        "with --in-place: delete kept originals older than DAYS, or keep none of this run "
        "(default: keep until undo --forget)",
        default=None,
        metavar="DAYS|none",
        example="30",
        group=RUN,
        calls="run retry",
    )
    accept_damaged: bool = option(
        parsing.switch,
        "keep the readable part of damaged files instead of failing",
        default=False,
        group=RUN,
        calls="run retry arrays encode frames assemble sheet compare",
    )
    password: Secret | None = option(
        parsing.secret,
        "password of encrypted PDFs and archives",
        default=None,
        metavar="TEXT",
        group=RUN,
        calls="run retry arrays encode assemble sheet concat describe frames compare",
    )
    verify: bool = option(
        parsing.switch,
        "decode and compare every output before it is committed; check the digests of outputs that are "
        "skipped",
        default=False,
        group=RUN,
        calls="run retry encode frames",
    )
    keep_failures: str | None = option(
        parsing.path,
        "save the input, the recipe and the diagnostics of each failure in this folder",
        default=None,
        metavar="DIR",
        example="failures",
        group=RUN,
        calls="run retry assemble sheet concat frames",
    )
    sandbox: bool | None = option(
        parsing.switch,
        "let workers touch no files but the inputs, OUT, temporary files and the installation, and "
        "connect to nothing; Linux 6.7 or newer (default: for addresses and stores, without functions "
        "and plugins)",
        default=None,
        group=RUN,
        calls="run retry assemble sheet concat frames",
    )
    strict: bool = option(
        parsing.switch,
        "treat any loss (GPS, bit depth, frames …) as a failure",
        default=False,
        group=RUN,
        calls="run retry encode assemble sheet concat frames",
    )
    journal: str | None = option(
        parsing.path,
        "path of the journal (default: in OUT/.imgpar, or in the user's state folder if OUT is a file)",
        default=None,
        metavar="FILE",
        example="run.db",
        group=RUN,
        calls="run retry assemble sheet concat frames",
    )
    allow_private: bool = option(
        parsing.switch,
        "read http(s) items also from private, loopback and link-local addresses",
        default=False,
        group=NETWORK,
        calls=READING,
    )
    downloads: int = option(
        parsing.integer(1, 1000),
        "transfers at a time (default: 32)",
        default=FetchOptions().downloads,
        metavar="N",
        example="64",
        group=NETWORK,
        calls=READING,
    )
    per_host: int = option(
        parsing.integer(1, 1000),
        "transfers at a time from one host (default: 8)",
        default=FetchOptions().per_host,
        metavar="N",
        example="16",
        group=NETWORK,
        calls=READING,
    )
    retries: int = option(
        parsing.integer(0, 100),
        "further attempts after a failure of the network that may pass (default: 4)",
        default=FetchOptions().retries,
        metavar="N",
        example="10",
        group=NETWORK,
        calls=READING,
    )
    fetch_timeout: float = option(
        parsing.duration,
        "time limit for the transfer of one item with all attempts, such as 90s or 5m (default: 10m)",
        default=FetchOptions().timeout,
        metavar="TIME",
        example="2m",
        group=NETWORK,
        calls=READING,
    )
    max_download: int = option(
        parsing.file_size,
        "reject items that are larger when they are fetched (default: 4 GiB)",
        default=FetchOptions().most_bytes,
        metavar="SIZE",
        example="100M",
        group=NETWORK,
        calls=READING,
    )
    robots: tuple[str, ...] = option(
        robots,
        "do not take http(s) items whose server sends one of these directives in X-Robots-Tag, such as "
        "noai,noimageai; all is noai,noimageai,noindex,noimageindex",
        default=(),
        metavar="TAG,…",
        example="all",
        group=NETWORK,
        calls=READING,
    )
    user_agent: str = option(
        agent,
        "name of your program, added to the User-Agent; X-Robots-Tag may address it",
        default=FetchOptions().user_agent,
        metavar="NAME",
        example="mybot",
        group=NETWORK,
        calls=READING,
    )

    engine: Literal["local", "ray"] = option(
        parsing.choice(*ENGINES),
        "what does the work: the processes of this machine (local), or the nodes of a Ray cluster, which "
        "must reach the inputs and OUT (default: local)",
        default="local",
        choices=ENGINES,
        example="ray",
        group=CLUSTER,
        calls="run retry",
    )
    ray_address: str | None = option(
        parsing.text,
        "with --engine ray: address of the cluster, such as 10.0.0.1:6379 or auto (default: "
        "RAY_ADDRESS, the cluster on this machine, or a new one of this machine alone)",
        default=None,
        metavar="ADDRESS",
        example="auto",
        group=CLUSTER,
        calls="run retry",
    )

    @property
    def access(self) -> Access:
        """What the sources of the run have to know."""
        columns = tuple(filter(None, (self.caption_column, self.checksum_column)))
        return Access(self.password, self.archives, self.fetching, columns)

    @property
    def fetching(self) -> FetchOptions:
        """Limits of transfers."""
        return FetchOptions(
            self.allow_private,
            self.downloads,
            self.per_host,
            self.retries,
            self.fetch_timeout,
            self.max_download,
            self.robots,
            self.user_agent,
        )

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> RunOptions:
        """Options from unparsed values; None means "not given".

        >>> RunOptions.read({"timeout": "2m", "jobs": None}).timeout
        120.0

        Raises:
            UsageError: a name or a value is invalid.
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
