"""Writing SVG: shapes, texts that fit their room, patterns, and the text alternative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from scorehouse.reports.charts.palette import INK, PAPER, SOFT, Fill

FONT = "'Source Sans 3', 'Source Sans Pro', 'Helvetica Neue', Arial, sans-serif"
WIDTH = 720

Anchor = Literal["start", "middle", "end"]

_NARROW, _WIDE = frozenset("ijlI.,:;'|!()[] ft-r/"), frozenset("mwMW@%—…")
_HALF_EMS = {"narrow": 34, "wide": 90, "capital": 70, "other": 57}


def width_of(text: str, size: float) -> float:
    """About how wide a text is: a little too wide for the fonts that are asked for.

    >>> width_of("Met", 10) < width_of("Standard Met", 10)
    True
    """
    return sum(_HALF_EMS[_class_of(letter)] for letter in text) * size / 100


def _class_of(letter: str) -> str:
    if letter in _NARROW:
        return "narrow"
    if letter in _WIDE:
        return "wide"
    if letter > "\u2e80":
        return "wide"
    return "capital" if letter.isupper() else "other"


def fit(text: str, size: float, room: float) -> str:
    """The text, or as much of it as fits into the room, ended by an ellipsis.

    >>> fit("Not very long", 10, 500), fit("Much too long for this", 10, 50)
    ('Not very long', 'Much to…')
    """
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + "…", size) > room:
        text = text[:-1].rstrip()
    return text + "…" if text else ""


def wrap(text: str, size: float, room: float, lines: int = 2) -> list[str]:
    """Break a text between words into so many lines at most; the last one is cut to fit."""
    made, words = [""], text.split()
    while words:
        joined = f"{made[-1]} {words[0]}".strip()
        if width_of(joined, size) <= room or not made[-1]:
            made[-1] = joined
            words.pop(0)
        elif len(made) < lines:
            made.append("")
        else:
            made[-1] = f"{made[-1]} {' '.join(words)}"
            break
    return [fit(line, size, room) for line in made]


def spread(places: Iterable[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart, in order, so that neighbors have a gap and all lie within bounds.

    >>> spread([10, 11, 50], 12, 0, 60)
    [10, 22, 50]
    """
    given = list(places)
    order = sorted(range(len(given)), key=given.__getitem__)
    last = low - gap
    for index in order:
        last = given[index] = max(given[index], last + gap)
    edge = high + gap
    for index in reversed(order):
        edge = given[index] = min(given[index], edge - gap)
    return given


def tidy(number: float) -> str:
    """A coordinate as short as it goes: two places, no trailing zeros."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Drawing:
    """One SVG under construction. Ids begin with the chart's key."""

    def __init__(self, key: str, title: str, description: str) -> None:
        self.key, self.title, self.description = key, title, description
        self.parts: list[str] = []
        self.patterns: dict[str, Fill] = {}

    def add(self, tag: str, attributes: Mapping[str, object], inside: str = "") -> None:
        """Add an element; numbers are made short, `_` in names stands for a hyphen."""
        told = " ".join(
            f"{name.replace('_', '-')}={quoteattr(_value(value))}"
            for name, value in attributes.items()
            if value not in ("", None)
        )
        self.parts.append(f"<{tag} {told}>{inside}</{tag}>" if inside else f"<{tag} {told}/>")

    def rect(self, x: float, y: float, width: float, height: float, **more: object) -> None:
        """Add a rectangle; nothing where it has no width."""
        if width > 0 and height > 0:
            self.add("rect", {"x": x, "y": y, "width": width, "height": height, **more})

    def filled(self, x: float, y: float, width: float, height: float, fill: Fill) -> None:
        """Add a rectangle with a fill's ground and its pattern over it."""
        self.rect(x, y, width, height, fill=fill.ground)
        self.rect(x, y, width, height, fill=self.pattern(fill) or "none")

    def line(self, x1: float, y1: float, x2: float, y2: float, **more: object) -> None:
        """Add a straight line."""
        self.add("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": INK, **more})

    def path(self, points: str, **more: object) -> None:
        """Add a path."""
        self.add("path", {"d": points, "fill": "none", **more})

    def circle(self, x: float, y: float, radius: float, **more: object) -> None:
        """Add a circle."""
        self.add("circle", {"cx": x, "cy": y, "r": radius, **more})

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        anchor: Anchor = "start",
        fill: str = INK,
        is_bold: bool = False,
        halo: str = "",
        full: str = "",
    ) -> None:
        """Add a text. `halo` is the ground behind its letters; `full` the name it shortens."""
        if not text:
            return
        attributes: dict[str, object] = {
            "x": x,
            "y": y,
            "font_size": size,
            "fill": fill,
            "text_anchor": anchor if anchor != "start" else "",
            "font_weight": "600" if is_bold else "",
        }
        if halo:
            self._plate(x, y, text, size, anchor, halo)
        tip = f"<title>{escape(full)}</title>" if full and full != text else ""
        self.add("text", attributes, tip + escape(text))

    def _plate(
        self, x: float, y: float, text: str, size: float, anchor: Anchor, ground: str
    ) -> None:
        """A ground behind a text, so that no line or pattern runs through its letters."""
        wide = width_of(text, size) * 9 / 10 + 2
        left = x - {"start": 1.0, "middle": wide / 2, "end": wide - 1}[anchor]
        high, rise = size * 11 / 10, size * 6 / 7
        self.rect(left, y - rise, wide, high, rx=2, fill=ground, fill_opacity="0.8")

    def soft(self, x: float, y: float, text: str, *, anchor: Anchor = "start") -> None:
        """Add a small text that explains."""
        self.text(x, y, text, size=12, anchor=anchor, fill=SOFT)

    def pattern(self, fill: Fill) -> str:
        """The reference to a fill's pattern, which is then defined; blank: it has none."""
        if not fill.pattern:
            return ""
        name = f"{self.key}-{fill.pattern}-{'light' if fill.text == PAPER else 'dark'}"
        self.patterns[name] = fill
        return f"url(#{name})"

    def marker(self, name: str, x: float, y: float, color: str, size: float = 5) -> None:
        """Add a marker of a line: its form tells lines apart without color."""
        if name == "circle":
            self.circle(x, y, size, fill=color, stroke=PAPER, stroke_width=1)
        elif name == "ring":
            self.circle(x, y, size - 1, fill=PAPER, stroke=color, stroke_width=2)
        elif name == "cross":
            arms = f"M{_at(x - size, y - size)}L{_at(x + size, y + size)}"
            back = f"M{_at(x - size, y + size)}L{_at(x + size, y - size)}"
            self.path(arms + back, stroke=color, stroke_width=3)
        else:
            outline = _OUTLINES[name]
            points = "L".join(_at(x + dx * size, y + dy * size) for dx, dy in outline)
            self.path(f"M{points}Z", fill=color, stroke=PAPER, stroke_width=1)

    def svg(self, height: float, width: float = WIDTH) -> str:
        """The finished picture, with its title and description as text alternative."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" id={quoteattr(self.key)} '
            f'viewBox="0 0 {tidy(width)} {tidy(height)}" width="{tidy(width)}" '
            f'height="{tidy(height)}" font-family="{FONT}" '
            f'aria-labelledby="{self.key}-title {self.key}-desc">'
        )
        told = (
            f'<title id="{self.key}-title">{escape(self.title)}</title>'
            f'<desc id="{self.key}-desc">{escape(self.description)}</desc>'
        )
        drawn = "".join(_pattern(name, fill) for name, fill in sorted(self.patterns.items()))
        defined = f"<defs>{drawn}</defs>" if drawn else ""
        return head + told + defined + "".join(self.parts) + "</svg>"


_OUTLINES = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "triangle": ((0, -1), (1, 1), (-1, 1)),
    "down": ((0, 1), (1, -1), (-1, -1)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
}


def _value(value: object) -> str:
    return tidy(value) if isinstance(value, int | float) else str(value)


def _at(x: float, y: float) -> str:
    return f"{tidy(x)} {tidy(y)}"


_DRAWN = {
    "hatch": ('width="6" height="6"', '<path d="M-1 7L7 -1M-1 1L1 -1M5 7L7 5" {}/>'),
    "cross": ('width="7" height="7"', '<path d="M0 0L7 7M7 0L0 7" {}/>'),
    "flat": ('width="6" height="6"', '<path d="M0 3L6 3" {}/>'),
    "dots": ('width="7" height="7"', '<circle cx="2" cy="2" r="1" {}/>'),
    "sparse": ('width="10" height="10"', '<path d="M-1 11L11 -1M-1 1L1 -1M9 11L11 9" {}/>'),
}


def _pattern(name: str, fill: Fill) -> str:
    size, shape = _DRAWN[fill.pattern]
    color = PAPER if fill.text == PAPER else INK
    stroke = f'stroke="{color}" stroke-width="1" stroke-opacity="0.4" fill="none"'
    if fill.pattern == "dots":
        stroke = f'fill="{color}" fill-opacity="0.5"'
    inside = shape.format(stroke)
    return f'<pattern id="{name}" {size} patternUnits="userSpaceOnUse">{inside}</pattern>'
