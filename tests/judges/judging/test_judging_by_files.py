"""Offline judging: requests written to a file, and replies read back."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Comparison, Pair, Study
from judges.judging import judges
from judges.judging.runs import judge_life
from judges.llm.mock import Behaviour, opinion
from judges.models import CallState, Judge, JudgeCall, JudgeReply, JudgeRun, RunState
from judges.prompting.builtin import from_instruction
from tests.builders import NOW
from tests.judges.conftest import make_judge

pytestmark = pytest.mark.django_db(transaction=True)

INSTRUCTION = (
    "You compare.\nPrint only A if A wins, B if B wins, or TIE.\n$text\n```\n$result_x\n```\n```\n$result_y\n```"
)


@pytest.fixture
def judge(study: Study) -> Judge:
    template = judges.keep_templates("plain", from_instruction(INSTRUCTION))
    return make_judge("http://127.0.0.1:9/v1", reader="llmfao", template=template, orders="one", max_tokens=3)


def written(tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    file = tmp_path / "requests.jsonl"
    call_command("judge-requests", "haiku", "--judge", "stand-in", "-o", str(file), *options)
    return [json.loads(line) for line in file.read_text().splitlines()]


def completion(body: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    said = opinion(Behaviour(), body, [message["content"] for message in body["messages"]])[0]
    message = {"role": "assistant", "content": said if text is None else text}
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    return {"id": "x", "model": "m-1", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


def read(tmp_path: Path, rows: list[Any]) -> None:
    file = tmp_path / "responses.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("judge-responses", "haiku", "--judge", "stand-in", str(file))


def test_requests_have_llmfaos_layout(judge: Judge, tmp_path: Path) -> None:
    rows = written(tmp_path)
    assert len(rows) == 12
    pair = Pair.objects.select_related("result_x", "model_x", "model_y", "prompt").order_by("key")[0]
    row = next(row for row in rows if row["metadata"]["id"] == pair.number)
    assert {name: row["metadata"][name] for name in ("prompt", "model_x", "model_y")} == {
        "prompt": pair.prompt.number,
        "model_x": pair.model_x.number,
        "model_y": pair.model_y.number,
    }
    assert (row["model"], row["max_tokens"]) == ("stand-in", 3)
    system, user = row["messages"]
    assert system == {"role": "system", "content": "You compare."}
    assert pair.result_x is not None
    assert pair.result_x.text in user["content"]


def test_replies_in_llmfaos_layout_become_comparisons_once(judge: Judge, tmp_path: Path) -> None:
    rows = [[row, completion(row), row["metadata"]] for row in written(tmp_path)]
    read(tmp_path, rows)
    assert Comparison.objects.counted().count() == 12
    assert JudgeRun.objects.get().state == RunState.DONE
    read(tmp_path, rows)
    assert Comparison.objects.count() == JudgeReply.objects.count() == 12
    judge.refresh_from_db()
    assert judge.reserved == 0


def test_a_failure_that_is_read_twice_is_one(judge: Judge, tmp_path: Path) -> None:
    rows = [[row, {"error": {"message": "Boom."}}, row["metadata"]] for row in written(tmp_path)]
    read(tmp_path, rows)
    read(tmp_path, rows)
    assert JudgeReply.objects.count() == 12
    read(tmp_path, [[row, {"error": {"message": "Bang."}}, about] for row, _response, about in rows])
    assert JudgeReply.objects.count() == 24
    read(tmp_path, [[row, completion(row), about] for row, _response, about in rows])
    assert Comparison.objects.counted().count() == 12


def test_rows_on_one_call_are_taken_in_their_order(judge: Judge, tmp_path: Path) -> None:
    first, second, *_others = written(tmp_path)
    failed = {"error": {"message": "Boom."}}
    read(
        tmp_path,
        [
            [first, failed, first["metadata"]],
            [first, completion(first, "A"), first["metadata"]],
            [second, completion(second, "A"), second["metadata"]],
            [second, completion(second, "B"), second["metadata"]],
        ],
    )
    assert JudgeReply.objects.count() == 3
    assert list(Comparison.objects.counted().values_list("winner", flat=True)) == ["x", "x"]


def test_metadata_of_other_programs_means_the_pair_as_it_is(judge: Judge, tmp_path: Path) -> None:
    rows = written(tmp_path)
    for row in rows:
        del row["metadata"]["call"]
    read(tmp_path, [[row, completion(row, "A"), row["metadata"]] for row in rows])
    assert set(Comparison.objects.values_list("winner", flat=True)) == {"x"}


def test_batch_output_ends_in_the_same_states(judge: Judge, tmp_path: Path) -> None:
    rows = written(tmp_path, "--layout", "batch", "--both-orders", "--limit", "3")
    assert len({row["custom_id"] for row in rows}) == 6
    answers: list[Any] = [
        {"status_code": 200, "body": completion(rows[0]["body"], "B")},
        {"status_code": 200, "body": completion(rows[1]["body"], "Both are fine.")},
        {"status_code": 429, "body": {"error": {"message": "Slow down"}}},
        {"status_code": 200, "body": {"choices": []}},
        {"status_code": 200, "body": {**completion(rows[4]["body"]), "error": None}},
    ]
    lines: list[Any] = [
        {"custom_id": row["custom_id"], "response": answer} for row, answer in zip(rows, answers, strict=False)
    ]
    lines.append({"custom_id": rows[5]["custom_id"], "error": {"code": "content_filter", "message": "No."}})
    read(tmp_path, lines)
    states = sorted(JudgeCall.objects.values_list("state", flat=True))
    assert states.count(CallState.OK) == Comparison.objects.count() >= 1
    assert states.count(CallState.FAILED) >= 1
    assert states.count(CallState.UNREADABLE) >= 1
    assert states.count(CallState.REFUSED) == 2
    run = JudgeRun.objects.get()
    assert judge_life.progress(run, NOW).states["sent"] == 0


def test_a_reply_that_broke_off_may_have_been_charged_as_one_sent_from_here(judge: Judge, tmp_path: Path) -> None:
    judges.change_judge(judge, {"price_in": 1, "price_out": 10, "batch_percent": 50})
    row = written(tmp_path, "--layout", "batch", "--limit", "1")[0]
    broken = completion(row["body"], "[[A")
    broken["choices"][0]["finish_reason"] = "abort"
    for _time in range(2):
        read(tmp_path, [{"custom_id": row["custom_id"], "response": {"status_code": 200, "body": broken}}])
    call = JudgeCall.objects.get(state=CallState.FAILED)
    judge.refresh_from_db()
    assert call.bound > 0
    assert (judge.spent, judge.unsure, judge.reserved) == (0, call.bound // 2, 0)


def test_rows_that_are_no_replies_are_named_by_line_and_the_others_stored(judge: Judge, tmp_path: Path) -> None:
    rows = written(tmp_path)
    file = tmp_path / "responses.jsonl"
    good = json.dumps([rows[0], completion(rows[0], "A"), rows[0]["metadata"]])
    unknown = json.dumps({"custom_id": "pair-1-turn-0-x-sample-0", "response": {"status_code": 200, "body": {}}})
    file.write_text(f"{good}\nnot json\n[1, 2, 3]\n{unknown}\n")
    with pytest.raises(CommandError, match="3 rows"):
        call_command("judge-responses", "haiku", "--judge", "stand-in", str(file))
    assert Comparison.objects.count() == 1


def test_replies_without_requests_are_refused(judge: Judge, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="judge-requests"):
        read(tmp_path, [])


def test_requests_of_another_plan_join_those_that_wait(judge: Judge, tmp_path: Path) -> None:
    assert len(written(tmp_path, "--limit", "2")) == 2
    assert len(written(tmp_path, "--limit", "3", "--both-orders")) == 6
    assert len(written(tmp_path, "--limit", "3", "--both-orders")) == 6
    assert JudgeRun.objects.get().planned == 6


def test_what_failed_is_written_again_while_others_wait(judge: Judge, tmp_path: Path) -> None:
    rows = written(tmp_path, "--layout", "batch", "--both-orders", "--limit", "2")
    failed, answered = rows[0]["custom_id"], rows[1]["custom_id"]
    replies: list[Any] = [
        {"custom_id": failed, "response": {"status_code": 500, "body": {"error": {"message": "Sorry"}}}},
        {"custom_id": answered, "response": {"status_code": 200, "body": completion(rows[1]["body"], "A")}},
    ]
    read(tmp_path, replies)
    again = [row["custom_id"] for row in written(tmp_path, "--layout", "batch", "--both-orders", "--limit", "2")]
    assert sorted(again) == sorted(row["custom_id"] for row in rows if row["custom_id"] != answered)
    read(tmp_path, [{"custom_id": failed, "response": {"status_code": 200, "body": completion(rows[0]["body"], "B")}}])
    assert Comparison.objects.counted().count() == 2
    judge.refresh_from_db()
    assert judge.reserved == 0


def test_a_call_that_was_given_up_has_three_runs_again_where_that_is_said(judge: Judge, tmp_path: Path) -> None:
    row = written(tmp_path, "--limit", "1")[0]
    for _run in range(3):
        assert len(written(tmp_path, "--limit", "1")) == 1
        read(tmp_path, [[row, {"error": {"message": "Boom."}}, row["metadata"]]])
    assert JudgeCall.objects.get().failures == 3
    assert written(tmp_path, "--limit", "1") == []
    assert len(written(tmp_path, "--limit", "1", "--again", "given-up")) == 1
    assert JudgeCall.objects.get().failures == 0


def test_unreadable_replies_are_asked_for_again_where_that_is_said(judge: Judge, tmp_path: Path) -> None:
    rows = written(tmp_path, "--limit", "2")
    read(tmp_path, [[rows[0], completion(rows[0], "Well."), rows[0]["metadata"]]])
    assert JudgeCall.objects.filter(state=CallState.UNREADABLE).count() == 1
    assert len(written(tmp_path, "--limit", "2")) == 1
    assert written(tmp_path, "--limit", "2", "--again", "unreadable") == rows
    read(tmp_path, [[row, completion(row, "A"), row["metadata"]] for row in rows])
    assert Comparison.objects.counted().count() == 2


def test_a_file_holds_what_its_own_options_cover(
    judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = written(tmp_path, "--limit", "4", "--both-orders")
    assert len(wide) == 8
    capsys.readouterr()
    narrow = written(tmp_path, "--limit", "1")
    assert capsys.readouterr().err.startswith(
        "1 requests. Load the replies with judge-responses. Another 7 requests, written with other options"
    )
    assert [row for row in wide if row in narrow] == narrow
    assert len(narrow) == 1
    read(tmp_path, [[narrow[0], completion(narrow[0], "A"), narrow[0]["metadata"]]])
    assert written(tmp_path, "--limit", "1") == []
    assert JudgeRun.objects.get().state == RunState.RUNNING
    rest = written(tmp_path, "--limit", "4", "--both-orders")
    assert rest == [row for row in wide if row not in narrow]
    read(tmp_path, [[row, completion(row, "A"), row["metadata"]] for row in rest])
    assert JudgeRun.objects.get().state == RunState.DONE


def test_a_cut_reply_without_a_verdict_is_truncated_even_where_cut_replies_are_read(
    judge: Judge, tmp_path: Path
) -> None:
    rows = written(tmp_path, "--limit", "2")
    answers = [completion(row, text) for row, text in zip(rows, ("A", "Well, the"), strict=True)]
    for answer in answers:
        answer["choices"][0]["finish_reason"] = "length"
    read(tmp_path, [[row, answer, row["metadata"]] for row, answer in zip(rows, answers, strict=True)])
    assert sorted(JudgeCall.objects.values_list("state", flat=True)) == [CallState.OK, CallState.TRUNCATED]
