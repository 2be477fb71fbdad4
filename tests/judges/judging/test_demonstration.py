"""The built-in test judge that `make demo` installs."""

import pytest

from judges.judging import judges
from judges.judging.demo_judge import install_stand_in
from judges.models import Judge, JudgeVersion
from tests.judges.conftest import make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_stand_in_is_made_once_and_follows_its_address():
    install_stand_in("http://127.0.0.1:4001/v1")
    judge = install_stand_in("http://127.0.0.1:4002/v1")
    assert judge == Judge.objects.get()
    version = JudgeVersion.objects.get()
    assert version.endpoint == "http://127.0.0.1:4002/v1"
    assert version.stand_in
    assert version.rater_name == "stand-in"


def test_changed_settings_of_the_stand_in_stay_and_move_along():
    judge = install_stand_in("http://127.0.0.1:4001/v1")
    judges.change_judge(judge, {"temperature": 1.0})
    install_stand_in("http://127.0.0.1:4002/v1")
    assert {version.endpoint for version in judge.versions.all()} == {"http://127.0.0.1:4002/v1"}
    assert judge.current.temperature == 1.0


def test_a_judge_of_that_name_that_is_somebody_s_own_is_left_alone():
    own = make_judge("https://api.example.com/v1", model="a-real-one")
    assert install_stand_in("http://127.0.0.1:4001/v1") is None
    assert not own.current.stand_in
    assert own.current.endpoint == "https://api.example.com/v1"


@pytest.mark.socket
def test_it_judges_a_study_without_a_key_and_shows_what_it_would_cost(study, stand_in):
    judge = install_stand_in(stand_in().url)
    run = run_judge(study, judge)
    assert run.state == "done"
    judge.refresh_from_db()
    assert 0 < judge.spent < judge.budget
    assert study.comparisons.filter(rater__name="stand-in").count() == run.planned
