"""`python -m imgpar.desktop FILE...`"""

import sys

from imgpar.desktop import main

if __name__ == "__main__":
    sys.exit(main())
