"""Training and check pairs are added and changed by hand, until workers have been given them."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from annotation.editing import golden_pairs
from annotation.editing.references import InUse, seen
from annotation.models import Purpose
from annotation.models.voting import Stage, TrainingAnswer
from annotation.studies.lifecycle import NotPossible
from tests.annotation.study_pages import study_of
from tests.builders import add_golden_pairs, build_worker, rng

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(owner):
    return study_of(owner, models=2, prompts=1)


@pytest.fixture
def values(study):
    model_x, model_y = study.prompt_set.models.order_by("pk")
    return {
        "prompt": study.prompt_set.prompts.get(),
        "own_text": "Which is shorter?",
        "model_x": model_x,
        "own_x": "Long.",
        "model_y": model_y,
        "own_y": "S.",
        "golden": "y",
        "reason": "{y} has one letter.",
    }


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.CHECK])
def test_a_pair_is_added_under_the_next_number_and_takes_no_votes(study, owner, values, purpose):
    pair = golden_pairs.add(study, purpose, owner, values, rng())
    assert pair.number == max(study.pairs.values_list("number", flat=True))
    assert (pair.purpose, pair.wanted, pair.golden, 0 <= pair.key < 1) == (purpose, 0, "y", True)


@pytest.mark.parametrize("wrong", [{"own_x": "  "}, {"model_y": None}])
def test_texts_and_two_models_are_needed(study, owner, values, wrong):
    wrong = {name: value or values["model_x"] for name, value in wrong.items()} if "model_y" in wrong else wrong
    with pytest.raises(ValidationError):
        golden_pairs.add(study, Purpose.TRAINING, owner, values | wrong, rng())


def test_rows_of_another_set_are_refused(study, owner, values):
    other = study_of(owner, slug="other", models=2, prompts=1).prompt_set.prompts.get()
    with pytest.raises(ValidationError, match="prompt set"):
        golden_pairs.add(study, Purpose.TRAINING, owner, values | {"prompt": other}, rng())


def test_a_pair_is_changed_and_deleted_until_somebody_has_answered_it(study, owner, values):
    pair, answered = add_golden_pairs(study, ["x", "y"])
    golden_pairs.change(pair, owner, values, seen(pair))
    pair.refresh_from_db()
    assert (pair.own_x, pair.golden) == ("Long.", "y")
    golden_pairs.delete(pair, owner, seen(pair))
    worker = build_worker(study, stage=Stage.TRAINING)
    TrainingAnswer.objects.create(worker=worker, pair=answered, attempt=1, position=0, left="x")
    for act in (golden_pairs.change, golden_pairs.delete):
        with pytest.raises(InUse):
            act(answered, owner, *([values] if act is golden_pairs.change else []), seen(answered))


def test_who_may_not_read_the_set_adds_no_pairs(study, owner, colleague, outsider, values):
    study.owner = outsider
    study.save()
    for user in (outsider, colleague):
        with pytest.raises(NotPossible):
            golden_pairs.add(study, Purpose.TRAINING, user, values, rng())


def test_a_hidden_study_is_not_changed(study, owner, values):
    study.hidden_at = timezone.now()
    study.save()
    with pytest.raises(NotPossible, match="hidden"):
        golden_pairs.add(study, Purpose.TRAINING, owner, values, rng())
