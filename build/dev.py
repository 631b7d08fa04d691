#!/usr/bin/env python3
"""One list of commands, the same for people and for the build:

    python3 build/dev.py demo | test | lint | types | sandbox | machine | bundle | bench | pins   [arguments]

The first run makes .venv and installs the pinned dependencies and the project into it; later runs start at
once, until pyproject.toml or constraints.txt changes. Needs nothing but Python 3.11 or newer.
"""

import ctypes
import hashlib
import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV, PINS = ROOT / ".venv", ROOT / "constraints.txt"
BIN, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
PYTHON, APP = str(VENV / BIN / f"python{EXE}"), str(VENV / BIN / f"blueclerk{EXE}")
BUILDERS = [
    "hatchling",
    "editables",
]  # pinned as well, so that the project is built without asking for newer ones

# One more than there are cores, for tests wait as well; three at most: a sign-in has three ports to come back to.
WORKERS = str(min(3, (os.cpu_count() or 1) + 1))

# command -> (the extra it needs, what it runs; the arguments follow)
COMMANDS = {
    "demo": ("", [[APP, "--demo"]]),
    "test": ("test", [[PYTHON, "-m", "pytest", "-n", WORKERS, "--dist", "loadfile"]]),
    "lint": ("lint", [[PYTHON, "-m", "ruff", *what] for what in (["check"], ["format", "--check"])]),
    "types": ("lint", [[PYTHON, "-m", "mypy"]]),
    "sandbox": ("", [[APP, "sandbox"]]),
    "bundle": ("bundle", [[PYTHON, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN",
                           "--workpath", "out/work", "--distpath", "out/dist", "build/blueclerk.spec"]]),
    "machine": ("test", [[PYTHON, "-m", "tests.machine"]]),
    "bench": ("", [[PYTHON, "-m", "benchmarks"]]),
    "pins": ("", [[PYTHON, "build/pins.py"]]),
}  # fmt: skip

# What Qt takes from the system on Linux, as library and Debian package; X11 matters with a screen only.
QT = """
    libGL.so.1 libgl1  libEGL.so.1 libegl1  libxkbcommon.so.0 libxkbcommon0  libfontconfig.so.1 libfontconfig1
    libdbus-1.so.3 libdbus-1-3  libglib-2.0.so.0 libglib2.0-0"""
X11 = """
    libxcb-cursor.so.0 libxcb-cursor0  libxcb-icccm.so.4 libxcb-icccm4  libxcb-keysyms.so.1 libxcb-keysyms1
    libxcb-shape.so.0 libxcb-shape0  libxcb-xkb.so.1 libxcb-xkb1  libxkbcommon-x11.so.0 libxkbcommon-x11-0"""


def has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def system_packages() -> None:
    """Install what Debian or Ubuntu lacks if we are root, and say so; otherwise say how, and stop."""
    words = f"{QT} {X11 if os.environ.get('DISPLAY') else ''}".split()
    missing = [package for library, package in zip(words[::2], words[1::2]) if not has_library(library)]  # noqa: B905
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        missing.append("python{}.{}-venv".format(*sys.version_info))
    if not missing:
        return
    if not Path("/etc/debian_version").exists():
        sys.exit(f"These system libraries are missing (named as in Debian): {' '.join(missing)}")
    apt = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"BlueClerk needs some system packages first. Please run:\n  sudo {' '.join(apt)}")
    print("Installing system packages:", *missing, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], [*apt, "-qq"]):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)


def pip(python: str, *words: str) -> None:
    command = [python, "-m", "pip", "-q", "--disable-pip-version-check", "--no-input", *words]
    subprocess.run(command, cwd=ROOT, check=True)


def install(extra: str) -> None:
    """Bring .venv to what a command needs; does nothing where it was done before for the same two files."""
    inputs = (ROOT / "pyproject.toml").read_bytes() + PINS.read_bytes()
    stamp, digest = VENV / f"installed-{extra or 'base'}", hashlib.sha256(inputs).hexdigest()
    if Path(PYTHON).exists() and stamp.exists() and stamp.read_text() == digest:
        return
    print("Setting up .venv (now, and after a change of the dependencies) ...", flush=True)
    check = [PYTHON, "-m", "pip", "--version"]
    if not Path(PYTHON).exists() or subprocess.run(check, stdout=subprocess.DEVNULL, check=False).returncode:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    pip(PYTHON, "install", "-c", str(PINS), *BUILDERS)
    pip(PYTHON, "install", "-c", str(PINS), "--no-build-isolation", "-e", f".[{extra}]" if extra else ".")
    stamp.write_text(digest)


def main(command: str = "", *words: str) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever has an older one should read a sentence, not a traceback)
        sys.exit("BlueClerk needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info))
    if command not in COMMANDS:
        sys.exit(__doc__)
    if sys.platform.startswith("linux"):
        system_packages()
    extra, steps = COMMANDS[command]
    install(extra)
    return max((subprocess.run([*step, *words], cwd=ROOT, check=False).returncode for step in steps), key=abs)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(f"This step failed, its own message stands above: {shlex.join(error.cmd)}")
