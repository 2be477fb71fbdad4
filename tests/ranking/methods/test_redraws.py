"""Redraws of votes have the distribution they are said to have, and replicates reach their optimum."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ranking.methods import bootstrap, logistic
from ranking.methods.board import rate
from ranking.methods.bootstrap import Multinomial, Poisson
from ranking.methods.connectivity import has_finite_fit
from ranking.methods.logistic import Cells
from ranking.methods.settings import Settings
from ranking.methods.tally import Tally, tally
from tests.ranking.drawn_votes import draw


@pytest.mark.parametrize("number", [[1], [3, 0, 1], [0, 5, 40, 40, 0, 300], [2, 700_000, 300_000], list(range(60))])
def test_a_redraw_has_as_many_votes_as_there_are_and_none_where_there_were_none(number):
    cells = np.array(number, dtype=float)
    drawn = Multinomial.of(cells)(200, np.random.default_rng(0))
    assert (drawn >= 0).all()
    assert (drawn.sum(axis=0) == cells.sum()).all()
    assert not drawn[cells == 0].any()


def test_redraws_are_multinomial_one_by_one_and_together():
    number = np.array([1.0, 1, 2, 5, 12, 12, 0, 30])
    share, total, rounds = number / number.sum(), number.sum(), 40_000
    drawn = Multinomial.of(number)(rounds, np.random.default_rng(1))
    expected = total * (np.diag(share) - np.outer(share, share))
    assert drawn.mean(axis=1) == pytest.approx(number, abs=5 * np.sqrt(total / rounds))
    assert np.cov(drawn) == pytest.approx(expected, abs=0.35)
    for cell in (0, 2, 4, 7):
        # The counts of one cell are binomial: a test of fit over those that come often enough.
        counts = np.arange(int(total) + 1)
        often = rounds * stats.binom.pmf(counts, total, share[cell])
        seen = np.bincount(drawn[cell].astype(int), minlength=len(counts))
        usual = often > 20
        found = np.append(seen[usual], seen[~usual].sum())
        wanted = np.append(often[usual], often[~usual].sum())
        assert stats.chisquare(found, wanted * found.sum() / wanted.sum()).pvalue > 1e-4


@pytest.mark.parametrize("mean", [0.0, 0.03, 1.7, 80.4, 65_000.5])
def test_counts_from_a_table_are_poisson(mean):
    drawn = Poisson.of(mean).draw((40, 1000), np.random.default_rng(2)).ravel()
    assert drawn.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / 40_000) + 1e-12)
    assert drawn.var() == pytest.approx(mean, rel=0.05, abs=1e-12)
    if mean:
        ends = np.unique(stats.poisson.ppf(np.linspace(0.1, 0.9, 9), mean))
        below = np.searchsorted(np.sort(drawn), ends, side="right") / len(drawn)
        assert below == pytest.approx(stats.poisson.cdf(ends, mean), abs=0.012)


@pytest.mark.parametrize("clusters", ["none", "prompt", "worker", "both"])
@pytest.mark.parametrize("rows", [60, 300, 5000])
def test_every_replicate_is_fitted_to_its_optimum(clusters, rows, monkeypatch):
    """Each by itself with the careful solver comes to the same, the ones without a finite fit included."""
    votes = draw(rows, rows=rows, models=8)
    kept = []
    original = bootstrap._replicates
    monkeypatch.setattr(
        bootstrap, "_replicates", lambda *given: (kept.append(batch) or batch for batch in original(*given))
    )
    settings = Settings(intervals="bootstrap", clusters=clusters, rounds=120)
    ratings = rate(votes, settings, "people").groups[0].ratings
    cells = Cells.of_tally(tally(votes))
    games, points = (np.concatenate(parts, axis=1) for parts in zip(*kept, strict=True))
    for column in range(0, 120, 7):
        wins = np.zeros((8, 8))
        wins[cells.i, cells.j], wins[cells.j, cells.i] = points[:, column], (games - points)[:, column]
        zero = np.zeros_like(wins)
        prior = ratings.prior or not has_finite_fit(Tally(wins, zero, wins, zero, wins, zero))
        one = replace(cells, weight=games[:, column], points=points[:, column])
        assert ratings.draws[column] == pytest.approx(logistic.fit(one, prior=prior).theta, abs=1e-7)
