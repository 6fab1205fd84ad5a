"""Methods of a pipeline that work on files: folders to folders, clips to pictures, many inputs to one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from imgpar.api.gather import gather
from imgpar.api.run import run as execute
from imgpar.api.settings import (
    AnyInputs,
    Destination,
    given_inputs,
    read_destination,
    resolve,
)
from imgpar.api.typed import (
    AssembleSettings,
    DryRunSettings,
    ExtractSettings,
    RunSettings,
    SheetSettings,
)
from imgpar.batch.gather.planner import is_document
from imgpar.batch.settings import (
    EXTRACT,
    RUN,
    SESSION_EXTRACT,
    SESSION_RUN,
    Call,
)
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.job import Event
from imgpar.core.parsing import named
from imgpar.outputs.sidefiles import check_report
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    from imgpar.api.plan import Plan
    from imgpar.batch.report import Report


class FileMethods:
    """What `Pipeline` makes of files."""

    recipe: Recipe

    def run(
        self,
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[RunSettings],
    ) -> Report:
        """Convert files and folders.

        >>> from imgpar import Pipeline
        >>> pipe = Pipeline().resize("1920")
        >>> report = pipe.run("photos/", "web/", to="webp", quality=82)  # doctest: +SKIP

        Args:
            inputs: one or more files, folders (recursive), globs, archives or sources; contents with names:
                `{"a.jpg": data}` or `[("a.jpg", data)]`, where data are bytes, a binary file, an array or a
                picture of Pillow, as for `Session.arrays`.
            out: output folder, a file name if there is one input file, `….zip`, or a sink, such as
                `MemorySink()`; `….pdf` makes one document of all inputs, as `assemble`. A function is called
                in this process with each output, an `OutputData`, by one item at a time and in no order; an
                exception in it fails the item, and `cancel` stops the run.
            session: workers to use; without it, workers are started for this run.
            on_event: called with every `Event`.
            cancel: `cancel()` stops the run after the tasks in progress, `kill()` immediately.
            report: path of the report: JSON, or a page where it ends in .html; an existing file is
                replaced only if it is a report.
            settings: operations; `to` and the other recipe keys: `quality`, `lossless`, `effort`,
                `palette`, `subsampling`, `progressive`, `icon_sizes`, `loop`, `strip`, `metadata`, `set`
                (fields of the metadata), `shift_dates`, `gpx`, `gpx_gap`, `gpx_offset`, `background`,
                `colour`, `pages`, `density`, `dpi`, `max_bytes`, `shrink`, `target`,
                `best_format`, `only_if_smaller`, `optimise`,
                and for clips `codec`, `audio`, `trim`, `speed`, `fps`,
                `map`, `loudnorm`, `deinterlace`, `tonemap`, `hardware`; and how to
                run: `jobs`, `memory`, `timeout`, `on_exists`, `schedule`, `in_place`, `keep_originals`,
                `dry_run`, `strict`, `companions`, `accept_damaged`, `password`, `verify`, `keep_failures`,
                `max_pixels`, `max_frames`, `worker_memory`, `journal`, `recursive`, `root`, `sort`,
                `reverse`,
                `others`, `duplicates`, `where` (one condition or several), `include`, `exclude` (one
                pattern or several, see `imgpar convert --help`); and which files are made: `sizes`, `name`,
                `prefix`, `suffix`, `flat`; and for web sites `manifest`, `html`, `base_url`,
                `cache_control`; for archives `archives`, `deterministic`; for shards `shard`, `shard_keys`,
                `shard_checksum`, `caption_column`, `checksum_column`; and limits of transfers:
                `allow_private`, `downloads`, `per_host`, `retries`, `fetch_timeout`, `max_download`,
                `robots`, `user_agent`; for a cluster `engine`, `ray_address`; and `sandbox`.
                A session has its own `memory` and `worker_memory`.
                With `dry_run` nothing is written; inputs that would be converted have the status "planned"
                in the report. `imgpar.api.typed.RunSettings` has the type and meaning of each.

        Returns:
            Counts, and in `items` an outcome for every input.

        Raises:
            UsageError: a setting is invalid, or no input exists; nothing was written.
            RunError: the run could not continue (disk full, OUT locked).
        """
        call = RUN if session is None else SESSION_RUN
        return self._run(
            call, inputs, out, settings, report, on_event=on_event, cancel=cancel, workers=session
        )

    def dry_run(
        self,
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **settings: Unpack[DryRunSettings],
    ) -> Plan:
        """Plan a call of `run` with the same arguments; nothing is written. See `imgpar.dry_run`.

        >>> from imgpar import Pipeline
        >>> plan = Pipeline().resize("1920").dry_run("photos/", "web/", to="webp")  # doctest: +SKIP
        >>> print([output.path for output in plan.outputs])  # doctest: +SKIP

        Args:
            inputs, out, on_event, cancel, settings: as for `imgpar.dry_run`.

        Returns:
            An item for every input, counts, and notes.

        Raises:
            UsageError: a setting is invalid, or no input exists.
            OutputError: `out` cannot be read.
        """
        from imgpar.api.plan import dry_run

        return dry_run(inputs, out, recipe=self.recipe, on_event=on_event, cancel=cancel, **settings)

    async def arun(
        self,
        inputs: AnyInputs,
        out: Destination | None = None,
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[RunSettings],
    ) -> Report:
        """As `run`, to be awaited in an event loop of asyncio, which goes on meanwhile.

        >>> from imgpar import Pipeline
        >>> async def convert(pipe: Pipeline) -> int:
        ...     return (await pipe.arun("photos/", "web/", to="webp")).ok

        Args:
            inputs, out, session, report, settings: as for `run`.
            on_event: called in another thread; `loop.call_soon_threadsafe` hands events to the loop.
            cancel: stops the run. A task that is cancelled stops it at once, as `kill()`; the next run
                continues it.

        Raises:
            UsageError, RunError: as for `run`.
        """
        from imgpar.api.asynchronous import in_thread

        token = cancel or CancelToken()
        work = partial(
            self.run, inputs, out, session=session, on_event=on_event, cancel=token, report=report, **settings
        )
        return await in_thread(work, token)

    def extract(
        self,
        inputs: AnyInputs,
        out: Destination,
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[ExtractSettings],
    ) -> Report:
        """Extract pictures from clips: single frames, posters, contact sheets, sprites, animations. The
        operations apply to each frame.

        >>> from imgpar import Pipeline
        >>> pipe = Pipeline().resize("640")
        >>> report = pipe.extract("clips/", "stills/", every="2s", to="webp")  # doctest: +SKIP

        Args:
            inputs: one or more clips, folders (of which only the clips are taken) or globs.
            out: output folder, or a file name for one picture of one clip.
            session, on_event, cancel, report: as for `run`.
            settings: what is extracted, one of `every` (a number, "2s", "key", "scene"), `poster`, `sheet`
                ("5x4"), `sprites` ("5s"), `animation` and `motion`; without any, every frame; `threshold`
                of scene changes. Operations, `to` (one picture format), `quality`, `lossless`, `effort`,
                `palette`, `subsampling`, `progressive`, `colour`, `dpi`, `trim`, `fps` and `loop` of
                animations,
                `deinterlace`, `tonemap`; and how to run: `jobs`, `memory`, `timeout`, `on_exists`,
                `dry_run`, `strict`, `accept_damaged`, `verify`, `keep_failures`, `sandbox`, `max_pixels`,
                `worker_memory`, `journal`, `include`, `exclude`, `recursive`, `where`, `sort`, `reverse`,
                `archives`, `password`, `deterministic`, `cache_control`, `allow_private`, `downloads`,
                `per_host`, `retries`, `fetch_timeout`, `max_download`, `robots`, `user_agent`.

        Returns:
            Counts, and in `items` an outcome for every clip with all its files.

        Raises:
            UsageError: a setting is invalid or not used by this call, or no input exists; nothing was
                written.
            RunError: the run could not continue (disk full, OUT locked).
        """
        call = EXTRACT if session is None else SESSION_EXTRACT
        return self._run(
            call, inputs, out, settings, report, on_event=on_event, cancel=cancel, workers=session
        )

    def _run(
        self,
        call: Call,
        inputs: AnyInputs,
        out: Destination | None,
        settings: Mapping[str, Any],
        report: str | os.PathLike[str] | None,
        **hooks: Any,
    ) -> Report:
        if call in (RUN, SESSION_RUN) and is_document(out):
            session = hooks.pop("workers")
            return gather(
                "assemble", inputs, out, self.recipe, settings, session=session, report=report, **hooks
            )
        recipe, options = resolve(self.recipe, settings, call)
        names = given_inputs(inputs)
        if report is not None:
            paths = [name for name in names if isinstance(name, str)]
            place_of_run = out if isinstance(out, str) else ""
            check_report(report := named("report", parsing.path, report), paths, place_of_run)
        place = None if out is None else read_destination(out)
        result = execute(names, place, recipe, options, **hooks)
        if report is not None:
            from imgpar.batch.pages.writing import write_report

            write_report(result, os.fspath(report), options, hooks["cancel"], hooks["workers"])
        return result

    def assemble(
        self,
        inputs: AnyInputs,
        out: str | os.PathLike[str],
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[AssembleSettings],
    ) -> Report:
        """Make one file of all pictures, in natural order of their names: a clip or an animation with a
        frame for each, a PDF or TIFF with a page for each, or an icon with a size for each.

        >>> from imgpar import Pipeline
        >>> pipe = Pipeline().resize("1920x1080", fit="cover")
        >>> report = pipe.assemble("timelapse/", "day.mp4", fps=30)  # doctest: +SKIP
        >>> report = Pipeline().assemble("scans/", "album.pdf", page_size="A4")  # doctest: +SKIP

        Args:
            inputs: files, folders and globs, in this order.
            out: the file; its suffix determines what is made: .mp4, .mov, .mkv, .webm or .avi a clip; .gif,
                .webp, .avif or .png an animation; .pdf a document, in which JPEGs that nothing changes are
                embedded as they are; .tif a document that keeps depth, profile and descriptions; .ico an
                icon. Documents give all their pages, animations their first frame; `pages` chooses.
            session, on_event, cancel, report: as for `run`; `cancel()` stops at once, and no file is made.
            settings: operations, `fps` (25; 10 for animations), `loop`, `mixed`; of a PDF `page_size`,
                `page_margin`, `title`, `author`, `subject` and `keywords`; settings of the encoder and of
                the run.

        Returns:
            An outcome for every input. If the file is not made, one input has failed, and the others are
            skipped as "incomplete".

        Raises:
            UsageError: a setting is invalid; nothing was written.
            RunError: the run could not continue.
        """
        return gather(
            "assemble", inputs, out, self.recipe, settings, session=session, on_event=on_event, cancel=cancel,
            report=report,
        )  # fmt: skip

    def sheet(
        self,
        inputs: AnyInputs,
        out: str | os.PathLike[str],
        *,
        session: Workers | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        report: str | os.PathLike[str] | None = None,
        **settings: Unpack[SheetSettings],
    ) -> Report:
        """Make a contact sheet: all pictures in one, in natural order of their names; of a clip one frame.

        >>> from imgpar import Pipeline
        >>> report = Pipeline().sheet("photos/", "sheet.jpg", columns=8, labels="{stem}")  # doctest: +SKIP

        Args:
            inputs: files, folders and globs, in this order.
            out: the file; its suffix determines the format. A PDF has pages of paper (A4), a TIFF those that
                `rows` asks for.
            session, on_event, cancel, report: as for `assemble`.
            settings: operations, which apply to each picture; `columns`, `rows`, `tile`, `gap`, `margin`,
                `background`, `labels` with the fields `{stem}`, `{name}`, `{n}`, `{width}`, `{height}`,
                `{date}`, `{camera}`, `{bytes}` and `{format}`, `label_size`, `font`, `title`; of a PDF
                `page_size`, `page_margin`, `author`, `subject`, `keywords`; settings of the encoder and of
                the run.

        Returns:
            An outcome for every input, as for `assemble`.

        Raises:
            UsageError: a setting is invalid; nothing was written.
            RunError: the run could not continue.
        """
        return gather(
            "sheet", inputs, out, self.recipe, settings, session=session, on_event=on_event, cancel=cancel,
            report=report,
        )  # fmt: skip
