"""The API of evolved prompts, and what is deleted with a prompt set."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from annotation.models import Prompt, PromptSet
from annotation.studies import lifecycle
from annotation.studies.deletion import delete_draft
from judges.evolve import lineage, review
from judges.evolve.planning import EvolvePlan
from judges.models import AnswerSource, EvolveCall, EvolvedPrompt, EvolveRun
from tests.builders import NOW
from tests.judges.conftest import Running
from tests.judges.evolving import children, evolve, prompt_set, writer
from tests.site.api import Program

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., Running]


@pytest.fixture
def seeds(db: None, owner: User, stand_in: Start) -> PromptSet:
    made = prompt_set()
    PromptSet.objects.filter(pk=made.pk).update(owner=owner)
    evolve(made, writer(made, stand_in().url), plan=EvolvePlan(iterations=2))
    return made


def test_the_api_lists_evolved_prompts_with_their_lineage(seeds: PromptSet, owner: User, outsider: User) -> None:
    first = children(seeds)[0]
    review.accept(first, owner, NOW)
    program = Program(owner)
    rows = program.rows("prompt-sets/seeds/evolved/", page_size=2)
    assert [row["number"] for row in rows] == [child.pk for child in children(seeds)]
    for row, told in zip(rows, lineage.rows(seeds), strict=True):
        assert row.keys() == told.keys()
        assert {name: row[name] for name in row if not name.endswith("_at")} == {
            name: told[name] for name in told if not name.endswith("_at")
        }
    (accepted,) = program.rows("prompt-sets/seeds/evolved/", review="accepted")
    assert (accepted["number"], accepted["prompt"], accepted["reviewer"]) == (first.pk, 103, owner.get_username())
    assert Program(outsider).get("prompt-sets/seeds/evolved/").status_code == 404
    lifecycle.create_study("two", seeds, name="Two", owner=outsider)
    assert Program(outsider).get("prompt-sets/seeds/evolved/").status_code == 403
    assert Program().get("prompt-sets/seeds/evolved/").status_code == 401


def test_every_column_of_the_lineage_is_in_the_codebook_and_no_other(seeds: PromptSet) -> None:
    codebook = (settings.BASE_DIR / "docs" / "reference" / "codebook.md").read_text(encoding="utf-8")
    section = codebook.split("## evolved.jsonl")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == set(next(lineage.rows(seeds)))


def test_a_page_takes_as_many_queries_for_many_rows_as_for_one(
    seeds: PromptSet, owner: User, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for child in children(seeds)[:3]:
        review.accept(child, owner, NOW)
    program = Program(owner)
    asked = []
    for size in (1, 6):
        with django_assert_max_num_queries(20) as captured:  # type: ignore[attr-defined]
            assert len(program.get("prompt-sets/seeds/evolved/", page_size=size).json()["results"]) == size
        asked.append(len(captured))
    assert asked[0] == asked[1]


def test_a_set_is_deleted_with_everything_that_was_evolved_in_it(seeds: PromptSet, owner: User) -> None:
    study = lifecycle.create_study("one", seeds, name="One", owner=owner)
    review.accept(children(seeds)[0], owner, NOW)
    delete_draft(study, with_prompt_set=True, user=owner)
    for model in (PromptSet, Prompt, AnswerSource, EvolveRun, EvolveCall, EvolvedPrompt):
        assert not model._default_manager.exists()
