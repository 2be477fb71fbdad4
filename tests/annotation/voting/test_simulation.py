"""Simulated votes: drawn from the model, marked, and deleted all together."""

import io

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import Comparison, Pair, Purpose, Rater, Study, Worker
from annotation.models.voting import Stage
from annotation.scales import SCALES
from annotation.simulation import LEFT, RIGHT, TIE, Assumptions, People, answers, hand_out, people, strengths
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from annotation.voting import simulated_votes
from tests.builders import add_golden_pairs, build_study, build_worker


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def plain_people(workers: int, *, liking: float = 0.0, careless: bool = False) -> People:
    return People(np.ones(workers), np.full(workers, liking), np.full(workers, careless))


def shares(difference: float, drawn: People, ties: float, votes: int = 200_000) -> list[float]:
    given_ = answers(np.full(votes, difference), np.zeros(votes, dtype=np.int64), drawn, ties, 1, rng(1))
    return [float(np.mean(given_.answer == answer)) for answer in (LEFT, TIE, RIGHT)]


def test_without_ties_the_answers_are_those_of_bradley_and_terry() -> None:
    left, tie, right = shares(1.2, plain_people(1), ties=0.0)
    assert tie == 0
    assert left == pytest.approx(1 / (1 + np.exp(-1.2)), abs=0.005)
    assert left + right == pytest.approx(1)


def test_equals_tie_as_often_as_asked_and_ties_leave_the_odds_alone() -> None:
    assert shares(0.0, plain_people(1), ties=0.3) == pytest.approx([0.35, 0.3, 0.35], abs=0.005)
    left, tie, right = shares(1.0, plain_people(1), ties=0.3)
    assert left / right == pytest.approx(np.e, rel=0.03)
    assert tie < 0.3


def test_a_liking_for_the_left_moves_answers_to_the_left() -> None:
    left, _tie, right = shares(0.0, plain_people(1, liking=0.4), ties=0.0)
    assert left / right == pytest.approx(np.exp(0.4), rel=0.03)


def test_a_careless_worker_does_not_see_the_difference() -> None:
    assert shares(5.0, plain_people(1, liking=2.0, careless=True), ties=0.2) == pytest.approx(
        [0.4, 0.2, 0.4], abs=0.005
    )


def test_clear_differences_are_said_clearly() -> None:
    votes = np.full(50_000, 4.0)
    worker = np.zeros(50_000, dtype=np.int64)
    clear = answers(votes, worker, plain_people(1), 0.0, 4, rng())
    faint = answers(votes / 40, worker, plain_people(1), 0.0, 4, rng())
    assert set(np.unique(clear.degree)) == {1, 2, 3, 4}
    assert clear.degree.mean() > 3.5
    assert faint.degree.mean() < 1.5


def test_strengths_have_mean_zero_and_workers_are_as_careless_as_asked() -> None:
    assumptions = Assumptions(spread=2.0, careless=0.25)
    drawn = strengths(4000, assumptions, rng())
    assert drawn.mean() == pytest.approx(0, abs=1e-9)
    assert drawn.std() == pytest.approx(2.0, rel=0.05)
    assert people(40, assumptions, rng()).careless.sum() == 10


@given(pairs=st.integers(1, 12), data=st.data(), seed=st.integers(0, 2**32))
def test_nobody_gets_a_pair_twice_and_pairs_get_votes_evenly(pairs: int, data: st.DataObject, seed: int) -> None:
    sizes = np.array(data.draw(st.lists(st.integers(1, pairs), min_size=1, max_size=12)))
    order, worker = hand_out(pairs, sizes, rng(seed))
    assert np.bincount(worker, minlength=len(sizes)).tolist() == sizes.tolist()
    assert len(set(zip(worker.tolist(), order.tolist(), strict=True))) == sizes.sum()
    counts = np.bincount(order, minlength=pairs)
    assert counts.max() - counts.min() <= 1


def rows(study: Study) -> list[tuple[object, ...]]:
    fields = ("pair__number", "rater__worker__number", "left", "winner", "value", "scale_name", "turn", "trial")
    return sorted(Comparison.objects.filter(study=study).values_list(*fields))


@pytest.mark.django_db
def test_votes_and_workers_are_marked_and_take_no_places() -> None:
    study = build_study(models=4, prompts=3, overlap=2)
    add_golden_pairs(study, ["x", "y"])
    made = simulated_votes.simulate(study, 100, 1, workers=10)
    assert (made.votes, made.workers, made.pairs) == (100, 10, 18)
    assert Comparison.objects.simulated().counted().count() == 100
    assert not Comparison.objects.real().exists()
    assert set(Rater.objects.values_list("kind", "simulated")) == {("worker", True)}
    assert set(Worker.objects.values_list("stage", "outcome", "votes")) == {(Stage.DONE, "completed", 10)}
    assert set(Pair.objects.votable().values_list("taken", "wanted")) == {(0, 2)}
    assert not Comparison.objects.exclude(pair__purpose=Purpose.VOTE).exists()
    study.refresh_from_db()
    assert study.status == "open"


@pytest.mark.django_db
def test_the_same_seed_draws_the_same_votes_and_another_seed_others() -> None:
    study = build_study(models=4, prompts=3)
    found = []
    for seed in (5, 5, 6):
        made = simulated_votes.simulate(study, 150, seed)
        found.append((rows(study), made.strengths))
        simulated_votes.remove(study)
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    assert found[0][1] != found[2][1]


@pytest.mark.django_db
def test_the_stronger_model_wins_more_often() -> None:
    study = build_study(models=3, prompts=20)
    made = simulated_votes.simulate(study, 3000, 2, workers=100, assumptions=Assumptions(careless=0.0))
    wins = dict.fromkeys(dict(made.strengths), 0.0)
    for winner, x, y in Comparison.objects.values_list("winner", "pair__model_x__name", "pair__model_y__name"):
        wins[x] += {"x": 1.0, "y": 0.0, "tie": 0.5}[winner]
        wins[y] += {"x": 0.0, "y": 1.0, "tie": 0.5}[winner]
    assert [name for name, _strength in made.strengths] == sorted(wins, key=lambda name: -wins[name])


@pytest.mark.django_db
@pytest.mark.parametrize("scale", SCALES)
def test_votes_are_on_the_study_s_scale(scale: str) -> None:
    study = build_study(models=4, prompts=6, scale_name=scale)
    simulated_votes.simulate(study, 900, 1)
    values = set(Comparison.objects.values_list("value", flat=True))
    assert values == set(SCALES[scale].values)
    for comparison in Comparison.objects.all():
        assert comparison.value is not None
        assert comparison.answer == SCALES[scale].answer(comparison.value)
        assert comparison.scale_name == scale


@pytest.mark.django_db
def test_only_pairs_within_the_filters_are_voted_on() -> None:
    study = build_study(models=3, prompts=4, exclude_types=["code"])
    simulated_votes.simulate(study, 40, 1)
    assert set(Comparison.objects.values_list("pair__prompt__type", flat=True)) == {"prose"}


@pytest.mark.django_db
def test_workers_are_numbered_after_those_there_are_and_leave_them_alone_when_removed() -> None:
    study = build_study(models=3, prompts=4)
    person = build_worker(study)
    judge = Rater.objects.create(study=study, kind="judge", name="A judge")
    pair = Pair.objects.all()[0]
    for rater in (person.rater, judge):
        Comparison.objects.create(study=study, pair=pair, rater=rater, left="x", winner="x")
    simulated_votes.simulate(study, 30, 1, workers=3)
    assert sorted(Worker.objects.values_list("number", flat=True)) == [person.number + offset for offset in range(4)]
    removal = simulated_votes.remove(study)
    assert (removal.votes, removal.workers) == (30, 3)
    assert set(Comparison.objects.values_list("rater", flat=True)) == {person.rater_id, judge.pk}
    assert list(Worker.objects.values_list("pk", flat=True)) == [person.pk]


@pytest.mark.django_db
def test_removing_reaches_no_other_study() -> None:
    first, second = build_study("first"), build_study("second")
    for study in (first, second):
        simulated_votes.simulate(study, 20, 1)
    simulated_votes.remove(first)
    assert Comparison.objects.filter(study=second).count() == 20
    assert not Comparison.objects.filter(study=first).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"votes": 0}, "Votes and workers must be at least 1"),
        ({"votes": 10, "workers": 0}, "Votes and workers must be at least 1"),
        ({"votes": 10, "workers": 11}, "more workers than votes"),
        ({"votes": 25, "workers": 2}, "2 workers can give at most 24 votes on 12 pairs"),
        ({"votes": 10, "ties": 1.0}, "share of ties"),
        ({"votes": 10, "careless": 1.5}, "share of careless workers"),
        ({"votes": 10, "seed": -1}, "seed"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(options: dict[str, float], said: str) -> None:
    study = build_study(models=3, prompts=4)
    with pytest.raises(CommandError, match=said):
        call_command("simulate", study.slug, **options)
    assert not Rater.objects.exists()


@pytest.mark.django_db
def test_a_study_without_pairs_is_told_to_make_them() -> None:
    study = build_study(opened=False)
    Pair.objects.all().delete()
    with pytest.raises(NotPossible, match="Make pairs first"):
        simulated_votes.simulate(study, 10, 1)


@pytest.mark.django_db
def test_a_draft_can_be_simulated_and_stays_a_draft() -> None:
    study = build_study(opened=False)
    simulated_votes.simulate(study, 10, 1)
    study.refresh_from_db()
    assert study.status == "draft"
    assert lifecycle.start(study).status == "open"


@pytest.mark.django_db
def test_the_command_says_what_it_did_and_the_strengths_it_drew() -> None:
    study = build_study(models=3, prompts=4)
    out = io.StringIO()
    call_command("simulate", study.slug, votes=60, seed=9, workers=10, careless=0.2, ties=0.1, stdout=out)
    said = out.getvalue()
    assert "60 simulated votes on 12 pairs of haiku by 10 simulated workers, 2 of them careless; seed 9." in said
    assert "10% ties between equals" in said
    for name in study.prompt_set.models.values_list("name", flat=True):
        assert f"  {name} " in said
    out = io.StringIO()
    call_command("simulate", study.slug, remove=True, stdout=out)
    assert "Deleted 60 simulated votes and 10 simulated workers from haiku." in out.getvalue()
    assert not Comparison.objects.exists()
