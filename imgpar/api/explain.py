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

    branches = recipe.branches()
    if job.kind != "stream":
        if len(branches) > 1:
            return []  # decoded once for all of them, to colours
        formats = [target.format for target in job.targets]
        return planar.explain_planes(job.item.path, recipe.operations, formats, recipe.encode)
    try:
        source, found = probe(job.item.path), []
        content = sniff_file(job.item.path)
        for target in job.targets:
            branch = branches[target.branch]
            clip = prepared(source, branch.encode)
            plan = make_plan(
                clip,
                target.format,
                branch.operations,
                branch.encode,
                same_container=content is not None and content.name == target.format,
                staged=options.schedule == "staged",
            )
            words = "; in parts, and an interrupted run goes on" if may_be_cut(plan, clip) else ""
            found.append(f"{target.format} by {plan.way}: {plan.why}{words}")
        return found
    except ItemError:
        return []
