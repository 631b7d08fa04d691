"""Where the bundle starts; from a checkout or a wheel the command `blueclerk` starts at the same function."""

import multiprocessing
import sys

from desktop.cli import main

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a worker process of the bundle is the bundle again: no second window
    sys.exit(main())
