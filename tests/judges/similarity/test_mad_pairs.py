"""The top prompts of every two models become pairs of the study, deterministically and only once."""

import numpy as np
import pytest

from annotation.models import Draw, Pair, PairRun, Result
from annotation.pair_making import background, make
from annotation.studies.lifecycle import NotPossible, change_settings, start
from judges.models import SimilarityRun
from judges.similarity import runs, selection
from judges.similarity.terms import Terms
from tests.builders import NOW
from tests.judges.conftest import make_judge
from tests.judges.similarity.conftest import add_model, compared

pytestmark = pytest.mark.django_db(transaction=True)


def chosen(study):
    """The votable pairs of `study`: prompt and both models."""
    return {
        (pair.prompt_id, frozenset((pair.model_x_id, pair.model_y_id))) for pair in Pair.objects.filter(study=study)
    }


def test_the_least_similar_prompts_of_each_two_models_become_pairs(bare):
    run = compared(bare, Terms(top=2))
    made = selection.make_pairs(run, NOW)
    assert (made.found, made.added, made.total) == (6, 6, 6)
    for table in run.tables.all():
        models = frozenset((table.model_x_id, table.model_y_id))
        least = np.argsort(table.values[0], kind="stable")[:2]
        expected = {(int(prompt), models) for prompt in table.prompt_keys[least]}
        assert {each for each in chosen(bare) if each[1] == models} == expected


def test_making_them_again_adds_nothing_and_a_larger_k_adds_the_rest(bare):
    run = compared(bare, Terms(top=2))
    selection.make_pairs(run, NOW)
    assert selection.make_pairs(run, NOW).added == 0
    before = chosen(bare)
    made = selection.make_pairs(compared(bare, Terms(top=100)), NOW)
    assert (made.found, made.added) == (12, 6)
    assert before < chosen(bare)


def test_sides_are_those_of_any_other_strategy(bare):
    make.make_pairs(bare, "all", seed=5)
    everything = {(pair.prompt_id, pair.result_x_id, pair.result_y_id) for pair in bare.pairs.all()}
    bare.pairs.all().delete()
    selection.make_pairs(compared(bare, Terms(top=2)), NOW, seed=5)
    assert {(pair.prompt_id, pair.result_x_id, pair.result_y_id) for pair in bare.pairs.all()} < everything


def test_an_open_study_offers_them_at_once(bare):
    selection.make_pairs(compared(bare, Terms(top=1)), NOW)
    start(bare)
    selection.make_pairs(compared(bare, Terms(top=2)), NOW)
    assert set(bare.pairs.values_list("wanted", flat=True)) == {bare.overlap}


def test_an_adaptive_study_draws_them_once_and_without_a_probability(bare):
    study = start(change_settings(bare, {"offering": "adaptive", "overlap": 2}))
    run = compared(study, Terms(top=1))
    assert selection.make_pairs(run, NOW).added == 3
    draws = Draw.objects.filter(batch__study=study)
    assert {(draw.strategy, draw.probability) for draw in draws} == {("mad", None)}
    assert list(study.pairs.values_list("wanted", flat=True)) == [1, 1, 1]
    selection.make_pairs(run, NOW)
    assert list(study.pairs.values_list("wanted", flat=True)) == [1, 1, 1]
    selection.make_pairs(compared(study, Terms(top=2)), NOW)
    assert list(study.pairs.values_list("wanted", flat=True)) == [1] * 6
    assert draws.all().count() == 6


def test_a_draft_that_will_be_adaptive_offers_them_once_it_starts(bare):
    study = change_settings(bare, {"offering": "adaptive"})
    selection.make_pairs(compared(study, Terms(top=1)), NOW)
    assert set(study.pairs.values_list("wanted", flat=True)) == {0}
    start(study)
    assert set(study.pairs.values_list("wanted", flat=True)) == {1}


def test_a_new_model_gets_its_own_pairs_and_the_others_stay(bare):
    selection.make_pairs(compared(bare, Terms(top=1)), NOW)
    before = chosen(bare)
    newcomer = add_model(bare)
    made = selection.make_pairs(compared(bare, Terms(top=1)), NOW)
    assert made.added == 3
    assert all(newcomer.pk in models for _prompt, models in chosen(bare) - before)


def test_lambda_spreads_the_prompts(bare):
    prompts = list(bare.prompt_set.prompts.order_by("pk"))
    for prompt, text in zip(prompts, ["red red red", "red red red!", "red red red?", "blue ocean"], strict=True):
        prompt.text = text
        prompt.save()
    for result in Result.objects.filter(prompt_set=bare.prompt_set):
        place = prompts.index(result.prompt)
        text = "same words " * (3 + place) + result.model.name * (4 - place)
        Result.objects.filter(pk=result.pk).update(text=text)
    plain, spread = compared(bare, Terms(top=2)), compared(bare, Terms(top=2, spread=5.0))
    assert spread.reused == 3
    for before, after in zip(plain.tables.all(), spread.tables.all(), strict=True):
        assert prompts[3].pk not in before.chosen
        assert after.chosen == [before.chosen[0], prompts[3].pk]


def test_with_embeddings_the_prompts_are_embedded_too(bare, stand_in):
    server = stand_in()
    run = compared(bare, Terms("embedding", top=2, spread=1.0), make_judge(server.url))
    assert server.ledger["requests"] == 12 + 4
    assert all(len(table.chosen) == 2 for table in run.tables.all())


def test_the_background_makes_them_and_says_what_it_did(bare):
    run = compared(bare, Terms(top=1))
    asked = selection.submit(run, None)
    background.run(asked.pk, NOW)
    done = PairRun.objects.get()
    assert (done.state, done.strategy, done.report["added"]) == ("done", "mad", 3)


def test_what_is_not_complete_makes_no_pairs(bare):
    run = runs.start(bare, Terms(), None, NOW, detach=False)
    with pytest.raises(NotPossible, match="has not finished comparing"):
        selection.make_pairs(run, NOW)
    with pytest.raises(NotPossible, match="no similarity run"):
        make.make_pairs(bare, "mad", selection=run.pk + 1)


def test_nothing_chosen_is_said(bare):
    run = compared(bare, Terms(filters={"words": 1000}))
    with pytest.raises(NotPossible, match="No prompt was chosen"):
        selection.make_pairs(run, NOW)
    assert SimilarityRun.objects.get().state == "done"
