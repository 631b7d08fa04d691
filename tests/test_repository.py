"""The checkout itself: the words, versions and commands that no compiler looks at."""

from __future__ import annotations

import ast
import contextlib
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers.sources import ROOT, python_files, text_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# written in pieces, so that this file does not hold what it looks for
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("crates", "io"),
        ("anaconda", "org"),
    )
]
MACHINE_PATH = re.compile("/" + r"(?:work|root|opt/[a-z-]+|home/\w+|Users/\w+|tmp/[a-z]+)" + "/|[A-Z]:" + r"\\Users")
TOO_LONG_TO_BE_WAITED_FOR = 30  # asyncio.sleep(3600) stands for something that hangs; it is cancelled, not waited for


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in requirements}


def _lines(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    assert not _lines(re.compile("|".join(map(re.escape, REGISTRIES))), list(text_files()))


def test_no_file_holds_a_path_of_one_machine() -> None:
    assert not _lines(MACHINE_PATH, list(text_files()))


def test_tests_wait_on_conditions_and_never_sleep() -> None:
    found = []
    for path in python_files("tests"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name, first = ast.unparse(node.func), node.args[0] if node.args else None
            number = first.value if isinstance(first, ast.Constant) else None
            short = isinstance(number, int | float) and 0 < number < TOO_LONG_TO_BE_WAITED_FOR
            if name == "time.sleep" or (name == "asyncio.sleep" and short) or name.endswith("QTest.qWait"):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_every_ignored_type_error_says_which() -> None:
    assert not _lines(re.compile(r"#\s*type:\s*ignore(?!\[)"), python_files("desktop", "tests", "benchmarks"))


@pytest.mark.parametrize(
    ("section", "command"),
    [("Try it", "python3 build/dev.py demo"), ("Test it", "python3 build/dev.py test")],
)
def test_readme_gives_one_command(section: str, command: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    parts = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", readme, flags=re.M | re.S)
    assert len(parts) == 1, f"README.md has one section {section!r}"
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", parts[0], flags=re.M | re.S)
    assert [block.strip() for block in blocks] == [command]


def test_version_is_the_same_everywhere() -> None:
    version = PROJECT["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    with contextlib.suppress(metadata.PackageNotFoundError):  # never installed: no second place that could differ
        assert metadata.version(PROJECT["name"]) == version
    assert not _lines(re.compile(rf"['\"]{re.escape(version)}['\"]"), python_files("desktop"))


@pytest.mark.parametrize(
    "wanted",
    [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)],
)
def test_every_dependency_is_pinned_within_its_range(wanted: str) -> None:
    requirement, pins = Requirement(wanted), _pins()
    assert canonicalize_name(requirement.name) in pins, "run: python3 build/dev.py pins"
    assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_architecture_shows_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = [path.name for path in (ROOT / "desktop").iterdir() if (path / "__init__.py").exists()]
    missing = [room for room in rooms if f"{room}/" not in page]
    files = [path.name for path in (ROOT / "desktop").glob("*.py") if path.name != "__init__.py"]
    missing += [name for name in files if name not in page]
    assert not missing, f"ARCHITECTURE.md does not show {missing}"
