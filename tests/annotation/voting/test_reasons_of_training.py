import pytest
from django.http import HttpResponse

from annotation.models import Pair
from annotation.models.voting import Stage
from annotation.views import worker_session
from annotation.voting import training
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

NOTE = b"with the answers swapped"


@pytest.mark.parametrize(
    ("reason", "names"),
    [
        ("System A followed the prompt better.", True),
        ("Model B is right.", True),
        ("A is shorter.", True),
        ("The answer should have been B.", True),
        ("A good haiku has three lines.", False),
        ("Both are wrong.", False),
        ("", False),
        (None, False),
    ],
)
def test_a_reason_that_names_a_pane_is_told(reason, names):
    assert Pair(reason=reason).reason_names_sides() is names


@pytest.mark.django_db
@pytest.mark.parametrize(("left", "noted"), [("x", False), ("y", True)])
def test_a_reason_that_names_a_pane_is_put_right_where_the_sides_are_swapped(client, left, noted):
    study = build_study()
    add_golden_pairs(study, ["x", "x"])
    Pair.objects.update(reason="System A followed the prompt better.")
    worker = build_worker(study, stage=Stage.TRAINING)
    shown = training.current(worker, NOW, rng())
    worker.training_answers.update(left=left)
    training.answer(worker, shown.pk, 1, NOW)
    kept = worker_session.remember(HttpResponse(), worker).cookies[worker_session.COOKIE]
    client.cookies[worker_session.COOKIE] = kept.value
    page = client.get("/s/haiku/training/")
    assert (NOTE in page.content) is noted
