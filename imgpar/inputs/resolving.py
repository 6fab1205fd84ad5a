"""What was named as inputs becomes paths and sources: an archive and an address get a source each.

ranges, patterns ─► archives    ─► the source of their kind
                 └► addresses   ─► that of a store, or one list of all on the web
"""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from imgpar.core.addresses import STORES, last_part, scheme_of, without_secrets
from imgpar.core.error_messages import refuse_collapsed, unknown_scheme
from imgpar.core.errors import UsageError
from imgpar.core.plugins import for_address, plugins_of
from imgpar.inputs.foreign import as_source
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.lists import InputList
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.ranges import matching, spelled_out
from imgpar.inputs.schemes import (
    ARCHIVES,
    SCHEMES,
    SINGLE,
    archive_suffix,
    is_item,
    is_remote_archive,
    made_source,
    opened_archive,
)
from imgpar.inputs.sources import MEMBERS, NO_ACCESS, Access, Source, SourceLike

if TYPE_CHECKING:
    from imgpar.inputs.remote_archives import Copies


def with_sources(
    inputs: Iterable[str | Source], access: Access = NO_ACCESS, *, in_order: bool = False
) -> list[str | Source]:
    """The inputs, with sources for the addresses and archives that were named.

    Args:
        inputs: as given.
        access: what the options of the run say to them.
        in_order: whether addresses keep their places among the others; else one source at the end has all.

    Raises:
        UsageError: two sources have one name, there is none for an address, or it is that of an archive.
    """
    found, addresses = list[str | Source](), list[str]()
    opener = SourceOpener(access)
    for given in itertools.chain.from_iterable(map(opener.named, inputs)):
        if isinstance(given, str) and is_item(given):
            addresses.append(given)
            continue
        if in_order:
            found += _listed(addresses, access, len(found))
            addresses = []
        found.append(given)
    if access.archives and any(map(_may_hold_archives, found)):
        found.append(FoundArchives(len(sources_of(found)) + 1, access, opener.sources))
    return found + _listed(addresses, access, len(found))  # last: their names give way to those of files


def _listed(addresses: list[str], access: Access, number: int) -> list[Source]:
    """The source for some addresses; none for none."""
    return [InputList.of_addresses(addresses, access, number)] if addresses else []


def _may_hold_archives(given: str | Source) -> bool:
    return isinstance(given, str) and (os.path.isdir(given) or glob.has_magic(given))


def named_count(inputs: Sequence[str | Source]) -> int:
    """How many inputs were named: archives that are found in folders are none."""
    return sum(isinstance(given, str) or not isinstance(given, FoundArchives) for given in inputs)


def _each(inputs: Iterable[str | Source]) -> Iterator[str | Source]:
    """The inputs, with all names that a range or a pattern for archives stands for."""
    for given in inputs:
        if not isinstance(given, str):
            yield given
            continue
        for name in spelled_out(given):
            yield from matching(name) if archive_suffix(name) and not scheme_of(name) else (name,)


class SourceOpener:
    """Makes the sources of one run for what is named."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.sources = dict[str, Source]()
        """All that were named, by what they are called."""
        self._copies: Copies | None = None
        self._remote: dict[str, tuple[str, Source]] = {}
        """Archives at addresses, with these, by their names."""

    def named(self, given: str | Source) -> Iterator[str | Source]:
        """What an input stands for: paths, addresses of single items, and sources.

        Raises:
            UsageError: two sources have one name, there is none for an address, or it is that of an archive.
        """
        for one in _each([given]):
            if isinstance(one, str) and is_item(one) and not is_remote_archive(one):
                yield one
                continue
            made = self._source_of(one) if isinstance(one, str) else one
            if not isinstance(made, str):
                known = self.sources.setdefault(made.root, made)
                if known is not made and made is one:
                    words = f"Two inputs are called {made.root}."
                    raise UsageError(words, fix="Give each a name of its own.")
                made = known
                made.use(self._access)
            yield made

    def _source_of(self, path: str) -> str | Source:
        """The source for an address or archive; the path itself for anything else."""
        if scheme := scheme_of(path):
            if is_remote_archive(path):
                return self._remote_archive(path)
            if (found := SCHEMES.get(scheme)) is not None:
                return made_source(found, path, self._access)
            added: SourceLike | None = for_address("sources", path, MEMBERS, self._access)
            if added is None:
                raise unknown_scheme(path, (*SINGLE, *SCHEMES, *plugins_of("sources")))
            return as_source(added)
        refuse_collapsed(path, (*SINGLE, *SCHEMES))
        if archive_suffix(path) and os.path.isfile(path):
            return opened_archive(os.path.abspath(path), self._access)
        return path

    def _remote_archive(self, address: str) -> Source:
        shown = without_secrets(address)
        if scheme_of(address) in STORES and glob.has_magic(address.partition("://")[2]):
            words = f"{shown} is a pattern for archives, which are not looked for at an address."
            raise UsageError(words, fix="Name each, or write a range such as {00000..00012}.tar.")
        from imgpar.inputs.remote_archives import Copies, archive_name  # few runs need them

        name = archive_name(address)
        known, source = self._remote.get(name, ("", None))
        if source is None:
            self._copies = self._copies or Copies(self._access.fetching)
            copy = self._copies.add(address, name)
            where = ARCHIVES[archive_suffix(last_part(address))]
            known, source = self._remote[name] = address, made_source(where, copy.path, self._access, copy)
        if known != address:
            words = f"Two archives are called {name}: only what is not shown tells their addresses apart."
            raise UsageError(words, fix="Read each in a run of its own.")
        return source
