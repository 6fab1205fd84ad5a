"""`imgpar convert --dry-run` and `--explain`: the plan of a run, without executing it."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from imgpar.batch.gather.options import Gathering
from imgpar.batch.others import others_sentence
from imgpar.batch.progress import printable
from imgpar.batch.report import counted, why_skipped
from imgpar.batch.run_options import RunOptions
from imgpar.cli import running
from imgpar.cli.flags import flag
from imgpar.cli.outlets import logs_json, print_log
from imgpar.cli.topics import FailureTopics
from imgpar.core.errors import NoInputError
from imgpar.core.job import Job, Outcome
from imgpar.inputs.ignored import Aside, ignored_sentence
from imgpar.outputs.templates import OWN_SIZE, STEM

if TYPE_CHECKING:
    from imgpar.batch.answers import Explained
    from imgpar.inputs.sources import Source
    from imgpar.ops import Operation
    from imgpar.recipe.outputs import Branch
    from imgpar.recipe.recipe import Recipe
    from imgpar.runtime.scheduler import CancelToken


def preview(
    args: argparse.Namespace,
    inputs: Iterable[str | Source],
    recipe: Recipe,
    options: RunOptions,
    gather: Gathering | None = None,
) -> int:
    """Print one line per input and a summary; return 1 if an input would fail, 3 if there is no input."""
    from imgpar.batch.dryrun import report_of
    from imgpar.cli.stopping import stopping
    from imgpar.runtime.scheduler import CancelToken

    explained = getattr(args, "explain", False)
    if explained and not args.json:
        print("\n".join(_explained(recipe)), end="\n\n")
    sums: Counter[str] = Counter()
    items, notes, aside = list[Outcome](), list[str](), Aside()
    token, topics = CancelToken(), FailureTopics()
    entries = _entries(args, inputs, recipe, options, gather, token, notes, aside)
    with stopping(token) if explained else contextlib.nullcontext(), contextlib.closing(entries):
        for facts, outcomes in entries:
            if args.report:
                items += outcomes
            sums[facts["status"]] += len(outcomes)
            sums["files"] += len(facts["outputs"])
            sums["split"] += any(out["split"] for out in facts["outputs"])
            if args.json:
                print(json.dumps(facts))
            elif facts["status"] == "failed":
                topics.add(outcomes[0].kind)
                said = f"{facts['source']}: {facts['error']}"
                print_log(said, "error", as_json=logs_json(args), plain=f"failed  {said}", **facts)
            elif not args.quiet:
                print(printable(_line(facts)))
    if token.cancelled:
        return 130
    _print_summary(args, sums, aside)
    if notes and not args.quiet:
        for note in notes:
            print_log(note, "warning", as_json=logs_json(args), plain=note)
    topics.show(quiet=args.quiet or args.json or logs_json(args))
    if args.report:
        running.keep_report(args, report_of(items, args.out or "", notes=notes, aside=aside))
    if not (sums.total() or aside.others):
        return NoInputError.exit_code
    return int(sums["failed"] > 0)


def _print_summary(args: argparse.Namespace, sums: Counter[str], aside: Aside) -> None:
    """Print how many inputs and files there would be, and which files are no inputs."""
    if args.json:
        summary = {"would_do": sums["planned"], "skipped": sums["skipped"], "failed": sums["failed"]}
        facts = {**summary, "files": sums["files"], **aside.facts(), "others": dict(aside.others)}
        print(json.dumps({"summary": facts}))
        return
    written = "Only the report was written." if args.report else "Nothing was written."
    print(
        f"Would work on {sums['planned']} and write {counted(sums['files'], 'file')}"
        f"{' or more' if sums['split'] else ''}; "
        f"{sums['skipped']} skipped, {sums['failed']} failed. {written}"
    )
    if args.quiet:
        return
    if said := ignored_sentence(aside.kinds, aside.folders, aside.excluded, aside.filtered):
        print(printable(said))
    if other := others_sentence(aside.others):
        print(other)


def _entries(
    args: argparse.Namespace,
    inputs: Iterable[str | Source],
    recipe: Recipe,
    options: RunOptions,
    gather: Gathering | None,
    cancel: CancelToken,
    notes: list[str],
    aside: Aside,
) -> Generator[tuple[dict[str, Any], list[Outcome]]]:
    """What is printed for each job or input, and its lines of the report; --explain asks workers."""
    from imgpar.api import run
    from imgpar.batch.dryrun import planned

    with contextlib.ExitStack() as stack:
        plan = run.planned_entries(
            inputs,
            args.out,
            recipe,
            options,
            tell=notes.append,
            aside=aside,
            gather=gather,
            stack=stack,
        )
        explained = getattr(args, "explain", False)
        for entry in _explained_plan(plan, inputs, recipe, options, cancel, stack) if explained else plan:
            if isinstance(entry, Outcome):
                yield _facts(entry), [entry]
                continue
            job, found = entry if not isinstance(entry, Job) else (entry, None)
            facts = _facts(job)
            facts |= {"either": True} if any(target.either for target in job.targets) else {}
            if goals := _goals(recipe, job):
                facts["searched"] = goals
            if found is not None:
                facts |= {"sizes": found.sizes, "ways": found.ways}
                for out, size in zip(facts["outputs"], found.made, strict=False):
                    out["size"] = size
            yield facts, planned(job)


def _explained_plan(
    plan: Iterator[Job | Outcome],
    inputs: Iterable[str | Source],
    recipe: Recipe,
    options: RunOptions,
    cancel: CancelToken,
    stack: contextlib.ExitStack,
) -> Iterator[tuple[Job, Explained] | Outcome]:
    from imgpar.batch.confinement import is_confined, sandbox_to_read
    from imgpar.batch.facts import explain
    from imgpar.batch.run_inputs import read_given, sources_in
    from imgpar.batch.workers import new_workers
    from imgpar.inputs.lists import InputList

    named = read_given(inputs, options.access)
    sources, sandbox = sources_in(named), None
    if is_confined(options, recipe, sources):
        files = [] if isinstance(named, InputList) else [one for one in named if isinstance(one, str)]
        sandbox = sandbox_to_read(files, recipe, sources)
    workers = stack.enter_context(new_workers(options, sandbox))
    return stack.enter_context(contextlib.closing(explain(workers, plan, recipe, options, cancel, sources)))


_SPLIT = {
    "pages": " (several pages: -p1, -p2 …)",
    "frames": " (one file per frame: -000123 …)",
    "sprites": " (several pictures: -sprites-1 …)",
}
"""How the files of a split output are named."""


def _facts(entry: Job | Outcome) -> dict[str, Any]:
    if isinstance(entry, Job):
        outputs = [
            {
                "path": target.path,
                "format": target.format,
                "replaces": target.replaces,
                "split": target.split or False,
            }
            for target in entry.targets
        ]
        facts: dict[str, Any] = {"source": entry.item.path, "status": "planned", "outputs": outputs}
        if entry.item.columns:
            facts["columns"] = dict(entry.item.columns)
        if len(entry.items) > 1:
            facts["sources"] = [item.path for item in entry.items]
        return {**facts, "compared": [file.path for file in entry.check]} if entry.check else facts
    return {
        "source": entry.source,
        "status": entry.status,
        "outputs": [],
        "error": entry.error,
        "reason": entry.reason,
    }


def _line(facts: dict[str, Any]) -> str:
    if facts["status"] == "skipped":
        return f"skip    {facts['source']}: {why_skipped(facts['reason'])}"
    if facts.get("compared"):
        return f"compare {facts['source']} → {', '.join(facts['compared'])}"
    to = ", ".join(out["path"] + _remark(out) for out in facts["outputs"])
    more = len(facts.get("sources", ())) - 1
    also = f" and {more} more" if more > 0 else ""
    text = f"write   {facts['source']}{also} → {to}"
    if facts.get("sizes"):
        text += " · " + " → ".join(f"{width}×{height}" for width, height in facts["sizes"])
    if facts.get("ways"):
        text += " · " + "; ".join(facts["ways"])
    text += " · only the smallest of these" if facts.get("either") else ""
    return text + "".join(f" · quality searched for {goal}" for goal in facts.get("searched", ()))


def _goals(recipe: Recipe, job: Job) -> list[str]:
    """The sizes and scores that the quality of a job's outputs is searched for."""
    from imgpar.formats.registry import FORMATS
    from imgpar.formats.relevance import measurable

    branches, found = recipe.branches(), list[str]()
    for target in job.targets:
        options, fmt = branches[target.branch].encode, FORMATS.get(target.format)
        if fmt is None or "quality" not in fmt.takes or options.lossless:
            continue
        if options.target is not None and measurable(options, fmt):
            found.append(str(options.target))
        elif options.max_bytes is not None:
            found.append(f"at most {options.max_bytes:,} bytes")
    return list(dict.fromkeys(found))


def _remark(out: dict[str, Any]) -> str:
    size = f" {out['size'][0]}×{out['size'][1]}" if out.get("size") else ""
    if out["split"]:
        return size + _SPLIT[out["split"]]
    return f"{size} (replaces it)" if out["replaces"] else size


def _explained(recipe: Recipe) -> list[str]:
    """The recipe as text: operations in order, then formats and settings.

    >>> from imgpar.recipe.recipe import Recipe
    >>> _explained(Recipe())
    ['1. keep the pixels unchanged', 'format: as the input']
    """
    first, *others = recipe.branches()
    if not others and not recipe.outputs:
        return _branch_lines(first, 1) + ([f"name: {first.name}"] if first.name else [])
    lines = [f"{n}. {line}" for n, line in enumerate(map(_as_text, recipe.operations), 1)]
    for number, branch in enumerate(recipe.branches(), 1):
        own = branch._replace(operations=branch.operations[len(recipe.operations) :])
        size = ", where the input is smaller than a size" if branch.size == OWN_SIZE else ""
        lines.append(f"output {number}: {branch.name or STEM}{size}")
        lines += [f"   {line}" for line in _branch_lines(own, len(recipe.operations) + 1)]
    return lines


def _branch_lines(branch: Branch, first: int) -> list[str]:
    """Numbered operations, the format and the settings; `first` is the number of the first operation."""
    lines = list(map(_as_text, branch.operations))
    if first == 1 and not lines:
        lines = ["keep the pixels unchanged"]
    lines = [f"{n}. {line}" for n, line in enumerate(lines, first)]
    lines.append(f"format: {', '.join(branch.to) if branch.to else 'as the input'}")
    plain = type(branch.encode)()
    for name in plain.options():
        value = getattr(branch.encode, name)
        if value != getattr(plain, name):
            lines.append(f"{name}: {value}")
    return lines


def _as_text(operation: Operation) -> str:
    """`resize 200x, fit cover`: without the name of the primary field, and without unset fields."""
    primary, *names = [*operation.options(), ""]
    words = [flag(operation.name).lstrip("-"), str(getattr(operation, primary)) if primary else ""]
    off = (None, False, "")
    given = [(name, getattr(operation, name)) for name in names if name]
    details = [name if value is True else f"{name} {value}" for name, value in given if value not in off]
    return ", ".join([" ".join(filter(None, words)), *details])
