"""A failure as a banner: its sentence, and the service's own words folded away."""

from __future__ import annotations

import logging
from pathlib import Path

from desktop.errors import BlueClerkError
from desktop.text import tr
from desktop.ui.banner import Banner

_log = logging.getLogger(__name__)


def words(error: Exception) -> tuple[str, str]:
    """(sentence, details) of a failure. One of ours that nobody foresaw is logged and told without its technique."""
    if isinstance(error, BlueClerkError):
        return error.sentence, error.details
    _log.error("unexpected failure in the window", exc_info=error)
    return tr("Something went wrong that BlueClerk did not expect. What was saved before is safe; try again."), ""


def show_problem(banner: Banner, error: Exception, action: str = "") -> None:
    """Show `error` in `banner`, with `action` as the text of its button."""
    sentence, details = words(error)
    banner.show_message(sentence, status="bad", action=action, details=details)


def unwritable(path: Path, error: OSError) -> BlueClerkError:
    """What to say when a file that the owner chose can't be written."""
    return BlueClerkError(
        tr("The file {name} could not be written.", name=path.name),
        tr("Choose another place, or make room on the disk."),
        details=str(error),
    )
