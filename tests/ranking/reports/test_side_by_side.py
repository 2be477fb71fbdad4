"""Ratings of all kinds of raters side by side: each as its own board has it, in both readings, sorted by links."""

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, Study
from ranking.boards import compute, snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.reports import by_rater
from ranking.votes import reader
from ranking.votes.reader import Filters
from tests.builders import NOW
from tests.built_once import built_once
from tests.ranking.casting import judge, vote, voted_study

pytestmark = pytest.mark.django_db


@pytest.fixture
@built_once
def study() -> Study:
    """Six people and a judge who has seen but three models."""
    study = voted_study()
    rater = judge(study)
    for number, pair in enumerate(study.pairs.exclude(model_y__name="Quillfinch-3").order_by("pk")):
        vote(rater, pair, "y" if number % 4 else "x")
    return study


def found(study: Study) -> dict:
    return by_rater.report(study, reader.cut(study))


def on_eight(study: Study) -> None:
    """The votes of people as given on the scale from 1 to 8: every third of them in its middle."""
    rows = list(study.comparisons.filter(rater__kind="worker").exclude(winner="tie").order_by("pk"))
    for number, row in enumerate(rows):
        left_won = row.winner == row.left
        value = (4 if left_won else 5) if number % 3 == 0 else (2 if left_won else 7)
        Comparison.objects.filter(pk=row.pk).update(scale_name="eight", value=value)


def test_each_column_is_the_board_of_its_raters(study):
    report = found(study)
    keys = [column["key"] for column in report["columns"]]
    assert keys == ["people", "category:code", "category:prose", "judge:gpt9"]
    boards = [Filters(), Filters(category="code"), Filters(category="prose"), Filters("gpt9")]
    for at, filters in enumerate(boards):
        (group,) = compute.compute(study, filters, Settings()).sheet["groups"]
        expected = {row["model"]: {name: row[name] for name in by_rater.KEPT} for row in group["rows"]}
        assert {row["model"]: row["ratings"][at] for row in report["rows"] if row["ratings"][at]} == expected
        assert report["columns"][at]["clusters"] == group["clusters"]


def test_a_model_that_a_rater_has_not_seen_has_no_rating_there(study):
    rows = {row["model"]: row["ratings"] for row in found(study)["rows"]}
    assert rows["Quillfinch-3"][-1] is None
    assert rows["Quillfinch-3"][0] is not None


def test_the_scale_from_1_to_8_is_read_both_ways(study):
    on_eight(study)
    report = found(study)
    keys = [column["key"] for column in report["columns"]]
    assert keys[:2] == ["people", "people:tie-allowed"]
    assert keys[-1] == "judge:gpt9"
    for reading, at in (("forced", 0), ("tie-allowed", 1)):
        (group,) = compute.compute(study, Filters(reading=reading), Settings()).sheet["groups"]
        expected = {row["model"]: row["rating"] for row in group["rows"]}
        assert {row["model"]: row["ratings"][at]["rating"] for row in report["rows"]} == expected
    assert report["rows"][0]["ratings"][0]["rating"] != report["rows"][0]["ratings"][1]["rating"]


def test_models_that_were_never_compared_across_are_not_ranked_across(study):
    study.comparisons.filter(rater__kind="judge").delete()
    rater = study.raters.get(name="gpt9")
    pairs = study.pairs.order_by("pk")
    for pair in pairs.filter(model_x__name="Quillfinch-0", model_y__name="Quillfinch-1"):
        vote(rater, pair, "x")
    for pair in pairs.filter(model_x__name="Quillfinch-2", model_y__name="Quillfinch-3")[:3]:
        vote(rater, pair, "x")
    report = found(study)
    assert report["columns"][-1]["groups"] == 2
    rated = [row["model"] for row in report["rows"] if row["ratings"][-1]]
    assert len(rated) == 2


def test_nobody_there_is_an_empty_report(study):
    study.comparisons.all().delete()
    assert found(study) | {"digest": ""} == {"columns": [], "rows": [], "digest": ""}


class TestThePage:
    @pytest.fixture
    def shown(self, study: Study) -> Study:
        """Public, and the report of it kept."""
        on_eight(study)
        Study.objects.filter(pk=study.pk).update(public=True)
        snapshots.recompute_changed(NOW)
        snapshots.fill(Leaderboard.objects.get(method=by_rater.METHOD).pk, NOW)
        return study

    @staticmethod
    def models(client: Client, study: Study, query: str = "") -> list[str]:
        response = client.get(reverse("leaderboard-columns", args=[study.slug]) + query)
        assert response.status_code == 200
        return [row["model"] for row, _board, _cells in response.context["found"].rows]

    def test_before_it_is_computed_it_says_so(self, client, study):
        Study.objects.filter(pk=study.pk).update(public=True)
        page = client.get(reverse("leaderboard-columns", args=[study.slug]))
        assert "No ratings yet." in page.content.decode()
        assert client.get(reverse("leaderboard-columns-csv", args=[study.slug])).status_code == 404

    def test_it_is_sorted_by_any_column_both_ways(self, client, shown):
        by_people = [f"Quillfinch-{index}" for index in range(4)]
        assert self.models(client, shown) == by_people
        assert self.models(client, shown, "?sort=-people") == by_people[::-1]
        assert self.models(client, shown, "?sort=model") == by_people
        assert self.models(client, shown, "?sort=-model") == by_people[::-1]
        # The judge prefers y; whom it has not seen stays below, whichever way.
        assert self.models(client, shown, "?sort=judge:gpt9")[0] == "Quillfinch-2"
        assert self.models(client, shown, "?sort=-judge:gpt9")[0] == "Quillfinch-0"
        assert self.models(client, shown, "?sort=judge:gpt9")[-1] == "Quillfinch-3"
        assert self.models(client, shown, "?sort=-judge:gpt9")[-1] == "Quillfinch-3"
        assert self.models(client, shown, "?sort=nonsense") == by_people

    def test_a_heading_says_how_it_is_sorted_and_sorts_the_other_way(self, client, shown):
        page = client.get(reverse("leaderboard-columns", args=[shown.slug]) + "?sort=judge:gpt9")
        head = page.context["found"].heads[-1]
        assert (head.sorted, head.query) == ("descending", "?sort=-judge%3Agpt9")
        assert 'aria-sort="descending"' in page.content.decode()

    def test_a_reading_shows_its_columns_and_those_that_have_no_other(self, client, shown):
        def titles(query: str) -> list[tuple[str, str]]:
            page = client.get(reverse("leaderboard-columns", args=[shown.slug]) + query)
            return [(str(head.title), head.under) for head in page.context["found"].heads]

        assert titles("")[:2] == [("People", "forced choice"), ("People", "ties allowed")]
        assert titles("?reading=forced") == [("People", ""), ("code", ""), ("prose", ""), ("gpt9", "")]
        assert titles("?reading=tie-allowed") == titles("?reading=forced")

    def test_the_highest_of_a_column_is_told_in_words_too(self, client, shown):
        page = client.get(reverse("leaderboard-columns", args=[shown.slug])).content.decode()
        assert page.count("highest in this column") == 7
        assert "not rated" in page

    def test_csv_and_json_hold_all_of_it(self, client, shown):
        body = client.get(reverse("leaderboard-columns-csv", args=[shown.slug])).getvalue().decode()
        rows = list(csv.DictReader(io.StringIO(body)))
        kept = Leaderboard.objects.get(method=by_rater.METHOD).sheet
        assert [row["model"] for row in rows] == [row["model"] for row in kept["rows"]]
        assert float(rows[0]["people rating"]) == kept["rows"][0]["ratings"][0]["rating"]
        assert rows[-1]["judge:gpt9 rating"] == ""
        told = json.loads(client.get(reverse("leaderboard-columns-json", args=[shown.slug])).content)
        assert told["rows"] == kept["rows"]
        assert told["columns"] == kept["columns"]

    def test_a_models_page_puts_its_ratings_side_by_side(self, client, shown):
        for pk in snapshots.recompute_changed(NOW):
            snapshots.fill(pk, NOW)
        model = shown.prompt_set.models.first()
        page = client.get(reverse("leaderboard-model", args=[shown.slug, model.number]))
        beside = page.context["beside"]
        assert [str(by.title) for by in beside.ratings][::2] == ["People", "code", "prose", "gpt9"]
        assert beside.ratings[0].of == 4
        (won, lost) = beside.samples
        assert len(won.pairs) == 3
        assert {sample.opponent for sample in (*won.pairs, *lost.pairs)} <= set(shown.prompt_set.models.all())
        assert won.query == f"?model={model.number}&outcome=won"
