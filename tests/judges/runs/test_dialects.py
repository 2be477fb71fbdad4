"""Endpoints differ in which request parameters they accept; only the name of the token limit is changed for them."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Study
from judges.answers import runs as answer_runs
from judges.answers import sources
from judges.answers.planning import AnswerPlan
from judges.answers.runs import answer_life
from judges.judging import judges
from judges.judging.planning import Plan
from judges.models import AnswerSource, Judge, JudgeReply, RunState
from tests.builders import NOW
from tests.judges.conftest import QUICK, make_judge, run_judge
from tests.judges.runs.endpoints import Reply, endpoint, no, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]

NEWER = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


def newer_only(body: dict[str, Any], number: int) -> Reply:
    refusal = no(400, NEWER, param="max_tokens", code="unsupported_parameter")
    return refusal if "max_tokens" in body else said(number=number)


def older_only(body: dict[str, Any], number: int) -> Reply:
    # As Mistral and others on FastAPI say it.
    detail = [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs"}]
    return (422, {"detail": detail}) if "max_completion_tokens" in body else said(number=number)


def test_the_other_name_of_the_token_limit_is_tried_once_and_remembered(study: Study) -> None:
    with endpoint(newer_only) as server:
        judge = make_judge(server.url)
        run = run_judge(study, judge)
        assert (run.state, len(server.bodies)) == (RunState.DONE, 25)
        assert judge.current.token_limit == "max_completion_tokens"
        assert judge.versions.count() == 1
        assert [reply.attempts for reply in JudgeReply.objects.order_by("pk")] == [2, *[1] * 23]
        assert all("max_completion_tokens" in reply.request for reply in JudgeReply.objects.all())
        judges.ask_anew(judge)
        run_judge(study, judge)
        assert len(server.bodies) == 25 + 24


def test_a_reasoning_effort_does_not_decide_which_name_an_endpoint_takes(study: Study) -> None:
    with endpoint(older_only) as server:
        judge = make_judge(server.url, reasoning_effort="low")
        assert run_judge(study, judge).state == RunState.DONE
        assert (judge.current.token_limit, len(server.bodies)) == ("max_tokens", 25)


def test_an_endpoint_that_takes_neither_name_stops_the_run_with_its_first_words(study: Study) -> None:
    def neither(body: dict[str, Any], number: int) -> Reply:
        name = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        return no(400, f"Unsupported parameter: {name}", param=name)

    with endpoint(neither) as server:
        judge = make_judge(server.url)
        run = run_judge(study, judge)
        assert (run.state, len(server.bodies)) == (RunState.STOPPED, 2)
        assert "Unsupported parameter: max_tokens" in run.problem
        assert judge.current.token_limit == ""


def test_the_name_is_a_setting_that_makes_no_new_version(db: None) -> None:
    judge = make_judge("http://127.0.0.1:9/v1")
    judges.change_judge(judge, {"token_limit": "max_completion_tokens"})
    version = judges.change_judge(judge, {"max_tokens": 10})
    assert (version.number, version.token_limit) == (2, "max_completion_tokens")


def test_a_model_that_answers_is_asked_with_the_other_name_too(study: Study) -> None:
    with endpoint(newer_only) as server:
        source = sources.keep_source(study, "newcomer", {"endpoint": server.url, "api_id": "m"})
        run = answer_runs.start(study, source, AnswerPlan(), NOW, detach=False)
        answer_life.work(run.pk, patience=QUICK)
        assert AnswerSource.objects.get().token_limit == "max_completion_tokens"
        assert len(server.bodies) == 1 + study.prompts().count()


@pytest.mark.parametrize("setting", ["temperature", "reasoning_effort", "top_p", "seed"])
@pytest.mark.parametrize("by_words", [False, True])
def test_a_parameter_that_changes_what_is_measured_is_never_left_out_by_itself(
    study: Study, setting: str, by_words: bool
) -> None:
    def refuses(body: dict[str, Any], number: int) -> Reply:
        more = {"code": "400"} if by_words else {"param": setting, "code": "unsupported_value"}
        words = f"litellm.UnsupportedParamsError: x does not support parameters: ['{setting}']"
        return no(400, words, **more) if setting in body else said(number=number)

    values = {"temperature": 0.5, "reasoning_effort": "low", "top_p": 0.9, "seed": 1}
    with endpoint(refuses) as server:
        judge = make_judge(server.url, **values)
        run = run_judge(study, judge)
        assert (run.state, len(server.bodies)) == (RunState.STOPPED, 1)
        assert run.problem.startswith(f"The endpoint does not accept “{setting}”")
        left_out = judges.change_judge(judge, {setting: "" if setting == "reasoning_effort" else None})
        assert left_out.number == 2
        assert run_judge(study, judge).state == RunState.DONE


def no_temperature(body: dict[str, Any], number: int) -> Reply:
    refusal = no(400, "'temperature' does not support 0.7 with this model.", param="temperature")
    return refusal if "temperature" in body else said("<prompt>A new one?</prompt>", number=number)


@pytest.mark.parametrize(
    "words",
    [
        ("answers", "haiku", "--limit", "2"),
        ("evolve", "haiku", "--limit", "2", "--scenario", "own", "--template", "template.txt", "--form", "prompt"),
    ],
)
def test_a_command_sends_no_temperature_once_it_is_told_so(
    study: Study, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.txt").write_text("Write another like $prompt")
    monkeypatch.chdir(tmp_path)
    with endpoint(no_temperature) as server:
        where = ("--model", "newcomer", "--endpoint", server.url, "--api-id", "m")
        for _time in range(2):
            with pytest.raises(CommandError, match=r"send no temperature \(--temperature none\)"):
                call_command(*words, *where)
        said_of_it = StringIO()
        call_command(*words, *where, "--temperature", "none", stdout=StringIO(), stderr=said_of_it)
        assert "had other settings and was cancelled" in said_of_it.getvalue()
        assert len(server.bodies) == 2 + 2


def test_log_probabilities_that_an_endpoint_does_not_have_stop_the_run(study: Study) -> None:
    with endpoint(lambda body, number: no(400, "logprobs is not supported")) as server:
        run = run_judge(study, make_judge(server.url, reader="logprobs"))
        assert len(server.bodies) == 1
        assert "reply reader" in run.problem


def test_the_command_leaves_out_the_temperature(db: None) -> None:
    call_command("judge-add", "j", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--temperature", "none")
    assert Judge.objects.get().current.temperature is None
    call_command("judge-add", "j", "--top-p", "0.5", "--seed", "7")
    assert (Judge.objects.get().current.temperature, Judge.objects.get().current.seed) == (None, 7)
    call_command("judge-add", "j", "--seed", "none")
    assert (Judge.objects.get().current.seed, Judge.objects.get().current.top_p) == (None, 0.5)
    with pytest.raises(CommandError, match="expected a number"):
        call_command("judge-add", "j", "--temperature", "warm")


@pytest.mark.parametrize("given", ["http://127.0.0.1:9/v1/chat/completions", "http://127.0.0.1:9/v1/chat/completions/"])
def test_the_address_of_chat_completions_is_shortened_with_a_word(
    given: str, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("judge-add", "j", "--endpoint", given, "--model", "m")
    assert Judge.objects.get().current.endpoint == "http://127.0.0.1:9/v1"
    assert "saved as http://127.0.0.1:9/v1" in capsys.readouterr().err
    call_command("judge-add", "j", "--endpoint", given)
    assert Judge.objects.get().versions.count() == 1


@pytest.mark.parametrize(
    "words",
    [
        "{name} is too large: 2048. This model supports at most 1024 completion tokens.",
        "{name}: 2048 > 1024, which is the maximum number of output tokens",
        "Input should be less than or equal to 1024",
        "{name} must be between 1 and 1024",
    ],
)
@pytest.mark.parametrize("ignores_the_other", [False, True])
def test_a_limit_too_large_is_no_matter_of_its_name(study: Study, words: str, ignores_the_other: bool) -> None:
    def too_large(body: dict[str, Any], number: int) -> Reply:
        name = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        if ignores_the_other and name != "max_tokens":
            # A reply without any limit, dearer than what was reserved for it.
            return said(number=number)
        return no(400, words.format(name=name), param=name)

    with endpoint(too_large) as server:
        judge = make_judge(server.url)
        run = run_judge(study, judge, Plan(limit=1))
        assert run.state == RunState.STOPPED
        assert words.format(name="max_tokens") in run.problem
        assert "Change the token limit" in run.problem
        assert (len(server.bodies), judge.current.token_limit) == (1, "")
