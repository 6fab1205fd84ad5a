"""Checks of the packages for `imgpar doctor`, from imgpar's own metadata, and the install commands."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Literal

from imgpar.cli.check import Check
from imgpar.core.install_hint import pip

MODULES = {
    "pillow": "PIL",
    "opencv-python": "cv2",
    "opencv-python-headless": "cv2",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "cykooz-resizer": "cykooz_resizer",
    "pillow-heif": "pillow_heif",
    "kornia-rs": "kornia_rs",
}
"""Packages whose module name differs."""

FASTER = {
    "simplejpeg": "JPEG is slower without it",
    "cykooz-resizer": "resizing is slower without it",
    "kornia-rs": "PNG is read more slowly without it",
    "deflate": "PNG and TIFF are written more slowly without it",
    "xxhash": "change detection is slower without it",
    "pillow-heif": "no HEIC without it",
    "av": "no clips without it",
    "pylibjxl": "scaling JPEGs is slower without it, unless the system has libturbojpeg",
}
"""Packages that imgpar can run without, and the consequence."""

TURBO = {
    "linux": "apt install libturbojpeg0 (Debian, Ubuntu) or dnf install turbojpeg (Fedora)",
    "darwin": "brew install jpeg-turbo",
    "win32": "the installer from libjpeg-turbo.org",
}
"""How to install libturbojpeg where no wheel contains it."""

UNUSED = ("test", "dev", "docs", "all")
"""Extras for development, and the one that names others."""


def check_packages() -> Iterator[Check]:
    """All packages in imgpar's metadata for this platform."""
    try:
        requirements = importlib.metadata.requires("imgpar") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("fail", "imgpar", "is not installed here", pip("-e ."))
        return
    for requirement, extra in _split(requirements):
        if not extra:
            yield _required(requirement)
        elif extra not in UNUSED:
            yield _optional(requirement, extra)
    both = [name for name in ("opencv-python", "opencv-python-headless") if _version(name)]
    if len(both) == 2:
        fitting = "opencv-python-headless" if sys.platform == "linux" else "opencv-python"
        fix = f"{pip(' '.join(both), 'uninstall -y')}, then {pip(fitting)}"
        yield Check("warn", "OpenCV", "two builds share one folder; removing either breaks the other", fix)


def check_turbo() -> Check:
    """The library for lossless JPEG rotation and for access to the planes of a JPEG."""
    from imgpar.formats.jpeg.turbo import library

    if library() is not None:
        return Check("ok", "libturbojpeg", "lossless JPEG rotation, JPEG scaling on YCbCr planes")
    text = "not installed (optional: scaling JPEGs is slower, and rotating them is not lossless)"
    return Check("off", "libturbojpeg", text, TURBO.get(sys.platform, ""))


def faster() -> list[str]:
    """A hint to install libturbojpeg, as one line; empty if it is installed."""
    from imgpar.formats.jpeg.turbo import library

    fix = TURBO.get(sys.platform, "")
    return [] if library() is not None else [f"Scaling JPEGs would be faster with libturbojpeg: {fix}"]


def _split(requirements: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Requirement without marker, and its extra; those of other platforms are omitted."""
    for line in requirements:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if re.match(r"imgpar\b", requirement) or not _applies(marker):
            continue
        yield requirement.strip(), extra[1] if extra else ""


def _applies(marker: str) -> bool:
    """Whether a marker without its extra is true here; imgpar's markers use only `or` or only `and`.

    >>> _applies("python_version < '3.9'"), _applies("python_version >= '3.9' and extra == 'archives'")
    (False, True)
    """
    here = {"sys_platform": sys.platform, "platform_machine": platform.machine()}
    found = re.findall(r"(sys_platform|platform_machine) (==|!=) ['\"]([^'\"]+)['\"]", marker)
    true = [(here[name] == value) == (sign == "==") for name, sign, value in found]
    for sign, value in re.findall(r"python_version (<|>=) ['\"]([\d.]+)['\"]", marker):
        true.append((sys.version_info[:2] < tuple(map(int, value.split(".")))) == (sign == "<"))
    return any(true) if " or " in marker else all(true)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _name(requirement: str) -> str:
    """The normalised package name."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~\[]", requirement, maxsplit=1)[0]).lower()


def _required(requirement: str) -> Check:
    """A required package: installed and importable."""
    name = _name(requirement)
    version = _version(name)
    status: Literal["warn", "fail"] = "warn" if name in FASTER else "fail"
    why = f" ({FASTER[name]})" if name in FASTER else ""
    if not version:
        return Check(status, name, f"is not installed{why}", pip(requirement))
    try:
        importlib.import_module(MODULES.get(name, name))
    except Exception as error:
        fix = pip(f"--force-reinstall {requirement}")
        if name == "opencv-python":
            fix = f"{pip(name, 'uninstall -y')}, then {pip('opencv-python-headless')}"
        return Check(status, name, f"{version} cannot be imported{why}: {error}", fix)
    return Check("ok", name, version)


def _optional(requirement: str, extra: str) -> Check:
    name = _name(requirement)
    version = _version(name)
    if version:
        return Check("ok", name, f"{version} (for {extra})")
    return Check("off", name, f"not installed (optional, for {extra})", pip(requirement))
