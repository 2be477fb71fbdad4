"""Draws docs/screenshots/rooms.svg from the contracts in pyproject.toml: `make docs`."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "screenshots" / "rooms.svg"

WIDTH, ROW, ROOM, GAP, EDGE = 960, 34, 26, 6, 12
TITLES = {
    "ranking": "ranking: from comparisons to leaderboards",
    "judges": "judges: asking language models",
    "annotation": "annotation: the work of people",
}
STYLE = """  <style>
    @media (prefers-color-scheme: dark) {
      .page { fill: #12161f; }
      .app { fill: #1b2230; stroke: #5b667a; }
      .room { fill: #262f40; stroke: #5b667a; }
      .t, .h { fill: #eef1f6; }
      .q { fill: #b4bdcc; }
    }
  </style>"""
FONT = 'font-family="system-ui, sans-serif"'
ABOUT = (
    "At the top, llmfao_site. Below it, ranking and judges side by side. At the bottom, annotation. Each app is a "
    "stack of rows, and a row may import only the rows below it. The contracts in pyproject.toml list the same rows as "
    "text."
)


def layers() -> dict[str, list[list[str]]]:
    """Returns the rooms of each app, row by row from the top."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return {
        contract["containers"][0]: [re.findall(r"\w+", layer) for layer in contract["layers"]]
        for contract in contracts
        if "containers" in contract
    }


def height(rows: list[list[str]]) -> int:
    """Returns the height of an app's box."""
    return ROW * len(rows) + ROW + 4


def text(kind: str, x: float, y: float, anchor: str, words: str) -> str:
    """Returns a line of text: a title (h), a room (t) or a remark (q)."""
    size = 14 if kind == "h" else 12
    fill = "#4a5468" if kind == "q" else "#1d2433"
    bold = ' font-weight="bold"' if kind == "h" else ""
    at = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'  <text class="{kind}" {at} fill="{fill}" font-size="{size}"{bold}>{words}</text>'


def box(kind: str, x: float, y: float, width: float, tall: float) -> str:
    """Returns the box of an app or a room."""
    fill, line = ("#f3f5f9", "#8a94a6") if kind == "app" else ("#ffffff", "#b9c1cf")
    at = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{tall:g}"'
    return f'  <rect class="{kind}" {at} rx="4" fill="{fill}" stroke="{line}"/>'


def app(name: str, rows: list[list[str]], x: float, y: float, width: float) -> list[str]:
    """Returns an app: its box, its title, and a box for each room, as wide as its name is long."""
    found = [box("app", x, y, width, height(rows)), text("h", x + EDGE, y + 22, "start", TITLES[name])]
    for place, rooms in enumerate(rows):
        top, left = y + ROW * (place + 1), x + EDGE
        free = width - 2 * EDGE - GAP * (len(rooms) - 1)
        letters = sum(len(room) + 2 for room in rooms)
        for room in rooms:
            wide = free * (len(room) + 2) / letters
            found.append(box("room", round(left, 1), top, round(wide, 1), ROOM))
            found.append(text("t", round(left + wide / 2, 1), top + 17, "middle", room))
            left += wide + GAP
    return found


def drawing() -> str:
    """Returns the picture."""
    rows = layers()
    half, top = (WIDTH - 64) / 2, 84
    middle = top + max(height(rows["ranking"]), height(rows["judges"]))
    bottom = middle + 24 + height(rows["annotation"])
    remark = "ranking and judges build on annotation and do not know each other"
    size = f'viewBox="0 0 {WIDTH} {bottom + 34}" width="{WIDTH}" height="{bottom + 34}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc" {FONT}>',
        '  <title id="title">The rooms of LLMFAO</title>',
        f'  <desc id="desc">{ABOUT}</desc>',
        STYLE,
        f'  <rect class="page" width="{WIDTH}" height="{bottom + 34}" fill="#ffffff"/>',
        box("app", 20, 16, WIDTH - 40, 44),
        text("h", 32, 43, "start", "llmfao_site: settings, urls, celery, sign-in, middleware, demo"),
        text("q", WIDTH - 32, 43, "end", "sees all apps"),
        *app("ranking", rows["ranking"], 20, top, half),
        *app("judges", rows["judges"], 44 + half, top, half),
        text("q", WIDTH / 2, middle + 16, "middle", remark),
        *app("annotation", rows["annotation"], 20, middle + 24, WIDTH - 40),
        text(
            "q",
            WIDTH / 2,
            bottom + 22,
            "middle",
            "Within an app, a row may import the rows below it, never the rows above it.",
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(drawing(), encoding="utf-8")
