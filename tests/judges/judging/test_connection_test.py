"""Testing a connection sends one request, within budget and address rules, and says what came back."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation.models import Study
from judges.answers import sources
from judges.judging import connection_test
from judges.models import AnswerSource, Judge
from tests.judges.conftest import make_judge
from tests.judges.judging.test_pasted_keys import KEY, adder, form_of  # noqa: F401  a fixture
from tests.judges.runs.endpoints import endpoint, no, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def own_pace(settings: Any, tmp_path: Any) -> None:
    settings.PACE_DIR = tmp_path / "pace"


def test_the_form_tests_what_it_holds_and_saves_nothing(adder: User, as_user: Any) -> None:  # noqa: F811
    with endpoint(lambda body, number: said(f"OK {KEY}", number)) as server:
        page = as_user(adder).post(reverse("judge-new"), form_of(endpoint=server.url, key=KEY, test="1"))
        assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    told = page.content.decode()
    assert "Connected." in told
    assert "OK ***" in told
    assert KEY not in told
    assert "10 input and 5 output tokens, $0.00002" in told
    assert not Judge.objects.exists()


def test_for_htmx_only_the_result_comes_back(adder: User, as_user: Any) -> None:  # noqa: F811
    with endpoint(lambda body, number: no(401, "Incorrect API key")) as server:
        values = form_of(endpoint=server.url, test="1")
        page = as_user(adder).post(reverse("judge-new"), values, headers={"hx-request": "true"})
    told = page.content.decode()
    assert "<form" not in told
    assert "HTTP 401" in told
    assert "Incorrect API key" in told


def test_a_test_is_booked_on_the_judge(capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(lambda body, number: said("OK", number)) as server:
        judge = make_judge(server.url, "j", price_in=Decimal(1), price_out=Decimal(2))
        call_command("judge-test", "j")
    judge.refresh_from_db()
    assert (judge.spent, judge.reserved, judge.unsure) == (20_000, 0, 0)
    out = capsys.readouterr().out
    assert "replied: OK" in out
    assert "10 tokens in, 5 out, $0.00002." in out


def test_a_test_costs_what_the_endpoint_reports() -> None:
    status, reply = said("OK")
    reply["usage"]["cost"] = 0.25
    with endpoint(lambda body, number: (status, reply)) as server:
        judge = make_judge(server.url, "j", price_in=Decimal(1), price_out=Decimal(2), reported_cost=True)
        call_command("judge-test", "j")
    judge.refresh_from_db()
    assert judge.spent == 250_000_000


def test_a_test_whose_process_dies_leaves_money_possibly_spent_and_none_reserved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def killed(*_args: object) -> connection_test.Tested:
        raise SystemExit

    monkeypatch.setattr(connection_test, "_ask", killed)
    judge = make_judge("http://127.0.0.1:9/v1", "j", price_out=Decimal(2))
    with pytest.raises(SystemExit):
        call_command("judge-test", "j")
    judge.refresh_from_db()
    assert (judge.spent, judge.reserved) == (0, 0)
    assert judge.unsure > 0


def test_nothing_is_sent_beyond_the_budget() -> None:
    with endpoint(lambda body, number: said()) as server:
        make_judge(server.url, "j", price_out=Decimal(2), budget=10)
        with pytest.raises(CommandError, match="budget"):
            call_command("judge-test", "j")
        assert not server.bodies


def test_a_test_of_a_judge_that_is_not_added_yet_keeps_to_its_budget(adder: User, as_user: Any) -> None:  # noqa: F811
    with endpoint(lambda body, number: said()) as server:
        values = form_of(endpoint=server.url, test="1", budget="0.00", price_out="1000")
        assert "budget is used up" in as_user(adder).post(reverse("judge-new"), values).content.decode()
        assert not server.bodies


@pytest.mark.parametrize("url", ["http://169.254.169.254/v1", "http://metadata.google.internal/v1", "ftp://x"])
def test_an_address_that_is_no_endpoint_is_not_asked(url: str, adder: User, as_user: Any) -> None:  # noqa: F811
    page = as_user(adder).post(reverse("judge-new"), form_of(endpoint=url, test="1")).content.decode()
    assert "Correct the errors" in page


def test_the_eleventh_test_of_a_minute_is_refused() -> None:
    with endpoint(lambda body, number: said()) as server:
        make_judge(server.url, "j")
        for _time in range(connection_test.A_MINUTE):
            call_command("judge-test", "j")
        with pytest.raises(CommandError, match="10 times a minute"):
            call_command("judge-test", "j")
        assert len(server.bodies) == 10


def test_a_test_finds_out_the_name_of_the_token_limit() -> None:
    def newer(body: dict[str, Any], number: int) -> Any:
        return no(400, "Use another", param="max_tokens") if "max_tokens" in body else said("OK", number)

    with endpoint(newer) as server:
        judge = make_judge(server.url, "j")
        call_command("judge-test", "j")
    assert judge.current.token_limit == "max_completion_tokens"


def test_a_model_that_answers_can_be_tested(study: Study, adder: User, as_user: Any) -> None:  # noqa: F811
    Study.objects.filter(pk=study.pk).update(owner=adder)
    with endpoint(lambda body, number: said("OK", number)) as server:
        values = {**form_of(endpoint=server.url, test="1"), "api_id": "m"}
        page = as_user(adder).post(reverse("answer-source-new", args=[study.slug]), values).content.decode()
    assert "Connected." in page
    assert not AnswerSource.objects.exists()


def test_what_a_test_of_other_settings_finds_out_changes_no_saved_ones(
    study: Study,
    adder: User,  # noqa: F811
    as_user: Any,
) -> None:
    Study.objects.filter(pk=study.pk).update(owner=adder)
    saved = sources.keep_source(study, "m-1", {"endpoint": "http://127.0.0.1:9/v1", "api_id": "m"})

    def newer(body: dict[str, Any], number: int) -> Any:
        return no(400, "Use another", param="max_tokens") if "max_tokens" in body else said("OK", number)

    with endpoint(newer) as server:
        values = {**form_of(endpoint=server.url, test="1"), "api_id": "m"}
        page = as_user(adder).post(reverse("answer-source", args=[study.slug, saved.model_id]), values)
    assert "max_completion_tokens" in page.content.decode()
    saved.refresh_from_db()
    assert saved.token_limit == ""
