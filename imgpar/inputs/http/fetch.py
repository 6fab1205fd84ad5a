"""The whole content of an address, into a new file: attempts, resumption, limits.

attempt ─► connection breaks ─► wait ─► attempt with Range and If-Range ─► the rest
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import time
from email.utils import parsedate_to_datetime
from typing import IO

from imgpar.core.errors import SourceError, TryAgainError
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing, check_free_room, transfer_too_large
from imgpar.inputs.http.client import Answer, WebClient, web_client

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before the second attempt at most, and before any other."""
MOST_PATIENCE = 120.0
"""Seconds of Retry-After that are waited; who is asked to wait longer fails, and may be retried later."""


def fetch_url(
    url: str,
    path: str,
    options: FetchOptions,
    validator: str = "",
    ongoing: Ongoing | None = None,
    client: WebClient | None = None,
) -> Fetched:
    """Write the content of an address to a new file.

    Args:
        url: with user info and query, if it has any.
        path: of the file; it is removed after a failure.
        options: limits.
        validator: `Fetched.validator` of an earlier transfer; if the content is still the same, nothing is
            written.
        ongoing: ends the transfer from outside.
        client: its connections; None for those of this process.

    Raises:
        SourceError, LockedError, LimitError: it cannot be read.
    """
    transfer = _Transfer(url, path, options, validator, ongoing or Ongoing(), client or web_client(options))
    try:
        fetched = transfer.run()
        if fetched.not_modified:
            os.remove(path)
        return fetched
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(path)
        raise


def wait_seconds(attempt: int, after: float) -> float:
    """The seconds before another attempt: at random, so that many transfers do not come back together.

    Args:
        attempt: of those so far, from 0.
        after: seconds that the server asked for.
    """
    return after + random.uniform(0.0, min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt))  # noqa: S311


def with_retries(
    attempt: TryAgainError, number: int, options: FetchOptions, deadline: float, client: WebClient
) -> float:
    """The seconds to wait after a failed attempt; after the last one the client is told.

    Raises:
        SourceError: it was the last one.
    """
    seconds = wait_seconds(number, attempt.after)
    if number >= options.retries or attempt.after > MOST_PATIENCE or time.monotonic() + seconds > deadline:
        client.failed(attempt, number + 1)
        tried = f" It was tried {number + 1} times." if number else ""
        raise SourceError(f"{attempt.message}{tried}", fix=attempt.fix) from None
    return seconds


def validator_of(answer: Answer) -> str:
    """What a later request can ask by: the ETag, or the date of modification, if a header can hold it."""
    validator = answer.header("ETag") or answer.header("Last-Modified")
    return validator if re.fullmatch(r"[ -~\x80-\xff]{1,1000}", validator) else ""


def condition_headers(validator: str) -> dict[str, str]:
    """The headers that ask for a content other than that of a validator.

    >>> condition_headers('W/"7"'), condition_headers("Wed, 21 Oct 2015 07:28:00 GMT")
    ({'If-None-Match': 'W/"7"'}, {'If-Modified-Since': 'Wed, 21 Oct 2015 07:28:00 GMT'})
    """
    if not validator:
        return {}
    date = validator.endswith("GMT") and not validator.startswith(('"', "W/"))
    return {"If-Modified-Since" if date else "If-None-Match": validator}


def strong_validator(answer: Answer) -> str:
    """A validator by which parts of one content can be put together; empty for none."""
    etag, modified = answer.header("ETag"), answer.header("Last-Modified")
    if etag.startswith('"'):
        return etag
    if etag or not modified:
        return ""
    # A date is only as exact as its second: what is younger may have changed since.
    with contextlib.suppress(ValueError, TypeError):
        age = parsedate_to_datetime(answer.header("Date")) - parsedate_to_datetime(modified)
        return modified if age.total_seconds() >= 1 else ""
    return ""


def content_range(answer: Answer) -> tuple[int, int, int] | None:
    """First and last byte of a part, and the size of the whole (-1 is unknown); None if it is not said."""
    found = re.fullmatch(r"\s*bytes\s+(\d+)-(\d+)/(\d+|\*)\s*", answer.header("Content-Range"))
    return (int(found[1]), int(found[2]), -1 if found[3] == "*" else int(found[3])) if found else None


def _size_of(answer: Answer) -> int:
    """The bytes that follow; 0 is unknown."""
    text = answer.header("Content-Length")
    return int(text) if text.isdecimal() and len(text) < 19 else 0


class _Transfer:
    """One file, in one or several attempts."""

    def __init__(
        self, url: str, path: str, options: FetchOptions, validator: str, ongoing: Ongoing, client: WebClient
    ) -> None:
        self._url, self._path, self._options = url, path, options
        self._validator, self._ongoing, self._client = validator, ongoing, client
        self._deadline = time.monotonic() + options.timeout
        self._done = 0
        """Bytes in the file."""
        self._part = ""
        """Validator of the content that they belong to, if the rest can be asked for."""

    def run(self) -> Fetched:
        attempt = 0
        with open(self._path, "xb") as file:
            while True:
                before = self._done
                try:
                    return self._attempt(file)
                except TryAgainError as error:
                    attempt = 0 if self._done > before else attempt  # it gets on
                    seconds = with_retries(error, attempt, self._options, self._deadline, self._client)
                    self._ongoing.wait(seconds, asked=error.after > 0.0)
                    attempt += 1

    def _attempt(self, file: IO[bytes]) -> Fetched:
        headers = condition_headers(self._validator)
        if self._done and self._part:
            headers = {"Range": f"bytes={self._done}-", "If-Range": self._part}
        with self._client.get(self._url, headers, self._ongoing, self._deadline) as answer:
            if answer.status == 304 and self._validator:
                return Fetched(validator=self._validator, not_modified=True)
            self._begin(answer, file)
            for block in answer.blocks():
                self._done += len(block)
                if self._done > self._options.most_bytes:
                    raise transfer_too_large(self._options)
                _write(file, block)
            file.flush()
            return Fetched(
                self._done,
                validator_of(answer),
                mtime_ns=_modified(answer),
                type=answer.header("Content-Type"),
            )

    def _begin(self, answer: Answer, file: IO[bytes]) -> None:
        """Go on with the file where the answer is the rest of it, or begin anew."""
        size = _size_of(answer)
        if answer.status == 206 and self._done and self._goes_on(answer):
            return
        self._done, part = 0, self._part
        self._part = ""
        file.seek(0)
        file.truncate()
        if answer.status != 200:
            raise TryAgainError(
                "The server sent another part than that asked for." if part else "No content."
            )
        if size > self._options.most_bytes:
            raise transfer_too_large(self._options)
        self._deadline += (late := self._ongoing.expects(size))
        answer.deadline += late
        check_free_room(self._path, size)
        if not answer.header("Content-Encoding"):
            self._part = strong_validator(answer)

    def _goes_on(self, answer: Answer) -> bool:
        found = content_range(answer)
        same = answer.header("ETag") == self._part or not self._part.startswith('"')
        return found is not None and found[0] == self._done and same and not answer.header("Content-Encoding")


def _write(file: IO[bytes], block: bytes) -> None:
    try:
        file.write(block)
    except OSError as error:
        words = f"It cannot be copied to the temporary folder: {error.strerror}."
        raise SourceError(words, fix="Set TMPDIR to a folder that has room.") from None


def _modified(answer: Answer) -> int:
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0, int(parsedate_to_datetime(answer.header("Last-Modified")).timestamp())) * 10**9
    return 0
