"""Our numbers follow those of files and never exceed what a database can store."""

from pathlib import Path

import pytest

from annotation.importing import load
from annotation.models import Pair, Study, Worker
from annotation.numbering import ROOM, Numbering
from annotation.pair_making import make
from annotation.studies import lifecycle
from annotation.voting import simulated_votes
from tests.annotation import exchange
from tests.builders import build_worker

pytestmark = pytest.mark.django_db

HIGHEST = 2**63 - 1


def trees(folder: Path, number: int) -> Study:
    """Returns the small study with a pair, a worker, a model and a result of this number."""
    crowd = exchange.CROWD.replace("9,2,3,12,1,", f"{number},2,3,12,{number},")
    exchange.write(
        folder,
        pairs=exchange.jsonl([*exchange.PAIRS[:2], {**exchange.PAIRS[2], "id": number}]),
        crowd_comparisons=crowd,
    )
    load.load([folder], study_slug="trees")
    return lifecycle.start(Study.objects.get(slug="trees"))


@pytest.mark.parametrize(("number", "expected"), [(9, 10), (ROOM - 1, ROOM), (ROOM, 2), (HIGHEST, 2), (-HIGHEST, 2)])
def test_who_joins_gets_the_number_behind_the_highest_that_leaves_room(
    tmp_path: Path, number: int, expected: int
) -> None:
    assert build_worker(trees(tmp_path, number)).number == expected


def test_one_more_joins_and_one_more(tmp_path: Path) -> None:
    study = trees(tmp_path, HIGHEST)
    assert [build_worker(study).number for _ in range(3)] == [2, 3, 4]


@pytest.mark.parametrize(("number", "expected"), [(9, 10), (HIGHEST, 5)])
def test_pairs_are_numbered_behind_the_highest_that_leaves_room(tmp_path: Path, number: int, expected: int) -> None:
    study = trees(tmp_path, number)
    made = make.make_pairs(study, "all", seed=0)
    assert made.added == 3
    numbers = Pair.objects.votable().exclude(number__in=(0, 4, number)).values_list("number", flat=True)
    assert sorted(numbers) == [expected, expected + 1, expected + 2]


def test_simulated_workers_are_numbered_alike(tmp_path: Path) -> None:
    simulated_votes.simulate(trees(tmp_path, HIGHEST), votes=4, seed=0)
    numbers = Worker.objects.filter(rater__simulated=True).values_list("number", flat=True)
    assert min(numbers) == 2


def test_rows_without_a_number_never_get_one_that_is_there() -> None:
    known: dict[int, object] = {3: None, HIGHEST: None, -2: None}
    numbering = Numbering()
    drawn = []
    for _ in range(3):
        drawn.append(numbering.draw(known))
        known[drawn[-1]] = None
        known[drawn[-1] + 1] = None
    assert drawn == [4, 6, 8]
    assert Numbering().draw({}) == 1
