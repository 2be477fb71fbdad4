"""On the real LLMFAO votes: agreement counted again, from the published files, by loops that are plain to read."""

import csv
import json
from collections import Counter, defaultdict
from itertools import combinations
from statistics import correlation, mean

import pytest
from django.core.management import call_command

from annotation.models import Study
from ranking.pairs import search
from ranking.pairs.search import Search, Sought
from ranking.reports import agreement
from ranking.votes import reader
from tests.builders import NOW
from tests.places import REAL_DATA, needs_real_data

DATA = REAL_DATA / "llmfao"

pytestmark = [
    pytest.mark.reference,
    pytest.mark.django_db,
    needs_real_data("llmfao"),
]

LABELS = {"x": 1, "tie": 0, "y": -1}


class Published:
    """Who won each pair, by the files: people's votes, and the verdict of a judge."""

    def __init__(self) -> None:
        pairs = [json.loads(line) for line in (DATA / "pairs-crowd.jsonl").open(encoding="utf-8")]
        self.left_is_x = {pair["id"]: pair["model_x"] for pair in pairs}
        self.category = {pair["id"]: pair["type"] for pair in pairs}
        self.votes: dict[int, list[str]] = defaultdict(list)
        self.left = Counter(row["winner"] for row in self._rows("crowd-comparisons.csv"))
        for row in self._rows("crowd-comparisons.csv"):
            self.votes[int(row["id"])].append(self._winner(row))

    def judge(self, name: str) -> dict[int, str]:
        rows = self._rows(f"{name}-comparisons.csv")
        return {int(row["id"]): self._winner(row) for row in rows if int(row["id"]) in self.votes}

    def _rows(self, name: str) -> list[dict[str, str]]:
        with (DATA / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _winner(self, row: dict[str, str]) -> str:
        if row["winner"] == "tie":
            return "tie"
        x_on_the_left = int(row["model_x"]) == self.left_is_x[int(row["id"])]
        return "x" if (row["winner"] == "left") == x_on_the_left else "y"


def most(votes: list[str]) -> str | None:
    ((first, number), *others) = Counter(votes).most_common()
    return None if others and others[0][1] == number else first


def kappa(pairs: list[tuple[str, str]], *, linear: bool = False) -> float:
    def apart(one: str, other: str) -> float:
        return abs(LABELS[one] - LABELS[other]) if linear else float(one != other)

    observed = sum(apart(one, other) for one, other in pairs)
    ones, others = (Counter(labels) for labels in zip(*pairs, strict=True))
    by_chance = sum(ones[one] * others[other] * apart(one, other) for one in ones for other in others) / len(pairs)
    return 1 - observed / by_chance


@pytest.fixture(scope="module")
def published() -> Published:
    return Published()


def test_the_report_says_what_loops_over_the_files_say(published):
    call_command("load", str(DATA), study="llmfao", verbosity=0)
    study = Study.objects.get(slug="llmfao")
    found = agreement.report(study, reader.cut(study))

    people = found["people"]
    assert (people["votes"], people["raters"], people["pairs"]) == (8931, 124, len(published.votes))
    both = [pair for votes in published.votes.values() for pair in combinations(votes, 2)]
    assert people["among"]["with_ties"]["value"] == pytest.approx(mean(one == other for one, other in both))
    decided = [(one, other) for one, other in both if "tie" not in {one, other}]
    assert people["among"]["without_ties"]["value"] == pytest.approx(mean(one == other for one, other in decided))
    assert people["among"]["with_ties"]["number"] == len(both)
    for side in ("left", "tie", "right"):
        assert people["position"][side]["value"] == pytest.approx(published.left[side] / 8931)

    for name in ("gpt3", "gpt4"):
        judged, told = published.judge(name), found["judges"][name]
        assert told["verdicts"] == 3236
        single = [(said, vote) for pair, said in judged.items() for vote in published.votes[pair]]
        agreed = told["with_people"]
        assert agreed["with_ties"]["value"] == pytest.approx(mean(said == vote for said, vote in single))
        decided = [(said, vote) for said, vote in single if "tie" not in {said, vote}]
        assert agreed["without_ties"]["value"] == pytest.approx(mean(said == vote for said, vote in decided))
        clear = [(said, top) for pair, said in judged.items() if (top := most(published.votes[pair])) is not None]
        assert agreed["no_plurality"] == len(judged) - len(clear)
        assert agreed["plurality"]["value"] == pytest.approx(mean(said == top for said, top in clear))
        assert agreed["kappa"]["value"] == pytest.approx(kappa(clear))
        assert agreed["kappa_linear"]["value"] == pytest.approx(kappa(clear, linear=True))
        check_correlations(agreed, judged, published)
        for category, part in told["by_category"].items():
            if category in published.category.values():
                here = {pair: said for pair, said in judged.items() if published.category[pair] == category}
                check_correlations(part, here, published)
        # The browser of pairs finds exactly those that the plurality counts against the judge.
        differing = {pair for pair, said in judged.items() if most(published.votes[pair]) not in {None, said}}
        finder = Search.of(study, search.shown(study, NOW, to_all=False), Sought(split=f"judge:{name}"))
        keys = [key for some in finder.all(500) for key in some]
        assert set(study.pairs.filter(pk__in=keys).values_list("number", flat=True)) == differing


def check_correlations(agreed: dict, judged: dict[int, str], published: Published) -> None:
    """Pearson's of the judge's label with people's mean label of a pair, and with single votes."""
    labels = [LABELS[said] for said in judged.values()]
    means = [mean(LABELS[vote] for vote in published.votes[pair]) for pair in judged]
    assert agreed["correlation"]["value"] == pytest.approx(correlation(labels, means))
    single = [(LABELS[said], LABELS[vote]) for pair, said in judged.items() for vote in published.votes[pair]]
    assert agreed["correlation_single"]["value"] == pytest.approx(correlation(*zip(*single, strict=True)))
