"""Hands and eyes for a virtual screen: windows found, keys and buttons pressed through xdotool, pictures taken."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass

from PySide6.QtGui import QGuiApplication, QImage


class ToolFailed(AssertionError):
    """xdotool could not do it."""


def tool(*arguments: object) -> str:
    """What xdotool says; "" when it found nothing. Blocks: for tests of another process only."""
    result = subprocess.run(
        ["xdotool", *map(str, arguments)], capture_output=True, encoding="utf-8", timeout=15, check=False
    )
    if result.returncode and result.stderr.strip() and "search" not in arguments:
        raise ToolFailed(f"xdotool {arguments}: {result.stderr.strip()}")
    return result.stdout.strip()


async def act(*arguments: object) -> str:
    """The same while our own loop goes on, so that our own windows can answer."""
    return await asyncio.to_thread(tool, *arguments)


@dataclass(frozen=True)
class Place:
    """Where a window is, without its frame, in pixels of the screen."""

    x: int
    y: int
    width: int
    height: int

    def near(self, other: Place, pixels: int) -> bool:
        """Whether the two differ by no more than a window manager's frame might make out."""
        ours = (self.x, self.y, self.width, self.height)
        theirs = (other.x, other.y, other.width, other.height)
        return all(abs(one - two) <= pixels for one, two in zip(ours, theirs, strict=True))


def windows(pid: int, name: str = "BlueClerk") -> list[int]:
    """The visible windows of a process whose title holds `name`."""
    found = tool("search", "--all", "--onlyvisible", "--pid", pid, "--name", name)
    return [int(line) for line in found.splitlines()]


def place(window: int) -> Place:
    """Where a window is now."""
    lines = tool("getwindowgeometry", "--shell", window).splitlines()
    values = dict(line.split("=", 1) for line in lines)
    return Place(int(values["X"]), int(values["Y"]), int(values["WIDTH"]), int(values["HEIGHT"]))


def title(window: int) -> str:
    return tool("getwindowname", window)


def is_active(window: int) -> bool:
    """Whether the keyboard belongs to this window."""
    return tool("getactivewindow") == str(window)


def picture(part: Place | None = None) -> QImage:
    """What the screen shows now, or a part of it."""
    screen = QGuiApplication.primaryScreen()
    grabbed = screen.grabWindow(0) if part is None else screen.grabWindow(0, part.x, part.y, part.width, part.height)
    return grabbed.toImage()
