"""On the real LLMFAO votes: the board that was published with them."""

import csv
import json

import evalica
import numpy as np
import pandas as pd
import pytest

from ranking.methods.board import rate
from ranking.methods.ratings import ELO, normalised
from ranking.methods.settings import Settings
from ranking.methods.tally import Votes
from tests.places import REAL_DATA, needs_real_data

DATA = REAL_DATA / "llmfao"

pytestmark = [
    pytest.mark.reference,
    needs_real_data("llmfao"),
]


@pytest.fixture(scope="module")
def crowd() -> Votes:
    names = {row["id"]: row["name"] for row in map(json.loads, (DATA / "models.jsonl").open())}
    with (DATA / "crowd-comparisons.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    code: dict[str, int] = {}
    for row in rows:
        for side in ("model_x", "model_y"):
            code.setdefault(names[int(row[side])], len(code))
    at = lambda column: np.array([int(row[column]) for row in rows])  # noqa: E731
    return Votes(
        tuple(code),
        np.array([code[names[int(row["model_x"])]] for row in rows]),
        np.array([code[names[int(row["model_y"])]] for row in rows]),
        np.array([{"left": 2, "tie": 1, "right": 0}[row["winner"]] for row in rows]),
        left=np.ones(len(rows), dtype=int),
        prompt=at("prompt"),
        rater=at("worker"),
    )


@pytest.fixture(scope="module")
def published() -> list[dict[str, str]]:
    with (DATA / "published-human-leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_59_models_stand_as_published_with_their_scores(crowd, published):
    (group,) = rate(crowd, Settings(), "people").groups
    order = np.argsort(-group.ratings.scores)
    assert [group.ratings.names[model] for model in order] == [row["model"] for row in published]
    assert normalised(group.ratings)[order] == pytest.approx([float(row["score"]) for row in published], abs=5e-6)
    assert group.comparisons[order].tolist() == [int(row["pairs"]) for row in published]
    assert group.ratings.gradient < 1e-10


def test_evalica_run_to_convergence_agrees_to_a_billionth_of_a_point(crowd):
    words = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    scores = evalica.bradley_terry(
        crowd.x.tolist(), crowd.y.tolist(), [words[outcome] for outcome in crowd.outcome],
        index=pd.Index(range(59)), tolerance=1e-13, limit=1_000_000,
    ).scores.sort_index().to_numpy()  # fmt: skip
    theirs = np.log(scores) - np.log(scores).mean()
    ours = rate(crowd, Settings(clusters="none"), "people").groups[0].ratings.scores
    assert ELO * ours == pytest.approx(ELO * theirs, abs=1e-9)


def test_votes_that_share_prompts_and_workers_make_intervals_twice_as_wide_as_independence_would(crowd):
    width = {}
    for clusters in ("none", "worker", "both"):
        ratings = rate(crowd, Settings(clusters=clusters), "people").groups[0].ratings
        width[clusters] = float((ratings.high - ratings.low).mean())
    assert width["none"] < width["worker"] < width["both"]
    assert 2 < width["both"] / width["none"] < 3
