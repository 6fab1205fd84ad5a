"""`sitecustomize` modules for subprocesses of imgpar: what Python imports before anything else."""

from __future__ import annotations

import os
from pathlib import Path

IMPORTED = """
import atexit, os, sys

NAMES = ("PIL.Image", "av", "cv2", "simplejpeg", "tifffile", "imagecodecs", "pillow_heif", "rawpy",
         "pypdfium2", "resvg_py", "imgpar.formats.codec", "imgpar.formats.jpeg.turbo", "imgpar.video.demux")

def write():
    with open(os.environ["IMPORTED_FILE"], "a") as file:
        file.write("".join(f"{name}\\n" for name in NAMES if name in sys.modules) + "end\\n")

of_system = "IMGPAR_PARENT" in os.environ or any("resource_tracker" in word for word in sys.orig_argv)
if not of_system:  # not in the fork server, its workers and the resource tracker
    atexit.register(write)
"""
"""Writes at exit which decoders the parent process has imported."""

FAULTY = """
import importlib.abc, importlib.machinery, os, sys, time

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "imgpar.formats.codec":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            read = module.read_header
            def read_header(data, *rest):
                if data.endswith(b"CRASH"):
                    import ctypes
                    ctypes.string_at(0)
                if data.endswith(b"HANG"):
                    print("hanging", flush=True)
                    time.sleep(3600)
                return read(data, *rest)
            module.read_header = read_header
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""
"""A decoder that crashes where a file ends with CRASH, and never returns where it ends with HANG."""


def hooked(folder: Path, source: str, **variables: object) -> dict[str, str]:
    """The environment in which Python imports this module first.

    Args:
        folder: for the module.
        source: of the module.
        variables: further variables.
    """
    place = folder / "site"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(source)
    paths = filter(None, [str(place), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **{k: str(v) for k, v in variables.items()}}
