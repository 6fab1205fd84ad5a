"""libvips as a second opinion on pictures, where it is installed."""

from __future__ import annotations

import pytest

try:
    import pyvips
except (ImportError, OSError) as error:  # no wheel for this system, or no libvips in it
    pyvips = None
    WHY = f"pyvips cannot be used here: {error}"
else:
    WHY = ""
    pyvips.cache_set_max(0)

needs_vips = pytest.mark.skipif(pyvips is None, reason=WHY or "pyvips is there")
