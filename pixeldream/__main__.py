"""``python -m pixeldream``."""

import sys

from pixeldream.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
