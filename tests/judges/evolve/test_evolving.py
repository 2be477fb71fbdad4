"""A model writes new prompts from the prompts of a set, iteration by iteration."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from annotation.models import Prompt, PromptSet
from annotation.studies.lifecycle import NotPossible
from judges.answers import sources
from judges.evolve import runs
from judges.evolve.planning import EvolvePlan, Recipe
from judges.evolve.runs import evolve_life
from judges.llm.mock import Fault
from judges.models import (
    AnswerSource,
    Duplicate,
    EvolveCall,
    EvolvedPrompt,
    EvolveRecipe,
    EvolveReply,
    EvolveRun,
    Review,
    RunState,
)
from tests.builders import NOW
from tests.judges.conftest import QUICK, Running
from tests.judges.evolving import chain, children, evolve, go_on, prompt_set, states, writer
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., Running]


@pytest.fixture
def seeds(db: None) -> PromptSet:
    return prompt_set()


def message(reply: EvolveReply) -> str:
    return str(json.loads(reply.request)["messages"][0]["content"])


class Parrot:
    """Replies with the texts it was given, in order, in the form that was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
        from judges.llm import mock_evolving

        left = list(texts)
        monkeypatch.setattr(mock_evolving, "reply", lambda _asked, _chance: left.pop(0))


def tagged(text: str) -> str:
    return f"<prompt>\n{text}\n</prompt>"


def test_each_iteration_is_written_from_the_one_before(
    seeds: PromptSet, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parrot(monkeypatch, *[tagged(f"Praise the number {number} in a song.") for number in range(18)])
    run = evolve(seeds, writer(seeds, stand_in().url), plan=EvolvePlan(iterations=3, children=2))
    assert run.state == RunState.DONE
    assert states(run) == {"ok": 18}
    first, second, third = chain(seeds, 1, 1)
    assert "Write an entry about harbour 1 in a travel diary." in message(first.child.reply)
    assert first.parent is None
    assert second.parent == first.child
    assert first.child.written in message(second.child.reply)
    assert "harbour" not in message(second.child.reply)
    assert third.parent == second.child
    assert [call.iteration for call in (first, second, third)] == [1, 2, 3]


def test_a_child_keeps_its_parent_scenario_iteration_model_and_settings(seeds: PromptSet, stand_in: Start) -> None:
    source = writer(seeds, stand_in().url, max_tokens=321)
    run = evolve(seeds, source, Recipe("reasoning", temperature=0.5), EvolvePlan(limit=1))
    (child,) = children(seeds)
    recipe = child.call.recipe
    assert (recipe.scenario, recipe.version, recipe.temperature) == ("reasoning", 1, 0.5)
    assert recipe.settings["api_id"] == "heron"
    assert recipe.settings["max_tokens"] == 321
    assert (run.options["endpoint"], child.reply.model) == (source.endpoint, "heron")
    assert child.call.prompt.number == 100
    assert child.written_reference.splitlines()[-1].startswith("#### ")
    sources.keep_source_in(seeds, source.model.name, {"max_tokens": 99})
    recipe.refresh_from_db()
    assert recipe.settings["max_tokens"] == 321


def test_a_resumed_run_asks_with_the_settings_it_was_started_with(seeds: PromptSet, stand_in: Start) -> None:
    server = stand_in()
    source = writer(seeds, server.url, max_tokens=321)
    run = runs.start(seeds, source, Recipe("writing"), EvolvePlan(), NOW, detach=False)
    assert evolve_life.pause(run)
    sources.keep_source_in(seeds, source.model.name, {"max_tokens": 99})
    assert evolve_life.resume(run, detach=False)
    go_on(run)
    assert {json.loads(reply.request)["max_tokens"] for reply in EvolveReply.objects.all()} == {321}


def test_nothing_is_asked_or_paid_twice(seeds: PromptSet, stand_in: Start) -> None:
    server = stand_in()
    source = writer(seeds, server.url)
    evolve(seeds, source)
    assert states(evolve(seeds, source)) == {}
    assert server.ledger["requests"] == 3
    assert states(evolve(seeds, source, plan=EvolvePlan(iterations=2))) == {"ok": 3}
    assert states(evolve(seeds, source, plan=EvolvePlan(iterations=2, children=2))) == {"ok": 6}
    assert server.ledger["requests"] == 12
    assert EvolveRecipe.objects.count() == 1
    # Another temperature is another recipe, and so is another seed.
    evolve(seeds, source, Recipe("writing", temperature=0.3), EvolvePlan(limit=1))
    evolve(seeds, source, Recipe("writing", seed=5), EvolvePlan(limit=1))
    assert EvolveRecipe.objects.count() == 3


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("refusal", "refused"),
        ("filter", "refused"),
        ("long", "failed"),
        ("cut", "truncated"),
        ("unreadable", "unreadable"),
    ],
)
def test_what_went_wrong_is_a_state_and_never_a_prompt(
    seeds: PromptSet, stand_in: Start, kind: Fault, state: str
) -> None:
    source = writer(seeds, stand_in(lasting=1.0, lasting_kinds=(kind,)).url)
    run = evolve(seeds, source, plan=EvolvePlan(iterations=2))
    assert run.state == RunState.DONE
    assert states(run) == {state: 3, "waiting": 3}
    assert not children(seeds)


def test_states_can_be_asked_again_and_the_chain_goes_on(seeds: PromptSet, stand_in: Start) -> None:
    source = writer(seeds, stand_in(lasting=1.0, lasting_kinds=("unreadable",)).url)
    plan = EvolvePlan(iterations=2)
    evolve(seeds, source, plan=plan)
    sources.keep_source_in(seeds, source.model.name, {"endpoint": stand_in().url})
    source.refresh_from_db()
    assert states(evolve(seeds, source, plan=plan)) == {}
    run = evolve(seeds, source, plan=EvolvePlan(iterations=2, again=("unreadable",)))
    assert states(run) == {"ok": 6}
    assert EvolveReply.objects.filter(state="unreadable").count() == 3


def test_the_budget_is_not_exceeded_and_the_run_goes_on_with_more(seeds: PromptSet, stand_in: Start) -> None:
    server = stand_in()
    source = writer(seeds, server.url, parallel=1, price_out=1, max_tokens=100)
    sources.set_budget(source, 130_000)
    run = evolve(seeds, source, plan=EvolvePlan(iterations=2, children=3))
    assert (run.state, run.problem) == (RunState.STOPPED, "The budget is used up.")
    assert 0 < states(run)["ok"] < 18
    source.refresh_from_db()
    assert source.bound <= 130_000
    sources.set_budget(source, None)
    assert evolve_life.resume(run, detach=False)
    assert states(go_on(run)) == {"ok": 18}
    assert server.ledger["requests"] == 18
    source.refresh_from_db()
    assert source.reserved == 0
    assert source.spent == sum(EvolveReply.objects.values_list("cost", flat=True))


def test_one_model_writes_in_one_run_at_a_time(seeds: PromptSet, stand_in: Start) -> None:
    source = writer(seeds, stand_in().url)
    runs.start(seeds, source, Recipe("writing"), EvolvePlan(), NOW, detach=False)
    with pytest.raises(NotPossible, match="already writing prompts"):
        runs.start(seeds, source, Recipe("coding"), EvolvePlan(), NOW, detach=False)


def test_reasoning_begins_only_from_prompts_with_a_reference_answer(seeds: PromptSet, stand_in: Start) -> None:
    Prompt.objects.filter(number=101).update(references=[])
    Prompt.objects.filter(number=102).update(references=["  "])
    source = writer(seeds, stand_in().url)
    run = evolve(seeds, source, Recipe("reasoning"))
    assert states(run) == {"ok": 1}
    (child,) = children(seeds)
    assert "It has 0 ships." in message(child.reply)
    Prompt.objects.update(references=[])
    with pytest.raises(NotPossible, match="No prompt has a reference answer"):
        evolve(seeds, source, Recipe("reasoning"))


def test_prompts_that_were_evolved_are_seeds_only_on_request(seeds: PromptSet, stand_in: Start) -> None:
    from judges.evolve import review

    source = writer(seeds, stand_in().url)
    evolve(seeds, source, plan=EvolvePlan(limit=1))
    review.accept(children(seeds)[0], None, NOW)
    assert states(evolve(seeds, source, plan=EvolvePlan())) == {"ok": 2}
    assert states(evolve(seeds, source, plan=EvolvePlan(evolved=True))) == {"ok": 1}


def test_two_constraints_of_four_are_drawn_and_can_be_drawn_again(seeds: PromptSet, stand_in: Start) -> None:
    source = writer(seeds, stand_in().url)
    evolve(seeds, source, Recipe("coding", seed=7), EvolvePlan(children=4))
    drawn = [call.constraints for call in EvolveCall.objects.order_by("prompt", "chain")]
    assert all(len(set(names)) == 2 for names in drawn)
    assert len({tuple(names) for names in drawn}) > 1
    EvolveRun.objects.all().delete()
    evolve(seeds, source, Recipe("coding", seed=7), EvolvePlan(children=4))
    assert drawn == [call.constraints for call in EvolveCall.objects.order_by("prompt", "chain")]
    told = (
        message(EvolveReply.objects.filter(call__constraints=["length", "library"])[0])
        if any(names == ["length", "library"] for names in drawn)
        else ""
    )
    assert not told or ("10 to 30 lines" in told and "simple" not in told.partition("[Seed")[0])


def test_an_exact_duplicate_is_shown_and_ends_its_chain(
    seeds: PromptSet, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parrot(monkeypatch, tagged("WRITE an entry  about harbour 2\nin a travel diary."))
    source = writer(seeds, stand_in().url, parallel=1)
    run = evolve(seeds, source, plan=EvolvePlan(iterations=3, limit=1))
    assert run.state == RunState.DONE
    assert states(run) == {"ok": 1, "ended": 2}
    (child,) = children(seeds)
    assert (child.duplicate, child.similarity) == (Duplicate.EXACT, 1.0)
    assert child.like_prompt is not None
    assert child.like_prompt.number == 102


def test_of_two_equal_children_one_is_a_duplicate_of_the_other(
    seeds: PromptSet, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parrot(monkeypatch, *[tagged("Describe a lighthouse to a child.")] * 3)
    evolve(seeds, writer(seeds, stand_in().url))
    first, second, third = children(seeds)
    assert first.duplicate == Duplicate.NONE, "not one of its own duplicates"
    assert [each.duplicate for each in (second, third)] == [Duplicate.EXACT] * 2
    assert [each.like for each in (second, third)] == [first, first]


def test_near_duplicates_are_found_in_the_set_and_among_children(
    seeds: PromptSet, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = "Explain in three paragraphs why bread rises, and what a baker does about it in a cold kitchen."
    Parrot(
        monkeypatch,
        tagged("In a travel diary, write an entry about the harbour 2."),
        tagged(far),
        tagged(far.replace("three", "four").replace("cold", "cool")),
    )
    evolve(seeds, writer(seeds, stand_in().url, parallel=1))
    near, *two = sorted(children(seeds), key=lambda child: "diary" not in child.written)
    alone, like_it = sorted(two, key=lambda child: child.pk)
    assert near.duplicate == Duplicate.NEAR
    assert near.like_prompt is not None
    assert near.like_prompt.number == 102
    assert alone.duplicate == Duplicate.NONE
    assert alone.similarity is not None
    assert alone.similarity < 0.7
    assert (like_it.duplicate, like_it.like) == (Duplicate.NEAR, alone)
    assert like_it.similarity is not None
    assert 0.9 <= like_it.similarity < 1


def test_an_own_template_says_what_is_sent_and_what_is_read(seeds: PromptSet, stand_in: Start) -> None:
    template = "Harder, for $$5, in $language, of $category:\n$prompt\nIts answer: $reference"
    recipe = Recipe("own", template=template, form="prompt-answer")
    evolve(seeds, writer(seeds, stand_in().url), recipe, EvolvePlan(limit=1))
    (child,) = children(seeds)
    told = message(child.reply)
    assert told.startswith("Harder, for $5, in en, of sea:\nWrite an entry about harbour 0")
    assert "Its answer: It has 0 ships." in told
    assert told.endswith("</answer>")
    assert child.written_reference


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe("own", template="No place."), r"Add \$prompt"),
        (Recipe("own", template="$prompt $answer"), r"unknown placeholder \$answer"),
        (Recipe("own", template="$prompt", form="poem"), "No reply format is named “poem”"),
        (Recipe("writing", template="$prompt"), "Only the scenario “own”"),
        (Recipe("singing"), "no scenario “singing”"),
        (Recipe("writing", temperature=2.5), "from 0 to 2"),
    ],
)
def test_settings_that_do_not_fit_are_refused(seeds: PromptSet, stand_in: Start, recipe: Recipe, words: str) -> None:
    source = writer(seeds, stand_in().url)
    with pytest.raises(NotPossible, match=words):
        evolve(seeds, source, recipe)
    assert not EvolveRun.objects.exists()


@pytest.mark.parametrize(
    "options", [{"iterations": 0}, {"iterations": 21}, {"children": 0}, {"children": 101}, {"limit": 0}]
)
def test_numbers_out_of_range_are_refused(seeds: PromptSet, stand_in: Start, options: dict[str, Any]) -> None:
    source = writer(seeds, stand_in().url)
    with pytest.raises(NotPossible):
        evolve(seeds, source, plan=EvolvePlan(**options))


def test_a_rejected_parent_ends_its_chain_and_an_undone_rejection_continues_it(
    seeds: PromptSet, stand_in: Start
) -> None:
    from judges.evolve import review

    source = writer(seeds, stand_in().url)
    evolve(seeds, source, plan=EvolvePlan(limit=1))
    (child,) = children(seeds)
    review.reject(child, None, NOW)
    assert states(evolve(seeds, source, plan=EvolvePlan(limit=1, iterations=2))) == {}
    review.undo(child, None)
    assert states(evolve(seeds, source, plan=EvolvePlan(limit=1, iterations=2))) == {"ok": 1}


def test_an_edited_parent_feeds_the_next_iteration_as_it_was_accepted(seeds: PromptSet, stand_in: Start) -> None:
    from judges.evolve import review

    source = writer(seeds, stand_in().url)
    evolve(seeds, source, plan=EvolvePlan(limit=1))
    review.accept(children(seeds)[0], None, NOW, text="Write a letter about a kite.")
    evolve(seeds, source, plan=EvolvePlan(limit=1, iterations=2))
    assert "Write a letter about a kite." in message(children(seeds)[1].reply)


def test_the_estimate_counts_what_a_run_then_asks(seeds: PromptSet, stand_in: Start) -> None:
    from judges.evolve import planning

    source = writer(seeds, stand_in().url, price_in=1, price_out=2)
    plan = EvolvePlan(iterations=2, children=2)
    found = planning.estimate(seeds, source, Recipe("reasoning"), plan, NOW)
    assert (found.seeds, found.left_out, found.new, found.again, found.there) == (3, 0, 12, 0, 0)
    assert 0 < found.cost <= found.bound
    assert not EvolveRecipe.objects.exists()
    evolve(seeds, source, Recipe("reasoning"), plan)
    assert AnswerSource.objects.get().spent <= found.bound
    found = planning.estimate(seeds, source, Recipe("reasoning"), EvolvePlan(iterations=3, children=2), NOW)
    feeding = EvolvedPrompt.objects.filter(call__iteration=2).exclude(duplicate=Duplicate.EXACT).count()
    assert (found.new, found.there) == (feeding, EvolvedPrompt.objects.count())
    assert not EvolvedPrompt.objects.exclude(review=Review.WAITING).exists()


def test_two_senders_write_each_prompt_once_and_of_equal_prompts_one_is_no_duplicate(
    seeds: PromptSet, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parrot(monkeypatch, *[tagged(f"Praise the number {number // 2} in a song.") for number in range(24)])
    server = stand_in(latency=0.01)
    source = writer(seeds, server.url, parallel=4)
    run = runs.start(seeds, source, Recipe("writing"), EvolvePlan(children=8), NOW, detach=False, senders=2)
    together(2, lambda _index: evolve_life.work(run.pk, patience=QUICK))
    go_on(run)
    assert states(run) == {"ok": 24}
    assert server.ledger["requests"] == 24
    found = children(seeds)
    assert len(found) == 24
    for text in {child.written for child in found}:
        same = [child for child in found if child.written == text]
        assert [child.duplicate == Duplicate.EXACT for child in same].count(False) == 1
        assert len(same) == 2
    assert all(child.similarity is not None for child in found)
    source.refresh_from_db()
    assert source.reserved == 0
