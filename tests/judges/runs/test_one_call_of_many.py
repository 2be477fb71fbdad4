"""What is about one call alone stops no run: others go on, and what failed comes last and not for ever."""

from typing import Any

import pytest

from annotation.models import Study
from judges.judging import runs
from judges.judging.planning import GIVEN_UP, Plan
from judges.judging.runs import judge_life
from judges.models import JudgeCall, JudgeReply, RunState
from tests.builders import NOW
from tests.judges.conftest import QUICK, make_judge, run_judge
from tests.judges.runs.endpoints import Reply, endpoint, no, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]

AZURE = (
    "litellm.BadRequestError: litellm.ContentPolicyViolationError: AzureException - The response was filtered due to "
    "the prompt triggering Azure OpenAI's content management policy."
)
TGI = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens"

REFUSALS = [
    no(400, AZURE, type=None, param=None, code="400"),
    no(400, "Output blocked by content filtering policy", type="invalid_request_error"),
]
TOO_LONG = [
    (422, {"error": TGI, "error_type": "validation"}),
    no(400, f"litellm.BadRequestError: HuggingfaceException - {TGI}", type=None, param=None, code="400"),
    no(400, "litellm.ContextWindowExceededError: BedrockException: Input is too long for requested model", code="400"),
]


def now_and_then(trouble: Reply, every: int = 3) -> Any:
    return lambda body, number: trouble if number % every == 1 else said(number=number)


@pytest.mark.parametrize("trouble", REFUSALS)
def test_a_filter_of_contents_behind_a_gateway_refuses_that_call(study: Study, trouble: Reply) -> None:
    with endpoint(now_and_then(trouble)) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
    states = judge_life.progress(run, NOW).states
    assert (run.state, states["ok"], states["refused"]) == (RunState.DONE, 16, 8)


@pytest.mark.parametrize("trouble", TOO_LONG)
def test_a_prompt_that_is_too_long_behind_a_gateway_fails_alone(study: Study, trouble: Reply) -> None:
    with endpoint(lambda body, number: trouble if number < 3 else said(number=number)) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
    states = judge_life.progress(run, NOW).states
    assert (run.state, states["ok"], states["failed"]) == (RunState.DONE, 21, 3)


def test_a_4xx_that_nobody_knows_fails_alone_while_other_calls_are_answered(study: Study) -> None:
    with endpoint(now_and_then(no(400, "Something odd", code="400"))) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
    states = judge_life.progress(run, NOW).states
    assert (run.state, states["ok"], states["failed"]) == (RunState.DONE, 16, 8)


def test_a_key_that_is_withdrawn_in_the_middle_stops_the_run_all_the_same(study: Study) -> None:
    with endpoint(lambda body, number: said(number=number) if number < 2 else no(401, "Revoked")) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
        assert (run.state, run.problem, len(server.bodies)) == (RunState.STOPPED, "Revoked", 22)
        judge_life.resume(run, detach=False)
        judge_life.work(run.pk, patience=QUICK)
        assert len(server.bodies) == 23


@pytest.mark.parametrize(
    "trouble",
    [
        no(429, "Budget has been exceeded! Current cost: 0.02, Max budget: 0.01", type="internal_server_error"),
        no(400, "Budget has been exceeded! Current cost: 2, Max budget: 1", type="budget_exceeded", code="400"),
        no(429, "You exceeded your current quota", type="insufficient_quota"),
        no(402, "Insufficient credits"),
    ],
)
def test_a_budget_of_a_gateway_that_is_used_up_stops_the_run_with_its_words(study: Study, trouble: Reply) -> None:
    with endpoint(lambda body, number: said(number=number) if number < 3 else trouble) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
        assert (run.state, len(server.bodies)) == (RunState.STOPPED, 4)
    assert run.problem == trouble[1]["error"]["message"]


def test_a_429_of_the_same_type_without_a_budget_is_waited_for(study: Study) -> None:
    busy = no(429, "Too many requests", type="internal_server_error")
    with endpoint(lambda body, number: busy if number < 2 else said(number=number)) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
    assert (run.state, judge_life.progress(run, NOW).states["ok"]) == (RunState.DONE, 24)


def bad_first(body: dict[str, Any]) -> bool:
    return "Prompt 0?" in str(body["messages"])


def test_what_is_pending_is_asked_before_what_failed(study: Study) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return no(400, "Something odd") if bad_first(body) else said(number=number)

    with endpoint(reply) as server:
        run = run_judge(study, make_judge(server.url, parallel=1))
        assert (run.state, len(server.bodies)) == (RunState.STOPPED, 1)
        for _go in range(10):
            judge_life.resume(run, detach=False)
            judge_life.work(run.pk, patience=QUICK)
            run.refresh_from_db()
        assert run.state == RunState.DONE
        states = judge_life.progress(run, NOW).states
        assert (states["ok"], states["failed"]) == (18, 6)


def test_a_failed_call_is_asked_in_three_runs_and_then_stays_failed_until_somebody_says_so(study: Study) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return no(500, "Broken") if bad_first(body) and working[0] else said(number=number)

    working = [True]
    with endpoint(reply) as server:
        judge = make_judge(server.url, parallel=4)
        asked = []
        for _run in range(5):
            before = JudgeReply.objects.count()
            run = run_judge(study, judge)
            asked.append(JudgeReply.objects.count() - before)
            assert run.state == RunState.DONE
        assert asked == [24, 6, 6, 0, 0]
        assert set(JudgeCall.objects.filter(state="failed").values_list("failures", flat=True)) == {3}
        working[0] = False
        assert run_judge(study, judge).planned == 0
        run = run_judge(study, judge, Plan(again=(GIVEN_UP,)))
        assert judge_life.progress(run, NOW).states["ok"] == 6


def test_a_run_that_is_resumed_again_and_again_ends(study: Study) -> None:
    with endpoint(lambda body, number: said() if number == 0 else no(500, "Broken")) as server:
        run = runs.start(study, make_judge(server.url, parallel=16).current, Plan(), NOW, detach=False)
        for _go in range(9):
            judge_life.work(run.pk, patience=QUICK)
            judge_life.resume(run, detach=False)
        run.refresh_from_db()
    assert run.state == RunState.DONE
    assert judge_life.progress(run, NOW).states["failed"] == 23
