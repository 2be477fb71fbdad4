"""Every board stays at an address of its own, which its citation names."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Study
from ranking.boards import snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.reports import agreement
from ranking.votes.reader import Filters
from tests.builders import NOW
from tests.ranking.casting import person, vote, voted_study

pytestmark = pytest.mark.django_db


def publish(slug: str = "haiku") -> Study:
    study = voted_study(slug)
    Study.objects.update(public=True)
    compute_all()
    return study


def compute_all() -> None:
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)


def newest(study: Study) -> Leaderboard:
    board = Leaderboard.objects.of(study, Filters(), Settings()).newest()
    assert board is not None
    return board


def get(client: Client, study: Study, board: Leaderboard, name: str = "leaderboard-board"):
    return client.get(reverse(name, args=[study.slug, board.pk]))


def content(response) -> str:
    """What the page says, without the form in its footer, whose token is another every time."""
    return response.content.decode().partition("<main")[2].partition("</main>")[0]


def test_a_board_stays_as_it_was_when_more_votes_have_come(client):
    study = publish()
    first = newest(study)
    before = content(get(client, study, first))
    table = b"".join(get(client, study, first, "leaderboard-board-csv").streaming_content)
    for pair in study.pairs.all():
        vote(person(study), pair, "y")
    compute_all()
    assert newest(study).pk != first.pk
    assert content(get(client, study, first)) == before
    assert b"".join(get(client, study, first, "leaderboard-board-csv").streaming_content) == table
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert [row["model"] for row in rows] == [f"Quillfinch-{index}" for index in range(4)]
    assert get(client, study, first, "leaderboard-board-json").json()["digest"] == first.digest


def test_the_citation_of_the_page_leads_to_the_board(client):
    study = publish()
    board = newest(study)
    html = client.get(reverse("leaderboard", args=[study.slug])).content.decode()
    permanent = reverse("leaderboard-board", args=[study.slug, board.pk])
    cited = (
        f"The haiku study. Leaderboard {board.pk}: Bradley-Terry, people, 432 comparisons, computed on 2026-03-01, "
        f"digest {board.digest[:12]}. LLMFAO, http://testserver{permanent}"
    )
    assert cited in html
    assert f'data-copy="{cited}"' in html
    assert cited in client.get(permanent).content.decode()


@pytest.mark.parametrize(
    ("filters", "settings", "told"),
    [
        (
            Filters(category="code"),
            Settings(),
            "Prompts: code, Intervals for: raters like these on exactly these prompts, 216 comparisons",
        ),
        (
            Filters(),
            Settings(clusters="none"),
            "Bradley-Terry, people, Intervals for: votes assumed independent, 432 comparisons",
        ),
        (
            Filters(raters="all", inconsistent="tie"),
            Settings(),
            "contradictory verdicts counted as ties, 432 comparisons",
        ),
        (Filters(), Settings(ties="drop", first_place=True), "people, ties left out, position bias estimated, "),
        (
            Filters(),
            Settings(simultaneous=True),
            "Bradley-Terry, people, rank ranges for all models at once, 432 comparisons",
        ),
        (
            Filters(),
            Settings(method="baseline-win-rate", baseline="Quillfinch-0"),
            "Win rate against one model, people, Baseline model: Quillfinch-0, 216 comparisons",
        ),
        (
            Filters(),
            Settings(method="elo-bootstrap", redraw="permute", rounds=20),
            "Elo (bootstrapped), people, votes reordered in each round, 432 comparisons",
        ),
    ],
    ids=["category", "question", "inconsistent", "ties and places", "simultaneous", "baseline", "rounds"],
)
def test_a_citation_tells_a_board_from_others_of_the_same_raters_and_method(client, filters, settings, told):
    study = voted_study()
    Study.objects.update(public=True)
    snapshots.ask(study, filters, settings, "", 1, NOW)
    board = Leaderboard.objects.of(study, filters, settings).get()
    snapshots.fill(board.pk, NOW)
    assert told in content(get(client, study, board)).partition('class="citation"')[2]


def test_the_page_says_how_to_have_the_numbers_again(client):
    study = publish()
    board = newest(study)
    html = get(client, study, board).content.decode()
    assert f"manage.py leaderboard {study.slug} --recompute {board.pk}" in html


def test_a_board_of_another_study_is_not_found_under_this_one(client):
    study, other = publish(), publish("other")
    for name in ("leaderboard-board", "leaderboard-board-csv", "leaderboard-board-json"):
        assert get(client, study, newest(other), name).status_code == 404
        assert get(client, other, newest(other), name).status_code == 200


def test_a_report_is_no_board(client):
    study = publish()
    report = study.leaderboards.filter(method=agreement.METHOD).latest("pk")
    assert get(client, study, report).status_code == 404


def test_nobody_else_finds_the_board_of_a_private_study(client, outsider, as_user):
    study = publish()
    Study.objects.update(public=False)
    for visitor in (client, as_user(outsider)):
        assert get(visitor, study, newest(study)).status_code == 404


def test_a_board_whose_numbers_are_not_kept_says_how_to_have_them_again(client):
    study = publish()
    board = newest(study)
    Leaderboard.objects.filter(pk=board.pk).update(sheet={})
    html = get(client, study, board).content.decode()
    assert f"--recompute {board.pk}" in html
    assert get(client, study, board, "leaderboard-board-csv").status_code == 404
