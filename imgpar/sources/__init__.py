"""Where inputs come from. A source yields batches: the media of one folder at a time."""

from imgpar.sources.base import Batch
from imgpar.sources.lists import read_list, scan_list
from imgpar.sources.local import scan

__all__ = ["Batch", "read_list", "scan", "scan_list"]
