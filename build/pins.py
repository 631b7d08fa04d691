"""Writes constraints.txt anew, from an empty environment: `python3 build/dev.py pins [--upgrade]`.

What is pinned stays at its version, unless `--upgrade` asks for the newest that pyproject.toml allows.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints.txt"
HEADING = "# Exact versions of everything we use. Written by: python3 build/dev.py pins [--upgrade]"
# Packages for one system carry a marker; lines of the other systems cannot be found out here, so they stay.
ONE_SYSTEM = {"SecretStorage": "linux", "jeepney": "linux"}


def frozen(upgrade: bool) -> list[str]:
    """`name==version` of everything that the project with all its extras brings into an empty environment."""
    keep = [] if upgrade else ["-c", str(PINS)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder, "Scripts/python.exe" if os.name == "nt" else "bin/python"))
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        wanted = ["setuptools", "hatchling", "editables", "-e", ".[test,lint,bundle]"]
        subprocess.run([*pip, "install", "-q", "-U", *keep, *wanted], cwd=ROOT, check=True)
        freeze = [*pip, "freeze", "--all", "--exclude", "pip", "--exclude-editable"]
        return subprocess.check_output(freeze, text=True).splitlines()


def main() -> None:
    lines = {line.partition("=")[0].lower(): line for line in PINS.read_text().splitlines() if ";" in line}
    for line in frozen("--upgrade" in sys.argv[1:]):
        name = line.partition("=")[0]
        marker = f"; sys_platform == '{ONE_SYSTEM[name]}'" if name in ONE_SYSTEM else ""
        lines[name.lower()] = line + marker
    PINS.write_text("\n".join([HEADING, *(lines[name] for name in sorted(lines)), ""]))


if __name__ == "__main__":
    main()
