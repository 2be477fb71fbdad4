"""What a reply costs: by the tokens it reports, by their kinds, or by the endpoint's own words."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from annotation.models import Study
from judges.judging.planning import Plan
from judges.llm.mock import StandIn
from judges.llm.replies import Usage
from judges.models import AnswerSource, CallState, JudgeCall, JudgeReply, JudgeVersion
from tests.judges.conftest import Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)

TOLD = Usage(tokens_in=100, tokens_out=10, cached=40, told=True)


def priced(**more: Any) -> JudgeVersion:
    return JudgeVersion(price_in=Decimal(2), price_out=Decimal(8), **more)


@pytest.mark.parametrize(
    ("access", "usage", "nanos"),
    [
        (priced(), TOLD, 280_000),
        (priced(price_cached=Decimal("0.5")), TOLD, 220_000),
        (priced(price_cached=Decimal(0)), TOLD, 200_000),
        (AnswerSource(price_in=2, price_out=8, price_cached=Decimal(1)), TOLD, 240_000),
        (priced(), Usage(tokens_in=100), 999),
        (priced(), Usage(), 999),
        (priced(), Usage(tokens_in=1, tokens_out=1, told=True, dollars=5.0), 10_000),
        (priced(reported_cost=True), Usage(tokens_in=1, tokens_out=1, told=True, dollars=0.25), 250_000_000),
        (priced(reported_cost=True), Usage(tokens_in=1, tokens_out=1, told=True, dollars=0.0), 0),
        (priced(reported_cost=True), Usage(dollars=0.25), 250_000_000),
        (priced(reported_cost=True), Usage(dollars=0.0), 999),
        (priced(reported_cost=True), TOLD, 280_000),
    ],
)
def test_a_reply_costs_what_its_tokens_cost_or_the_endpoint_reports(
    access: JudgeVersion | AnswerSource, usage: Usage, nanos: int
) -> None:
    assert access.cost(usage, 999) == nanos


def test_batches_cost_their_share() -> None:
    assert priced().cost(TOLD, 999, percent=50) == 140_000
    assert priced(reported_cost=True).cost(Usage(told=True, dollars=1e-6), 999, percent=50) == 1000


def test_nothing_lowers_what_is_reserved() -> None:
    assert priced(price_cached=Decimal(0), reported_cost=True).most(100, 10) == 280_000
    assert priced(price_cached=Decimal(3)).most(100, 10) == 380_000


def test_a_reported_cost_needs_prices_to_reserve_by() -> None:
    with pytest.raises(ValidationError, match="Set prices too"):
        make_judge("http://127.0.0.1:9/v1", reported_cost=True)


def test_usage_of_nothing_for_a_reply_with_text_counts_at_the_most(
    study: Study, stand_in: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = StandIn._reply
    usage = {"prompt_tokens": 0, "completion_tokens": 0}
    monkeypatch.setattr(StandIn, "_reply", lambda self, *args: {**before(self, *args), "usage": usage})
    run_judge(study, make_judge(stand_in().url, price_out="1"), Plan(limit=1))
    assert all(reply.cost == reply.call.bound > 0 for reply in JudgeReply.objects.select_related("call"))


def test_a_blocked_reply_is_refused_at_once_at_its_price(study: Study, stand_in: Callable[..., Running]) -> None:
    server = stand_in(lasting=1.0, lasting_kinds=("empty",))
    judge = make_judge(server.url, price_in="1", price_out="10")
    run_judge(study, judge, Plan(limit=2))
    assert server.ledger["requests"] == 4
    assert set(JudgeCall.objects.values_list("state", flat=True)) == {CallState.REFUSED}
    judge.refresh_from_db()
    assert judge.unsure == judge.reserved == 0
    for reply in JudgeReply.objects.all():
        assert reply.problem == "PROHIBITED_CONTENT"
        assert reply.cost == 1000 * reply.tokens_in + 10_000 * reply.tokens_out
    # It is not asked again by itself.
    assert run_judge(study, judge, Plan(limit=2)).planned == 0


def test_a_reply_that_broke_off_is_tried_again_and_never_a_vote(study: Study, stand_in: Callable[..., Running]) -> None:
    server = stand_in(passing=1.0, passing_kinds=("abort",))
    run_judge(study, make_judge(server.url), Plan(limit=1))
    assert server.ledger["requests"] == 12
    assert set(JudgeCall.objects.values_list("state", flat=True)) == {CallState.FAILED}
    assert "ended the reply early" in JudgeReply.objects.all()[0].problem


def test_replies_from_batch_files_cost_the_batch_price(study: Study, tmp_path: Path) -> None:
    make_judge("http://127.0.0.1:9/v1", price_in="2", price_out="8", batch_percent=50, orders="one")
    for layout, percent in (("batch", 50), ("llmfao", 100)):
        file = tmp_path / layout
        limit = 1 if layout == "batch" else 2
        options = {"judge": "stand-in", "layout": layout, "limit": limit, "output": file}
        call_command("judge-requests", study.slug, stdout=StringIO(), stderr=StringIO(), **options)
        body = {
            "choices": [{"message": {"content": "[[A]]"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        }
        (row,) = (json.loads(line) for line in file.read_text().splitlines())
        answer: Any = [row, body, row.get("metadata")]
        if layout == "batch":
            answer = {"custom_id": row["custom_id"], "response": {"status_code": 200, "body": body}}
        file.write_text(json.dumps(answer))
        call_command("judge-responses", study.slug, str(file), judge="stand-in", stdout=StringIO())
        assert JudgeReply.objects.order_by("-pk")[0].cost == 280_000 * percent // 100
