"""Tables of studies with many verdicts are computed in the background and stored with the time of computation."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotation.importing import load
from annotation.models import Rater, Study
from annotation.snapshots import State
from judges import tasks, verdicts
from judges.models import CallState, GradeSheet, GradeTable, JudgeReply, Verdict
from judges.prompting.readers import READERS
from judges.results import score_tables
from tests.judges import benchmark
from tests.judges.conftest import make_judge, run_judge
from tests.together import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench(tmp_path: Path, owner) -> Study:
    rows = benchmark.files(questions=4)
    load.load([benchmark.write(tmp_path, rows)], study_slug="bench", format_name="mt-bench", user=owner)
    return Study.objects.select_related("prompt_set").get(slug="bench")


@pytest.fixture
def large(bench: Study, monkeypatch) -> Study:
    """A study whose tables are stored."""
    monkeypatch.setattr(score_tables, "AT_ONCE", 3)
    return bench


def later(minutes: float = 10):
    return timezone.now() + timedelta(minutes=minutes)


def test_a_small_study_is_counted_when_somebody_looks(bench: Study, owner, as_user) -> None:
    assert score_tables.recompute_changed(timezone.now()) == []
    assert "Scores by <bdi>owl</bdi>" in as_user(owner).get("/grades/bench/").content.decode()
    assert not GradeSheet.objects.exists()


def test_a_large_one_waits_for_its_tables_and_then_shows_them(large: Study, owner, as_user) -> None:
    client = as_user(owner)
    page = client.get("/grades/bench/").content.decode()
    assert "The tables are being computed." in page
    assert 'hx-trigger="every 2s"' in page
    assert client.get("/grades/bench/", headers={"HX-Request": "true"}).status_code == 204
    for name in ("scores", "pairs"):
        assert client.get(f"/grades/bench/{name}.csv").status_code == 404
    for pk in score_tables.recompute_changed(timezone.now()):
        tasks.fill_tables(pk)
    assert client.get("/grades/bench/", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    page = client.get("/grades/bench/").content.decode()
    assert "Scores by <bdi>owl</bdi>" in page
    assert "Newer verdicts are added within a few minutes" in page


def test_what_is_kept_is_what_would_be_counted(large: Study) -> None:
    assert score_tables.fill(large.pk, timezone.now())
    kept, fresh = score_tables.shown(large), score_tables.compute(large)
    assert kept is not None
    assert kept.computed_at is not None
    assert list(kept.score_rows()) == list(fresh.score_rows())
    assert list(kept.pair_rows()) == list(fresh.pair_rows())
    assert any(row["against"] is not None for row in kept.pair_rows())


def test_each_against_each_is_left_in_the_database_where_nobody_shows_it(large: Study) -> None:
    score_tables.fill(large.pk, timezone.now())
    few, many = score_tables.shown(large, "owl", beside=1), score_tables.shown(large, "owl", beside=2)
    assert few is not None
    assert many is not None
    assert [bool(each.against) for each in few.standings["owl"]] == [False, False]
    assert [bool(each.against) for each in many.standings["owl"]] == [True, True]


def test_nothing_is_computed_again_before_somebody_says_something(large: Study) -> None:
    assert score_tables.recompute_changed(timezone.now()) == [large.pk]
    score_tables.fill(large.pk, timezone.now())
    assert score_tables.recompute_changed(later()) == []


def change_judgments(study: Study) -> None:
    study.judgments.filter(pair=None)[0].delete()


def change_exclusion(study: Study) -> None:
    Rater.objects.filter(study=study, name="owl").update(excluded_at=timezone.now())


def change_comparisons(study: Study) -> None:
    first = study.comparisons.filter(rater__name="owl").order_by("pk")[0]
    first.withdraw(timezone.now())


@pytest.mark.parametrize("change", [change_judgments, change_exclusion, change_comparisons])
def test_what_changes_the_tables_has_them_computed_anew(large: Study, change) -> None:
    score_tables.fill(large.pk, timezone.now())
    change(large)
    assert score_tables.recompute_changed(later()) == [large.pk]
    score_tables.fill(large.pk, later())
    assert score_tables.recompute_changed(later(60)) == []
    kept, fresh = score_tables.shown(large), score_tables.compute(large)
    assert kept is not None
    assert kept.judges == fresh.judges
    assert list(kept.pair_rows()) == list(fresh.pair_rows())


def test_votes_of_people_compute_nothing_anew(large: Study) -> None:
    score_tables.fill(large.pk, timezone.now())
    pair = large.pairs.all()[0]
    person = Rater.objects.create(study=large, kind="worker")
    large.comparisons.create(pair=pair, rater=person, left="x", winner="x")
    assert score_tables.recompute_changed(later()) == []


@pytest.mark.django_db(transaction=True)
def test_a_reply_that_is_read_again_changes_the_tables(large: Study, stand_in) -> None:
    judge = make_judge(stand_in().url, "here", reader="rating")
    run_judge(large, judge)
    score_tables.fill(large.pk, timezone.now())
    assert score_tables.recompute_changed(later()) == []
    for reply in JudgeReply.objects.all():
        JudgeReply.objects.filter(pk=reply.pk).update(raw=reply.raw.replace("[[", "[[1"))
    verdicts.reread(large, judge.current, READERS["rating"], timezone.now())
    assert Verdict.objects.exclude(superseded_at=None).exists()
    assert score_tables.recompute_changed(later()) == [large.pk]


@pytest.mark.django_db(transaction=True)
def test_a_further_run_changes_the_tables(large: Study, stand_in) -> None:
    score_tables.fill(large.pk, timezone.now())
    run_judge(large, make_judge(stand_in().url, "here", reader="rating"))
    assert score_tables.recompute_changed(later()) == [large.pk]
    score_tables.fill(large.pk, later())
    kept = score_tables.shown(large, "here")
    assert kept is not None
    assert kept.judges == ["here", "owl"]
    assert list(kept.tables) == ["here"]


def test_computing_takes_a_small_part_of_the_time(large: Study) -> None:
    score_tables.fill(large.pk, timezone.now())
    GradeSheet.objects.update(seconds=30, claimed_at=timezone.now(), basis="another")
    assert score_tables.recompute_changed(timezone.now() + timedelta(seconds=590)) == []
    assert score_tables.recompute_changed(timezone.now() + timedelta(seconds=610)) == [large.pk]


def test_tables_that_somebody_began_and_left_are_begun_again_in_the_end(large: Study) -> None:
    GradeSheet.objects.create(study=large, state=State.COMPUTING, claimed_at=timezone.now())
    assert score_tables.recompute_changed(timezone.now()) == []
    assert not score_tables.fill(large.pk, timezone.now())
    assert score_tables.recompute_changed(later(16)) == [large.pk]
    assert score_tables.fill(large.pk, later(16))
    assert GradeTable.objects.filter(study=large, judge="owl").exists()


def test_one_who_was_taken_for_dead_keeps_nothing(large: Study, monkeypatch) -> None:
    def slow(study: Study) -> str:
        GradeSheet.objects.update(claimed_at=later(20))
        return "stale"

    monkeypatch.setattr(score_tables, "basis", slow)
    assert not score_tables.fill(large.pk, timezone.now())
    assert not GradeTable.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_compute_at_once_keep_one_set_of_tables(large: Study) -> None:
    assert sorted(together(2, lambda _index: score_tables.fill(large.pk, timezone.now()))) == [False, True]
    assert GradeTable.objects.filter(study=large).count() == 1


def test_how_many_verdicts_are_few_counts_every_kind(bench: Study, monkeypatch) -> None:
    said = bench.judgments.count() + bench.comparisons.filter(rater__kind="judge").count()
    monkeypatch.setattr(score_tables, "AT_ONCE", said - 1)
    assert not score_tables.is_small(bench)
    monkeypatch.setattr(score_tables, "AT_ONCE", said)
    assert score_tables.is_small(bench)


def test_the_whole_of_a_prompt_of_one_turn_is_its_first_turn(bench: Study) -> None:
    prompt = bench.prompt_set.prompts.order_by("pk")[0]
    bench.prompt_set.prompts.filter(pk=prompt.pk).update(turns=[])
    bench.judgments.filter(result__prompt=prompt, turn=2).delete()
    bench.judgments.filter(result__prompt=prompt).update(turn=0, state=CallState.OK, score=9)
    (model, *_others) = score_tables.compute(bench).scores["owl"]
    assert sorted(model.turns) == [1, 2]
    # A verdict on the whole conversation belongs to none of its turns.
    bench.prompt_set.prompts.filter(pk=prompt.pk).update(turns=["And?"])
    (model, *_others) = score_tables.compute(bench).scores["owl"]
    assert sorted(model.turns) == [0, 1, 2]


def test_the_api_has_the_rows_of_the_files(bench: Study, owner, as_user) -> None:
    client = as_user(owner)
    told = client.get("/api/studies/bench/grades/").json()
    fresh = score_tables.compute(bench)
    assert told["judges"] == ["owl"]
    assert told["computed_at"] is None
    assert told["scores"] == list(fresh.score_rows())
    assert told["pairs"] == list(fresh.pair_rows())
    assert client.get("/api/studies/bench/grades/?judge=owl").json()["scores"] == told["scores"]
    assert client.get("/api/studies/bench/grades/?judge=elk").status_code == 404


def test_the_api_says_that_tables_are_computed(large: Study, owner, as_user) -> None:
    client = as_user(owner)
    response = client.get("/api/studies/bench/grades/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    score_tables.fill(large.pk, timezone.now())
    told = client.get("/api/studies/bench/grades/").json()
    assert told["computed_at"] is not None
    assert told["pairs"] == list(score_tables.compute(large).pair_rows())
