"""What judges spent on a study stays in their budgets when the study is deleted."""

from decimal import Decimal

import pytest

from annotation.models import Result, Status, Study
from annotation.studies import deletion
from judges.models import Judge, JudgeCall, JudgeReply, JudgeRun
from tests.judges.conftest import make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_budget_of_a_judge_outlives_the_study(stand_in, study) -> None:
    judge = make_judge(stand_in().url, price_in=Decimal(1), price_out=Decimal(2))
    run_judge(study, judge)
    before = Judge.objects.values("spent", "unsure", "reserved").get(pk=judge.pk)
    assert before["spent"] > 0
    Study.objects.update(status=Status.CLOSED)
    results = Result.objects.count()
    deletion.delete_study(study, study.name)
    assert not Study.objects.exists()
    assert not any(model.objects.exists() for model in (JudgeRun, JudgeCall, JudgeReply))
    assert Judge.objects.values("spent", "unsure", "reserved").get(pk=judge.pk) == before
    assert Result.objects.count() == results
