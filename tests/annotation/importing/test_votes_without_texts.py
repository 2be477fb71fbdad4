"""Tables of comparisons without texts: two models and who won, by one or several raters."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotation.exporting.export import export
from annotation.importing import load, undo
from annotation.importing.proposals import Choice
from annotation.interchange.reading import Reading
from annotation.models import (
    Comparison,
    Pair,
    Prompt,
    PromptSet,
    Rater,
    RaterKind,
    Result,
    ResultFlag,
    Status,
    Study,
    TieKind,
    Worker,
)
from annotation.pair_making import make
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from annotation.voting import erasure
from ranking.boards import snapshots
from ranking.boards.compute import compute
from ranking.methods.settings import Settings
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study

pytestmark = pytest.mark.django_db


def loaded(tmp_path: Path, text: str, slug: str = "plain", **options: Any) -> load.Report:
    """Loads one CSV file."""
    path = tmp_path / "battles.csv"
    path.write_text(text)
    return load.load([path], study_slug=slug, format_name="plain-comparisons", **options)


def news(report: load.Report) -> dict[str, int]:
    return {kind: counts.new for kind, counts in report.counts.items() if counts.new}


def votes() -> list[tuple[str | None, str, str, str]]:
    """Rater, models and winner's name of every comparison, in order."""
    rows = Comparison.objects.order_by("pk").select_related("rater", "pair__model_x", "pair__model_y")
    return [
        (row.rater.name, row.pair.model_x.name, row.pair.model_y.name, {"x": "x", "y": "y"}.get(row.winner, "tie"))
        for row in rows
    ]


SEVERAL = """num,model_a,model_b,winner_human,winner_judge-1
0,Fern,Moss,model_a,model_b
1,Moss,Fern,tie (bothbad),Moss
2,Fern,Reed,model_b,
"""


def test_every_column_of_winners_is_a_rater_and_every_row_a_prompt(tmp_path: Path) -> None:
    report = loaded(tmp_path, SEVERAL)
    assert news(report) == {"models": 3, "prompts": 3, "results": 6, "pairs": 3, "comparisons": 5, "votes": 5}
    assert votes() == [
        ("crowd:human", "Fern", "Moss", "x"),
        ("judge-1", "Fern", "Moss", "y"),
        ("crowd:human", "Moss", "Fern", "tie"),
        ("judge-1", "Moss", "Fern", "x"),
        ("crowd:human", "Fern", "Reed", "y"),
    ]
    assert dict(Rater.objects.values_list("name", "kind")) == {
        "crowd:human": RaterKind.CROWD,
        "judge-1": RaterKind.JUDGE,
    }
    assert list(Comparison.objects.exclude(tie_kind="").values_list("tie_kind", flat=True)) == [TieKind.BAD]
    assert PromptSet.objects.get().textless
    assert set(Prompt.objects.values_list("text", flat=True)) | set(Result.objects.values_list("text", flat=True)) == {
        ""
    }
    assert not ResultFlag.objects.exists()


def test_rows_of_a_json_list_on_one_line_are_prompts_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "battles.json"
    path.write_text(
        '[{"model_a": "Fern", "model_b": "Moss", "winner": "model_a", "person": "p1"},'
        ' {"model_a": "Reed", "model_b": "Fern", "winner": "model_b", "person": "p2"}]'
    )
    load.load([path], study_slug="plain", format_name="plain-comparisons")
    assert votes() == [(None, "Fern", "Moss", "x"), (None, "Reed", "Fern", "y")]


def test_the_same_file_again_adds_nothing(tmp_path: Path) -> None:
    loaded(tmp_path, SEVERAL)
    again = loaded(tmp_path, SEVERAL)
    assert again.upload is None
    assert again.counts["comparisons"].unchanged == 5


def test_equal_rows_are_votes_of_their_own_and_are_found_again(tmp_path: Path) -> None:
    head, row = "model_a,model_b,winner_people\n", "Fern,Moss,model_a\n"
    loaded(tmp_path, head + 3 * row)
    assert Comparison.objects.count() == 3
    assert news(loaded(tmp_path, head + 5 * row)) == {
        "prompts": 2,
        "results": 4,
        "pairs": 2,
        "comparisons": 2,
        "votes": 2,
    }
    assert Pair.objects.count() == 5


def test_a_judge_that_is_added_to_the_rows_votes_on_the_same_pairs(tmp_path: Path) -> None:
    loaded(tmp_path, SEVERAL)
    more = SEVERAL.replace("winner_judge-1\n", "winner_judge-1,winner_judge-2\n").replace(
        "model_b\n1", "model_b,tie\n1"
    )
    more = more.replace(",Moss\n", ",Moss,model_b\n").replace("model_b,\n", "model_b,,model_a\n")
    assert news(loaded(tmp_path, more)) == {"comparisons": 3, "votes": 3}
    assert Counter(Pair.objects.values_list("number", flat=True)).total() == 3
    assert Comparison.objects.filter(pair__comparisons__rater__name="judge-2").values("pair").distinct().count() == 3
    assert loaded(tmp_path, more).upload is None


def test_rows_with_one_prompt_are_votes_on_its_pairs(tmp_path: Path) -> None:
    rows = ("prompt_id,model_a,model_b,winner,judge", "7,Fern,Moss,model_a,human", "7,Moss,Fern,model_a,human")
    text = "\n".join([*rows, "q-2,Fern,Moss,tie,gpt", ""])
    loaded(tmp_path, text)
    assert dict(Prompt.objects.values_list("number", "slug")) == {7: None, 8: "q-2"}
    assert list(Pair.objects.filter(prompt__number=7).values_list("taken", flat=True)) == [2]
    assert loaded(tmp_path, text).upload is None


def test_people_are_told_apart_by_their_ids_with_their_background(tmp_path: Path) -> None:
    text = "model_a,model_b,winner,worker,age\nFern,Moss,a,A3X,30-39\nFern,Moss,b,B7Y,18-29\nMoss,Fern,tie,A3X,30-39\n"
    path = tmp_path / "battles.csv"
    path.write_text(text)
    columns = {"worker": "person", "age": "background:age"}
    choice = Choice(format="plain-comparisons", reading=Reading(columns=columns))
    report = load.load([path], study_slug="plain", choice=choice)
    assert report.upload is not None
    people = Worker.objects.order_by("number").values_list("number", "external_id", "votes", "rater__background")
    assert list(people) == [(1, "A3X", 2, {"age": "30-39"}), (2, "B7Y", 1, {"age": "18-29"})]
    assert load.load([path], study_slug="plain", choice=choice).upload is None
    erasure.erase(Worker.objects.get(number=1), NOW)
    assert list(Rater.objects.order_by("worker__number").values_list("background", flat=True)) == [{}, {"age": "18-29"}]


def test_whose_votes_they_are_is_asked(tmp_path: Path) -> None:
    with pytest.raises(load.FaultyFiles) as found:
        loaded(tmp_path, "model_a,model_b,winner\nFern,Moss,model_a\n")
    assert found.value.faults.listed[0].field == "rater"
    loaded(tmp_path, "model_a,model_b,winner\nFern,Moss,model_a\n", rater="crowd:visitors")
    assert votes() == [("crowd:visitors", "Fern", "Moss", "x")]


def test_a_word_that_names_no_winner_is_told_with_its_place(tmp_path: Path) -> None:
    rows = "Fern,Moss,model_a\n" * 30 + "Fern,Moss,Reed\n"
    with pytest.raises(load.FaultyFiles) as found:
        loaded(tmp_path, "model_a,model_b,winner_people\n" + rows)
    fault = found.value.faults.listed[0]
    assert (fault.line, fault.field) == (32, "winner:people")
    assert "Reed" in fault.values["found"]
    assert not Study.objects.exists()


def test_two_models_are_needed(tmp_path: Path) -> None:
    with pytest.raises(load.FaultyFiles, match="must be different"):
        loaded(tmp_path, "model_a,model_b,winner_people\nFern,Fern,tie\n")


def test_texts_and_comparisons_without_texts_do_not_share_a_prompt_set(tmp_path: Path) -> None:
    study = build_study("texts")
    with pytest.raises(load.FaultyFiles, match="has texts"):
        loaded(tmp_path, SEVERAL, slug=study.slug)
    loaded(tmp_path, SEVERAL)
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"id": 1, "text": "Write a haiku."}\n')
    with pytest.raises(load.FaultyFiles, match="has no texts"):
        load.load([path], study_slug="plain", format_name="llmfao")


def test_a_prompt_set_with_texts_is_one_error_however_many_votes_the_file_has(tmp_path: Path) -> None:
    study = build_study()
    with pytest.raises(load.FaultyFiles) as found:
        loaded(tmp_path, SEVERAL, slug=study.slug)
    assert [fault.line for fault in found.value.faults.listed] == [2]
    assert not Comparison.objects.exists()


def test_nobody_is_asked_about_answers_without_texts(tmp_path: Path) -> None:
    loaded(tmp_path, SEVERAL)
    study = Study.objects.get()
    with pytest.raises(NotPossible, match="no texts"):
        lifecycle.start(study)
    with pytest.raises(NotPossible, match="no texts"):
        make.make_pairs(study, "everything")
    Study.objects.update(status=Status.OPEN)
    study.refresh_from_db()
    lifecycle.offer_pairs(study)
    assert not Pair.objects.wanting().exists()


def test_a_board_assumes_independence_where_nothing_is_known_of_prompts_and_raters(tmp_path: Path) -> None:
    rows = "".join(
        f"Fern,Moss,{winner}\nMoss,Reed,{winner}\n" for winner in ["model_a"] * 6 + ["model_b"] * 4 + ["tie"]
    )
    loaded(tmp_path, "model_a,model_b,winner_people\n" + rows)
    study = Study.objects.get()
    ratings = compute(study, Filters(), Settings()).board.groups[0].ratings
    assert ratings.clusters == "none"
    assert {"unknown-raters", "own-prompts"} <= set(ratings.notices)
    asked = compute(study, Filters(), Settings(clusters="prompt")).board.groups[0].ratings
    assert asked.low is None


def test_an_upload_can_be_undone(tmp_path: Path) -> None:
    report = loaded(tmp_path, SEVERAL)
    assert report.upload is not None
    undo.undo(report.upload)
    assert not Comparison.objects.exists()
    assert not Prompt.objects.exists()


def test_there_are_boards_and_exports_but_no_pages_of_answers(tmp_path: Path, client: Client) -> None:
    rows = "".join(f"Fern,Moss,{winner}\nMoss,Reed,{winner}\n" for winner in ["model_a"] * 6 + ["tie"])
    loaded(tmp_path, "model_a,model_b,winner_people\n" + rows)
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    study = Study.objects.get()
    pair = Pair.objects.order_by("pk")[0]
    boss = User.objects.create_superuser("boss")
    for user in (None, boss):
        if user is not None:
            client.force_login(user)
        board = client.get(reverse("leaderboard", args=[study.slug]))
        assert board.status_code == 200
        assert reverse("leaderboard-pairs", args=[study.slug]) not in board.content.decode()
        for name in ("leaderboard-pairs", "leaderboard-pairs-csv"):
            assert client.get(reverse(name, args=[study.slug])).status_code == 404
        assert client.get(reverse("leaderboard-pair", args=[study.slug, pair.number])).status_code == 404
        for name in ("leaderboard-wins", "leaderboard-columns", "leaderboard-agreement"):
            page = client.get(reverse(name, args=[study.slug]))
            assert page.status_code == 200
            assert f"/leaderboard/{study.slug}/pairs" not in page.content.decode()
        number = study.prompt_set.models.order_by("number")[0].number
        model = client.get(reverse("leaderboard-model", args=[study.slug, number]))
        assert model.status_code == 200
        assert f"/leaderboard/{study.slug}/pairs" not in model.content.decode()
    for name in ("study", "study-data", "study-pairs", "study-workers", "study-export", "study-settings"):
        assert client.get(reverse(name, args=[study.slug])).status_code == 200
    assert client.get(reverse("prompt-set", args=[study.prompt_set.slug])).status_code == 200
    for what in ("models", "prompts", "results", "pairs", "comparisons"):
        assert list(export(study, what)), what
    assert sum(chunk.count("\n") for chunk in export(study, "comparisons", full=True)) == 15


def test_what_is_exported_loads_again(tmp_path: Path) -> None:
    loaded(tmp_path, SEVERAL)
    study = Study.objects.get()
    folder = tmp_path / "out"
    folder.mkdir()
    for what in ("models", "prompts", "results", "pairs"):
        (folder / f"{what}.jsonl").write_text("".join(export(study, what)))
    (folder / "all-comparisons.csv").write_text("".join(export(study, "comparisons", raters="all")))
    again = load.load([folder], study_slug=study.slug)
    assert again.upload is None


def test_a_crowd_whose_name_is_too_long_is_an_error(tmp_path: Path) -> None:
    name = f"people {'x' * 200}"
    with pytest.raises(load.FaultyFiles, match="200 characters"):
        loaded(tmp_path, f"model_a,model_b,winner_{name}\nFern,Moss,model_a\n")
