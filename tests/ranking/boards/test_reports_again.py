"""Reports that were stored can be computed again, whatever came after them."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation

from annotation.models import Study
from annotation.snapshots import State
from annotation.voting import leaving
from ranking.boards import recompute, retention, snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.reports import agreement, by_rater
from ranking.votes.reader import ALL, Filters
from tests.builders import NOW
from tests.built_once import built_once
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db

KINDS = (agreement.METHOD, by_rater.METHOD)


@pytest.fixture
@built_once
def study() -> Study:
    study = voted_study(public=True)
    rater = judge(study)
    for number, pair in enumerate(study.pairs.all()):
        vote(rater, pair, "x" if number % 3 else "y")
    return study


def stored(study: Study, kind: str) -> Leaderboard:
    settings = Settings(method=kind)
    snapshots.ask(study, Filters(ALL), settings, "1", 1, NOW)
    pk = Leaderboard.objects.of(study, Filters(ALL), settings).get().pk
    assert snapshots.fill(pk, NOW)
    return Leaderboard.objects.get(pk=pk)


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("agreement", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_whose_numbers_were_dropped_comes_again_whoever_compared_since(study, kind):
    report = stored(study, kind)
    Leaderboard.objects.filter(pk=report.pk).update(sheet={}, emptied_at=NOW)
    later = judge(study, "a judge who came later")
    for pair in study.pairs.all():
        vote(later, pair, "y")
        vote(person(study), pair, "y")
    again = json.loads(printed(study.slug, "--recompute", str(report.pk), "--json"))
    assert again == json.loads(json.dumps(report.sheet))


def test_categories_voted_on_later_are_not_in_the_columns_of_before(study):
    prose = study.pairs.filter(prompt__type="prose")
    study.comparisons.filter(pair__in=prose).delete()
    report = stored(study, by_rater.METHOD)
    assert [column["key"] for column in report.sheet["columns"]] == ["people", "judge:gpt9"]
    for pair in prose:
        vote(person(study), pair, "x")
    assert recompute.recompute_report(report) == report.sheet


def test_both_kinds_come_in_every_form(study):
    agreed, beside = (stored(study, kind) for kind in KINDS)
    client = Client()
    for report, name in ((agreed, "agreement"), (beside, "columns")):
        file = client.get(reverse(f"leaderboard-{name}-csv", args=[study.slug])).getvalue().decode()
        lines = list(csv.reader(io.StringIO(printed(study.slug, "--recompute", str(report.pk), "--csv"))))
        assert lines == list(csv.reader(io.StringIO(file)))
        page = client.get(reverse(f"leaderboard-{name}", args=[study.slug])).content.decode()
        assert f"manage.py agreement {study.slug} --recompute {report.pk}" in page
    assert "Quillfinch-0" in printed(study.slug, "--recompute", str(beside.pk))
    assert "alpha_nominal" in printed(study.slug, "--recompute", str(agreed.pk))


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_that_cannot_be_had_again_says_why(study, kind):
    report = stored(study, kind)
    with pytest.raises(CommandError, match="Report 999999 was not found"):
        printed(study.slug, "--recompute", "999999")
    with pytest.raises(CommandError, match=r"manage\.py agreement --recompute"):
        call_command("leaderboard", study.slug, "--recompute", str(report.pk))
    study.comparisons.filter(rater__kind="judge").delete()
    with pytest.raises(CommandError, match="some of its comparisons are no longer stored"):
        printed(study.slug, "--recompute", str(report.pk))
    leaving.withdraw(study.workers.first(), NOW)
    with pytest.raises(CommandError, match=r"^Report \d+ cannot be .* 72 of its votes have since been withdrawn"):
        printed(study.slug, "--recompute", str(report.pk))


def test_a_leaderboard_is_no_report(study):
    snapshots.ask(study, Filters(), Settings(), "1", 1, NOW)
    board = study.leaderboards.get()
    snapshots.fill(board.pk, NOW)
    with pytest.raises(CommandError, match=r"manage\.py leaderboard --recompute"):
        printed(study.slug, "--recompute", str(board.pk))


def test_of_a_day_that_is_past_the_last_report_stays(study):
    stored(study, agreement.METHOD)
    assert retention.thin(NOW.replace(year=NOW.year + 1)) == 0


def test_why_there_is_no_board_is_stored_in_english_whoever_asked(study):
    study.comparisons.filter(rater__kind="worker").delete()
    with translation.override("ja"):
        snapshots.ask(study, Filters(category="code"), Settings(), "1", 1, NOW)
        snapshots.ask(study, Filters("nobody"), Settings(), "1", 1, NOW)
        for board in study.leaderboards.all():
            assert snapshots.fill(board.pk, NOW)
    assert set(study.leaderboards.values_list("state", flat=True)) == {State.IMPOSSIBLE}
    assert all(board.problem.startswith("No ") for board in study.leaderboards.all())
    page = reverse("leaderboard", args=[study.slug]) + "?category=code"
    assert "No comparisons by these raters" in Client().get(page).content.decode()
    assert "No comparisons by" not in Client(headers={"accept-language": "ja"}).get(page).content.decode()
