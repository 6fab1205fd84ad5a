"""`python -m imgpar` is the same as `imgpar`."""

import sys

from imgpar.cli import main

if __name__ == "__main__":
    sys.exit(main())
