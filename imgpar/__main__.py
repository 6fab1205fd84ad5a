"""`python -m imgpar` is the same as `imgpar`."""

from imgpar.cli import script

if __name__ == "__main__":
    script()
