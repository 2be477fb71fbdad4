"""What a review promises, also when two people decide at once."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from annotation.models import Prompt, PromptSet
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from judges.evolve import review
from judges.evolve.planning import EvolvePlan
from judges.models import AnswerCall, AnswerRun, EvolvedPrompt, Review
from tests.builders import NOW
from tests.judges.conftest import Running
from tests.judges.evolving import children, evolve, prompt_set, writer
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., Running]


@pytest.fixture
def seeds(db: None, stand_in: Start) -> PromptSet:
    made = prompt_set()
    evolve(made, writer(made, stand_in().url))
    return made


def test_of_two_reviewers_at_once_one_decides_and_the_other_is_told(
    seeds: PromptSet, owner: User, administrator: User
) -> None:
    PromptSet.objects.filter(pk=seeds.pk).update(owner=owner)
    for key in [child.pk for child in children(seeds)]:

        def decide(index: int, key: int = key) -> str:
            child = EvolvedPrompt.objects.get(pk=key)
            try:
                if index:
                    review.accept(child, owner, NOW)
                else:
                    review.reject(child, administrator, NOW)
            except NotPossible as refusal:
                return str(refusal)
            return ""

        told = together(2, decide)
        child = EvolvedPrompt.objects.get(pk=key)
        decided = told.index("")
        assert child.review == ("accepted" if decided else "rejected")
        assert child.reviewer == (owner if decided else administrator)
        assert told[1 - decided] == f"{child.reviewer} has already {child.review} this prompt."
        assert Prompt.objects.filter(evolved=child).count() == decided


def test_one_prompt_accepted_twice_at_once_becomes_one_prompt(seeds: PromptSet) -> None:
    child = children(seeds)[0]

    def accept(_index: int) -> bool:
        try:
            review.accept(EvolvedPrompt.objects.get(pk=child.pk), None, NOW)
        except NotPossible:
            return False
        return True

    assert sorted(together(4, accept)) == [False, False, False, True]
    assert Prompt.objects.count() == 4


def test_two_exact_duplicates_accepted_at_once_become_one_prompt(seeds: PromptSet) -> None:
    two = children(seeds)[:2]

    def accept(index: int) -> str:
        try:
            review.accept(two[index], None, NOW, text=("Name a knot.", "name a  KNOT.")[index])
        except NotPossible as refusal:
            return str(refusal)
        return ""

    told = sorted(together(2, accept))
    assert told[0] == ""
    assert "already has this prompt" in told[1]
    assert Prompt.objects.filter(text__icontains="knot").count() == 1


def test_numbers_of_prompts_accepted_at_once_differ(seeds: PromptSet) -> None:
    waiting = children(seeds)
    together(3, lambda index: review.accept(waiting[index], None, NOW))
    assert sorted(Prompt.objects.values_list("number", flat=True)) == [100, 101, 102, 103, 104, 105]


def test_an_accepted_prompt_in_use_cannot_be_undone(seeds: PromptSet) -> None:
    child = children(seeds)[0]
    prompt = review.accept(child, None, NOW)
    source = child.call.recipe.source
    study = lifecycle.create_study("one", seeds, name="One")
    run = AnswerRun.objects.create(study=study, source=source, created_at=NOW)
    call = AnswerCall.objects.create(run=run, source=source, prompt=prompt)
    with pytest.raises(NotPossible, match="in use"):
        review.undo(child, None)
    child.refresh_from_db()
    assert (child.review, child.prompt) == (Review.ACCEPTED, prompt)
    call.delete()
    review.undo(child, None)
    assert not Prompt.objects.filter(pk=prompt.pk).exists()
    with pytest.raises(NotPossible, match="Nothing to undo"):
        review.undo(child, None)


def test_a_prompt_that_became_a_seed_cannot_be_undone(seeds: PromptSet) -> None:
    child = children(seeds)[0]
    review.accept(child, None, NOW)
    evolve(seeds, child.call.recipe.source, plan=EvolvePlan(evolved=True))
    with pytest.raises(NotPossible, match="in use"):
        review.undo(child, None)


def test_what_is_like_an_undone_prompt_is_like_the_text_it_came_from(seeds: PromptSet) -> None:
    first, second, _third = children(seeds)
    prompt = review.accept(first, None, NOW)
    EvolvedPrompt.objects.filter(pk=second.pk).update(like=None, like_prompt=prompt, duplicate="near")
    review.undo(first, None)
    second.refresh_from_db()
    assert (second.like, second.like_prompt) == (first, None)


def test_a_stranger_to_the_set_decides_nothing(seeds: PromptSet, outsider: User) -> None:
    child = children(seeds)[0]
    for act in (
        lambda: review.accept(child, outsider, NOW),
        lambda: review.reject(child, outsider, NOW),
        lambda: review.undo(child, outsider),
        lambda: review.reject_duplicates(seeds, outsider, NOW),
    ):
        with pytest.raises(NotPossible, match="Only people who can edit"):
            act()
    assert not EvolvedPrompt.objects.exclude(review=Review.WAITING).exists()


def test_a_prompt_that_is_used_while_it_is_undone_is_either_gone_or_there_with_its_use(seeds: PromptSet) -> None:
    source = children(seeds)[0].call.recipe.source
    study = lifecycle.create_study("one", seeds, name="One")
    run = AnswerRun.objects.create(study=study, source=source, created_at=NOW)
    for child in children(seeds):
        prompt = review.accept(child, None, NOW)

        def act(index: int, child: EvolvedPrompt = child, prompt: Prompt = prompt) -> str:
            try:
                if index:
                    review.undo(child, None)
                else:
                    AnswerCall.objects.create(run=run, source=source, prompt=prompt)
            except NotPossible:
                return "in use"
            except IntegrityError:
                return "gone"
            return ""

        told = together(2, act)
        there = Prompt.objects.filter(pk=prompt.pk).exists()
        assert told == (["", "in use"] if there else ["gone", ""])
        assert AnswerCall.objects.filter(prompt_id=prompt.pk).exists() == there
        assert EvolvedPrompt.objects.filter(pk=child.pk, prompt=prompt.pk, review="accepted").exists() == there
