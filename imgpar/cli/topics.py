"""The topics of `imgpar help TOPIC`: which page each is, and which errors and flags belong to it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from imgpar.cli.commands import COMMANDS
from imgpar.core.errors import ImgparError, RunError, UsageError, topic_of


class Topic(NamedTuple):
    """One topic."""

    summary: str
    page: str
    """The name of a page in docs/, without its suffix."""
    sections: tuple[str, ...] = ()
    """Headings of the page; without any it is the whole page."""
    flags: str = ""
    """Flags that it explains, separated by blanks."""
    words: str = ""
    """Other words under which it is looked for, separated by blanks."""


TOPICS = {
    "examples": Topic("everyday jobs, one line each", "jobs"),
    "inputs": Topic(
        "which files are taken", "pictures", ("Which files are taken", "Related files"),
        "include exclude recursive companions",
    ),
    "selection": Topic(
        "conditions, order, duplicates, other files", "selection", (),
        "where sort duplicates others estimate",
    ),
    "lists": Topic(
        "lists and tables of inputs", "lists", (), "files-from null url-column key-column",
    ),
    "archives": Topic("archives as inputs", "archives", (), "archives"),
    "archive-outputs": Topic("archives and standard output as OUT", "archive-outputs", (), "deterministic"),
    "network": Topic(
        "inputs from web servers", "network", (),
        "downloads per-host retries fetch-timeout max-download user-agent robots allow-private",
    ),
    "stores": Topic("object stores, SFTP, your own sources and sinks", "stores", (), "cache-control"),
    "names": Topic("names of outputs", "names", (), "out name prefix suffix flat root on-exists"),
    "sizes": Topic("several sizes, and sizes in bytes", "names", ("Sizes",), "sizes"),
    "formats": Topic("formats and the packages that they need", "pictures", ("Formats",), "to best-format"),
    "colours": Topic("profiles, HDR and CMYK", "pictures", ("Colours", "Depth and transparency"),
                     "colour tonemap background", "icc hdr cmyk"),
    "pages": Topic("pages of documents, frames of animations", "pictures", ("Pages and frames",), "pages"),
    "quality": Topic(
        "quality, limits in bytes, targets", "pictures",
        ("Quality", "Sizes and qualities that are asked for"),
        "quality effort lossless max-bytes target only-if-smaller optimise subsampling progressive",
    ),
    "density": Topic("dots per inch", "pictures", ("Density",), "dpi density"),
    "operations": Topic("tones, colours, overlays, scans", "operations"),
    "metadata": Topic(
        "writing fields, dates and positions", "metadata", (),
        "set strip metadata shift-dates gpx gpx-offset gpx-gap", "gps exif xmp iptc",
    ),
    "recipes": Topic("recipes and several outputs", "recipes", (), "recipe save-recipe"),
    "projects": Topic("imgpar.toml, and runs in CI", "projects", (), "project check"),
    "sheets": Topic(
        "contact sheets, PDF, TIFF, icons, animations", "sheets", (),
        "columns rows labels page-size page-margin icon-sizes mixed title author subject keywords",
    ),
    "video": Topic(
        "clips", "video", (), "codec audio fps trim speed hardware every poster sprites animation",
    ),
    "web": Topic("markup, manifests, reports, comparisons", "web", (), "html manifest base-url report"),
    "shards": Topic(
        "WebDataset shards, coming from img2dataset", "img2dataset", (),
        "shard shard-keys shard-checksum caption-column checksum-column",
    ),
    "watching": Topic("watching folders", "watch", (),
                      "settle poll once move-done delete-source on-delete log log-size log-count status"),
    "events": Topic("events, logs and metrics", "events", (), "events metrics log-format"),
    "safety": Topic(
        "originals, undo, journals, a second run", "safety", (), "in-place keep-originals sandbox journal",
    ),
    "window": Topic("the drag-and-drop window", "desktop"),
    "python": Topic("the Python API", "python"),
    "training": Topic("batches for training", "training"),
    "frameworks": Topic("inside other frameworks, notebooks, servers", "frameworks"),
    "scaling": Topic("large machines and clusters", "scaling", (), "engine schedule ray-address",
                     "ray cluster dask spark numa"),
    "compatibility": Topic("what a new version keeps", "compatibility"),
    "extending": Topic("operations, formats, sources and sinks of your own", "extending"),
    "questions": Topic("frequent questions", "faq"),
    "errors": Topic("all of the following", "errors"),
    "exit-codes": Topic("exit codes", "errors", ("Exit codes",)),
    "usage": Topic("calls that are refused", "errors", ("Usage errors",)),
    "unreadable": Topic("inputs that cannot be read", "errors", ("Inputs that cannot be read",)),
    "unsupported": Topic("unknown and unsupported files", "errors", ("Unknown and unsupported files",)),
    "damaged": Topic("damaged files", "errors", ("Damaged files",), "accept-damaged"),
    "locked": Topic("encrypted files, passwords", "errors", ("Locked files",), "password password-file"),
    "limits": Topic(
        "limits and memory", "errors", ("Limits and memory",),
        "memory worker-memory max-pixels max-frames timeout jobs",
    ),
    "crashes": Topic("crashed workers", "errors", ("Crashed workers",)),
    "outputs": Topic("outputs that cannot be written", "errors", ("Outputs",)),
    "skipped": Topic("skipped inputs", "errors", ("Skipped inputs",)),
}  # fmt: skip
"""Name → topic, in the order of `imgpar help`."""

_SUBJECTS = {"Ray cluster": "scaling", "the recipe": "recipes", "The recipe": "recipes"}
"""What the text of an error names, where it names no flag and its class says little → topic."""
_FLAG = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
_SEE = re.compile(r"'imgpar help\b|\bSee '?imgpar [^.]*\.?$")


def topic_at(page: str, anchor: str = "") -> str:
    """The topic that has a heading of a page, or all of it; empty where there is none.

    >>> topic_at("names", "sizes"), topic_at("names", "templates"), topic_at("architecture")
    ('sizes', 'names', '')
    """
    there = {name: topic.sections for name, topic in TOPICS.items() if topic.page == page}
    for name, sections in there.items():
        if anchor and anchor in [title.lower().replace(" ", "-") for title in sections]:
            return name
    return min(there, key=lambda name: len(there[name]), default="")


def see(error: ImgparError, arguments: Sequence[str] = ()) -> str:
    """The command that explains an error; empty where its own text ends with one.

    Args:
        error: which one.
        arguments: of the command line.

    >>> see(UsageError("--prefix names no file."), ["convert"]), see(UsageError("No input."), ["convert"])
    ('imgpar help names', 'imgpar help convert')
    """
    if _SEE.search(str(error)):
        return ""
    return f"imgpar help {_topic_for(error, arguments)}"


class FailureTopics:
    """Gathers which topics explain the failures of a run."""

    def __init__(self) -> None:
        self._topics = set[str]()

    def add(self, kind: str) -> None:
        """Take up a failure, by its kind (see `Outcome.kind`)."""
        self._topics.add(topic_of(kind))

    def line(self) -> str:
        """The command that explains them; empty where there are none.

        >>> found = FailureTopics()
        >>> found.add("DamagedError")
        >>> found.add("LockedError")
        >>> found.line()
        'See: imgpar help damaged locked'
        """
        return f"See: imgpar help {' '.join(sorted(self._topics))}" if self._topics else ""

    def show(self, *, quiet: bool = False) -> None:
        """Print the line on standard error."""
        if self._topics and not quiet:
            print(self.line(), file=sys.stderr)


def _topic_for(error: ImgparError, arguments: Sequence[str]) -> str:
    subject = next((topic for words, topic in _SUBJECTS.items() if words in error.message), "")
    if type(error) is RunError and subject:
        return subject
    if error.topic != UsageError.topic:
        return error.topic
    for name in _FLAG.findall(error.message):
        if topic := topic_of_flag(name) or _operation_of_flag(name):
            return topic
    if subject:
        return subject
    return arguments[0] if arguments and arguments[0] in COMMANDS else error.topic


def topic_of_flag(name: str) -> str:
    """The topic that explains a flag; empty where none does.

    >>> topic_of_flag("prefix"), topic_of_flag("json")
    ('names', '')
    """
    return next((topic for topic, found in TOPICS.items() if name in found.flags.split()), "")


def topic_of_word(word: str) -> str:
    """The topic that has a word as another name; empty where none has.

    >>> topic_of_word("gps"), topic_of_word("names")
    ('metadata', '')
    """
    return next((topic for topic, found in TOPICS.items() if word in found.words.split()), "")


def _operation_of_flag(name: str) -> str:
    """The operation of a flag, or the first that it modifies, as a flag; empty where there is none."""
    from imgpar.ops import operation_types

    field = name.replace("-", "_")
    kinds = operation_types()
    owners = [operation for operation, kind in kinds.items() if field in kind.options()]
    owner = field if field in kinds else next(iter(owners), "")
    return owner.replace("_", "-")
