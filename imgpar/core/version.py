"""The version of imgpar."""

__version__ = "0.2.0"
