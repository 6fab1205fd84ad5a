"""The processing method of each output and the reason for it, for `--explain`."""

from __future__ import annotations

from imgpar.batch.run_options import RunOptions
from imgpar.core.errors import ItemError
from imgpar.core.job import Job
from imgpar.formats.registry import sniff_file
from imgpar.recipe.recipe import Recipe


def ways(job: Job, recipe: Recipe, options: RunOptions) -> list[str]:
    """The method of each output if there are several, and the reason; empty for an input that would fail."""
    from imgpar.batch.picture import planar
    from imgpar.video.plan import make_plan
    from imgpar.video.prepare import prepared
    from imgpar.video.probe import probe
    from imgpar.video.segments import may_be_cut

    if job.kind != "stream":
        formats = [target.format for target in job.targets]
        return planar.explain_planes(job.item.path, recipe.operations, formats, recipe.encode)
    try:
        clip, found = prepared(probe(job.item.path), recipe.encode), []
        content = sniff_file(job.item.path)
        for target in job.targets:
            plan = make_plan(
                clip,
                target.format,
                recipe.operations,
                recipe.encode,
                same_container=content is not None and content.name == target.format,
                staged=options.schedule == "staged",
            )
            words = "; in parts, and an interrupted run goes on" if may_be_cut(plan, clip) else ""
            found.append(f"{target.format} by {plan.way}: {plan.why}{words}")
        return found
    except ItemError:
        return []
