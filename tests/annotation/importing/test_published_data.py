"""The published LLMFAO data loads unchanged, and its export equals the files."""

import json
from collections import Counter

import pytest

from annotation.exporting import export
from annotation.importing import load
from annotation.models import Comparison, Pair, Rater, Result, Study, Upload, Worker
from annotation.studies import lifecycle
from tests.places import REAL_DATA, needs_real_data

LLMFAO = REAL_DATA / "llmfao"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.reference,
    needs_real_data("llmfao"),
]


def written(study: Study, what: str, **wishes: object) -> str:
    return "".join(export.export(study, what, **wishes))  # type: ignore[arg-type]


def test_the_published_files_load_as_they_are_come_back_the_same_and_change_nothing_when_loaded_again() -> None:
    """Tests three promises at once, because loading the files takes seconds."""
    load.load([LLMFAO], study_slug="llmfao")
    llmfao = Study.objects.select_related("prompt_set").get()
    come_back_the_same(llmfao)
    are_counted_on_their_pairs(llmfao)
    before = list(Comparison.objects.order_by("pk").values_list())
    assert load.load([LLMFAO], study_slug="llmfao").upload is None
    assert list(Comparison.objects.order_by("pk").values_list()) == before
    assert Upload.objects.count() == 1


def come_back_the_same(llmfao: Study) -> None:
    assert Result.objects.count() == 1133
    assert Counter(Pair.objects.values_list("purpose", flat=True)) == {"vote": 3236, "training": 7}
    assert Worker.objects.count() == 124
    assert set(Rater.objects.filter(kind="judge").values_list("name", flat=True)) == {"gpt3", "gpt4"}
    for what, wishes, file in (
        ("models", {}, "models.jsonl"),
        ("prompts", {}, "prompts.jsonl"),
        ("results", {}, "results.jsonl"),
        ("pairs", {"training": True}, "pairs-crowd-training.jsonl"),
        ("comparisons", {}, "crowd-comparisons.csv"),
        ("comparisons", {"raters": "gpt3"}, "gpt3-comparisons.csv"),
        ("comparisons", {"raters": "gpt4"}, "gpt4-comparisons.csv"),
    ):
        assert written(llmfao, what, **wishes) == (LLMFAO / file).read_text(), file
    pairs = written(llmfao, "pairs").splitlines(keepends=True)
    assert set((LLMFAO / "pairs-crowd.jsonl").read_text().splitlines(keepends=True)) <= set(pairs)
    assert len({json.loads(line)["id"] for line in pairs}) == 3236


def are_counted_on_their_pairs(llmfao: Study) -> None:
    taken = Counter(Pair.objects.votable().values_list("taken", flat=True))
    rows = Counter(line.split(",", 1)[0] for line in (LLMFAO / "crowd-comparisons.csv").read_text().splitlines()[1:])
    assert taken == Counter(rows.values()) + Counter({0: 1097})
    lifecycle.start(
        lifecycle.change_settings(llmfao, {"exclude_types": ["code"], "exclude_slugs": ["cot-sally", "svg"]})
    )
    assert Pair.objects.filter(wanted__gt=0).count() == 2139
