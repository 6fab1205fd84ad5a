"""The inputs of one consumer, item by item, as they are given.

a list of paths          ─────────────────────────────────────────────► items ─► plan
a generator, contents    ─► thread: read ahead; contents ─► files ────► items ─► plan

A generator may wait as long as it likes: it is read by a thread of its own, no further than `prefetch` inputs
ahead of the consumer, and no more than ROOM bytes of contents lie on disk, unless one alone has more.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from imgpar.batch.ordered import unreadable
from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.core.addresses import is_address
from imgpar.core.error_messages import raised_words
from imgpar.core.errors import ImgparError, ItemError, SourceError, UnsupportedError, UsageError
from imgpar.core.fs import FULL, remove_file
from imgpar.core.job import LISTED, Item, Job, Outcome, key_in
from imgpar.core.tempfiles import remove_folder, temporary_folder
from imgpar.formats.registry import peek, sniff
from imgpar.inputs.addresses import check_opener, row_item
from imgpar.inputs.batches import is_media, named_item, why_unreadable
from imgpar.inputs.foreign import as_source
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.handed import GivenInput, file_name, write_content
from imgpar.inputs.lists import InputList
from imgpar.inputs.local import scan_path
from imgpar.inputs.numbers import with_number
from imgpar.inputs.one_file import is_archive_file
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import SourceOpener
from imgpar.inputs.roots import absolute, below_base
from imgpar.inputs.schemes import archive_suffix
from imgpar.inputs.sources import Access, Source, is_source
from imgpar.inputs.tables import ListRow
from imgpar.runtime.scheduler import NotYet

AHEAD = 32
"""Inputs per worker that are read ahead of a generator, as many as the scheduler plans ahead."""
ROOM = 256 << 20
"""Bytes of contents that wait for the consumer."""

Arrange = Callable[[Sequence[Item]], Iterable[Item]]
"""Puts items in order."""

_NOT_YET = NotYet()
_END = object()


class Inputs:
    """What was given to a call, with the sources that its items come from.

    Args:
        given: the inputs.
        lazy: whether they are read while the call runs; then only paths, addresses of single items, archives
            in files and contents can be among them, as workers have to know all sources when they begin.
        access: what the options of the run say to sources.

    Raises:
        UsageError: two sources have one name, or there is none for an address.
    """

    def __init__(
        self, given: Sequence[GivenInput] | Iterator[GivenInput], *, lazy: bool, access: Access
    ) -> None:
        self._access, self._opener, self.lazy = access, SourceOpener(access), lazy
        self._foreign: dict[int, Source] = {}
        """Sources by their identity, so that one that is given twice stays one."""
        named = [] if isinstance(given, Iterator) else [one for each in given for one in self._named(each)]
        self.threaded = lazy or any(each.handed for each in named)
        """Whether reading them may take time."""
        self.sources: list[Source] = list(self._opener.sources.values())
        self._archives: FoundArchives | None = None
        if lazy or (access.archives and any(isinstance(each.value, str) for each in named)):
            self._archives = FoundArchives(len(self.sources) + 1, access, self._opener.sources)
            self.sources.append(self._archives)
        addresses = [each.value for each in named if isinstance(each.value, str) and is_address(each.value)]
        self._addresses = len(self.sources) + 1
        """Number of the source of addresses."""
        if lazy or addresses:
            for address in addresses:
                check_opener(address)
            self.sources.append(InputList.of_addresses([], access, self._addresses))
        self._given = self._each(given) if isinstance(given, Iterator) else iter(named)

    def __iter__(self) -> Iterator[GivenInput]:
        """Everything that was given, once."""
        return self._given

    def _named(self, given: GivenInput) -> Iterator[GivenInput]:
        """What one input stands for."""
        value = given.value
        if is_source(value):
            value = self._foreign.setdefault(id(value), as_source(value))
        if given.keyed or not isinstance(value, (str, Source)):
            yield given
        else:
            for named in self._opener.named(value):
                yield given._replace(value=named)

    def _each(self, given: Iterator[GivenInput]) -> Iterator[GivenInput]:
        for one in given:
            if isinstance(one.value, str) and archive_suffix(one.value) and os.path.isfile(one.value):
                yield one
                continue
            for named in self._named(one):
                if isinstance(named.value, Source):
                    raise UsageError(
                        f"{named.value.root} is among inputs that are read one by one, but workers have to "
                        "know it when they begin.",
                        fix="Give the inputs as a list.",
                    )
                yield named

    def items(self, given: GivenInput, patterns: Patterns) -> Iterator[Item]:
        """The items of one input that is no content."""
        value = given.value
        if isinstance(value, str):
            if is_address(value):
                row = ListRow(value, columns=given.columns)
                yield row_item(row, "")._replace(source=self._addresses, named=True)
            elif given.keyed:
                yield _keyed_file(absolute(value))._replace(columns=given.columns)
            elif self.lazy and self._archives and archive_suffix(value) and os.path.isfile(value):
                for batch in self._archives.inside(absolute(value), "", absolute(value), "", patterns):
                    yield from batch.items
            else:
                opener = self._archives if self._access.archives else None
                yield from scan_path(value, patterns, opener)
            return
        assert isinstance(value, Source)
        number = self.sources.index(value) + 1
        if isinstance(value, InputList):
            yield from _listed(value, number, patterns)
        else:
            for batch in with_number(number, value.batches("", patterns)):
                yield from batch.items


def _keyed_file(path: str) -> Item:
    """The file that was given with a key."""
    item = named_item(path, os.path.basename(path))._replace(named=True)
    if not item.error and is_archive_file(path):
        error = "It is an archive, and a key is that of one picture. Name it without a key."
        return item._replace(error=error, kind=UnsupportedError.__name__)
    return item


def _listed(listed: InputList, number: int, patterns: Patterns) -> Iterator[Item]:
    """The items of a list, row by row."""
    for row in listed.rows():
        if row.error or is_address(row.address):
            item = row_item(row, listed.name)._replace(source=number)
        else:
            full = absolute(row.address)
            item = named_item(full, os.path.basename(full))._replace(columns=row.columns)
            item = item._replace(key=row.key)  # which no file needs; `InputFeed` takes it over
        if not patterns or patterns.takes(item.name):
            yield item


class InputFeed:
    """The items of one consumer, in the order in which they are given.

    Args:
        inputs: what was given.
        selection: which of their items are taken.
        options: of the call: patterns, and the folder below which paths are keys.
        ahead: inputs that are read ahead of the consumer; None is no limit.
        wake: called when the plan goes on after a `NotYet`.
        arrange: makes the order of all items; it may give one several times.
    """

    def __init__(
        self,
        inputs: Inputs,
        selection: Selection,
        options: RunOptions,
        *,
        ahead: int | None,
        wake: Callable[[], None],
        arrange: Arrange | None = None,
    ) -> None:
        self._inputs, self._selection = inputs, selection
        self._patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
        self._ahead, self._wake, self._arrange = ahead, wake, arrange
        self._root = absolute(options.root) if options.root else ""
        self._needs_all = selection.needs_all or arrange is not None
        self._changed = threading.Condition()
        # All below are read and changed with the lock.
        self._queue: deque[GivenInput | Item] = deque()
        self._planned: deque[Item] = deque()
        """Items that the consumer has not done with."""
        self._reading = 0
        """Inputs that were read, and of which the items are not all planned."""
        self._bytes = self._number = self._read_count = 0
        self._keys: dict[int, Hashable] = {}
        self._folder = ""
        self._held = self._ended = self._closed = False
        """Whether the plan waits; whether there are no more inputs; whether the consumer has gone."""
        self.error: BaseException | None = None
        """What reading the inputs has raised."""

    # ----- the consumer ------------------------------------------------------------------------------

    def plan(self) -> Iterator[Job | Outcome | NotYet]:
        """A job for each item, an outcome for each that cannot be read, in order."""
        if self._inputs.threaded:
            threading.Thread(target=self._read, name="imgpar-inputs", daemon=True).start()
        if self._needs_all:
            items = self._selection.items(item for item in self._items(wait=True) if isinstance(item, Item))
            return self._entries(self._arranged(list(items)))
        return self._entries(self._streamed())

    def first(self) -> Item:
        """The item of the next result."""
        return self._planned[0]

    def key_of(self, item: Item) -> Hashable:
        """What the caller calls an item: the key that came with it, else its path."""
        if item.ticket:
            return self._keys[item.ticket]
        if item.path.startswith(LISTED):
            return key_in(item.path)
        return below_base(item.path, self._root) if self._root and os.path.isabs(item.path) else item.path

    def taken(self) -> None:
        """The consumer has done with the first item."""
        with self._changed:
            item = self._planned.popleft()
            if self._arrange is None:  # else it may come again
                self._forget(item)
            # The plan goes on when a quarter of what is read ahead is to be had: every time costs a turn.
            ahead = self._ahead or 0
            held = self._held and len(self._planned) <= ahead - ahead // 4
            self._held = self._held and not held
            self._changed.notify_all()
        if held:
            self._wake()

    def close(self) -> None:
        """Read no more, and remove the files."""
        with self._changed:
            self._closed = True
            folder, self._folder = self._folder, ""
            self._changed.notify_all()
        if folder:
            remove_folder(folder)

    def _forget(self, item: Item) -> None:
        if item.ticket:
            del self._keys[item.ticket]
        if self._folder and item.fetched.startswith(self._folder):
            self._bytes -= item.size
            remove_file(item.fetched)

    # ----- the plan ------------------------------------------------------------------------------------

    def _entries(self, items: Iterator[Item | NotYet]) -> Iterator[Job | Outcome | NotYet]:
        for item in items:
            if isinstance(item, NotYet):
                yield item
                continue
            with self._changed:
                self._planned.append(item)
            yield unreadable(item) if item.error else Job(0, (item,))

    def _arranged(self, items: Sequence[Item]) -> Iterator[Item | NotYet]:
        if self._arrange is None:
            yield from items
            return
        for item in self._arrange(items):
            while self._must_wait():
                yield _NOT_YET
            yield item

    def _streamed(self) -> Iterator[Item | NotYet]:
        if self._selection.idle:
            yield from self._items(wait=False)
            return
        for item in self._items(wait=False):
            if isinstance(item, NotYet):
                yield item
            elif chosen := list(self._selection.items([item])):
                yield from chosen
            else:
                with self._changed:
                    self._forget(item)

    def _items(self, *, wait: bool) -> Iterator[Item | NotYet]:
        for given in self._queued(wait=wait) if self._inputs.threaded else self._listed(wait=wait):
            if isinstance(given, (Item, NotYet)):
                yield given
                continue
            for item in self._inputs.items(given, self._patterns):
                if item.key and not item.source:
                    yield self._keyed(item._replace(key=""), GivenInput("", item.key, keyed=True))
                else:
                    yield self._keyed(item, given)

    def _listed(self, *, wait: bool) -> Iterator[GivenInput | NotYet]:
        for given in self._inputs:
            while not wait and self._must_wait():
                yield _NOT_YET
            yield given

    def _must_wait(self) -> bool:
        if self._ahead is None:
            return False
        with self._changed:
            self._held = len(self._planned) >= self._ahead
            return self._held

    def _queued(self, *, wait: bool) -> Iterator[GivenInput | Item | NotYet]:
        """What the thread has read."""
        while True:
            with self._changed:
                while wait and not (self._queue or self._ended or self._closed):
                    self._changed.wait()
                if self._closed or (self._ended and not self._queue):
                    return
                given = self._queue.popleft() if self._queue else _NOT_YET
                self._held = given is _NOT_YET
            yield given
            if given is not _NOT_YET:
                with self._changed:
                    self._reading -= 1
                    self._changed.notify_all()

    # ----- the thread ----------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            inputs = iter(self._inputs)
            while self._may_read() and (given := next(inputs, _END)) is not _END:
                assert isinstance(given, GivenInput)
                self._put(self._file_of(given) if given.handed else given)
                self._read_count += 1
        except BaseException as error:
            self.error = error
        with self._changed:
            self._ended = True
            held, self._held = self._held, False
            self._changed.notify_all()
        if held:
            self._wake()

    def _may_read(self) -> bool:
        """Wait until another input may be read; returns False where the consumer has gone."""
        with self._changed:
            while not self._closed and not self._needs_all and self._full:
                self._changed.wait()
            self._reading += 1
            return not self._closed

    @property
    def _full(self) -> bool:
        outstanding = self._reading + len(self._planned)
        return bool(outstanding) and (outstanding >= (self._ahead or AHEAD) or self._bytes >= ROOM)

    def _put(self, given: GivenInput | Item) -> None:
        with self._changed:
            self._queue.append(given)
            held, self._held = self._held, False
            self._changed.notify_all()
        if held:
            self._wake()

    def _file_of(self, given: GivenInput) -> Item:
        """The item of a content, which is written to a file."""
        with self._changed:
            self._number += 1
            number = self._number
            if not self._folder and not self._closed:
                self._folder = temporary_folder()
            folder = self._folder
        name, shown = _name_of(given, self._read_count)
        path = os.path.join(folder, str(number))
        item = Item(shown, os.path.basename(name), 0, 0, named=True, fetched=path, columns=given.columns)
        try:
            write_content(given.value, path)  # type: ignore[arg-type]
            item = item._replace(size=os.path.getsize(path), format=_format(path, name))
        except Exception as error:  # also of a file of the caller
            item = item._replace(fetched="", error=_why(error), kind=_kind(error).__name__)
        with self._changed:
            self._bytes += item.size if item.fetched else 0
        return self._keyed(item, given)

    def _keyed(self, item: Item, given: GivenInput) -> Item:
        if not given.keyed:
            return item
        with self._changed:
            self._number += 1
            self._keys[self._number] = given.key
            return item._replace(ticket=self._number)


def _name_of(given: GivenInput, number: int) -> tuple[str, str]:
    """The name of a content, and what its item is called: by its key, as the file that it is, or by its
    number among the inputs, from 0."""
    if (own := file_name(given)) and not given.keyed:
        return own, own
    name = str(given.key) if given.keyed else str(number)
    return name, f"memory://inputs/{name}"


def _format(path: str, name: str) -> str:
    """The format of a content, where its name does not tell."""
    if is_media(name):
        return ""
    with open(path, "rb") as file:
        found = sniff(peek(file.read))
    return found.name if found else ""


def _kind(error: Exception) -> type[ItemError]:
    """The class of the error of an item whose content cannot be written to a file."""
    if isinstance(error, ItemError):
        return type(error)
    return UnsupportedError if isinstance(error, ImgparError) else SourceError


def _why(error: Exception) -> str:
    """Why a content cannot be written to a file."""
    if isinstance(error, OSError) and error.errno in FULL:
        return "There is no room for a copy of it on the disk. Set TMPDIR to a folder that has room."
    if isinstance(error, OSError):
        return why_unreadable(error)
    return str(error) if isinstance(error, ImgparError) else raised_words(error)
