"""Colors and patterns of all charts: each pair of text and ground has a contrast of 4.5 or more.

Nothing is told by color alone: every fill has a pattern or a word on it, and lines differ
in their dashes and markers.
"""

from __future__ import annotations

from dataclasses import dataclass

INK = "#1b1f24"
SOFT = "#4a525c"
LINE = "#cfd5dc"
AXIS = "#6b7480"
PAPER = "#ffffff"
BAND = "#f3f5f8"
ACCENT = "#1d4f91"


@dataclass(frozen=True)
class Fill:
    """A ground, the text that can be read on it, and the pattern drawn over it.

    `tint` is the pale ground of the same color; `INK` can be read on every tint.
    """

    ground: str
    text: str
    pattern: str = ""
    tint: str = BAND


SUPPRESSED = Fill(PAPER, SOFT, "sparse")
"""What isn't shown: white under thin lines, within a broken border."""

_LOWEST = Fill("#9c3f12", PAPER, "hatch")
_LOW = Fill("#f3c8a4", INK, "hatch")
_MIDDLE = Fill("#e4e7eb", INK)
_HIGH = Fill("#a9cdea", INK)
_BLUE = Fill("#8fbbe0", INK)
_HIGHEST = Fill("#1d4f91", PAPER)

_LEVELS = {
    1: (_HIGHEST,),
    2: (_LOW, _HIGHEST),
    3: (_LOW, _MIDDLE, _HIGHEST),
    4: (_LOWEST, _LOW, _HIGH, _HIGHEST),
    5: (_LOWEST, _LOW, _MIDDLE, _BLUE, _HIGHEST),
    6: (_LOWEST, _LOW, _MIDDLE, _BLUE, Fill("#5f93c7", INK, "dots"), _HIGHEST),
}

_POINTS = (
    Fill("#e4e7eb", INK, "hatch"),
    Fill("#c5dcef", INK),
    Fill("#8fbbe0", INK, "dots"),
    Fill("#5f93c7", INK),
    _HIGHEST,
)

COLORS = {
    "Red": Fill("#b3202a", PAPER, "cross", "#f8e1e1"),
    "Orange": Fill("#f0953f", INK, "hatch", "#fdebd9"),
    "Yellow": Fill("#fbdc58", INK, "dots", "#fdf7da"),
    "Green": Fill("#6cb56f", INK, "flat", "#e3f2e3"),
    "Blue": Fill("#2a5fa8", PAPER, "", "#e0eaf6"),
}
"""Colors of the Dashboard, worst first."""

NO_COLOR = Fill("#e4e7eb", INK, "sparse", BAND)

LINES = ("#1d4f91", "#9c3f12", "#17603a", "#6a3d8a", "#5b5200", "#7a1f4b")
DASHES = ("", "7 4", "2 4", "9 3 2 3", "12 4", "4 2")
MARKERS = ("circle", "square", "triangle", "diamond", "cross", "ring")
"""Lines take these in turn: hue, dash and marker all differ."""

RATINGS = {
    "above": Fill("#1d4f91", PAPER),
    "near": Fill("#6b7480", PAPER),
    "below": Fill("#9c3f12", PAPER, "hatch"),
}


def level_fills(count: int) -> tuple[Fill, ...]:
    """Fills of levels, lowest first; below the middle they are hatched."""
    return _LEVELS.get(count) or tuple(_LEVELS[6][min(5, level)] for level in range(count))


def point_fills(count: int) -> tuple[Fill, ...]:
    """Fills of points from 0 up; the most points are darkest."""
    last = len(_POINTS) - 1
    if count <= 1:
        return _POINTS[:count]
    return tuple(_POINTS[round(point * last / (count - 1))] for point in range(count))


def color_fill(color: str) -> Fill:
    """The fill of a color's word; of no color, where there is none."""
    return COLORS.get(color, NO_COLOR)
