"""Judges imported by name: their verdicts cannot be added to, but a new version can be run."""

import pytest

from annotation.models import Comparison, Pair, Rater, RaterKind, Study
from annotation.studies.lifecycle import NotPossible
from judges.judging import judges, runs
from judges.judging.planning import Plan
from judges.models import Judgment
from tests.builders import NOW
from tests.judges.conftest import make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)


def brought_by_a_file(study: Study) -> None:
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="gpt4")
    Comparison.objects.create(study=study, pair=Pair.objects.filter(study=study)[0], rater=rater, left="x", winner="y")


def graded_in_a_file(study: Study) -> None:
    result = study.prompt_set.results.all()[0]
    said = {"judge": "gpt4", "state": "ok", "score": 7.0, "file": "gpt4_single.jsonl", "digest": "0"}
    Judgment.objects.create(study=study, result=result, **said)


@pytest.mark.parametrize("bring", [brought_by_a_file, graded_in_a_file])
def test_the_refusal_says_what_a_new_version_will_be_called_and_it_can_be_asked(study: Study, stand_in, bring) -> None:
    bring(study)
    judge = make_judge(stand_in().url, "gpt4")
    with pytest.raises(NotPossible, match="“gpt4 v2”"):
        runs.start(study, judge.current, Plan(), NOW, detach=False)
    judges.ask_anew(judge)
    run_judge(study, judge)
    assert study.raters.filter(name="gpt4 v2", judge__version=judge.current).exists()
    assert not Comparison.objects.filter(rater__name="gpt4", rater__judge__isnull=False).exists()
