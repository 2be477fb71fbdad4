"""The leaderboard's page: who may read it, what it says, and that it computes nothing."""

import csv
import io
import math
from dataclasses import asdict
from itertools import combinations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, Study
from ranking.boards import compute, snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.pages import leaderboard
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.built_once import built_once
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return User.objects.create_user("owner", password="a long enough word")


def published(study: Study, **fields) -> Study:
    Study.objects.filter(pk=study.pk).update(public=True, **fields)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    return study


@built_once
def published_study() -> Study:
    return published(voted_study())


def page(client: Client, study: Study, query: str = ""):
    return client.get(reverse("leaderboard", args=[study.slug]) + query)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_public_board_is_read_by_anyone(client):
    response = page(client, published_study())
    assert response.status_code == 200
    html = response.content.decode()
    for index in range(4):
        assert f"Quillfinch-{index}" in html
    assert "Ostrava Labs 0" in html
    assert html.index("Quillfinch-0") < html.index("Quillfinch-3")


def test_another_board_is_read_by_those_who_run_the_study_alone(client, owner):
    study = voted_study()
    stranger = User.objects.create_user("stranger", password="a long enough word")
    colleague = User.objects.create_user("colleague", password="a long enough word")
    Study.objects.filter(pk=study.pk).update(owner=owner)
    study.colleagues.add(colleague)
    for name in ("leaderboard", "leaderboard-csv", "leaderboard-json"):
        address = reverse(name, args=[study.slug])
        assert client.get(address).status_code == 404
        assert signed_in(stranger).get(address).status_code == 404
    assert page(signed_in(owner), study).status_code == 200
    assert page(signed_in(colleague), study).status_code == 200


def test_an_address_that_is_no_study_or_no_board_is_not_found(client):
    study = published_study()
    assert client.get(reverse("leaderboard", args=["nowhere"])).status_code == 404
    for query in ("?method=astrology", "?question=everything", "?ties=model"):
        assert page(client, study, query).status_code == 404


def test_a_study_without_votes_says_so_and_what_to_do(client, owner):
    study = published(build_study(), owner=owner)
    anonymous = page(client, study).content.decode()
    assert "No votes yet" in anonymous
    assert reverse("join", args=[study.slug]) in anonymous
    mine = page(signed_in(owner), study).content.decode()
    assert "Start the study" in mine
    assert reverse("study", args=[study.slug]) in mine


def test_a_board_that_is_on_its_way_says_so(client):
    study = voted_study()
    Study.objects.update(public=True)
    assert "has not been computed yet" in page(client, study).content.decode()
    snapshots.recompute_changed(NOW)
    assert "is being computed" in page(client, study).content.decode()


def test_where_only_judges_compared_the_page_of_people_says_why_it_is_empty(client):
    study = build_study()
    rater = judge(study)
    for pair in study.pairs.all():
        vote(rater, pair, "x")
    html = page(client, published(study)).content.decode()
    assert "No votes from people count towards this leaderboard yet." in html
    # Who reads a page has no command line, and need not run the study.
    assert "--raters" not in html
    assert (
        '<a href="?raters=gpt9"><bdi>gpt9</bdi></a> <a href="?raters=all">'
        in html.split("The same leaderboard for other raters:")[1]
    )
    assert "Quillfinch-0" in page(client, study, "?raters=gpt9").content.decode()


def test_simulated_votes_are_marked_wherever_they_reach(client):
    study = voted_study()
    assert "Simulated votes" not in page(client, published(study)).content.decode()
    vote(person(study, simulated=True), study.pairs.first(), "x")
    published(study)
    html = page(client, study).content.decode()
    assert "Simulated votes" in html
    assert "1 simulated" in html
    for name in ("leaderboard-csv", "leaderboard-json"):
        assert "simulated" in client.get(reverse(name, args=[study.slug]))["Content-Disposition"]


def test_the_csv_is_that_of_the_command(client):
    study = published_study()
    response = client.get(reverse("leaderboard-csv", args=[study.slug]))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    out = io.StringIO()
    call_command("leaderboard", study.slug, "--csv", stdout=out)
    assert b"".join(response.streaming_content).decode() == out.getvalue()


def test_the_json_tells_what_went_in(client):
    study = published_study()
    found = client.get(reverse("leaderboard-json", args=[study.slug])).json()
    newest = Leaderboard.objects.filter(method="bradley-terry", raters="people").latest("pk")
    assert (found["id"], found["digest"], found["cut"]) == (newest.pk, newest.digest, newest.cut)


def test_a_page_costs_few_queries_however_many_votes_there_are(client, django_assert_max_num_queries):
    study = published_study()
    with django_assert_max_num_queries(7):
        page(client, study)


def test_a_row_names_those_it_cannot_be_told_from(client):
    study = published_study()
    rows = Leaderboard.objects.filter(method="bradley-terry", raters="people").latest("pk").sheet["groups"][0]["rows"]
    html = page(client, study).content.decode()
    for place, row in enumerate(rows):
        assert place in row["alike"]
        assert f'data-alike="{leaderboard.ranges(row["alike"])}"' in html


def test_what_a_bar_shows_is_said_and_an_order_range_is_no_interval(client):
    study = published_study()
    (group,) = Leaderboard.objects.filter(method="bradley-terry", raters="people").latest("pk").sheet["groups"]
    digits = leaderboard.decimals(group)
    rating, low, high = (leaderboard.written(group["rows"][0][name], digits) for name in ("rating", "low", "high"))
    html = page(client, study).content.decode()
    assert "Chart of rating and interval" in html
    assert f'aria-label="{rating}, from {low} to {high}"' in html
    html = page(client, study, "?method=elo").content.decode()
    assert "Chart of rating<" in html
    permuted = Settings(method="elo-bootstrap", redraw="permute", rounds=20)
    asked = compute.compute(study, Filters(), permuted)
    board = Leaderboard(study=study, sheet=asked.sheet, settings=asdict(permuted), comparisons=432)
    assert [table.drawn for table in leaderboard.tables(board)] == ["Chart of rating and range"]


def test_a_board_that_nothing_is_left_for_says_so_on_each_of_its_pages(client):
    study = build_study(models=3, prompts=4)
    rater = person(study)
    for pair in study.pairs.all():
        vote(rater, pair, "tie")
    published(study)
    query = "?ties=drop"
    client.post(reverse("leaderboard-compute", args=[study.slug]) + query)
    published(study)
    for name in ("leaderboard", "leaderboard-wins"):
        html = client.get(reverse(name, args=[study.slug]) + query).content.decode()
        assert "No model has enough comparisons to be rated." in html
        assert "<table" not in html


def test_groups_are_shown_apart_and_the_page_says_why(client):
    study = build_study(models=4, prompts=12)
    rater = person(study)
    names = [f"Quillfinch-{index}" for index in range(4)]
    for pair in study.pairs.select_related("model_x", "model_y"):
        if {pair.model_x.name, pair.model_y.name} in ({names[0], names[1]}, {names[2], names[3]}):
            vote(rater, pair, "x" if pair.pk % 3 else "y")
    html = page(client, published(study)).content.decode()
    assert "groups with no comparisons between them" in html
    assert "Group 1: 2 models" in html
    assert "Group 2: 2 models" in html


def test_the_study_page_shows_how_its_results_stand(owner):
    study = voted_study()
    published(study, owner=owner)
    html = signed_in(owner).get(reverse("study", args=[study.slug])).content.decode()
    assert "4 models ranked from 432 votes" in html


def test_who_beats_whom_shows_what_was_observed_and_what_is_predicted(client):
    study = published_study()
    html = client.get(reverse("leaderboard-wins", args=[study.slug])).content.decode()
    group = Leaderboard.objects.filter(method="bradley-terry", raters="people").latest("pk").sheet["groups"][0]
    won, lost = group["wins"][0][3], group["wins"][3][0]
    assert won + lost == 6 * 12
    predicted = 1 / (1 + math.exp(group["rows"][3]["natural"] - group["rows"][0]["natural"]))
    share = won / (won + lost)
    assert (
        f'<td class="shade-{round(10 * share)}">{round(100 * share)}<small>{round(100 * predicted)}</small></td>'
        in html
    )


@pytest.mark.parametrize("method", ["davidson", "newman"])
def test_where_ties_have_a_probability_of_their_own_half_of_it_is_in_what_is_predicted(client, method):
    study = published_study()
    snapshots.ask(study, Filters(), Settings(method=method), "1", 1, NOW)
    board = Leaderboard.objects.get(method=method)
    snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    (group,) = board.sheet["groups"]
    best, worst = (math.exp(group["rows"][place]["natural"]) for place in (0, 3))
    nu = math.exp(group["coefficients"][0]["value"] * math.log(10) / 400)
    tie = nu * math.sqrt(best * worst)
    predicted = (best + tie / 2) / (best + tie + worst)
    html = client.get(reverse("leaderboard-wins", args=[study.slug]) + f"?method={method}").content.decode()
    row = html[html.index("<tbody>") :]
    assert f"<small>{round(100 * predicted)}</small>" in row[: row.index("</tr>")]
    assert round(100 * predicted) != round(100 * best / (best + worst))
    model = study.prompt_set.models.get(name="Quillfinch-0")
    address = reverse("leaderboard-model", args=[study.slug, model.number]) + f"?method={method}"
    assert client.get(address).context["found"].opponents[-1].cell.predicted == round(100 * predicted)


def test_a_share_is_written_with_its_decimals_on_a_models_page(client):
    study = published_study()
    settings = Settings(method="baseline-win-rate", baseline="Quillfinch-0")
    snapshots.ask(study, Filters(), settings, "1", 1, NOW)
    board = Leaderboard.objects.get(method="baseline-win-rate")
    snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    row = next(row for row in board.sheet["groups"][0]["rows"] if row["model"] == "Quillfinch-1")
    model = study.prompt_set.models.get(name="Quillfinch-1")
    query = "?method=baseline-win-rate&baseline=Quillfinch-0"
    wins = reverse("leaderboard-wins", args=[study.slug])
    assert "win rate predicted by the ratings" not in client.get(wins + query).content.decode()
    assert "win rate predicted by the ratings" in client.get(wins).content.decode()
    html = client.get(reverse("leaderboard-model", args=[study.slug, model.number]) + query).content.decode()
    assert f"<dd>{row['rating']:.3f} <span" in html


def test_models_that_are_left_out_are_named_on_the_page(client):
    study = voted_study()
    apart = study.pairs.filter(model_x__name="Quillfinch-0", model_y__name="Quillfinch-3")
    Comparison.objects.filter(pair__in=apart).delete()
    published(study)
    settings = Settings(method="baseline-win-rate", baseline="Quillfinch-0")
    snapshots.ask(study, Filters(), settings, "1", 1, NOW)
    snapshots.fill(Leaderboard.objects.get(method="baseline-win-rate").pk, NOW)
    query = "?method=baseline-win-rate&baseline=Quillfinch-0"
    html = page(client, study, query).content.decode()
    assert "1 model has too few comparisons to be ranked." in html
    assert '<span class="trust-value">Quillfinch-3</span>' in html
    assert "These models have fewer than two comparisons with Quillfinch-0." in html
    assert "too few comparisons" not in page(client, study).content.decode()
    told = client.get(reverse("leaderboard-json", args=[study.slug]) + query).json()
    assert told["unmet"] == ["Quillfinch-3"]
    file = client.get(reverse("leaderboard-csv", args=[study.slug]) + query).getvalue().decode()
    assert "Quillfinch-3" not in file


def test_a_models_page_shows_each_opponent(client):
    study = published_study()
    model = study.prompt_set.models.get(name="Quillfinch-1")
    html = client.get(reverse("leaderboard-model", args=[study.slug, model.number])).content.decode()
    assert "Quillfinch-0" in html
    assert "Quillfinch-3" in html
    assert "216 (" in html
    assert client.get(reverse("leaderboard-model", args=[study.slug, 12345])).status_code == 404


def test_who_won_against_whom_can_be_downloaded(client):
    def table(name, *args):
        response = client.get(reverse(name, args=[study.slug, *args]))
        return list(csv.DictReader(io.StringIO(response.getvalue().decode())))

    study = published_study()
    (group,) = Leaderboard.objects.of(study, Filters(), Settings()).newest().sheet["groups"]
    names = [row["model"] for row in group["rows"]]
    won = {(names[i], names[j]): points for i, row in enumerate(group["wins"]) for j, points in enumerate(row)}
    rows = table("leaderboard-wins-csv")
    assert [(row["model"], row["opponent"]) for row in rows] == list(combinations(names, 2))
    for row in rows:
        one, other = won[row["model"], row["opponent"]], won[row["opponent"], row["model"]]
        assert (float(row["points"]), int(row["comparisons"])) == (one, one + other)
        assert float(row["share"]) == one / (one + other)
        assert 0 < float(row["predicted"]) < 1
    last = study.prompt_set.models.get(name=names[-1])
    mine = table("leaderboard-model-csv", last.number)
    assert [(row["model"], row["opponent"]) for row in mine] == [(names[-1], name) for name in names[:-1]]
    assert [float(row["points"]) for row in mine] == [won[names[-1], name] for name in names[:-1]]
    assert client.get(reverse("leaderboard-model-csv", args=[study.slug, 12345])).status_code == 404


def test_people_and_judges_stand_side_by_side(client):
    study = voted_study()
    rater = judge(study)
    for number, pair in enumerate(study.pairs.all()):
        vote(rater, pair, "x" if number % 4 else "y")
    html = client.get(reverse("leaderboard-agreement", args=[published(study).slug])).content.decode()
    assert "432 votes by 6 people on 72 pairs of answers to 12 prompts" in html
    assert "gpt9" in html
    assert "Spearman" in html
    assert "Cohen" in html


def test_the_pages_of_a_private_study_are_nobody_elses(client):
    study = published_study()
    Study.objects.update(public=False)
    model = study.prompt_set.models.first()
    for address in (
        reverse("leaderboard-wins", args=[study.slug]),
        reverse("leaderboard-agreement", args=[study.slug]),
        reverse("leaderboard-model", args=[study.slug, model.number]),
    ):
        assert client.get(address).status_code == 404


def test_agreement_before_the_first_vote_says_so(client):
    study = published(build_study())
    assert "Nothing to compare yet." in client.get(reverse("leaderboard-agreement", args=[study.slug])).content.decode()


@pytest.mark.parametrize("name", ["leaderboard", "leaderboard-csv", "leaderboard-json", "leaderboard-wins"])
def test_a_study_of_votes_from_elsewhere_is_public_without_being_opened(client, owner, name):
    study = published(voted_study(), status="draft", owner=owner)
    address = reverse(name, args=[study.slug])
    assert client.get(address).status_code == 200
    Study.objects.update(public=False)
    assert client.get(address).status_code == 404
    assert signed_in(owner).get(address).status_code == 200
