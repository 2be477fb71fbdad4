"""Whose comparisons a file has is never guessed from a column that it lacks."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.importing import load, uploads
from annotation.models import Comparison, PromptSet, Rater, Study, UploadState
from tests.annotation import exchange

pytestmark = pytest.mark.django_db

ROWS = ("0,5,7,3,left", "4,5,12,7,tie")


def written(path: Path, *more: str) -> Path:
    """Writes comparisons with the columns `more`, each with a number as value."""
    header = ",".join(("id,prompt,model_x,model_y,winner", *more))
    rows = [",".join((row, *(str(number) for _column in more))) for number, row in enumerate(ROWS)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def trees(tmp_path: Path) -> Study:
    exchange.write(tmp_path / "in")
    load.load([tmp_path / "in" / name for name in (*exchange.CORPUS, "pairs.jsonl")], study_slug="trees")
    return Study.objects.select_related("prompt_set").get(slug="trees")


def loaded(path: Path, **options: Any) -> load.Report:
    return load.load([path], study_slug="trees", **options)


@pytest.mark.parametrize("column", ["Worker", " worker", "worker_id", "annotator", "user", "WORKER", "rater_name", ""])
def test_a_column_that_may_say_whose_the_rows_are_is_asked_about(trees: Study, tmp_path: Path, column: str) -> None:
    path = written(tmp_path / "final-comparisons.csv", column)
    with pytest.raises(load.FaultyFiles) as error:
        loaded(path)
    (fault,) = error.value.faults.listed
    told = load.worded(fault)
    assert "worker" in told
    assert "--rater" in told, "the message names both ways out"
    assert not Comparison.objects.exists()
    report = loaded(path, rater="owl")
    assert report.counts["comparisons"].new == 2
    assert set(Rater.objects.values_list("name", flat=True)) == {"owl"}


@pytest.mark.parametrize("more", [
    (), ("left", "right"), ("turn", "repetition"), ("simulated",), ("weight",), ("weight", "share"),
])  # fmt: skip
def test_the_columns_of_published_and_exported_files_keep_the_rule_of_the_name(
    trees: Study, tmp_path: Path, more: tuple[str, ...]
) -> None:
    path = tmp_path / "owl-crowd-comparisons.csv"
    values = {"left": ("Alder 7B", "command"), "right": ("'=Birch", "Alder 7B"), "simulated": ("false", "false")}
    values |= {"weight": ("2", "0.5"), "share": ("0.9", "0.5")}
    rows = [
        ",".join((row, *(values.get(column, ("0", "0"))[number] for column in more))) for number, row in enumerate(ROWS)
    ]
    path.write_text("\n".join([",".join(("id,prompt,model_x,model_y,winner", *more)), *rows]) + "\n")
    assert loaded(path).counts["comparisons"].new == 2
    assert set(Rater.objects.values_list("name", flat=True)) == {"owl"}


def test_a_worker_column_says_whose_the_rows_are_whatever_else_there_is(trees: Study, tmp_path: Path) -> None:
    loaded(written(tmp_path / "final-comparisons.csv", "worker", "Annotator"))
    assert Rater.objects.filter(kind="worker").count() == 2


def test_a_header_that_cannot_be_read_is_the_error_not_the_question(trees: Study, tmp_path: Path) -> None:
    path = tmp_path / "comparisons.csv"
    path.write_text("id;prompt;model_x;model_y;won;worker\n0;5;7;3;left;1\n")
    for options in ({}, {"rater": "owl"}):
        with pytest.raises(load.FaultyFiles, match="required column is missing"):
            loaded(path, **options)


def test_a_header_below_empty_lines_is_read_as_the_rows_are(trees: Study, tmp_path: Path) -> None:
    path = written(tmp_path / "final-comparisons.csv", "worker")
    path.write_text("\n\n" + path.read_text())
    loaded(path)
    assert Rater.objects.filter(kind="worker").count() == 2


@pytest.mark.parametrize("kind", ["models", "prompts", "results", "pairs", "pairs-training", "comparisons"])
def test_equal_rows_of_one_file_are_counted_by_themselves(tmp_path: Path, kind: str) -> None:
    folder = exchange.write(tmp_path / "in")
    path = folder / {"comparisons": "crowd-comparisons.csv"}.get(kind, f"{kind}.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1], lines[1]]))
    for _time in range(2):
        report = load.load([folder], study_slug="twice")
        assert report.repeated[path.name].count == 2
        assert report.repeated[path.name].lines == [len(lines) + 1, len(lines) + 2]
        assert set(report.repeated) == {path.name}
    assert report.counts[kind.removeprefix("pairs-")].unchanged == {"comparisons": 6}.get(kind, len(lines))
    assert f"{path.name}: 2 rows repeat" in " ".join(load.told_repeated(report.as_json()["repeated"]))


def test_rows_of_two_files_that_are_equal_are_only_unchanged(tmp_path: Path) -> None:
    folder = exchange.write(tmp_path / "in")
    (folder / "more-prompts.jsonl").write_text((folder / "prompts.jsonl").read_text())
    report = load.load([folder], study_slug="twice")
    assert report.repeated == {}
    assert report.counts["prompts"].unchanged == 2


@pytest.fixture
def asking(trees: Study, tmp_path: Path, settings: Any) -> Any:
    """An upload whose file has the column Worker, after its check."""
    settings.DATA_DIR = tmp_path / "data"
    content = written(tmp_path / "final-comparisons.csv", "Worker").read_bytes()
    upload = uploads.submit(trees, None, [SimpleUploadedFile("final-comparisons.csv", content)])
    uploads.run(upload.pk)
    upload.refresh_from_db()
    return upload


@pytest.mark.parametrize(("answer", "names"), [
    ({"whose_0": "worker-0"}, [None, None]),
    ({"whose_0": "rater-0"}, ["0", "1"]),
    ({"whose_0": "judge", "judge_0": "owl"}, ["owl"]),
])  # fmt: skip
def test_the_page_asks_and_loads_the_files_by_the_answer(asking, owner, as_user, answer, names) -> None:
    Study.objects.update(owner=owner)
    client = as_user(owner)
    address = f"/studies/trees/data/uploads/{asking.pk}/"
    page = client.get(address).content.decode()
    assert "Whose comparisons are in final-comparisons.csv?" in page
    assert not Comparison.objects.exists()
    client.post(f"{address}whose/", answer)
    uploads.run(asking.pk)
    asking.refresh_from_db()
    assert asking.state == UploadState.STORED, asking.report
    assert list(Rater.objects.order_by("pk").values_list("name", flat=True)) == names
    assert not uploads.folder(asking).exists()


@pytest.mark.parametrize("name", ["", "people", "crowd", "crowd:arena"])
def test_an_answer_without_the_judges_name_asks_again(asking, owner, as_user, name) -> None:
    Study.objects.update(owner=owner)
    answer = {"whose_0": "judge", "judge_0": name}
    page = as_user(owner).post(f"/studies/trees/data/uploads/{asking.pk}/whose/", answer).content.decode()
    assert "Enter the judge’s name" in page
    asking.refresh_from_db()
    assert asking.state == UploadState.FAULTY


def test_only_readers_of_the_prompt_set_may_answer(asking, owner, colleague, as_user) -> None:
    PromptSet.objects.update(owner=owner)
    Study.objects.update(owner=colleague)
    answer = {"whose_0": "judge", "judge_0": "owl"}
    reply = as_user(colleague).post(f"/studies/trees/data/uploads/{asking.pk}/whose/", answer)
    assert reply.status_code == 403
    asking.refresh_from_db()
    assert asking.state == UploadState.FAULTY


def test_files_that_nobody_asked_about_for_a_week_are_deleted(asking) -> None:
    uploads.sweep(asking.finished_at + uploads.ANSWERED_WITHIN / 2)
    assert uploads.asks(asking)
    uploads.sweep(asking.finished_at + 2 * uploads.ANSWERED_WITHIN)
    assert not uploads.asks(asking)
    assert not uploads.answer(asking, {"final-comparisons.csv": load.Whose(judge="owl")})
