"""Every state of the leaderboard page is an address, and no link leads to one that is not there."""

import functools
from dataclasses import asdict
from html.parser import HTMLParser

import pytest
from django.http import Http404, QueryDict
from django.test import Client
from django.urls import reverse

from annotation.models import Study
from ranking.boards import snapshots
from ranking.methods.registry import METHODS
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.options import Asked, Names, Switches, switches
from ranking.votes.reader import Filters
from tests.builders import NOW
from tests.built_once import built_once
from tests.ranking.casting import judge, vote, voted_study

pytestmark = pytest.mark.django_db


class Links(HTMLParser):
    """The addresses of a page's links that begin as `start` does."""

    def __init__(self, html: str, start: str) -> None:
        super().__init__()
        self.start, self.found = start, set[str]()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        href = dict(attrs).get("href", "")
        if tag == "a" and href.startswith(self.start):
            self.found.add(href)


@pytest.fixture
@built_once
def study():
    study = voted_study(scale_name="eight")
    rater = judge(study)
    for number, pair in enumerate(study.pairs.all()):
        vote(rater, pair, "x" if number % 4 else "y")
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    return study


@functools.cache
def every_state(names: Names) -> dict[Asked, Switches]:
    """All that can be reached by the switches from the board shown first, each with the switches shown there."""
    found, ahead = dict[Asked, Switches](), [Asked()]
    while ahead:
        asked = ahead.pop()
        if asked in found:
            continue
        shown = found[asked] = switches(asked, names)
        for switch in (*shown.first, *filter(None, [shown.intervals]), shown.methods, *shown.rest):
            ahead += [asked_by(choice.query) for choice in switch.choices]
    return found


def asked_by(query: str) -> Asked:
    return Asked.of(QueryDict(query.removeprefix("?")).dict())


def test_no_switch_leads_to_a_board_that_cannot_be(study):
    names = Names.of(study)
    states = every_state(names)
    assert {asked.method for asked in states} == set(METHODS)
    assert {asked.raters for asked in states} == {"people", "gpt9", "all"}
    assert {asked.reading for asked in states} == {"", "tie-allowed"}
    for asked in states:
        # Raises Http404 where it cannot be.
        asked.settings()
        asked.filters()
        assert names.hold(asked)


def test_one_choice_of_every_switch_is_the_one_shown(study):
    for asked, shown in every_state(Names.of(study)).items():
        for switch in (*shown.first, *filter(None, [shown.intervals]), shown.methods, *shown.rest):
            assert [choice.query for choice in switch.choices if choice.chosen] == [asked.query()], (asked, switch)


def test_an_address_and_its_board_name_each_other(study):
    for asked in every_state(Names.of(study)):
        assert asked_by(asked.query()) == asked
        stored = Leaderboard(
            study=study,
            method=asked.method,
            filters=asdict(asked.filters()),
            settings=asdict(asked.settings()),
        )
        assert Asked.about(stored) == asked


def test_saying_the_default_is_the_same_board():
    assert Asked.of({"question": "both"}) == Asked()
    assert Asked.of({"raters": "gpt9", "question": "prompt"}) == Asked(raters="gpt9")
    assert Asked(raters="gpt9").settings() == Settings()


@pytest.mark.parametrize(
    "query",
    [
        "?inconsistent=tie",
        "?raters=all&question=worker",
        "?raters=all&places=together",
        "?raters=all&method=elo-bootstrap&redraw=resample",
        "?method=newman&ties=drop",
        "?method=davidson&ties=half",
        "?method=elo&question=none",
        "?method=pagerank&anchor=Quillfinch-0",
        "?redraw=permute",
    ],
)
def test_an_address_that_contradicts_itself_is_no_board(study, client, query):
    for name in ("leaderboard", "leaderboard-csv", "leaderboard-json"):
        assert client.get(reverse(name, args=[study.slug]) + query).status_code == 404
    assert client.post(reverse("leaderboard-compute", args=[study.slug]) + query).status_code == 404


def test_the_readings_of_a_scale_are_offered_where_there_are_two(study):
    html = Client().get(reverse("leaderboard", args=[study.slug])).content.decode()
    assert "4 and 5 count as ties" in html
    other = voted_study("other")
    Study.objects.update(public=True)
    html = Client().get(reverse("leaderboard", args=[other.slug])).content.decode()
    assert "4 and 5 count as ties" not in html
    assert Client().get(reverse("leaderboard", args=[other.slug]) + "?reading=tie-allowed").status_code == 404
    assert Asked(reading="tie-allowed").filters() == Filters(reading="tie-allowed")


@pytest.mark.parametrize("name", ["leaderboard", "leaderboard-wins"])
def test_no_link_of_a_page_leads_nowhere(study, client, name):
    """Of the board shown first, of one that is kept, and of one that nobody has asked for yet."""
    for query in ("", "?raters=gpt9", "?method=eigen"):
        address = reverse(name, args=[study.slug])
        html = client.get(address + query).content.decode()
        links = {address + link for link in Links(html, "?").found} | Links(html, "/leaderboard/").found
        assert len(links) > 15
        for link in links:
            response = client.get(link)
            assert response.status_code == 200, link
            response.getvalue()


def test_the_addresses_of_a_board_not_computed_yet_say_so_everywhere(study, client):
    model = study.prompt_set.models.first()
    for address in (
        reverse("leaderboard", args=[study.slug]),
        reverse("leaderboard-wins", args=[study.slug]),
        reverse("leaderboard-model", args=[study.slug, model.number]),
    ):
        assert "has not been computed yet" in client.get(address + "?method=eigen").content.decode()
    assert client.get(reverse("leaderboard-csv", args=[study.slug]) + "?method=eigen").status_code == 404


def test_the_intervals_that_are_chosen_are_those_of_the_board():
    """With fewer than 10 prompts intervals are for exactly these; the choice, the words and the citation say so."""
    study = voted_study("few", prompts=4)
    asked, names = Asked(), Names.of(study)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    board = Leaderboard.objects.of(study, asked.filters(), asked.settings()).finished().newest()
    assert {group["clusters"] for group in board.sheet["groups"]} == {"worker"}
    made = switches(asked, names, board)
    by_label = {str(choice.label): choice for choice in made.intervals.choices}
    assert made.intervals.chosen == text.ABOUT["worker"]
    assert [choice for choice in made.intervals.choices if choice.chosen] == [by_label[str(text.ABOUT["worker"])]]
    assert by_label[str(text.ABOUT["both"])].why_not == "fewer than 10 prompts"
    assert text.ABOUT["worker"] in made.words
    assert text.ABOUT["both"] not in made.words
    assert any(str(text.ABOUT["worker"]) in str(word) for word in made.special_words)


def test_intervals_of_one_person_fall_back_to_words_that_no_link_has():
    study = voted_study("one", people=1)
    asked = Asked()
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    board = Leaderboard.objects.of(study, asked.filters(), asked.settings()).finished().newest()
    assert board.sheet["groups"][0]["clusters"] == "prompt"
    intervals = switches(asked, Names.of(study), board).intervals
    assert intervals.chosen == text.ABOUT["prompt"]
    assert [choice.why_not for choice in intervals.choices] == ["only one rater", "", "", ""]


def test_where_the_board_is_as_asked_nothing_is_out_of_reach(study):
    asked = Asked()
    board = Leaderboard.objects.of(study, asked.filters(), asked.settings()).finished().newest()
    assert switches(asked, Names.of(study), board).intervals == switches(asked, Names.of(study)).intervals


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("?method=elo&k=4", "?method=elo"),
        ("?method=elo&start=1e3&scale=400.0", "?method=elo"),
        ("?method=elo&k=16.0", "?method=elo&k=16"),
        ("?method=elo&k=016", "?method=elo&k=16"),
    ],
)
def test_equal_numbers_are_one_board_however_they_are_written(query, same):
    assert asked_by(query) == asked_by(same)
    assert asked_by(query).query() == same


@pytest.mark.parametrize("number", [16.5, 1234567.5, 0.1, -3.0])
def test_a_stored_board_leads_to_the_board_of_exactly_its_numbers(study, number):
    asked, settings = Filters(), Settings(method="elo", start=number)
    stored = Leaderboard(
        study=study, raters=asked.raters, method="elo", filters=asdict(asked), settings=asdict(settings)
    )
    assert Asked.about(stored).settings() == settings


@pytest.mark.parametrize("number", ["x", "nan", "inf"])
def test_what_is_no_number_leads_to_no_board(number):
    with pytest.raises(Http404):
        asked_by(f"?method=elo&k={number}").settings()
