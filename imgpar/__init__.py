"""imgpar: resize and convert folders of pictures and clips on every core."""

__version__ = "0.1.0"
