"""Draws charts as SVG files that stand alone: without a stylesheet, scripts or fonts, for papers and slides. Pure.

Colours and fonts are attributes of the elements, because editors and converters read little CSS. All text is escaped.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

FONT: Final = "Helvetica, Arial, 'Noto Sans', 'Noto Sans CJK JP', sans-serif"
INK: Final = "#1d1c1a"
MUTED: Final = "#5e5a52"
GRID: Final = "#dfdbd1"
MARK: Final = "#2f49c8"
RANGE: Final = "#7f8dd4"
LOW: Final = "#e08214"
MIDDLE: Final = "#f7f6f3"
HIGH: Final = "#5e93d3"
SERIES: Final = ("#2f49c8", "#e08214", "#1b7a57", "#8a3ffc", "#a8231b", "#5e5a52", "#0072b2", "#cc79a7")

SMALL: Final = 11.0
USUAL: Final = 12.0

_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def plain(text: object) -> str:
    """Returns `text` without the characters that XML cannot hold."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def width(text: str, size: float = USUAL) -> float:
    """Returns the width that `text` takes at most, because fonts differ."""
    wide = sum(unicodedata.east_asian_width(character) in {"F", "W"} for character in text)
    return size * (0.6 * (len(text) - wide) + wide)


def shortened(text: str, most: int) -> str:
    """Returns `text` in at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Drawing:
    """A drawing under way; lengths are in pixels, from the top left."""

    def __init__(self, across: float, down: float, title: str, about: str = "") -> None:
        self.across, self.down = across, down
        self._title, self._about = title, about
        self._parts: list[str] = []

    def _add(self, name: str, text: str | None = None, **attributes: object) -> None:
        written = "".join(
            f" {key.replace('_', '-').strip('-')}={quoteattr(_value(value))}"
            for key, value in attributes.items()
            if value is not None
        )
        self._parts.append(
            f"<{name}{written}/>" if text is None else f"<{name}{written}>{escape(plain(text))}</{name}>"
        )

    def text(
        self,
        x: float,
        y: float,
        text: object,
        *,
        size: float = USUAL,
        anchor: str = "start",
        fill: str = INK,
        bold: bool = False,
        turned: float = 0,
    ) -> None:
        """Writes `text`; x and y are the baseline's start, middle or end. It is turned by degrees about that point."""
        self._add(
            "text",
            str(text),
            x=x,
            y=y,
            font_size=size,
            text_anchor=None if anchor == "start" else anchor,
            fill=fill,
            font_weight="bold" if bold else None,
            transform=f"rotate({turned:g} {x:g} {y:g})" if turned else None,
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        stroke: str = GRID,
        thick: float = 1,
        dashes: str | None = None,
    ) -> None:
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=thick, stroke_dasharray=dashes)

    def rect(self, x: float, y: float, across: float, down: float, fill: str, radius: float | None = None) -> None:
        self._add("rect", x=x, y=y, width=max(0.0, across), height=max(0.0, down), fill=fill, rx=radius)

    def dot(self, x: float, y: float, radius: float = 4, fill: str = MARK) -> None:
        self._add("circle", cx=x, cy=y, r=radius, fill=fill)

    def polygon(self, corners: Iterable[tuple[float, float]], fill: str, opacity: float = 1) -> None:
        self._add("polygon", points=_points(corners), fill=fill, fill_opacity=opacity if opacity < 1 else None)

    def polyline(
        self, corners: Iterable[tuple[float, float]], stroke: str, thick: float = 2, dashes: str | None = None
    ) -> None:
        self._add(
            "polyline", points=_points(corners), fill="none", stroke=stroke, stroke_width=thick, stroke_dasharray=dashes
        )

    def svg(self) -> str:
        """Returns the file, with a white ground, the title, and what it shows as text."""
        size = f'width="{self.across:g}" height="{self.down:g}" viewBox="0 0 {self.across:g} {self.down:g}"'
        head = f"<title>{escape(plain(self._title))}</title>"
        if self._about:
            head += f"<desc>{escape(plain(self._about))}</desc>"
        ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size} '
            f"font-family={quoteattr(FONT)}>\n" + "\n".join((head, ground, *self._parts)) + "\n</svg>\n"
        )


def _value(value: object) -> str:
    if isinstance(value, int | float):
        return f"{round(value, 2):g}" if abs(value) < 1e6 else f"{value:.0f}"
    return plain(value)


def _points(corners: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)


def between(low: str, high: str, share: float) -> str:
    """Returns the colour `share` of the way from `low` to `high`."""
    ends = ([int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in (low, high))
    return "#" + "".join(f"{round(one + share * (other - one)):02x}" for one, other in zip(*ends, strict=True))
