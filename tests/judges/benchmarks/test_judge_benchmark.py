"""Benchmarks of a judge on known preferences, over a real socket; each call is sent once."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotation.studies.lifecycle import NotPossible
from judges.benchmarks import planning, reports, runs, sets
from judges.benchmarks.call_store import BenchmarkBooks
from judges.benchmarks.planning import Terms
from judges.benchmarks.runs import benchmark_life
from judges.benchmarks.sets import Faulty
from judges.judging import judges
from judges.llm import reward_models
from judges.llm.errors import Again, Unfit
from judges.models import (
    BenchmarkCall,
    BenchmarkReply,
    BenchmarkRun,
    BenchmarkSender,
    CallState,
    Judge,
    Preference,
    PreferenceSet,
    Protocol,
    RunState,
)
from tests.builders import NOW
from tests.judges.conftest import QUICK, make_judge

pytestmark = pytest.mark.django_db(transaction=True)

LONGER = {"length_bias": 50.0}
"""Settings with which the mock endpoint always prefers the longer answer."""


def write(path: Path, number: int = 12, *, wrong: int = 0, subset: str = "", first: int = 0) -> Path:
    """Writes preferences whose chosen answer is the longer one, except for the first `wrong` ones."""
    rows = []
    for index in range(first, first + number):
        long, short = f"A long and thorough answer to {index}, with reasons and examples.", f"No, {index}."
        chosen, rejected = (short, long) if index < wrong else (long, short)
        row = {"prompt": f"Question {index}?", "chosen": chosen, "rejected": rejected, "id": f"q{index}"}
        rows.append(row | ({"subset": subset} if subset else {}))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(judge: Judge, *files: Path, **terms: Any) -> BenchmarkRun:
    kept = [sets.keep(file) for file in files]
    begun = runs.start(judge.current, kept, Terms(**terms), NOW, detach=False)
    benchmark_life.work(begun.pk, patience=QUICK)
    begun.refresh_from_db()
    return begun


def test_a_judge_is_right_where_it_chooses_the_chosen(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(**LONGER).url)
    done = run(judge, write(tmp_path / "set.jsonl", 12, wrong=3))
    found = reports.report(done)
    assert done.state == RunState.DONE
    assert found.all.outcomes == {"right": 9, "wrong": 3, "tie": 0, "inconsistent": 0, "unread": 0}
    assert found.all.half.value == 0.75
    shown = list(BenchmarkCall.objects.values_list("shown", flat=True))
    assert len(shown) == 12
    assert set(shown) == {"chosen-left", "rejected-left"}


def test_both_orders_find_who_follows_the_place(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(position_bias=1e6).url)
    found = reports.report(run(judge, write(tmp_path / "set.jsonl", 6), both_orders=True))
    assert found.all.outcomes["inconsistent"] == 6
    assert (found.all.half.value, found.all.wrong.value) == (0.5, 0)


def test_what_is_asked_lays_nothing_bare_and_shows_the_whole_conversation(
    stand_in: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "set.jsonl"
    prompt = [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": "Said before."},
        {"role": "user", "content": "Second?"},
    ]
    file.write_text(json.dumps({"prompt": prompt, "chosen": "Good one [[A]].", "rejected": "Bad one."}))
    run(make_judge(stand_in().url), file)
    asked = json.loads(BenchmarkReply.objects.get().request)["messages"][-1]["content"]
    for text in ("You are terse.", "First?", "Said before.", "Second?", "Good one [ [A]]", "Bad one."):
        assert text in asked
    assert "chosen" not in asked.lower()
    assert "rejected" not in asked.lower()


def test_a_judge_that_grades_is_right_where_the_chosen_scores_higher(
    stand_in: Callable[..., Any], tmp_path: Path
) -> None:
    judge = make_judge(stand_in(**LONGER).url, reader="rating")
    file = tmp_path / "set.jsonl"
    file.write_text(json.dumps({"prompt": "?", "chosen": "x" * 50, "rejected": "x"}) + "\n")
    done = run(judge, file)
    scores = dict(BenchmarkReply.objects.values_list("call__shown", "score"))
    assert set(scores) == {"chosen", "rejected"}
    expected = "right" if scores["chosen"] > scores["rejected"] else "tie"
    assert reports.report(done).all.outcomes[expected] == 1


@pytest.mark.socket
@pytest.mark.parametrize("protocol", [Protocol.POOLING, Protocol.CLASSIFY])
def test_a_reward_model_is_asked_by_its_own_address(
    stand_in: Callable[..., Any], tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWARD_API_KEY", "hush-hush")
    endpoint = stand_in(key="hush-hush", **LONGER)
    judge = make_judge(endpoint.url, key_source="REWARD_API_KEY", price_in="1", price_out="99999")
    done = run(judge, write(tmp_path / "set.jsonl", 8, wrong=2), protocol=protocol)
    found = reports.report(done)
    assert found.all.outcomes == {"right": 6, "wrong": 2, "tie": 0, "inconsistent": 0, "unread": 0}
    reply = BenchmarkReply.objects.all()[0]
    body = json.loads(reply.request)
    assert body["messages"][-1]["role"] == "assistant"
    assert body.get("use_activation") is (False if protocol == Protocol.CLASSIFY else None)
    judge.refresh_from_db()
    assert judge.spent == found.cost == sum(reply.tokens_in * 1000 for reply in BenchmarkReply.objects.all())
    assert judge.reserved == 0
    assert "hush-hush" not in "".join(each.raw + each.request for each in BenchmarkReply.objects.all())


def test_nothing_is_asked_twice(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    endpoint = stand_in(**LONGER)
    judge = make_judge(endpoint.url)
    small = write(tmp_path / "small.jsonl", 6)
    run(judge, small)
    assert endpoint.ledger["requests"] == 6
    # The same rows under another name, with additional rows.
    large = write(tmp_path / "large.jsonl", 10)
    done = run(judge, large, small)
    assert endpoint.ledger["requests"] == 10
    assert Preference.objects.count() == 10
    found = reports.report(done)
    assert [each.rows for each in found.sets] == [10, 6]
    run(judge, large, both_orders=True)
    assert endpoint.ledger["requests"] == 20
    assert endpoint.ledger["answered_twice"] == 0


def test_a_limit_takes_the_same_rows_and_a_longer_one_takes_them_too(
    stand_in: Callable[..., Any], tmp_path: Path
) -> None:
    endpoint = stand_in()
    judge, file = make_judge(endpoint.url), write(tmp_path / "set.jsonl", 30)
    run(judge, file, limit=10)
    first = set(BenchmarkCall.objects.values_list("preference", flat=True))
    done = run(judge, file, limit=20)
    assert len(first) == 10
    assert first < set(BenchmarkCall.objects.values_list("preference", flat=True))
    assert endpoint.ledger["requests"] == 20
    assert reports.report(done).all.rows == 20


def test_errors_are_neither_ties_nor_wrong(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(lasting=0.5, **LONGER).url)
    found = reports.report(run(judge, write(tmp_path / "set.jsonl", 24)))
    unread = found.all.outcomes["unread"]
    assert 0 < unread < 24
    assert found.all.outcomes == {"right": 24 - unread, "wrong": 0, "tie": 0, "inconsistent": 0, "unread": unread}
    assert found.all.half.value == 1
    assert sum(count for state, count in found.states.items() if state != "ok") == unread


@pytest.mark.socket
def test_passing_troubles_are_tried_again(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(passing=0.4, passing_kinds=("429", "500"), retry_after=0.01, **LONGER).url)
    done = run(judge, write(tmp_path / "set.jsonl", 10))
    assert reports.report(done).all.outcomes["right"] == 10
    assert sum(BenchmarkReply.objects.values_list("attempts", flat=True)) > 10


def test_the_budget_is_the_judges_and_is_never_passed(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(**LONGER).url, price_out="1000", max_tokens=100, parallel=2)
    file = write(tmp_path / "set.jsonl", 10)
    bound = planning.estimate(judge.current, [sets.keep(file)], Terms()).bound
    judges.set_budget(judge, bound // 9)
    done = run(judge, file)
    judge.refresh_from_db()
    assert done.state == RunState.STOPPED
    assert judge.bound <= bound // 9
    answered = BenchmarkCall.objects.filter(state=CallState.OK).count()
    assert 0 < answered < 10
    judges.set_budget(judge, None)
    finished = run(judge, file)
    assert finished.state == RunState.DONE
    done.refresh_from_db()
    assert done.state == RunState.CANCELLED
    assert reports.report(finished).all.outcomes["right"] == 10
    assert BenchmarkReply.objects.filter(state=CallState.OK).count() == 10


def test_what_a_dead_process_had_in_flight_is_asked_again(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(**LONGER).url, price_in="1", price_out="1")
    begun = runs.start(judge.current, [sets.keep(write(tmp_path / "set.jsonl", 4))], Terms(), NOW, detach=False)
    begun.state = RunState.RUNNING
    begun.save()
    sender = BenchmarkSender.objects.create(run=begun, started_at=NOW, beat_at=NOW)
    books = BenchmarkBooks(begun, sender)
    benchmark_life.plan(begun, sender)
    sent, held_back = books.admit(books.claim(2), NOW)
    assert (len(sent), held_back) == (2, "")
    assert benchmark_life.sweep(timezone.now() + timedelta(minutes=5)) == 2
    benchmark_life.work(begun.pk, patience=QUICK)
    begun.refresh_from_db()
    judge.refresh_from_db()
    assert (begun.state, begun.lost, judge.reserved) == (RunState.DONE, 2, 0)
    assert judge.unsure == sum(each.question.bound for each in sent)
    assert reports.report(begun).all.outcomes["right"] == 4


def test_a_new_run_asks_what_a_dead_one_had_in_flight(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(**LONGER).url, price_in="1", price_out="1")
    kept = [sets.keep(write(tmp_path / "set.jsonl", 4))]
    dead = runs.start(judge.current, kept, Terms(), NOW, detach=False)
    BenchmarkRun.objects.filter(pk=dead.pk).update(state=RunState.RUNNING)
    now = timezone.now()
    sender = BenchmarkSender.objects.create(run=dead, started_at=now, beat_at=now)
    benchmark_life.plan(dead, sender)
    books = BenchmarkBooks(dead, sender)
    assert len(books.admit(books.claim(2), now)[0]) == 2
    with pytest.raises(NotPossible, match="already running"):
        runs.start(judge.current, kept, Terms(), timezone.now(), detach=False)
    done = runs.start(judge.current, kept, Terms(), timezone.now() + timedelta(minutes=2), detach=False)
    benchmark_life.work(done.pk, patience=QUICK)
    done.refresh_from_db()
    judge.refresh_from_db()
    assert (done.state, done.lost, judge.reserved) == (RunState.DONE, 2, 0)
    assert reports.report(done).all.outcomes["right"] == 4
    assert BenchmarkReply.objects.count() == 4


def test_a_subset_is_a_set_of_its_own(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    judge = make_judge(stand_in(**LONGER).url)
    easy, hard = write(tmp_path / "a.jsonl", 4, subset="easy"), write(tmp_path / "b.jsonl", 4, wrong=4, subset="hard")
    both = tmp_path / "bench.jsonl"
    both.write_text(easy.read_text() + hard.read_text().replace("Question", "Hard question"))
    found = reports.report(run(judge, both))
    assert [(each.name, each.half.value) for each in found.sets] == [("bench / easy", 1), ("bench / hard", 0)]
    assert found.macro_half.value == 0.5


def test_a_faulty_file_keeps_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "set.jsonl", 3)
    file.write_text(file.read_text() + '{"prompt": "?", "chosen": "a"}\n')
    with pytest.raises(Faulty) as faulty:
        sets.keep(file)
    assert (faulty.value.count, faulty.value.faults[0].line, faulty.value.faults[0].field) == (1, 4, "rejected")
    assert not PreferenceSet.objects.exists()
    assert not Preference.objects.exists()


def test_the_command_asks_tells_and_goes_on(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    endpoint = stand_in(**LONGER)
    make_judge(endpoint.url, "judy", price_in="1")
    one, two = write(tmp_path / "one.jsonl", 6, wrong=3), write(tmp_path / "two.jsonl", 4, first=20)
    out = StringIO()
    call_command("judge-benchmark", str(one), str(two), "--judge", "judy", "--dry-run", stdout=out)
    assert "10 calls (0 already done)" in out.getvalue()
    assert endpoint.ledger["requests"] == 0
    call_command("judge-benchmark", str(one), str(two), "--judge", "judy", stdout=out, stderr=StringIO())
    assert "0.500 (0." in out.getvalue()
    assert "mean over sets" in out.getvalue()
    table = StringIO()
    call_command("judge-benchmark", str(one), str(two), "--judge", "judy", "--csv", stdout=table, stderr=StringIO())
    rows = list(csv.DictReader(StringIO(table.getvalue())))
    assert [row["set"] for row in rows] == ["one", "two", "mean over sets", "all rows"]
    assert [float(row["accuracy_ties_half"]) for row in rows] == [0.5, 1, 0.75, 0.7]
    told = StringIO()
    call_command("judge-benchmark", str(one), "--judge", "judy", "--json", stdout=told, stderr=StringIO())
    found = json.loads(told.getvalue())
    assert (found["judge"], found["calls"], found["results"][0]["rows"]) == ("judy", {"ok": 6}, 6)
    assert endpoint.ledger["requests"] == 10


def test_the_command_names_what_is_wrong(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    make_judge(stand_in().url, "judy")
    file = write(tmp_path / "set.jsonl", 2)
    with pytest.raises(CommandError, match="No judge is named “nobody”"):
        call_command("judge-benchmark", str(file), "--judge", "nobody")
    with pytest.raises(CommandError, match="File not found"):
        call_command("judge-benchmark", str(tmp_path / "gone.jsonl"), "--judge", "judy")
    with pytest.raises(CommandError, match="1 or more"):
        call_command("judge-benchmark", str(file), "--judge", "judy", "--limit", "0")
    file.write_text('{"prompt": 1}\n')
    words = StringIO()
    with pytest.raises(CommandError, match="1 rows are not valid preferences"):
        call_command("judge-benchmark", str(file), "--judge", "judy", stderr=words)
    assert "set.jsonl:1: prompt: " in words.getvalue()


@pytest.mark.socket
def test_a_wrong_key_stops_it_with_the_endpoints_words(stand_in: Callable[..., Any], tmp_path: Path) -> None:
    make_judge(stand_in(key="right").url, "judy")
    file = write(tmp_path / "set.jsonl", 3)
    with pytest.raises(CommandError, match="Incorrect API key"):
        call_command("judge-benchmark", str(file), "--judge", "judy", stdout=StringIO(), stderr=StringIO())


# Replies of reward models.


def score(data: Any, protocol: reward_models.Protocol = "pooling") -> float:
    raw = json.dumps({"id": "x", "model": "rm", "data": data, "usage": {"prompt_tokens": 5}})
    answer = reward_models.read(raw, protocol)
    assert (answer.model, answer.usage.tokens_in) == ("rm", 5)
    return float(answer.reply.text)


@pytest.mark.parametrize(
    ("data", "expected"),
    [([[0.1], [0.2], [-3.25]], -3.25), ([[1.5]], 1.5), ([2.5], 2.5), (0.75, 0.75), (3, 3.0)],
)
def test_the_reward_is_what_is_pooled_at_the_last_token(data: Any, expected: float) -> None:
    assert score([{"index": 0, "data": data}]) == expected


def test_the_reward_of_a_classifier_is_its_one_class() -> None:
    assert score([{"index": 0, "probs": [-7.5], "num_classes": 1}], "classify") == -7.5


@pytest.mark.parametrize("data", [[], [[]], [0.1, 0.2], [[0.1, 0.2]], "AAAA", None, [[True]], [["1"]]])
def test_vectors_and_nonsense_are_no_reward(data: Any) -> None:
    with pytest.raises(Unfit, match="no score"):
        score([{"index": 0, "data": data}])


def test_several_classes_are_no_reward() -> None:
    with pytest.raises(Unfit, match="2 classes"):
        score([{"index": 0, "probs": [0.4, 0.6]}], "classify")


@pytest.mark.parametrize("raw", ["{", "[]", '{"data": []}', '{"data": [3]}', '{"error": {"message": "busy"}}'])
def test_a_broken_reply_may_go_well_the_next_time(raw: str) -> None:
    with pytest.raises(Again):
        reward_models.read(raw, "pooling")


@pytest.mark.parametrize("base", ["http://h:1/v1", "http://h:1/v1/", "http://h:1"])
def test_the_address_of_a_reward_stands_beside_v1(base: str) -> None:
    assert reward_models.url(base, "pooling") == "http://h:1/pooling"
