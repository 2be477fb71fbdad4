"""Judge verdicts on pages, in files and from the command, the same for judges run here and imported ones."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from annotation.importing import load
from annotation.models import Comparison, Prompt, Rater, Status, Study
from judges.models import JudgeRun, RunKind, Verdict
from judges.results import judgments, question_browser, score_tables
from judges.results.question_browser import PromptFilter
from judges.statistics.score_tables import Interval, Score
from judges.templatetags.grading import mean_of
from tests.judges import benchmark
from tests.judges.conftest import make_judge, run_judge
from tests.places import REAL_DATA, needs_real_data

pytestmark = pytest.mark.django_db

DATA = REAL_DATA / "mt_bench"


@pytest.fixture
def bench(tmp_path: Path, owner) -> Study:
    rows = benchmark.files(questions=4)
    rows["model_judgment/owl_single.jsonl"][0]["score"] = -1
    load.load([benchmark.write(tmp_path, rows)], study_slug="bench", format_name="mt-bench", user=owner)
    return Study.objects.select_related("prompt_set").get(slug="bench")


def command(*arguments: str, **options: object) -> str:
    out = io.StringIO()
    call_command("grades", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.mark.reference
@needs_real_data("mt_bench")
def test_the_published_judgments_give_the_published_numbers() -> None:
    load.load([DATA], study_slug="bench", format_name="mt-bench")
    told = json.loads(command("bench", json=True))
    (overall,) = [row for row in told["scores"] if row["scope"] == "overall"]
    assert (overall["judge"], overall["name"]) == ("gpt-4", "phi-3-dpo")
    assert (overall["mean"], overall["grades"], overall["without_number"]) == (pytest.approx(8.2), 160, 0)
    (phi,) = [row for row in told["pairs"] if row["name"] == "phi-3" and row["against"] is None]
    assert [phi[key] for key in ("matches", "wins", "losses", "ties", "unreadable")] == [73, 18, 20, 35, 2]
    (against,) = [row for row in told["pairs"] if row["name"] == "phi-3" and row["against_name"] == "phi-3-dpo"]
    assert (against["wins"], against["losses"], against["ties"]) == (18, 20, 35)


def test_the_page_shows_scores_and_pairs_and_what_had_no_number(bench: Study, owner, as_user) -> None:
    page = as_user(owner).get("/grades/bench/").content.decode()
    for text in ("Scores by <bdi>owl</bdi>", "No score", "Turn 2", "math", "Pairs judged by <bdi>owl</bdi>"):
        assert text in page
    assert 'class="series-2"' in page


def test_a_score_is_rounded_not_cut_off() -> None:
    told = mean_of(Score(8.0375, Interval(7.25001, 8.99), None, 160, 0))
    assert told == '8.04 <span class="interval">7.3–9.0</span>'
    assert (mean_of(Score(8.0, None, None, 1, 0)), mean_of(None)) == ("8.00", "–")


def test_the_files_hold_what_the_page_shows(bench: Study, owner, as_user) -> None:
    client = as_user(owner)
    scores = client.get("/grades/bench/scores.csv").getvalue().decode()
    assert scores == command("bench", csv="scores")
    assert scores.splitlines()[0].startswith("judge,model,name,scope,of,mean,low,high,deviation,grades,without_number")
    pairs = client.get("/grades/bench/pairs.csv").getvalue().decode()
    assert pairs == command("bench", csv="pairs")
    assert len(pairs.splitlines()) == 1 + 2 * 2


def test_the_command_says_it_in_words(bench: Study) -> None:
    told = command("bench")
    assert "Scores from owl (1 to 10)" in told
    assert "grades: 15; without a score: 1" in told or "grades: 7; without a score: 1" in told
    assert "Pairs judged by owl" in told


def test_a_study_without_judges_says_so(owner, as_user, bench: Study) -> None:
    Comparison.objects.all().delete()
    bench.judgments.all().delete()
    assert "No judge verdicts yet" in as_user(owner).get("/grades/bench/").content.decode()
    assert command("bench").startswith("No judge verdicts or grades in this study yet")


def test_an_unknown_judge_is_not_found(bench: Study, owner, as_user) -> None:
    assert as_user(owner).get("/grades/bench/?judge=elk").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_grades_of_judges_asked_here_stand_in_the_same_tables(bench: Study, owner, as_user, stand_in) -> None:
    run_judge(bench, make_judge(stand_in().url, "here", reader="rating", each_turn=True))
    found = score_tables.compute(bench)
    assert found.judges == ["here", "owl"]
    assert {model.overall.number for model in found.scores["here"]} == {8}
    page = as_user(owner).get("/grades/bench/questions/81/?judge=here").content.decode()
    verdict = Verdict.objects.filter(call__result__prompt__number=81, score__isnull=False)[0]
    assert f"{verdict.score:g} / 10" in page
    assert f"/studies/bench/judges/calls/{verdict.call_id}/" in page


@pytest.mark.django_db(transaction=True)
def test_what_a_probe_is_told_is_in_no_table(bench: Study, stand_in) -> None:
    run = run_judge(bench, make_judge(stand_in().url, "here", reader="rating"))
    assert any(grade.judge == "here" for grade in judgments.grades(bench))
    JudgeRun.objects.filter(pk=run.pk).update(kind=next(kind for kind in RunKind if kind != RunKind.JUDGING))
    assert not any(grade.judge == "here" for grade in judgments.grades(bench))


def test_an_excluded_judge_is_in_no_table(bench: Study) -> None:
    Rater.objects.filter(study=bench, name="owl").update(excluded_at=timezone.now())
    assert score_tables.compute(bench).judges == []


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63) + 1])
def test_a_question_has_a_page_whatever_its_number(bench: Study, owner, as_user, number: int) -> None:
    Prompt.objects.filter(number=81).update(number=number)
    client = as_user(owner)
    assert f"questions/{number}/" in client.get("/grades/bench/questions/").content.decode()
    assert "The Elbe." in client.get(f"/grades/bench/questions/{number}/").content.decode()
    assert client.get(f"/grades/bench/questions/{10**30}/").status_code == 404


def test_a_question_shows_both_answers_references_and_every_word(bench: Study, owner, as_user) -> None:
    page = as_user(owner).get("/grades/bench/questions/81/").content.decode()
    for text in (
        "And a longer one?",
        "The Elbe. (alder 0)",
        "The Danube. (birch 0)",
        "Reference answer by <bdi>sage</bdi>",
        "The Elbe. (sage 0)",
        "single-v1-multi-turn",
        "<bdi>alder</bdi> is better",
        "<bdi>birch</bdi> shown first",
        "unreadable",
    ):
        assert text in page, text


def test_words_of_judges_are_sanitised(bench: Study, owner, as_user) -> None:
    bench.judgments.update(words="<script>alert(1)</script><img src=x onerror=alert(1)> **bold**")
    page = as_user(owner).get("/grades/bench/questions/81/").content.decode()
    assert "<script>alert" not in page
    assert "onerror=alert(1)>" not in page
    assert "<strong>bold</strong>" in page


def test_one_walks_through_the_questions_that_were_chosen(bench: Study, owner, as_user) -> None:
    client = as_user(owner)
    page = client.get("/grades/bench/questions/81/?category=math").content.decode()
    assert 'rel="next" href="/grades/bench/questions/83/?a=1&amp;b=2&amp;category=math"' in page
    assert 'rel="prev"' not in page
    page = client.get("/grades/bench/questions/82/?category=math").content.decode()
    assert 'rel="next"' not in page
    assert "Not in the filtered list" in page


def test_the_list_can_be_of_those_where_judges_disagree(bench: Study) -> None:
    models = tuple(bench.prompt_set.models.order_by("pk").values_list("pk", flat=True))
    every = question_browser.lines(bench, PromptFilter(models=models))
    some = question_browser.lines(bench, PromptFilter(models=models, disagreement=True))
    # In both turns of the second question the answer shown first won.
    assert [line.prompt.number for line in every] == [81, 82, 83, 84]
    assert [line.prompt.number for line in some] == [82]
    assert (every[0].won, every[0].tied) == ([4, 0], 0)


def test_grades_two_points_apart_are_a_disagreement() -> None:
    from judges.statistics.score_tables import Grade

    def grades(first: float, second: float) -> list[Grade]:
        return [Grade("owl", 1, 1, 0, 1, first), Grade("elk", 1, 1, 0, 1, second)]

    assert question_browser.disagree(grades(7, 5), [])
    assert not question_browser.disagree(grades(7, 6), [])


def test_another_choice_of_a_model_can_be_read(tmp_path: Path, owner, as_user) -> None:
    rows = benchmark.files(questions=1, choices=2)
    load.load([benchmark.write(tmp_path, rows)], study_slug="bench", format_name="mt-bench", user=owner)
    page = as_user(owner).get("/grades/bench/questions/81/?choice_b=1").content.decode()
    assert "The Elbe. (alder 0)" in page
    assert "The Elbe. (birch 1)" in page
    assert "The Elbe. (birch 0)" not in page


@pytest.mark.parametrize(
    "query", ["?a=x&b=99999999999999999999", "?category=%00&judge=%00", "?choice_a=-1", "?a=1&b=1"]
)
def test_odd_wishes_are_passed_over(bench: Study, owner, as_user, query: str) -> None:
    for address in ("questions/", "questions/81/"):
        assert as_user(owner).get(f"/grades/bench/{address}{query}").status_code == 200


@pytest.mark.parametrize(
    ("status", "public", "tables", "questions"),
    [
        (Status.DRAFT, False, 404, 404),
        (Status.OPEN, False, 404, 404),
        (Status.OPEN, True, 200, 404),
        (Status.PAUSED, True, 200, 404),
        (Status.CLOSED, False, 404, 404),
        (Status.CLOSED, True, 200, 200),
    ],
)
def test_strangers_read_answers_only_of_a_study_that_is_closed(
    bench: Study, client, status: str, public: bool, tables: int, questions: int
) -> None:
    Study.objects.filter(pk=bench.pk).update(status=status, public=public)
    for address in ("", "scores.csv", "pairs.csv"):
        response = client.get(f"/grades/bench/{address}")
        assert response.status_code == tables, address
        response.getvalue() if response.streaming else response.content
    for address in ("questions/", "questions/81/"):
        assert client.get(f"/grades/bench/{address}").status_code == questions, address


def test_nobody_reads_answers_before_people_vote_on_them(bench: Study, client) -> None:
    Study.objects.filter(pk=bench.pk).update(status=Status.DRAFT, public=True)
    assert client.get("/grades/bench/questions/").status_code == 404
    assert client.get("/grades/bench/questions/81/").status_code == 404


def test_a_question_of_another_study_is_not_found(bench: Study, owner, as_user) -> None:
    assert as_user(owner).get("/grades/bench/questions/9/").status_code == 404


def test_the_pages_ask_no_more_of_the_database_for_more_questions(
    tmp_path: Path, owner, as_user, django_assert_max_num_queries
) -> None:
    rows = benchmark.files(questions=12)
    load.load([benchmark.write(tmp_path, rows)], study_slug="bench", format_name="mt-bench", user=owner)
    client = as_user(owner)
    with django_assert_max_num_queries(30):
        client.get("/grades/bench/questions/")
    with django_assert_max_num_queries(45):
        client.get("/grades/bench/questions/81/")
    with django_assert_max_num_queries(25):
        client.get("/grades/bench/")
