"""Prints figures as ratios against a baseline of the same run: `python -m benchmarks [push list import ...]`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

NAMES = ("push", "services", "list", "import", "match", "start")


def main() -> int:
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which ones; all without a name")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for name in parser.parse_args().names or NAMES:
        print(f"\n== {name}")
        importlib.import_module(f"benchmarks.{name}_bench").run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
