"""A board of people with one background, if there are enough of them."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, Rater, Study, Worker
from ranking.boards import snapshots
from ranking.boards.compute import compute
from ranking.methods.settings import Contradiction, Settings
from ranking.pages.options import Asked, Names
from ranking.votes import backgrounds, evidence, reader
from ranking.votes.reader import Filters, UnknownBackground, cut, read
from tests.builders import NOW
from tests.ranking.casting import judge, vote, voted_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """A study of 25 people: 12 of one age group, 9 of another, and 4 who said nothing."""
    study = voted_study(people=25)
    Worker.objects.update(votes=1)
    for place, rater in enumerate(Rater.objects.order_by("pk")):
        age = "18-29" if place < 12 else "30-39"
        rater.background = {"age": age, "country": '日本 "x"\''} if place < 21 else {}
        rater.save()
    return study


def test_only_groups_of_ten_people_are_named(study: Study) -> None:
    assert backgrounds.groups(study) == ["age=18-29", 'country=日本 "x"\'']


def test_a_board_counts_only_the_people_of_the_group(study: Study) -> None:
    pairs = study.pairs.votable().count()
    line = cut(study)
    assert len(read(study, Filters(), line).votes) == 25 * pairs
    assert len(read(study, Filters(background="age=18-29"), line).votes) == 12 * pairs
    assert len(read(study, Filters(background='country=日本 "x"\''), line).votes) == 21 * pairs
    assert evidence.facts(study, Filters(background="age=18-29"), line)["people"] == 12


@pytest.mark.parametrize("group", ["age=30-39", "age=", "age", "worker=18-29", "' OR 1=1"])
def test_a_smaller_group_is_refused(study: Study, group: str) -> None:
    with pytest.raises(UnknownBackground, match="Choose from: age=18-29"):
        read(study, Filters(background=group), cut(study))


def test_the_few_of_a_large_group_who_voted_in_a_category_are_not_shown_apart(study: Study) -> None:
    pair = study.pairs.votable()[0]
    pair.prompt.type = "rare"
    pair.prompt.save()
    filters, line = Filters(category="rare", background="age=18-29"), cut(study)
    assert len(read(study, filters, line).votes) == 12 * study.pairs.votable().filter(prompt=pair.prompt).count()
    few = Rater.objects.order_by("pk")[9:12]
    Comparison.objects.filter(rater__in=list(few), pair__prompt=pair.prompt).delete()
    assert "age=18-29" in backgrounds.groups(study)
    for look in (read, evidence.facts, lambda *asked: compute(asked[0], asked[1], Settings("elo"), asked[2])):
        with pytest.raises(UnknownBackground, match="No comparisons by people who are “age=18-29” count"):
            look(study, filters, line)


def test_people_who_are_excluded_or_have_not_voted_are_not_in_a_group(study: Study) -> None:
    first, second, third = Rater.objects.order_by("pk")[:3]
    Rater.objects.filter(pk__in=[first.pk, second.pk]).update(excluded_at=NOW)
    assert "age=18-29" in backgrounds.groups(study)
    Worker.objects.filter(rater=third).update(votes=0)
    assert "age=18-29" not in backgrounds.groups(study)
    with pytest.raises(UnknownBackground):
        read(study, Filters(background="age=18-29"), cut(study))


def test_a_group_that_loses_people_says_so_for_the_excluded(study: Study) -> None:
    Rater.objects.filter(pk=Rater.objects.order_by("pk")[0].pk).update(excluded_at=NOW)
    found = evidence.facts(study, Filters(background="age=18-29"), cut(study))
    assert (found["people"], found["excluded_raters"]) == (11, 1)


def test_a_name_that_is_a_number_is_no_group(study: Study) -> None:
    Rater.objects.update(background={"0": "yes", "-1": "yes"})
    assert backgrounds.groups(study) == []


def test_judges_have_no_background(study: Study) -> None:
    vote(judge(study), study.pairs.votable()[0], "x")
    with pytest.raises(Contradiction, match="Only people have a background"):
        reader.refuse_idle(Filters(raters="gpt9", background="age=18-29"))
    asked = Asked(background="age=18-29").turned(raters="gpt9")
    assert asked.background == ""


def test_the_page_offers_the_groups_and_computes_their_board(study: Study, client: Client) -> None:
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    page = client.get(reverse("leaderboard", args=[study.slug]))
    assert "age: 18-29" in page.content.decode()
    assert "30-39" not in page.content.decode()
    names = Names.of(study)
    assert names.hold(Asked(background="age=18-29"))
    assert not names.hold(Asked(background="age=30-39"))
    assert Asked.of({"background": "age=18-29"}).filters() == Filters(background="age=18-29")


def test_a_study_without_backgrounds_has_no_such_choice(client: Client) -> None:
    study = voted_study()
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    assert "Background of people" not in client.get(reverse("leaderboard", args=[study.slug])).content.decode()
