"""Contrast of text and controls in both colour schemes: WCAG 2.2 AA, computed from the tokens."""

import re
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

CSS = Path(settings.BASE_DIR) / "static" / "css"
TOKEN = re.compile(r"--([\w-]+):\s*light-dark\(\s*(#[0-9a-f]{6})\s*,\s*(#[0-9a-f]{6})\s*\)", re.IGNORECASE)

GROUNDS = ["ground", "surface", "sunken"]
ON_ANY_GROUND = ["ink", "muted", "accent", "accent-hover", "danger", "warn", "good"]
TEXT = [
    *((text, ground) for text in ON_ANY_GROUND for ground in GROUNDS),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-danger", "danger"),
    *((text, f"{text}-soft") for text in ["accent", "danger", "warn", "good"]),
    *(("ink", f"{soft}-soft") for soft in ["accent", "danger", "warn", "good"]),
    *(("muted", f"{soft}-soft") for soft in ["accent", "danger", "warn", "good"]),
    *(("accent", f"{soft}-soft") for soft in ["danger", "warn", "good"]),
    *((f"code-{part}", "code-ground") for part in ["keyword", "string", "number", "name", "comment"]),
    ("ink", "code-ground"),
    ("muted", "code-ground"),
    ("danger", "code-ground"),
    # The cells of the heat table contain numbers.
    *(("ink", f"diverge-{part}") for part in ["low", "middle", "high"]),
]
CONTROLS = [*(("line-strong", ground) for ground in GROUNDS), ("chart-range", "ground")]


def tokens() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for sheet in ("site.css", "answer.css"):
        found |= {name: (light, dark) for name, light, dark in TOKEN.findall((CSS / sheet).read_text("utf-8"))}
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT, ids=lambda name: name)
def test_text_can_be_read(text: str, ground: str, scheme: int) -> None:
    assert contrast(tokens()[text][scheme], tokens()[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), CONTROLS, ids=lambda name: name)
def test_the_edge_of_a_control_can_be_seen(edge: str, ground: str, scheme: int) -> None:
    assert contrast(tokens()[edge][scheme], tokens()[ground][scheme]) >= 3


@pytest.mark.parametrize("sheet", ["site.css", "answer.css"])
def test_browsers_without_light_dark_get_the_light_scheme(sheet: str) -> None:
    source = (CSS / sheet).read_text("utf-8")
    light = {name: light for name, light, _ in TOKEN.findall(source)}
    fallback = source[source.index("@supports not (color: light-dark") :]
    given = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", fallback[: fallback.index("\n}\n")]))
    assert given == light


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
