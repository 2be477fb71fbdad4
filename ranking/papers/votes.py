"""The votes that a board was computed from, as a file: after its filters, its cut and the merging of orders."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from annotation.interchange.tables import csv_line, csv_lines
from ranking.boards import recompute
from ranking.methods.tally import Votes
from ranking.models import Leaderboard
from ranking.votes import reader

COLUMNS: Final = ("model_x", "model_y", "share_x", "weight", "prompt", "rater")
"""`share_x` is 1 if x won, 0.5 for a tie, 0 if y won. Prompts and raters are numbered anew in each file."""

AT_ONCE: Final = 10_000


def lines(board: Leaderboard) -> Iterator[str]:
    """Returns the votes of `board` as CSV, in stored order.

    Raises:
        CannotRecompute: some of them are no longer stored, or were withdrawn.
    """
    recompute.refuse_changed(board)
    return _lines(reader.read(board.study, board.asked_filters(), board.line).votes)


def _lines(votes: Votes) -> Iterator[str]:
    nothing = np.full(len(votes), -1)
    columns = (
        votes.x,
        votes.y,
        votes.score(),
        votes.weight(),
        *(nothing if codes is None else codes + 1 for codes in (votes.prompt, votes.rater)),
    )
    yield csv_line(COLUMNS)
    for start in range(0, len(votes), AT_ONCE):
        x, y, share, weight, prompt, rater = (column[start : start + AT_ONCE].tolist() for column in columns)
        yield csv_lines(
            [
                [votes.names[model] for model in x],
                [votes.names[model] for model in y],
                share,
                weight,
                *([code if code > 0 else None for code in codes] for codes in (prompt, rater)),
            ]
        )
