"""Read a folder as arrays, in order, without writing a file: python examples/mean_colour.py photos/"""

from __future__ import annotations

import sys

import imgpar


def main(folder: str) -> None:
    """Prints the mean colour of each picture; the arrays are read in place from shared memory."""
    pipe = imgpar.Pipeline().resize("64x64", fit="cover")
    with imgpar.Session() as session:
        for item, array in session.arrays(pipe, folder):
            red, green, blue = array.reshape(-1, array.shape[-1]).mean(axis=0)[:3]
            print(f"#{int(red):02x}{int(green):02x}{int(blue):02x}  {item.path}")


if __name__ == "__main__":
    main(sys.argv[1])
