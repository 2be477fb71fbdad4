"""An endpoint that names another model in each reply does not make a version of each."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from annotation.models import Comparison, Rater, Study
from judges import verdicts
from judges.judging.planning import Plan
from judges.llm.mock import StandIn
from judges.models import CallState, JudgeReply, RunState
from judges.prompting.readers import READERS
from tests.builders import NOW
from tests.judges.conftest import Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def another_name_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    before, numbers = StandIn._reply, count(1)
    monkeypatch.setattr(
        StandIn, "_reply", lambda self, *args: {**before(self, *args), "model": f"stand-in-{next(numbers)}"}
    )


def test_the_third_new_name_in_a_run_stops_it_with_words(
    study: Study, stand_in: Callable[..., Running], another_name_each_time: None
) -> None:
    judge = make_judge(stand_in().url, parallel=1, price_out="1")
    run = run_judge(study, judge)
    assert (run.state, run.found_problem.code) == (RunState.STOPPED, "many-names")
    assert "ignore the returned model name" in run.problem
    assert judge.versions.count() == Rater.objects.filter(study=study).count() == 3
    assert Comparison.objects.count() == 3
    failed = JudgeReply.objects.filter(state=CallState.FAILED)
    assert failed
    assert all(reply.raw and reply.cost for reply in failed)
    # Nobody can say whose verdicts those are, however they are read.
    verdicts.reread(study, judge.current, READERS["bracketed"], NOW)
    assert Comparison.objects.count() == 3


def test_a_judge_may_ignore_the_names(
    study: Study, stand_in: Callable[..., Running], another_name_each_time: None
) -> None:
    judge = make_judge(stand_in().url, ignore_returned_model=True)
    run = run_judge(study, judge, Plan(limit=4))
    assert run.state == RunState.DONE
    assert judge.versions.count() == Rater.objects.filter(study=study).count() == 1
    assert Comparison.objects.count() == 8
    assert len(set(JudgeReply.objects.values_list("model", flat=True))) == 8


def test_names_that_are_known_are_no_new_ones(
    study: Study, stand_in: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, numbers = StandIn._reply, count()

    def reply(self: StandIn, *args: Any) -> dict[str, Any]:
        return {**before(self, *args), "model": f"stand-in-{next(numbers) % 3}"}

    monkeypatch.setattr(StandIn, "_reply", reply)
    judge = make_judge(stand_in().url, parallel=1)
    assert run_judge(study, judge).state == RunState.DONE
    assert judge.versions.count() == 3
