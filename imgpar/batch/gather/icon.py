"""An icon of pictures: each gives one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgpar.batch.gather.items import Fit
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.core.error_messages import setting
from imgpar.core.errors import EncodeError
from imgpar.core.job import OutputFile
from imgpar.core.spec import Frame, Spec
from imgpar.formats import ico
from imgpar.formats.option_values import LARGEST_ICON

if TYPE_CHECKING:
    from imgpar.batch.gather.making import Making

_ROOM = 4 * LARGEST_ICON * LARGEST_ICON


def make_icon(making: Making) -> OutputFile:
    """Encode the items as the sizes of an icon.

    Raises:
        ItemError: an item cannot be read, is larger than an icon, or two have one size.
    """
    frames = dict[tuple[int, int], Frame]()
    for _, frame, remarks in making.frames.rest(Fit(layout="RGBA", capacity=_ROOM)):
        size = frame.spec.size
        making.clock.at_item(making.frames.current)
        if max(size) > LARGEST_ICON:
            raise EncodeError(
                f"It is {size[0]}×{size[1]}, but icons are up to 256 × 256.",
                fix=f"Add a {setting('resize')}, such as 256.",
            )
        if size in frames:
            raise EncodeError(f"Two pictures are {size[0]}×{size[1]}.", fix="Name one of each size.")
        making.clock.at_item(-1)
        frames[size] = Frame(frame.spec, frame.array.copy())
        making.remarks.add(remarks)
    ordered = [frames[size] for size in sorted(frames)]
    with making.clock.during("encode"):
        data = ico.pack_icons(ordered, making.run.encode)
    return making.commit_data(EncodedOutput(data, Spec(*ordered[-1].spec.size, "RGBA")))
