"""The pages of pairs: what stands on them, who may see it, and that every state has its own address."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, Pair, Purpose, Rater, Result, Study
from ranking.pages import pairs
from tests.builders import NOW, add_golden_pairs, build_study
from tests.built_once import built_once
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db


@pytest.fixture
@built_once
def study() -> Study:
    """Public and closed: four models, twelve prompts, six people; a judge in both orders, who wavers on every third."""
    study = voted_study()
    rater = judge(study)
    for number, pair in enumerate(study.pairs.order_by("pk")):
        for trial, left in enumerate("xy"):
            vote(rater, pair, "y" if number % 3 else left, left=left, trial=trial)
    Study.objects.filter(pk=study.pk).update(public=True, status="closed")
    return study


def address(study: Study, pair: Pair | None = None) -> str:
    if pair is None:
        return reverse("leaderboard-pairs", args=[study.slug])
    return reverse("leaderboard-pair", args=[study.slug, pair.number])


def html(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def numbers(client: Client, path: str) -> list[int]:
    """The pairs on a page of the list."""
    response = client.get(path)
    return [line.pair.number for line in response.context["found"].lines]


def test_the_list_says_what_people_and_judges_say(client, study):
    page = html(client, address(study))
    assert "Prompt 0?" in page
    assert "Quillfinch-0" in page
    assert "72 pairs" in page
    assert "contradictory" in page
    line = client.get(address(study)).context["found"].lines[1]
    assert line.votes == 6
    assert line.most == "x"
    assert [(said.judge, said.words, said.differs) for said in line.judges] == [("gpt9", ("y",), True)]


def test_pages_follow_one_another_and_lead_back(client, study):
    every = list(study.pairs.order_by("pk").values_list("number", flat=True))
    path, seen = address(study), []
    while path:
        context = client.get(path).context["found"]
        seen.append((path, [line.pair.number for line in context.lines]))
        path = address(study) + context.later if context.later else ""
    assert [number for _path, found in seen for number in found] == every
    assert [len(found) for _path, found in seen] == [25, 25, 22]
    back = client.get(seen[2][0]).context["found"].earlier
    assert numbers(client, address(study) + back) == seen[1][1]
    first = client.get(address(study) + back).context["found"]
    assert numbers(client, address(study) + first.earlier) == seen[0][1]


@pytest.mark.parametrize("word", ["--5", "-", "²", "x", "9" * 30, "9" * 5000, "%00"])
def test_a_page_after_nonsense_is_a_page(client, study, word):
    for name in ("after", "before"):
        html(client, f"{address(study)}?{name}={word}")


def test_a_search_has_an_address_without_empty_words(client, study):
    response = client.get(address(study) + "?category=code&model=&text=&votes=")
    assert response.status_code == 302
    assert response["Location"] == address(study) + "?category=code"


def test_what_was_looked_for_stands_in_the_form_and_goes_along(client, study):
    page = html(client, address(study) + "?split=judge:gpt9&category=code")
    assert '<option value="judge:gpt9" selected>' in page
    assert '<option value="code" selected>' in page
    pair = study.pairs.filter(prompt__type="code").first()
    assert reverse("leaderboard-pair", args=[study.slug, pair.number]) + "?category=code&amp;split=judge%3Agpt9" in page


def test_nothing_found_says_so(client, study):
    assert "No pairs match." in html(client, address(study) + "?text=no+such+words")
    assert "No pairs to show yet." in html(client, address(empty_study()))


def empty_study() -> Study:
    study = build_study("empty")
    study.pairs.all().delete()
    Study.objects.filter(pk=study.pk).update(public=True)
    return study


def test_a_pair_shows_both_answers_and_every_comparison(client, study):
    pair = study.pairs.order_by("pk")[0]
    page = html(client, address(study, pair))
    for text in ("Prompt 0?", "Answer 0 to prompt 0.", "Answer 1 to prompt 0.", "Quillfinch-0", "Quillfinch-1"):
        assert text in page
    told = client.get(address(study, pair)).context["found"].told
    assert len(told) == 8
    assert [row.rater for row in told][-2:] == ["gpt9", "gpt9"]
    assert {row.left.name for row in told if row.is_judge} == {"Quillfinch-0", "Quillfinch-1"}


def test_a_hostile_answer_stays_text(client, study):
    pair = study.pairs.first()
    Result.objects.filter(pk=pair.result_x_id).update(
        text="<script>alert(1)</script> **bold** [x](javascript:alert(1))"
    )
    page = html(client, address(study, pair))
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "<strong>bold</strong>" in page


def test_the_neighbours_are_those_of_the_search(client, study):
    words = "?split=orders:gpt9"
    found = numbers(client, address(study) + words)
    middle = study.pairs.get(number=found[1])
    page = client.get(address(study, middle) + words).context["found"]
    assert (page.earlier, page.later) == (found[0], found[2])
    assert (
        f'rel="next" aria-keyshortcuts="ArrowRight" href="{address(study, study.pairs.get(number=found[2]))}'
        in html(client, address(study, middle) + words)
    )


def test_what_no_longer_counts_is_shown_to_those_who_run_the_study_alone(client, study, administrator, as_user):
    pair = study.pairs.first()
    row = study.comparisons.filter(pair=pair, rater__kind="worker").first()
    Comparison.objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, pair, "x", withdrawn=True))
    out = study.comparisons.filter(pair=pair, rater__kind="worker").exclude(rater=row.rater)[0].rater
    Rater.objects.filter(pk=out.pk).update(excluded_at=NOW)
    path = address(study, pair) + "?rows=all"
    mine = as_user(administrator)
    assert len(client.get(path).context["found"].told) == 6
    assert len(mine.get(address(study, pair)).context["found"].told) == 6
    page = mine.get(path)
    assert len(page.context["found"].told) == 9
    marks = {mark for row in page.context["found"].told for mark in row.marks}
    assert marks == {"superseded", "withdrawn", "rater excluded"}


def test_external_ids_of_workers_stand_nowhere(administrator, as_user, study):
    study.workers.update(external_id=None)
    worker = study.workers.first()
    worker.external_id = "PLATFORM-ID-4711"
    worker.save()
    mine, pair = as_user(administrator), study.pairs.first()
    for path in (
        address(study),
        address(study, pair) + "?rows=all",
        reverse("leaderboard-pairs-csv", args=[study.slug]),
    ):
        response = mine.get(path)
        body = response.getvalue() if response.streaming else response.content
        assert b"PLATFORM-ID" not in body
    assert numbers(mine, address(study) + "?rater=PLATFORM-ID-4711") == []


def test_golden_answers_and_the_pairs_that_have_them_are_nowhere(client, study):
    (training,) = add_golden_pairs(study, ["x"])
    (check,) = add_golden_pairs(study, ["y"], Purpose.CHECK)
    for pair in (training, check):
        assert client.get(address(study, pair)).status_code == 404
        assert pair.number not in numbers(client, address(study) + f"?prompt={pair.prompt.number}")


class TestWhilePeopleVote:
    def test_strangers_see_no_pair_that_somebody_may_still_vote_on(self, client, administrator, as_user):
        study = voted_study()
        Study.objects.filter(pk=study.pk).update(public=True)
        pair = study.pairs.order_by("pk")[3]
        Pair.objects.filter(pk=pair.pk).update(wanted=7)
        assert client.get(address(study, pair)).status_code == 404
        assert pair.number not in numbers(client, address(study))
        mine = as_user(administrator)
        assert mine.get(address(study, pair)).status_code == 200
        assert pair.number in numbers(mine, address(study))
        assert "Until the study is closed, a pair is shown only when no more votes are expected" in html(
            client, address(study)
        )


def test_the_csv_holds_what_was_found(client, study):
    response = client.get(reverse("leaderboard-pairs-csv", args=[study.slug]) + "?split=judge:gpt9")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert list(rows[0]) == [*pairs.COLUMNS, "gpt9"]
    expected = client.get(address(study) + "?split=judge:gpt9").context["found"].count
    assert len(rows) == expected
    first = client.get(address(study) + "?split=judge:gpt9").context["found"].lines[0]
    assert rows[0]["pair"] == str(first.pair.number)
    assert [int(rows[0][word]) for word in ("x", "tie", "y")] == list(first.people)
    assert rows[0]["most"] == first.most
    assert rows[0]["gpt9"] == " ".join(first.judges[0].words)


def test_made_up_votes_are_marked(client, study):
    pair = study.pairs.first()
    assert "Simulated votes" not in html(client, address(study))
    vote(person(study, simulated=True), pair, "x")
    assert "Simulated votes" in html(client, address(study))
    assert "simulated" in html(client, address(study, pair))
    response = client.get(reverse("leaderboard-pairs-csv", args=[study.slug]))
    assert "simulated" in response["Content-Disposition"]


def test_a_number_below_zero_has_an_address_too(client, study):
    pair = study.pairs.first()
    Pair.objects.filter(pk=pair.pk).update(number=-7)
    assert client.get(f"/leaderboard/{study.slug}/pairs/-7/").status_code == 200
    assert -7 in numbers(client, address(study))


def test_a_page_of_the_list_asks_the_database_a_bounded_number_of_times(client, study, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        client.get(address(study) + "?split=judge:gpt9")
