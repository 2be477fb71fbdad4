"""The files that a paper takes from a board, by name, and what each of them needs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ranking.models import Leaderboard
from ranking.pages import leaderboard
from ranking.papers import charts, tables, votes

SCRIPT: Final = Path(__file__).with_name("recompute_board.py")


@dataclass(frozen=True, slots=True)
class File:
    """A file made from a board: what it is, its media type and its chunks.

    `with_votes` says whether it tells what single votes said, which is not public while people vote.
    """

    label: str | Promise
    media: str
    chunks: Callable[[Leaderboard], Iterable[str]]
    with_votes: bool = False


def _board_chart(board: Leaderboard) -> Iterator[str]:
    yield charts.board(board, leaderboard.tables(board))


def _heat_chart(board: Leaderboard) -> Iterator[str]:
    yield charts.heat(board)


def _latex(board: Leaderboard) -> Iterator[str]:
    return tables.board_latex(board, leaderboard.tables(board))


def _markdown(board: Leaderboard) -> Iterator[str]:
    return tables.board_markdown(board, leaderboard.tables(board))


def _script(_board: Leaderboard) -> Iterator[str]:
    yield SCRIPT.read_text(encoding="utf-8")


FILES: Final = {
    "board.tex": File(_("Board as a LaTeX table"), "application/x-tex; charset=utf-8", _latex),
    "board.md": File(_("Board as a Markdown table"), "text/markdown; charset=utf-8", _markdown),
    "board.svg": File(_("Board as a chart"), "image/svg+xml", _board_chart),
    "wins.svg": File(_("Head-to-head results as a chart"), "image/svg+xml", _heat_chart),
    "votes.csv": File(_("The votes behind the board"), "text/csv; charset=utf-8", votes.lines, with_votes=True),
    "recompute_board.py": File(_("A script that recomputes the board"), "text/x-python; charset=utf-8", _script),
}


def can_be_recomputed(board: Leaderboard) -> bool:
    """Returns whether the script gives the ratings of `board`.

    It fits the plain Bradley-Terry model: ties half, one group of models, no prior and no other terms.
    """
    settings, groups = board.asked_settings(), board.sheet["groups"]
    plain = settings.method == "bradley-terry" and settings.tie_rule == "half" and not settings.first_place
    if not plain or settings.anchor or len(groups) != 1 or board.sheet["unmet"]:
        return False
    (group,) = groups
    return not group["prior"] and group["prior_deviation"] is None
