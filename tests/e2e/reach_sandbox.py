"""`blueclerk` whose services live at a sandbox: python -m tests.e2e.reach_sandbox <services.json> <its arguments>.

The installed program reaches real services only, and has no switch for another address (W2).
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from desktop import cli
from desktop.core import Options
from tests.helpers.desk import addresses


def main(services: Path, arguments: list[str]) -> int:
    where = addresses(json.loads(services.read_text("utf-8")))
    real = cli._options

    def options(parsed: Namespace) -> Options:
        return replace(real(parsed), addresses=where)

    cli._options = options
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
