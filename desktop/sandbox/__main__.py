"""`python -m desktop.sandbox`."""

import sys

from desktop.sandbox.server import main

sys.exit(main())
