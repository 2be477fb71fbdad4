"""A study's data in the API: the rows of the exports, for the people who manage it."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.exporting import export
from annotation.models import Comparison, Purpose, Rater, Worker
from annotation.studies import lifecycle
from annotation.voting import exclusion, simulated_votes
from tests.annotation.study_pages import give_votes, study_of
from tests.builders import NOW, add_golden_pairs, build_study
from tests.site.api import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(owner, colleague):
    """A study with four votes of a person and a judge's verdicts on every pair in both orders."""
    study = study_of(owner, colleague)
    give_votes(study, 4)
    judge = Rater.objects.create(study=study, kind="judge", name="=robot")
    Comparison.objects.bulk_create(
        Comparison(study=study, pair=pair, rater=judge, left=left, trial=trial, winner="x", answered_at=NOW)
        for pair in study.pairs.order_by("pk")
        for trial, left in enumerate("xy")
    )
    return study


@pytest.fixture
def program(owner):
    return Program(owner)


def jsonl(study, what, **options):
    return [json.loads(line) for line in "".join(export.export(study, what, **options)).splitlines()]


def table(study, **options):
    file = io.StringIO("".join(export.export(study, "comparisons", **options)))
    return [{name: unguarded(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def as_cells(row, columns):
    """Returns a JSON row as cells of a CSV file."""
    words = {True: "true", False: "false", None: ""}

    def cell(value):
        if isinstance(value, bool | None):
            return words[value]
        return str(value)

    return {name: unguarded(cell(row[name])) for name in columns}


def unguarded(cell):
    """Removes the apostrophe that protects against formulas in spreadsheets."""
    return cell.removeprefix("'")


@pytest.mark.parametrize("what", ["models", "prompts", "results", "pairs"])
def test_rows_are_those_of_the_files(study, program, what):
    assert program.rows(f"studies/{study.slug}/{what}/", page_size=7) == jsonl(study, what)


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.CHECK])
def test_golden_pairs_are_asked_for_by_their_purpose(study, program, purpose):
    add_golden_pairs(study, ["x", "tie"], purpose)
    found = program.rows(f"studies/{study.slug}/pairs/", purpose=purpose.value)
    assert found == jsonl(study, "pairs", **{purpose.value: True})
    assert [row["golden"] for row in found] == ["left", "tie"]


def test_comparisons_are_those_of_the_plain_file(study, program):
    found = program.rows(f"studies/{study.slug}/comparisons/", page_size=5)
    wanted = table(study, raters="all")
    assert len(wanted) == 4 + 24
    assert [as_cells(row, wanted[0]) for row in found] == wanted


def test_full_comparisons_are_those_of_the_full_file(study, program):
    found = program.rows(f"studies/{study.slug}/comparisons/", full="true", page_size=5)
    wanted = [row for row in table(study, raters="all", full=True) if row["row"].startswith("c")]
    assert [as_cells(row, wanted[0]) for row in found] == wanted


def test_a_page_goes_on_where_the_last_one_ended_whatever_comes_in_meanwhile(study, program):
    path = f"studies/{study.slug}/comparisons/"
    first = program.get(path, page_size=3).json()
    before = program.rows(path)
    give_votes(study, 2)
    rest = program.client.get(first["next"], headers=program.headers).json()
    assert first["results"] + rest["results"] == before[:6]


def test_comparisons_of_one_rater_of_one_model_and_since_a_time(study, program):
    path = f"studies/{study.slug}/comparisons/"
    assert {row["rater"] for row in program.rows(path, rater="people")} == {"people"}
    assert {row["rater"] for row in program.rows(path, rater="=robot")} == {"=robot"}
    model = study.prompt_set.models.order_by("pk")[0].number
    of_model = program.rows(path, model=model)
    assert of_model == [row for row in program.rows(path) if model in (row["model_x"], row["model_y"])]
    assert 0 < len(of_model) < 28
    now = timezone.now()
    assert program.rows(path, since=now.isoformat()) == []
    assert len(program.rows(path, since=(now - timedelta(hours=1)).isoformat())) == 28


def test_what_does_not_count_is_left_out_unless_everything_is_asked_for(study, program, owner):
    path = f"studies/{study.slug}/comparisons/"
    voter = Worker.objects.filter(study=study, rater__comparisons__isnull=False)[0]
    mine = voter.rater.comparisons.count()
    exclusion.exclude(voter, "checks", timezone.now())
    assert len(program.rows(path, rater="people")) == 4 - mine
    everything = program.rows(path, rater="people", full="true")
    assert [row["exclusion_reason"] for row in everything if row["worker"] == voter.number] == ["checks"] * mine


def test_simulated_comparisons_are_there_when_asked_for_and_marked(study, program):
    path = f"studies/{study.slug}/comparisons/"
    simulated_votes.simulate(study, votes=10, seed=1)
    assert {row["simulated"] for row in program.rows(path)} == {False}
    asked = program.rows(path, simulated="true")
    made_up = Comparison.objects.filter(rater__simulated=True).count()
    assert sum(row["simulated"] for row in asked) == made_up > 0


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"sinse": "2026-01-01"}, "query.sinse"),
        ({"since": "yesterday"}, "query.since"),
        ({"page_size": "0"}, "query.page_size"),
        ({"page_size": "1001"}, "query.page_size"),
        ({"cursor": "!"}, "query.cursor"),
        ({"cursor": "LTE="}, "query.cursor"),
        ({"cursor": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"}, "query.cursor"),
        ({"rater": "nobody"}, "query.rater"),
        ({"rater": "a\0b"}, "query.rater"),
        ({"model": "9" * 30}, "query.model"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_the_place(study, program, query, place):
    response = program.get(f"studies/{study.slug}/comparisons/", **query)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert [fault["place"] for fault in problem["errors"]] == [place]
    assert problem["detail"].startswith(place)


def test_what_has_not_changed_is_not_sent_again(study, program):
    first = program.get(f"studies/{study.slug}/models/")
    again = program.client.get(
        f"/api/studies/{study.slug}/models/", headers={**program.headers, "If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_counts_of_a_study_are_those_of_its_lists(study, program):
    counts = program.get(f"studies/{study.slug}/").json()["counts"]
    for what in ("models", "prompts", "results", "pairs", "workers", "comparisons"):
        assert counts[what] == len(program.rows(f"studies/{study.slug}/{what}/")), what


def test_external_ids_are_with_the_workers_alone(study, program):
    Worker.objects.filter(study=study).update(external_id="unmistakable-platform-id")
    found = program.rows(f"studies/{study.slug}/workers/")
    assert {row["external_id"] for row in found} == {"unmistakable-platform-id"}
    for what in ("comparisons", "training-answers", "pairs"):
        response = program.get(f"studies/{study.slug}/{what}/", **({"full": "true"} if what == "comparisons" else {}))
        assert "unmistakable" not in response.content.decode()


def test_every_column_that_a_list_gives_is_in_the_schema(study, program):
    from llmfao_site.api.reference import schema

    for what, name in (
        ("models", "ModelRow"),
        ("prompts", "PromptRow"),
        ("results", "ResultRow"),
        ("pairs", "PairRow"),
        ("comparisons", "ComparisonRow"),
        ("workers", "WorkerRow"),
    ):
        told = schema()["components"]["schemas"][name]
        for query in ({}, {"full": "true"}) if what == "comparisons" else ({},):
            for row in program.rows(f"studies/{study.slug}/{what}/", **query):
                assert row.keys() <= told["properties"].keys()
                assert set(told["required"]) <= row.keys()


def test_a_study_that_is_not_open_to_you_is_not_there(study, outsider, administrator):
    for what in ("", "models/", "comparisons/", "workers/", "judge-runs/"):
        assert Program(outsider).get(f"studies/{study.slug}/{what}").status_code == 404
        assert Program(outsider).get(f"studies/no-such/{what}").status_code == 404
    assert Program(administrator).get(f"studies/{study.slug}/").json()["yours"] is True
    assert [row["slug"] for row in Program(outsider).rows("studies/")] == []


def test_the_public_sees_results_and_nothing_else_while_people_vote(study, outsider):
    add_golden_pairs(study, ["x"], Purpose.CHECK)
    lifecycle.change_settings(study, {"public": True})
    for program in (Program(), Program(outsider)):
        (told,) = program.rows("studies/")
        assert (told["slug"], told["yours"]) == (study.slug, False)
        assert "counts" not in program.get(f"studies/{study.slug}/").json()
        for what in ("models", "leaderboards"):
            assert program.get(f"studies/{study.slug}/{what}/").status_code == 200
        for what in ("prompts", "results", "pairs", "comparisons", "training-answers", "workers", "judge-runs"):
            for query in ({}, {"purpose": "check"}) if what == "pairs" else ({},):
                assert program.get(f"studies/{study.slug}/{what}/", **query).status_code in {401, 404}


def test_what_was_compared_is_public_once_nobody_votes_any_more(study, program, outsider):
    add_golden_pairs(study, ["x"], Purpose.CHECK)
    lifecycle.change_settings(study, {"public": True})
    lifecycle.close(lifecycle.pause(study))
    for stranger in (Program(), Program(outsider)):
        for what in ("prompts", "results", "pairs", "comparisons"):
            assert stranger.rows(f"studies/{study.slug}/{what}/") == program.rows(f"studies/{study.slug}/{what}/")
        for what in ("training-answers", "workers", "judge-runs"):
            assert stranger.get(f"studies/{study.slug}/{what}/").status_code in {401, 404}
        for what, query in (("pairs", {"purpose": "check"}), ("comparisons", {"full": "true"})):
            refused = stranger.get(f"studies/{study.slug}/{what}/", **query)
            assert refused.status_code in {401, 403}
            assert "results" not in refused.json()
    study.public = False
    study.save()
    assert Program(outsider).get(f"studies/{study.slug}/comparisons/").status_code == 404


def test_a_study_is_public_where_it_says_so_opened_or_not(outsider):
    study = build_study("draft", opened=False)
    assert Program(outsider).get("studies/draft/").status_code == 404
    study.public = True
    study.save()
    assert Program(outsider).get("studies/draft/").status_code == 200
