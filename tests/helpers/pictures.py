"""Whether a picture shows something: a window that failed to draw is one colour."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PySide6.QtGui import QImage

SAMPLES = 160
"""Points looked at in each direction."""
COLOURS = 12
MOST = 0.97
"""No colour may cover more than this."""


def faults_of(picture: QImage | Path) -> str:
    """What is wrong with a picture of a screen; "" when it shows something."""
    image = QImage(str(picture)) if isinstance(picture, Path) else picture
    if image.isNull():
        return "it can't be read"
    if min(image.width(), image.height()) < 300:
        return f"it is only {image.width()} x {image.height()}"
    columns = [round(at * (image.width() - 1) / SAMPLES) for at in range(SAMPLES + 1)]
    rows = [round(at * (image.height() - 1) / SAMPLES) for at in range(SAMPLES + 1)]
    counts = Counter(image.pixel(x, y) for x in columns for y in rows)
    if len(counts) < COLOURS:
        return f"it has only {len(counts)} colours"
    share = counts.most_common(1)[0][1] / counts.total()
    return f"{share:.1%} of it has one colour" if share > MOST else ""
