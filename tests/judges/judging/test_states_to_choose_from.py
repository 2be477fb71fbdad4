"""The tabs of a run's calls name only states that some call is in."""

import pytest

from annotation.models import Pair
from judges.models import CallState, JudgeCall, JudgeRun
from judges.views.runs import occurring
from tests.builders import NOW, build_study
from tests.judges.conftest import make_judge

pytestmark = pytest.mark.django_db


def test_only_states_with_calls_are_offered_and_the_chosen_one():
    study, version = build_study(), make_judge("http://127.0.0.1:9/v1").current
    run = JudgeRun.objects.create(study=study, version=version, created_at=NOW, state="done")
    states = (CallState.OK, CallState.REFUSED, CallState.OK)
    for pair, state in zip(Pair.objects.filter(study=study)[:3], states, strict=True):
        JudgeCall.objects.create(run=run, version=version, pair=pair, left="x", state=state)

    def offered(chosen: str) -> set[str]:
        return {state for state, _label in occurring(run.calls.all(), CallState.choices, chosen)}

    assert offered("") == {"ok", "refused"}
    assert offered("failed") == {"ok", "refused", "failed"}
