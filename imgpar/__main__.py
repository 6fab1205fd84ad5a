"""`python -m imgpar` is the same as `imgpar`."""

from imgpar.cli import console

if __name__ == "__main__":
    console()
