import pytest

from annotation.models import Outcome, TrainingAnswer
from annotation.models.voting import Stage
from annotation.scales import SCALES
from annotation.voting import training
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    study = build_study(training_pass=0.75)
    add_golden_pairs(study, ["x", "y", "tie", "x", "y", "tie", "x"])
    return study


@pytest.fixture
def worker(study):
    return build_worker(study, stage=Stage.TRAINING)


def right(answer):
    return {"left": 1, "tie": 2, "right": 3}[answer.golden]


def wrong(answer):
    return {"left": 3, "tie": 1, "right": 1}[answer.golden]


def go_through(worker, choose, seed=0):
    """Completes an attempt; returns the answers and the worker afterwards."""
    given, attempt = [], None
    while (answer := training.current(worker, NOW, rng(seed))) is not None:
        if attempt not in (None, answer.attempt):
            break
        attempt = answer.attempt
        given.append(training.answer(worker, answer.pk, choose(answer), NOW))
        worker = training.proceed(worker, answer.pk, NOW, rng(seed))
    return given, worker


def test_an_attempt_draws_half_of_the_pairs_rounded_up(worker):
    given, _worker = go_through(worker, right)
    assert len(given) == 4


def test_who_answers_as_the_golden_answers_goes_on_to_vote(worker):
    given, worker = go_through(worker, right)
    assert [answer.right for answer in given] == [True] * 4
    assert (worker.stage, worker.training_score, worker.trained_at) == (Stage.VOTING, 1.0, NOW)


def test_a_further_attempt_draws_only_pairs_not_yet_seen(worker):
    first, worker = go_through(worker, wrong)
    assert (worker.stage, worker.attempt, worker.training_score) == (Stage.TRAINING, 2, 0.0)
    second, worker = go_through(worker, right)
    assert len(second) == 3
    assert not {answer.pair_id for answer in first} & {answer.pair_id for answer in second}
    assert worker.stage == Stage.VOTING


def test_who_fails_the_last_attempt_leaves_screened_out(worker):
    _given, worker = go_through(worker, wrong)
    _given, worker = go_through(worker, wrong)
    assert (worker.stage, worker.outcome, worker.left_at) == (Stage.DONE, Outcome.FAILED_TRAINING, NOW)


def test_there_is_no_further_attempt_without_unseen_pairs():
    study = build_study(training_size=3, training_attempts=5)
    add_golden_pairs(study, ["x", "y", "x"])
    _given, worker = go_through(build_worker(study, stage=Stage.TRAINING), wrong)
    assert worker.outcome == Outcome.FAILED_TRAINING


def test_a_reload_shows_the_same_pair_with_the_same_sides(worker):
    first = training.current(worker, NOW, rng(1))
    again = training.current(worker, NOW, rng(2))
    assert (again.pk, again.left) == (first.pk, first.left)


def test_the_first_answer_counts(worker):
    answer = training.current(worker, NOW, rng())
    training.answer(worker, answer.pk, wrong(answer), NOW)
    second = training.answer(worker, answer.pk, right(answer), NOW)
    assert (second.value, second.right) == (wrong(answer), False)
    assert training.current(worker, NOW, rng()).value == wrong(answer)


def test_a_pair_that_was_not_shown_cannot_be_answered(worker):
    shown = training.current(worker, NOW, rng())
    ahead = TrainingAnswer.objects.exclude(pk=shown.pk).first()
    with pytest.raises(training.Gone):
        training.answer(worker, ahead.pk, 1, NOW)


def test_nobody_answers_for_another_worker(worker, study):
    answer = training.current(worker, NOW, rng())
    with pytest.raises(training.Gone):
        training.answer(build_worker(study, stage=Stage.TRAINING), answer.pk, 1, NOW)


def test_an_explanation_cannot_be_left_before_the_answer(worker):
    answer = training.current(worker, NOW, rng())
    with pytest.raises(training.Gone):
        training.proceed(worker, answer.pk, NOW, rng())


def test_leaving_the_last_explanation_twice_concludes_once(worker):
    while (answer := training.current(worker, NOW, rng())) is not None and answer.attempt == 1:
        training.answer(worker, answer.pk, wrong(answer), NOW)
        training.proceed(worker, answer.pk, NOW, rng())
        last = answer
    again = training.proceed(worker, last.pk, NOW, rng())
    assert (again.attempt, again.stage) == (2, Stage.TRAINING)


def test_a_value_off_the_scale_is_refused_and_nothing_stored(worker):
    answer = training.current(worker, NOW, rng())
    with pytest.raises(ValueError, match="not on the scale"):
        training.answer(worker, answer.pk, 4, NOW)
    assert training.current(worker, NOW, rng()).value is None


def test_sides_are_drawn_at_random(study):
    sides = {
        answer.left
        for _index in range(4)
        for answer in [training.current(build_worker(study, stage=Stage.TRAINING), NOW, rng(_index))]
    }
    assert sides == {"x", "y"}


def test_golden_ties_are_left_out_where_the_scale_has_no_answer_to_them():
    study = build_study(scale_name="two")
    add_golden_pairs(study, ["tie", "tie", "x"])
    assert [pair.golden for pair in training.usable(study)] == ["x"]


@pytest.mark.parametrize("settings", [{}, {"training_size": 0}])
def test_a_study_without_training_goes_straight_to_voting(settings):
    study = build_study(**settings)
    if settings:
        add_golden_pairs(study, ["x"])
    assert build_worker(study, stage=Stage.TRAINING).stage == Stage.VOTING


def test_a_wide_scale_agrees_with_the_golden_answer_by_its_side():
    assert SCALES["five"].agrees(2, "left")
    assert not SCALES["five"].agrees(4, "left")
