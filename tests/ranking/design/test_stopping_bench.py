"""The bench that looks at many studies together says what a board of the same votes says."""

from dataclasses import replace

import numpy as np
import pytest

from bench import stopping
from ranking.methods.board import rate
from ranking.methods.settings import Settings
from ranking.methods.tally import Votes


@pytest.mark.parametrize("adaptive", [False, True])
def test_ratings_and_covariances_are_those_of_a_board(adaptive):
    shape = stopping.Shape("all", (0.3, 0.0, -0.3, 0.0), 12, 10, worker=0.4, prompt=0.8, careless=0.2, most=400)
    kept: list[list[np.ndarray]] = []

    class Kept(stopping.Studies):
        def add(self, *columns):
            kept.append([column.copy() for column in columns])
            super().add(*columns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopping, "Studies", Kept)
        *_, (votes, studies) = stopping.looks(replace(shape, adaptive=adaptive), 3, seed=0)
    assert votes == 400
    scores, covariance, least, _enough = studies.look()
    pair, prompt, worker, points = (np.concatenate(column, axis=1) for column in zip(*kept, strict=True))
    for study in range(3):
        board = Votes(
            tuple("abcd"),
            studies.i[pair[study]],
            studies.j[pair[study]],
            (2 * points[study]).astype(int),
            prompt=prompt[study],
            rater=worker[study],
            chance=np.full(votes, 0.5) if adaptive else None,
        )
        (group,) = rate(board, Settings(clusters="both"), "people").groups
        assert scores[study] == pytest.approx(group.ratings.scores, abs=1e-4)
        assert covariance[study] == pytest.approx(group.ratings.covariance, rel=0.01, abs=2e-4)
        assert least[study] == pytest.approx(group.ratings.uncertainty.least, rel=0.01, abs=2e-4)
