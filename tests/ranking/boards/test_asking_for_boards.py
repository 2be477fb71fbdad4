"""Boards that are not kept by themselves: asked for on the page, within bounds, and kept up to date for a day."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Study
from annotation.snapshots import State
from annotation.voting import leaving
from ranking import tasks
from ranking.boards import requests, snapshots
from ranking.boards.requests import TooMany
from ranking.methods.settings import Settings
from ranking.models import BoardRequest, Leaderboard
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.built_once import built_once
from tests.ranking.casting import person, vote, voted_study
from tests.together import together

NEWMAN = (Filters(), Settings(method="newman"))


@pytest.fixture
def sent(monkeypatch):
    """The boards whose messages were sent."""
    found: list[int] = []
    monkeypatch.setattr(requests, "_enqueue", found.append)
    return found


@pytest.fixture
@built_once
def study(db):
    study = voted_study()
    Study.objects.update(public=True)
    compute_all(NOW)
    return study


def compute_all(at):
    return [snapshots.fill(pk, at) for pk in snapshots.recompute_changed(at)]


def address(name: str, study: Study, query: str = "?method=newman") -> str:
    return reverse(name, args=[study.slug]) + query


def page(client: Client, study: Study, query: str = "?method=newman") -> str:
    return client.get(address("leaderboard", study, query)).content.decode()


def press(client: Client, study: Study, query: str = "?method=newman"):
    return client.post(address("leaderboard-compute", study, query))


def test_a_board_that_is_not_there_is_asked_for_and_comes(client, study, sent, django_capture_on_commit_callbacks):
    html = page(client, study)
    assert "has not been computed yet" in html
    assert f'action="{address("leaderboard-compute", study)}"' in html
    with django_capture_on_commit_callbacks(execute=True):
        response = press(client, study)
    assert response.url == address("leaderboard", study)
    html = page(client, study)
    assert "is being computed" in html
    assert 'http-equiv="refresh"' in html
    asked = Leaderboard.objects.of(study, *NEWMAN).get()
    assert sent == [asked.pk]
    assert snapshots.fill(asked.pk, NOW)
    assert "Quillfinch-0" in page(client, study)


def test_the_message_that_is_sent_is_one_that_the_worker_knows():
    assert tasks.fill.name == requests.TASK


def test_a_page_that_waits_is_told_when_it_need_not_any_more(client, study):
    requests.ask_for(study, *NEWMAN, timezone.now())
    assert client.get(address("leaderboard", study), headers={"HX-Request": "true"}).status_code == 204
    compute_all(timezone.now())
    response = client.get(address("leaderboard", study), headers={"HX-Request": "true"})
    assert response.headers["HX-Refresh"] == "true"


def test_asking_again_while_it_is_computed_or_after_asks_for_nothing_more(client, study):
    for _press in range(3):
        assert press(client, study).status_code == 302
    assert Leaderboard.objects.of(study, *NEWMAN).count() == 1
    compute_all(NOW)
    press(client, study)
    assert Leaderboard.objects.of(study, *NEWMAN).count() == 1


def test_whoever_may_not_see_the_results_may_not_ask(client, study, outsider, as_user):
    Study.objects.update(public=False)
    assert press(client, study).status_code == 404
    assert press(as_user(outsider), study).status_code == 404
    assert not BoardRequest.objects.exists()


def test_a_form_of_another_site_asks_for_nothing(study):
    assert press(Client(enforce_csrf_checks=True), study).status_code == 403
    assert not BoardRequest.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "?raters=nobody",
        "?category=poetry",
        "?method=astrology",
        "?anchor=Nobody",
        "?method=baseline-win-rate&baseline=Nobody",
        "?method=elo&question=worker",
        "?reading=backwards",
        "?places=here",
    ],
)
def test_what_no_board_can_be_is_not_found_and_not_asked_for(client, study, query):
    assert client.get(address("leaderboard", study, query)).status_code == 404
    assert press(client, study, query).status_code == 404
    assert not BoardRequest.objects.exists()


def test_no_more_than_a_few_boards_are_under_way_at_once(client, study):
    methods = ("newman", "pagerank", "eigen", "average-win-rate", "davidson", "style-controlled")
    answers = [press(client, study, f"?method={method}") for method in methods]
    assert [answer.status_code for answer in answers] == [302] * requests.MOST_AT_ONCE + [429]
    assert "Try again later." in answers[-1].content.decode()
    assert Leaderboard.objects.unfinished().count() == requests.MOST_AT_ONCE
    compute_all(NOW)
    assert press(client, study, "?method=style-controlled").status_code == 302


def test_no_more_than_so_many_boards_are_asked_for_in_a_day(study, monkeypatch):
    monkeypatch.setattr(requests, "MOST_A_DAY", 2)
    for method in ("newman", "pagerank"):
        requests.ask_for(study, Filters(), Settings(method=method), NOW)
    with pytest.raises(TooMany):
        requests.ask_for(study, Filters(), Settings(method="eigen"), NOW)
    requests.ask_for(study, Filters(), Settings(method="eigen"), NOW + timedelta(hours=25))


def test_strangers_cannot_use_up_what_those_who_run_the_study_may_ask_for(study, client, owner, as_user, monkeypatch):
    monkeypatch.setattr(requests, "MOST_A_DAY", 2)
    Study.objects.update(owner=owner)
    methods = ("newman", "pagerank", "eigen")
    assert [press(client, study, f"?method={method}").status_code for method in methods] == [302, 302, 429]
    assert press(as_user(owner), study, "?method=eigen").status_code == 302


def test_a_board_that_was_asked_for_is_kept_up_to_date_for_a_day(study):
    requests.ask_for(study, *NEWMAN, NOW)
    compute_all(NOW)
    soon, late = NOW + timedelta(hours=23), NOW + timedelta(hours=25)
    vote(person(study), study.pairs.first(), "x")
    compute_all(soon)
    assert Leaderboard.objects.of(study, *NEWMAN).newest().comparisons == 433
    vote(person(study), study.pairs.first(), "x")
    compute_all(late)
    assert Leaderboard.objects.of(study, *NEWMAN).newest().comparisons == 433
    assert Leaderboard.objects.of(study, Filters(), Settings()).newest().comparisons == 434


def test_only_the_latest_that_were_asked_for_are_kept(study, monkeypatch):
    monkeypatch.setattr(requests, "MOST_KEPT", 1)
    requests.ask_for(study, *NEWMAN, NOW)
    requests.ask_for(study, Filters(), Settings(method="eigen"), NOW + timedelta(minutes=1))
    assert [settings.method for _filters, settings in requests.asked_lately(study, NOW + timedelta(hours=1))] == [
        "eigen"
    ]


def test_an_old_board_says_when_it_was_computed_and_how_many_votes_came_since(client, study, monkeypatch):
    requests.ask_for(study, *NEWMAN, NOW)
    compute_all(NOW)
    assert "Recompute leaderboard" not in page(client, study)
    for _index in range(2):
        vote(person(study), study.pairs.first(), "x")
    html = page(client, study)
    assert "Computed 2026-03-01 12:00 UTC." in html
    assert "2 comparisons have been added since." in html
    assert "Recompute leaderboard" in html
    monkeypatch.setattr(requests, "MANY", 1)
    assert "More than 1 comparisons have been added since." in page(client, study)
    press(client, study)
    assert Leaderboard.objects.of(study, *NEWMAN).newest().state == State.WAITING
    html = page(client, study)
    assert "A newer leaderboard is being computed" in html
    assert "Quillfinch-0" in html


def test_a_board_that_comes_with_the_votes_is_not_exchanged_under_its_readers_eyes(client, study):
    vote(person(study), study.pairs.first(), "x")
    now = timezone.now()
    compute_all(now)
    vote(person(study), study.pairs.first(), "x")
    assert snapshots.recompute_changed(now)
    html = page(client, study, "")
    assert "Quillfinch-0" in html
    assert "being computed" not in html
    assert "hx-get" not in html


def test_an_exclusion_makes_a_board_old_as_well(study):
    requests.ask_for(study, *NEWMAN, NOW)
    compute_all(NOW)
    newest = Leaderboard.objects.of(study, *NEWMAN).newest()
    assert requests.is_current(newest)
    leaving.exclude(study.raters.first(), "by hand", NOW)
    assert not requests.is_current(newest)


def test_a_board_that_cannot_be_says_why(client, study):
    # Every model of this category has been beaten by no other, so Newman's method has no ratings.
    other = build_study("other", models=3, prompts=2, public=True)
    rater = person(other)
    for pair in other.pairs.all():
        vote(rater, pair, "x")
    requests.ask_for(other, *NEWMAN, NOW)
    compute_all(NOW)
    html = page(client, other)
    assert "This leaderboard cannot be computed." in html
    assert "Newman’s method has no finite ratings" in html
    press(client, other)
    assert Leaderboard.objects.of(other, *NEWMAN).count() == 1


def test_a_category_whose_prompts_nobody_compared_says_so(client, study):
    study.comparisons.filter(pair__prompt__type="code").delete()
    query = "?category=code"
    press(client, study, query)
    compute_all(NOW)
    assert "on prompts in the category “code”" in page(client, study, query)


def test_a_board_whose_numbers_are_not_kept_is_computed_anew(client, study):
    requests.ask_for(study, *NEWMAN, NOW)
    compute_all(NOW)
    Leaderboard.objects.of(study, *NEWMAN).update(sheet={})
    assert "numbers are no longer stored" in page(client, study)
    press(client, study)
    compute_all(NOW)
    assert "Quillfinch-0" in page(client, study)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def ask(self, study, filters, settings):
        with suppress(TooMany):
            requests.ask_for(study, filters, settings, NOW)

    def test_many_who_ask_for_one_board_get_one(self, sent):
        study = voted_study()
        together(6, lambda _index: self.ask(study, *NEWMAN))
        assert sent == [Leaderboard.objects.get().pk]

    def test_many_who_ask_for_different_boards_do_not_pass_the_bound(self, sent):
        study = voted_study()
        boards = [(Filters(category=kind), Settings(method=m)) for kind in (None, "code") for m in ("newman", "eigen")]
        boards += [(Filters(category=kind), Settings(method="pagerank")) for kind in (None, "code", "prose")]
        together(len(boards), lambda index: self.ask(study, *boards[index]))
        assert Leaderboard.objects.unfinished().count() == len(sent) == requests.MOST_AT_ONCE
