"""Bridges between frames and the libraries Pillow, OpenCV and imagecodecs. In memory only."""
