"""Convert a folder and say what happened: python examples/convert_folder.py photos/ web/"""

from __future__ import annotations

import sys

import imgpar


def main(source: str, target: str) -> int:
    """Converts, prints what failed; returns the exit code."""
    report = imgpar.convert(source, target, resize="1920", to="webp", quality=82)
    for item in report.items:
        if item.status == "failed":
            print(f"{item.source}: {item.error}", file=sys.stderr)
    print(f"{report.ok} converted, {report.skipped} skipped, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
