"""One frame of a clip, for a file that is made of pictures."""

from __future__ import annotations

from imgpar.batch.run_spec import RunSpec
from imgpar.core.job import Item
from imgpar.core.spec import Frame, Spec
from imgpar.inputs.opening import local_file
from imgpar.recipe.recipe import Recipe


def poster_of(item: Item, run: RunSpec) -> tuple[Frame, tuple[int, int], tuple[str, ...]]:
    """A sharp frame of a clip that is neither black nor white.

    Args:
        item: a clip.
        run: recipe and limits of the run.

    Returns:
        The frame, RGB uint8, with the operations of the recipe; the upright size of the clip; and notes.

    Raises:
        ItemError: the clip cannot be decoded.
    """
    from imgpar.batch.frames.reading import Choice
    from imgpar.batch.frames.stills import poster
    from imgpar.video.prepare import prepared_for_pictures
    from imgpar.video.probe import probe

    damage = list[str]()
    choice = Choice(threads=1, damage=damage.append, limits=run.limits)
    with local_file(item, run.sources) as path:
        clip = probe(path, run.limits)
        found = poster(prepared_for_pictures(clip, run.encode), Recipe(run.operations), None, choice)
    height, width = found.array.shape[:2]
    notes = ("of clips one frame is shown", *(f"{item.path}: {words}" for words in damage))
    return Frame(Spec(width, height, "RGB"), found.array), clip.picture.upright, notes
