"""The draws of adaptive studies follow the votes: newcomers first, then what is open between neighbours."""

import numpy as np
import pytest
from django.db.models import Q

from annotation import draw_strategies
from annotation.drawing import candidates
from annotation.models import Draw, LanguageModel, Pair, Result, Study
from annotation.studies import lifecycle
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from ranking import drawing
from ranking.votes import reader
from tests.annotation.adaptive import adaptive_study, books_balance, draw, vote
from tests.builders import MARK, NOW, build_worker, rng

pytestmark = pytest.mark.django_db


def run(study: Study, votes_: int, workers: int = 4, seed: int = 0) -> None:
    """People who prefer the earlier model, and Newt in the middle, vote; before each round the background draws."""
    random = rng(seed)
    people = [build_worker(study) for _index in range(workers)]
    models = study.prompt_set.models.order_by("pk").values_list("pk", "name")
    rank = {pk: 1.5 if name == "Newt" else place for place, (pk, name) in enumerate(models)}
    for number in range(votes_):
        if number % workers == 0:
            draw(study)
        worker = people[number % workers]
        held = assignments.current(worker, NOW, random)
        pair = held.pair
        better = "x" if rank[pair.model_x_id] < rank[pair.model_y_id] else "y"
        said = better if random.random() < 0.75 else ("y" if better == "x" else "x")
        votes.vote(worker, held.pk, Ballot(value=1 if said == held.left else 3), NOW, random)


def add_model(study: Study, name: str = "Newt") -> LanguageModel:
    """An upload of one model and its answers to all prompts."""
    number = study.prompt_set.models.count()
    model = LanguageModel.objects.create(prompt_set=study.prompt_set, number=MARK + 500 + number, name=name)
    Result.objects.bulk_create(
        Result(prompt_set=study.prompt_set, number=number, prompt=prompt, model=model, text=f"N {number}.")
        for number, prompt in enumerate(study.prompt_set.prompts.order_by("pk"), MARK + 70_000)
    )
    return model


def of(model: LanguageModel) -> Q:
    return Q(pair__model_x=model) | Q(pair__model_y=model)


def test_a_model_that_joins_is_drawn_first_for_a_time_and_the_others_votes_stay():
    study = adaptive_study(models=4, prompts=40, floor=4, most_votes=1000)
    run(study, 100)
    before = study.comparisons.count()
    newt = add_model(study)
    run(study, 60, seed=1)
    later = Draw.objects.filter(batch__study=study, pk__gt=Draw.objects.order_by("pk")[99].pk)
    own = later.filter(of(newt))
    assert own.filter(strategy="floor").exists()
    assert own.filter(strategy="newcomer").exists()
    assert own.count() > 0.4 * 60
    assert study.comparisons.count() == before + 60
    run(study, 200, seed=2)
    last = Draw.objects.filter(batch__study=study).order_by("-pk")[:40]
    assert {each.strategy for each in last} == {"uniform", "gap", "d-optimal"}, "it is no newcomer any more"
    books_balance(study)


def test_one_click_adds_a_model_to_a_study_that_chose_its_models():
    study = adaptive_study(models=3, prompts=10)
    study.language_models.set(study.prompt_set.models.all())
    run(study, 20)
    newt = add_model(study)
    assert newt.pk not in candidates.read(study).models
    study = lifecycle.add_models(study, [newt])
    run(study, 10, seed=1)
    assert Draw.objects.filter(of(newt)).exists()
    assert study.comparisons.count() == 30


def test_the_fit_is_that_of_peoples_votes_and_says_which():
    study = adaptive_study(models=4, prompts=10)
    run(study, 40)
    known = candidates.read(study)
    drawn = drawing.draw(study, known, 5, np.random.default_rng(0))
    assert len(drawn.chosen) == 5
    assert (drawn.votes, drawn.cut) == (40, reader.cut(study).highest)
    assert drawn.fit == drawing.draw(study, known, 1, np.random.default_rng(1)).fit
    vote(build_worker(study))
    assert drawing.draw(study, candidates.read(study), 1, np.random.default_rng(1)).fit != drawn.fit


def test_what_is_open_already_is_not_asked_again():
    """Two models whose votes are still to come count as known, so that the next batch asks for others."""
    study = adaptive_study(models=6, prompts=60, floor=0, mix={"d-optimal": 1.0})
    for number in range(7):
        assignments.current(build_worker(study), NOW, rng(number))
        draw(study)
    ends = {frozenset(pair) for pair in Pair.objects.filter(wanted__gt=0).values_list("model_x", "model_y")}
    assert len(ends) > 10


def test_a_prompt_that_has_many_votes_is_left_for_others():
    study = adaptive_study(models=3, prompts=6, overlap=50)
    run(study, 60, workers=20)
    pairs = Pair.objects.filter(study=study)
    counts = {
        prompt: sum(pairs.filter(prompt=prompt).values_list("taken", flat=True))
        for prompt in study.prompt_set.prompts.values_list("pk", flat=True)
    }
    assert max(counts.values()) - min(counts.values()) <= 6


def test_the_strategies_are_registered_with_their_words():
    drawer = draw_strategies.registered()
    assert drawer is drawing.DRAWER
    assert {each.name for each in drawer.strategies if each.mixed} == {"uniform", "gap", "d-optimal", "newcomer"}
    assert all(each.label and each.help for each in drawer.strategies)
    assert sum(drawer.default.values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="already"):
        draw_strategies.register(draw_strategies.Drawer((), {}, drawing.draw))
