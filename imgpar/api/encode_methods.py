"""Methods of a pipeline that give the bytes of files."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Literal, Unpack, overload

from imgpar.api.encoding import encode, read_encode_all
from imgpar.api.settings import (
    AnyInput,
    AnyInputs,
)
from imgpar.api.typed import (
    EncodeAllSettings,
    EncodeSettings,
)
from imgpar.batch.array_item import ArrayItem, Errors
from imgpar.batch.settings import (
    ENCODE_ALL,
    in_session,
)
from imgpar.batch.workers import Workers
from imgpar.core.job import Event
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    from imgpar.batch.encoding import EncodedPicture


class EncodeMethods:
    """What `Pipeline` makes of pictures in memory."""

    recipe: Recipe

    def encode(
        self,
        data: AnyInput,
        *,
        to: str | None = None,
        name: str = "",
        **settings: Unpack[EncodeSettings],
    ) -> bytes:
        """Convert one picture to bytes, in this process; from any number of threads at once.

        >>> from imgpar import Pipeline
        >>> portable_pixmap = b"P6 2 1 255 " + bytes(6)
        >>> Pipeline().resize("1x1").encode(portable_pixmap, to="png")[:4]
        b'\\x89PNG'

        Args:
            data: content of a picture file; an open binary file, which is read from its beginning (one that
                cannot seek: from where it stands) and not closed; the
                path of a file; an array (H×W or H×W×1 to 4 of uint8, uint16 or float32) or a picture of
                Pillow. It is not modified.
            to: output format; None keeps the format. Arrays and pictures have none.
            name: file name, for formats without a signature.
            settings: operations; `quality`, `lossless`, `effort`, `palette`, `subsampling`, `progressive`,
                `icon_sizes`, `loop`, `strip`, `metadata`, `set` (fields of the metadata), `shift_dates`,
                `gpx`, `gpx_gap`, `gpx_offset`, `background`, `colour`, `pages`, `density`, `dpi`,
                `max_bytes`, `shrink`, `target`, `only_if_smaller`, `optimise`;
                `max_pixels`, `max_frames`, `memory` (of the frames; a quarter of that of the machine),
                `accept_damaged`, `password`, `strict` (any loss is an error) and `verify` (the result is
                decoded and compared). With `timeout` the work is done in a worker process, which is killed
                when it takes longer; the process stays for the next call.

        Returns:
            Content of the file; it belongs to the caller.

        Raises:
            UsageError: a setting is invalid or not used by this call.
            ItemError: the picture cannot be read, decoded, transformed or encoded; `WorkerDiedError`: it took
                longer than `timeout`.
        """
        return encode(self.recipe, data, to, name, settings).data

    def encode_with_report(
        self,
        data: AnyInput,
        *,
        to: str | None = None,
        name: str = "",
        **settings: Unpack[EncodeSettings],
    ) -> EncodedPicture:
        """As `encode`, with what is known of the result.

        >>> from imgpar import Pipeline
        >>> portable_pixmap = b"P6 2 1 255 " + bytes(6)
        >>> made = Pipeline().encode_with_report(portable_pixmap, to="png")
        >>> made.format, made.size, made.lost
        ('png', (2, 1), ())

        Args:
            data, to, name, settings: as for `encode`.

        Returns:
            The bytes, format and size, what was lost, remarks and the time it took.

        Raises:
            UsageError, ItemError: as for `encode`.
        """
        return encode(self.recipe, data, to, name, settings)

    @overload
    def encode_all(
        self,
        inputs: AnyInputs,
        *,
        to: str | None = None,
        errors: Literal["raise", "skip"] = "raise",
        prefetch: int | None = None,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[EncodeAllSettings],
    ) -> Generator[tuple[ArrayItem, EncodedPicture]]: ...
    @overload
    def encode_all(
        self,
        inputs: AnyInputs,
        *,
        to: str | None = None,
        errors: Errors,
        prefetch: int | None = None,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[EncodeAllSettings],
    ) -> Generator[tuple[ArrayItem, EncodedPicture | None]]: ...
    def encode_all(
        self,
        inputs: AnyInputs,
        *,
        to: str | None = None,
        errors: Errors = "raise",
        prefetch: int | None = None,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[EncodeAllSettings],
    ) -> Generator[tuple[ArrayItem, EncodedPicture | None]]:
        """Convert pictures to bytes, in order, in worker processes: as `arrays`, but encoded.

        >>> from imgpar import Pipeline
        >>> pipe = Pipeline().resize("640")
        >>> for item, made in pipe.encode_all("photos/", to="webp", jobs=8):  # doctest: +SKIP
        ...     print(item.key, made.size, len(made.data))

        Args:
            inputs: as for `arrays`.
            to: output format; None keeps that of each input. Arrays and pictures of Pillow have none.
            errors, on_event, cancel: as for `arrays`.
            prefetch: pictures that are made ahead of the one that the caller has; without it 32 per worker.
                They wait in temporary files.
            session: workers to use; without it, workers are started for this call.
            settings: operations and settings of the encoder as for `encode`; `jobs`, `memory`,
                `worker_memory`, `timeout`, `max_pixels`, `max_frames`, `accept_damaged`, `password`,
                `strict`, `verify`, `include`, `exclude`, `recursive`, `where`, `sort`, `reverse`, `archives`,
                `allow_private`, `downloads`, `per_host`, `retries`, `fetch_timeout`, `max_download`,
                `robots`, `user_agent`.

        Yields:
            One result for each input, in their order: an `ArrayItem`, and the picture with its bytes, which
            belong to the caller.

        Raises:
            UsageError: a setting is invalid or not used by this call; raised immediately.
            ItemError: an input cannot be converted, unless `errors` says otherwise.
            CancelledError: `cancel` has left some inputs out.
        """
        from imgpar.batch.encode_all import encode_all

        call = ENCODE_ALL if session is None else in_session(ENCODE_ALL)
        request = read_encode_all(
            call, self.recipe, inputs, to, settings, errors=errors, prefetch=prefetch, on_event=on_event,
            cancel=cancel,
        )  # fmt: skip
        if session is not None:
            return encode_all(session, request)

        def made() -> Generator[tuple[ArrayItem, EncodedPicture | None]]:
            options = request.options
            memory, worker_memory = options.memory, options.worker_memory
            with Workers(options.jobs, memory, worker_memory=worker_memory) as workers:
                yield from encode_all(workers, request)

        return made()

    async def aencode(
        self,
        data: AnyInput,
        *,
        to: str | None = None,
        name: str = "",
        **settings: Unpack[EncodeSettings],
    ) -> bytes:
        """As `encode`, to be awaited in an event loop of asyncio, which goes on meanwhile.

        >>> from imgpar import Pipeline
        >>> async def thumbnail(data: bytes) -> bytes:
        ...     return await Pipeline().resize("640").aencode(data, to="jpg", timeout=5)

        Args:
            data, to, name, settings: as for `encode`. Where the task is cancelled, the picture is encoded to
                its end all the same; `timeout` limits that.

        Returns:
            Content of the file; it belongs to the caller.

        Raises:
            UsageError, ItemError: as for `encode`.
        """
        import asyncio

        return await asyncio.to_thread(partial(self.encode, data, to=to, name=name, **settings))
