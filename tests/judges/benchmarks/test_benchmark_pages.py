"""Benchmark pages: start with a file, progress, and every call."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from judges.benchmarks import calls as benchmark_calls
from judges.benchmarks import planning, reports, runs, sets
from judges.benchmarks.calls import CallFilter
from judges.benchmarks.runs import benchmark_life
from judges.models import BenchmarkCall, BenchmarkRun, Judge, PreferenceSet, RunState
from tests.judges.benchmarks.test_judge_benchmark import LONGER, run, write
from tests.judges.conftest import QUICK, make_judge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judge(stand_in: Callable[..., Any]) -> Judge:
    return make_judge(stand_in(**LONGER).url, price_in="1", price_out="2")


@pytest.fixture
def client(administrator, as_user) -> Client:
    found: Client = as_user(administrator)
    return found


def upload(path: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(path.name, path.read_bytes())


def post(client: Client, judge: Judge, **fields: Any) -> Any:
    terms = {"protocol": "chat", "seed": "0", "limit": ""}
    return client.post(f"/judges/{judge.pk}/benchmarks/new/", terms | fields)


def test_a_file_is_uploaded_what_it_would_be_is_said_and_it_is_begun(client, judge, tmp_path: Path) -> None:
    page = client.get(f"/judges/{judge.pk}/benchmarks/").content.decode()
    assert f'href="/judges/{judge.pk}/benchmarks/new/"' in page
    said = post(
        client, judge, both_orders="on", preference_files=upload(write(tmp_path / "chat.jsonl", 5)), estimate=""
    )
    kept = PreferenceSet.objects.get()
    assert (kept.name, kept.entries.count(), kept.user) == ("chat", 5, said.wsgi_request.user)
    page = said.content.decode()
    assert "<dd>10</dd>" in page
    assert f'value="{kept.pk}" id="id_sets_0" checked' in page or "checked" in page
    assert not BenchmarkRun.objects.exists()
    begun = post(client, judge, both_orders="on", sets=[kept.pk], start="")
    made = BenchmarkRun.objects.get()
    assert begun.headers["Location"] == f"/judges/{judge.pk}/benchmarks/{made.pk}/"
    assert (made.both_orders, list(made.sets.all()), made.state) == (True, [kept], RunState.WAITING)
    assert 'hx-trigger="every 2s"' in client.get(begun.headers["Location"]).content.decode()
    benchmark_life.work(made.pk, patience=QUICK)
    page = client.get(begun.headers["Location"]).content.decode()
    assert "10 of 10 calls" in page
    assert "hx-trigger" not in page
    told = client.get(begun.headers["Location"], headers={"HX-Request": "true"})
    assert told.headers["HX-Refresh"] == "true"


def test_several_files_are_several_sets_and_a_start_takes_them_at_once(client, judge, tmp_path: Path) -> None:
    files = [upload(write(tmp_path / f"{name}.jsonl", 2)) for name in ("chat", "safety")]
    post(client, judge, preference_files=files, start="")
    assert [each.name for each in BenchmarkRun.objects.get().sets.order_by("name")] == ["chat", "safety"]


def test_faults_are_told_with_line_field_and_row(client, judge) -> None:
    bad = SimpleUploadedFile(
        "bad.jsonl", b'{"prompt": "?", "chosen": "a", "rejected": "b"}\n{"prompt": "?", "chosen": 3}\n'
    )
    page = post(client, judge, preference_files=bad, start="").content.decode()
    assert "1 row is not a valid preference, so nothing was sent." in page
    assert '<td><bdi>bad.jsonl</bdi></td><td class="number">2</td><td>chosen</td>' in page
    assert not BenchmarkRun.objects.exists()
    assert not PreferenceSet.objects.exists()


def test_without_a_set_nothing_is_begun(client, judge) -> None:
    assert "Choose a preference set or upload a preference file." in post(client, judge, start="").content.decode()
    assert not BenchmarkRun.objects.exists()


def test_one_at_work_is_not_begun_twice(client, judge, tmp_path: Path) -> None:
    kept = sets.keep(write(tmp_path / "chat.jsonl", 2))
    post(client, judge, sets=[kept.pk], start="")
    first = BenchmarkRun.objects.get()
    first.senders.create(started_at=timezone.now(), beat_at=timezone.now())
    page = post(client, judge, sets=[kept.pk], start="").content.decode()
    assert "benchmark of this judge is already running" in page
    assert BenchmarkRun.objects.get() == first


def test_who_may_add_no_judges_begins_and_changes_nothing(owner, as_user, judge, tmp_path: Path) -> None:
    done = run(judge, write(tmp_path / "chat.jsonl", 2))
    client = as_user(owner)
    assert post(client, judge, start="").status_code == 403
    assert client.post(f"/judges/{judge.pk}/benchmarks/{done.pk}/cancel/").status_code == 403
    for address in ("", f"{done.pk}/", f"{done.pk}/calls/"):
        page = client.get(f"/judges/{judge.pk}/benchmarks/{address}").content.decode()
        assert "benchmarks/new/" not in page


def test_it_is_paused_gone_on_with_and_cancelled(client, judge, tmp_path: Path) -> None:
    kept = sets.keep(write(tmp_path / "chat.jsonl", 2))
    made = runs.start(judge.current, [kept], planning.Terms(), timezone.now())
    for change, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        client.post(f"/judges/{judge.pk}/benchmarks/{made.pk}/{change}/")
        made.refresh_from_db()
        assert made.state == state


def rows(client: Client, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(client.get(address).getvalue().decode())))


def test_the_questions_can_be_read_by_state_set_and_right_or_wrong(client, judge, tmp_path: Path) -> None:
    first, second = write(tmp_path / "chat.jsonl", 6, wrong=2), write(tmp_path / "safety.jsonl", 4, first=10)
    done = run(judge, first, second)
    address = f"/judges/{judge.pk}/benchmarks/{done.pk}/calls"
    page = client.get(f"{address}/").content.decode()
    assert page.count('<th scope="row">') == 10
    wrong = client.get(f"{address}/?found=wrong").content.decode()
    assert wrong.count('<th scope="row">') == 2
    assert "Question 0?" in wrong
    assert "Question 5?" not in wrong
    safety = done.sets.get(name="safety")
    assert client.get(f"{address}/?set={safety.pk}").content.decode().count('<th scope="row">') == 4
    assert "No calls match." in client.get(f"{address}/?state=failed").content.decode()
    assert client.get(f"{address}/?state=x&set=x&found=x").status_code == 200
    told = rows(client, f"{address}.csv")
    assert sorted(row["found"] for row in told) == ["right"] * 8 + ["wrong"] * 2
    assert sum(int(row["cost_nanos"]) for row in told) == reports.report(done).cost > 0


def test_one_question_shows_what_is_known_what_was_sent_and_what_came_back(client, judge, tmp_path: Path) -> None:
    done = run(judge, write(tmp_path / "chat.jsonl", 2, wrong=1, subset="hard"))
    call = BenchmarkCall.objects.filter(preference__chosen__startswith="No,").get()
    page = client.get(f"/judges/{judge.pk}/benchmarks/{done.pk}/calls/{call.pk}/").content.decode()
    for text in (
        "<strong>wrong</strong>",
        "row 1 of chat",
        "<bdi>hard</bdi>",
        "<code>q0</code>",
        "No, 0.",
        "[[",
        "Full request",
    ):
        assert text in page, text


def test_what_an_earlier_benchmark_paid_for_stands_in_the_later_one(client, judge, tmp_path: Path) -> None:
    file = write(tmp_path / "chat.jsonl", 4)
    earlier = run(judge, file, limit=2)
    later = run(judge, file)
    assert benchmark_calls.chosen(earlier, CallFilter()).count() == 2
    assert {call.run_id for call in benchmark_calls.chosen(later, CallFilter())} == {earlier.pk, later.pk}
    call = earlier.calls.all()[0]
    page = client.get(f"/judges/{judge.pk}/benchmarks/{later.pk}/calls/{call.pk}/").content.decode()
    assert f"in benchmark {earlier.pk}." in page
    beyond = later.calls.exclude(run=earlier)[0]
    assert client.get(f"/judges/{judge.pk}/benchmarks/{earlier.pk}/calls/{beyond.pk}/").status_code == 404


def test_one_order_counts_only_the_side_that_was_drawn(judge, tmp_path: Path) -> None:
    file = write(tmp_path / "chat.jsonl", 5)
    both = run(judge, file, both_orders=True)
    one = run(judge, file)
    assert benchmark_calls.chosen(both, CallFilter()).count() == 10
    assert benchmark_calls.chosen(one, CallFilter()).count() == 5
    assert sum(reports.report(one).all.outcomes.values()) == 5


def test_scores_are_right_where_the_chosen_answer_has_the_higher_one(
    client, stand_in: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = make_judge(stand_in(**LONGER).url)
    done = run(judge, write(tmp_path / "chat.jsonl", 4, wrong=1), protocol="pooling")
    right, wrong = (benchmark_calls.chosen(done, CallFilter(found=found)) for found in ("right", "wrong"))
    assert (right.count(), wrong.count()) == (6, 2)
    assert {benchmark_calls.found(done, call) for call in right} == {"right"}
    assert {call.preference.chosen for call in wrong} == {"No, 0."}
    call = wrong[0]
    page = client.get(f"/judges/{judge.pk}/benchmarks/{done.pk}/calls/{call.pk}/").content.decode()
    assert "(other answer: " in page


def test_the_api_tells_every_question(client, judge, tmp_path: Path) -> None:
    done = run(judge, write(tmp_path / "chat.jsonl", 3, wrong=1))
    address = f"/api/judges/{judge.pk}/benchmarks/{done.pk}/calls/"
    told = client.get(address).json()["results"]
    assert sorted(row["found"] for row in told) == ["right", "right", "wrong"]
    (wrong,) = client.get(f"{address}?found=wrong&set=chat").json()["results"]
    assert client.get(f"{address}?set=other").json()["results"] == []
    one = client.get(f"{address}{wrong['number']}/").json()
    assert (one["chosen"], one["says"], one["found"]) == ("No, 0.", "rejected", "wrong")
    assert json.loads(one["replies"][0]["raw"])["choices"]
    assert one["replies"][0]["request"]["messages"]
    assert client.get(f"{address}{10**20}/").status_code == 404
    first = client.get(f"{address}?page_size=2").json()
    assert len(client.get(first["next"]).json()["results"]) == 1


@pytest.mark.parametrize(("of", "number"), [("judge", 10**30), ("run", 10**30), ("judge", 0)])
def test_a_benchmark_that_no_database_could_have_is_not_found(
    client, judge, tmp_path: Path, of: str, number: int
) -> None:
    there = {"judge": judge.pk, "run": run(judge, write(tmp_path / "chat.jsonl", 1)).pk}
    for root in ("/judges", "/api/judges"):
        assert client.get(f"{root}/{there['judge']}/benchmarks/{there['run']}/").status_code == 200
        place = there | {of: number}
        assert client.get(f"{root}/{place['judge']}/benchmarks/{place['run']}/").status_code == 404


def test_wrong_verdicts_are_a_link_only_where_there_are_some(client, judge, tmp_path: Path) -> None:
    for name, wrong in (("some", 2), ("none", 0)):
        done = run(judge, write(tmp_path / f"{name}.jsonl", 4, wrong=wrong))
        page = client.get(f"/judges/{judge.pk}/benchmarks/{done.pk}/").content.decode()
        assert ("?found=wrong" in page) == bool(wrong), name
