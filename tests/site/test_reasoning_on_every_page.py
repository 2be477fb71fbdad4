"""What a study shows of the reasoning in answers holds on every page and in the API; a change of it is a version."""

import csv
import io
import re

import pytest
from django.test import Client

from annotation.exporting import export
from annotation.models import Pair, Result, Status, Study
from annotation.studies import lifecycle
from tests.annotation.study_pages import give_votes, study_of, text_of

pytestmark = pytest.mark.django_db

THOUGHT = "marmalade considerations"


@pytest.fixture
def study(owner):
    """A closed public study, every answer of which begins with reasoning; some were compared."""
    study = study_of(owner, models=2, prompts=2, public=True)
    for result in Result.objects.all():
        Result.objects.filter(pk=result.pk).update(text=f"<think>{THOUGHT}</think>\n\nSaid {result.number}.")
    give_votes(study, 2)
    return lifecycle.close(study)


def shows(study: Study, reasoning: str) -> Study:
    return lifecycle.change_settings(study, {"reasoning": reasoning})


def pages(study: Study) -> list[str]:
    """The addresses of the pages that show answers."""
    prompt = study.prompt_set.prompts.first()
    pair = Pair.objects.filter(study=study, prompt=prompt).first()
    return [f"/leaderboard/haiku/pairs/{pair.number}/", f"/grades/haiku/questions/{prompt.number}/"]


def outside_of_folds(page: str) -> str:
    return re.sub(r'<details class="reasoning">.*?</details>', "", page, flags=re.DOTALL)


@pytest.mark.parametrize("reader", ["owner", "public"])
def test_pages_of_pairs_and_questions(study, owner, as_user, reader):
    client = as_user(owner) if reader == "owner" else Client()
    for address in pages(study):
        shows(study, "cut")
        page = text_of(client.get(address))
        assert "Said" in page, address
        assert THOUGHT not in page, address
        shows(study, "folded")
        page = text_of(client.get(address))
        assert THOUGHT in page, address
        assert THOUGHT not in outside_of_folds(page), address
        shows(study, "shown")
        assert THOUGHT in outside_of_folds(text_of(client.get(address))), address


@pytest.mark.parametrize("what", ["results", "pairs"])
def test_readers_of_the_api_get_no_reasoning_that_is_cut(study, owner, as_user, what):
    shows(study, "cut")
    public = Client().get(f"/api/studies/haiku/{what}/")
    assert public.status_code == 200
    assert "Said" in text_of(public)
    assert THOUGHT not in text_of(public)
    assert THOUGHT in text_of(as_user(owner).get(f"/api/studies/haiku/{what}/")), "as stored for those who manage it"
    shows(study, "folded")
    assert THOUGHT in text_of(Client().get(f"/api/studies/haiku/{what}/"))


def test_exports_keep_what_is_stored(study):
    shows(study, "cut")
    assert THOUGHT in "".join(export.export(study, "results"))


def test_a_change_after_votes_is_a_version_with_a_warning(study, owner, as_user):
    client = as_user(owner)
    study = lifecycle.start(study)
    fields = {"scale_name": "three", "devices": "any", "reasoning": "cut"}
    page = text_of(client.post("/studies/haiku/settings/screen/", fields, follow=True))
    assert "You changed what is shown of reasoning" in page
    assert "2 votes were given on the old version." in page
    study.refresh_from_db()
    assert study.reasoning_version == 2
    give_votes(study, 1)
    rows = list(csv.DictReader(io.StringIO("".join(export.export(study, "comparisons", full=True)))))
    assert [(row["reasoning_version"], row["reasoning"]) for row in rows] == [("1", "shown")] * 2 + [("2", "cut")]


def test_a_draft_without_votes_is_changed_without_a_warning(owner):
    study = study_of(owner, opened=False)
    assert study.status == Status.DRAFT
    assert lifecycle.warning_of(study, {"reasoning": "cut"}) == ""
