"""Links from the reports and from a model's page lead to pairs, or are not there; what is private says so."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Status, Study
from annotation.studies import prompt_sets
from ranking.boards import snapshots
from tests.builders import NOW
from tests.ranking.casting import judge, vote, voted_study

pytestmark = pytest.mark.django_db

PRIVATE = "Until the study is closed, a pair is shown only when no more votes are expected"


def publish(study: Study, status: Status) -> Study:
    Study.objects.filter(pk=study.pk).update(public=True, status=status)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    return study


def disputed() -> Study:
    """A study in which people disagree, and a judge with them and with itself."""
    study = voted_study(prompts=6, models=3)
    rater = judge(study, "gpt9")
    for number, pair in enumerate(study.pairs.all()):
        vote(rater, pair, "y", left="x")
        vote(rater, pair, "y" if number % 2 else "x", left="y", trial=1)
    return study


def agreed() -> Study:
    """A study in which everybody says the same of every pair."""
    study = voted_study(prompts=6, models=3)
    study.comparisons.update(winner="x")
    rater = judge(study, "gpt9")
    for pair in study.pairs.all():
        vote(rater, pair, "x", left="x")
        vote(rater, pair, "x", left="y", trial=1)
    return study


def pages(study: Study) -> list[str]:
    model = study.prompt_set.models.order_by("number")[0]
    return [f"/leaderboard/{study.slug}/{name}" for name in ("agreement/", f"models/{model.number}/")]


def links_to_pairs(client: Client, study: Study) -> list[str]:
    found = []
    for page in pages(study):
        found += re.findall(r'href="(/leaderboard/[^"]*/pairs/\?[^"]*)"', client.get(page).content.decode())
    return [unescape(link) for link in found]


@pytest.mark.parametrize("make", [disputed, agreed])
@pytest.mark.parametrize("status", [Status.OPEN, Status.PAUSED, Status.CLOSED])
@pytest.mark.parametrize("person", ["visitor", "owner"])
def test_every_link_leads_to_pairs(make, status, person, administrator: User, as_user) -> None:
    study = publish(make(), status)
    client = as_user(administrator) if person == "owner" else Client()
    for link in links_to_pairs(client, study):
        assert client.get(link).context["found"].lines, link


def test_people_who_disagree_are_a_link_away_from_their_pairs(administrator: User, as_user) -> None:
    study = publish(disputed(), Status.OPEN)
    links = links_to_pairs(as_user(administrator), study)
    for split in ("people", "judge:gpt9", "orders:gpt9"):
        assert any(link.endswith(f"split={split}") for link in links), split


def test_where_all_agree_there_is_no_such_link(administrator: User, as_user) -> None:
    study = publish(agreed(), Status.CLOSED)
    links = links_to_pairs(as_user(administrator), study)
    assert links
    assert not [link for link in links if "split=" in link]


def test_while_people_vote_visitors_read_why_there_are_no_links(administrator: User, as_user) -> None:
    study = publish(disputed(), Status.OPEN)
    # One more vote is expected on each pair, so that visitors see none of them.
    study.pairs.update(wanted=7)
    visitor, owner = Client(), as_user(administrator)
    assert links_to_pairs(visitor, study) == []
    for page in [*pages(study), f"/leaderboard/{study.slug}/pairs/"]:
        assert PRIVATE in visitor.get(page).content.decode(), page
        assert PRIVATE not in owner.get(page).content.decode(), page
    Study.objects.update(status=Status.CLOSED)
    assert links_to_pairs(visitor, study)
    assert PRIVATE not in visitor.get(pages(study)[0]).content.decode()


def test_a_closed_study_does_not_promise_pairs_that_another_study_keeps_private(client: Client) -> None:
    study = publish(disputed(), Status.CLOSED)
    other = Study.objects.create(slug="other", name="Other", prompt_set=study.prompt_set, status=Status.OPEN)
    for page in [*pages(study), f"/leaderboard/{study.slug}/pairs/", f"/grades/{study.slug}/"]:
        html = client.get(page).content.decode()
        assert "People are voting on these prompts in another study." in html, page
        assert "Until the study is closed" not in html, page
    Study.objects.filter(pk=other.pk).update(status=Status.CLOSED)
    for page in pages(study):
        assert "private" not in client.get(page).content.decode(), page


def test_a_detached_study_does_not_promise_pairs_at_all(client: Client, owner: User, colleague: User, as_user) -> None:
    study = publish(disputed(), Status.CLOSED)
    prompt_sets.hand_over(study.prompt_set, owner)
    Study.objects.update(owner=colleague, detached_at=NOW)
    for reader, words in ((client, "The pairs of this study are private."), (as_user(colleague), "is detached from")):
        for page in [*pages(study), f"/grades/{study.slug}/"]:
            html = reader.get(page).content.decode()
            assert words in html, page
            assert "Until the study is closed" not in html, page


def test_the_reference_of_the_api_says_what_is_private_while_people_vote(client: Client) -> None:
    html = client.get("/api/").content.decode()
    for name in ("prompts", "results", "pairs", "comparisons"):
        part = html[html.index(f'id="{name}"') :]
        assert "only while nobody votes" in " ".join(part[: part.index("</article>")].split()), name


def test_the_scores_of_judges_say_that_prompts_are_private(administrator: User, as_user) -> None:
    study = publish(disputed(), Status.OPEN)
    words = "Until the study is closed, prompts with their answers"
    assert words in Client().get(f"/grades/{study.slug}/").content.decode()
    assert words not in as_user(administrator).get(f"/grades/{study.slug}/").content.decode()


def test_a_studys_tabs_stay_on_its_results_for_those_who_run_it(administrator: User, as_user) -> None:
    study = publish(disputed(), Status.OPEN)
    model = study.prompt_set.models.order_by("number")[0]
    board = study.leaderboards.filter(method="bradley-terry")[0]
    pair = study.pairs.order_by("number")[0]
    names = ["", "wins/", "columns/", "agreement/", "pairs/", f"models/{model.number}/", f"pairs/{pair.number}/"]
    addresses = [f"/leaderboard/{study.slug}/{name}" for name in (*names, f"boards/{board.pk}/")]
    addresses += [f"/grades/{study.slug}/", f"/grades/{study.slug}/questions/"]
    addresses.append(f"/grades/{study.slug}/questions/{pair.prompt.number}/")
    tabs = 'aria-label="Study pages"'
    for address in addresses:
        html = as_user(administrator).get(address).content.decode()
        assert tabs in html, address
        assert html.count("<h1") == 1, address
        assert f'/studies/{study.slug}/settings/"' in html, address
        assert tabs not in Client().get(address).content.decode(), address
