"""MT-bench files in FastChat's layout are imported and exported unchanged."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError

from annotation.exporting import export
from annotation.importing import load, undo, uploads
from annotation.models import (
    Comparison,
    LanguageModel,
    Pair,
    Prompt,
    PromptSet,
    Rater,
    Result,
    Study,
    Upload,
    UploadState,
)
from annotation.studies import deletion
from annotation.studies.lifecycle import NotPossible
from judges.benchmark_files import export_mt_bench
from judges.models import JudgeCall, JudgeRun, Judgment, ReferenceAnswer, Remainder
from tests.annotation import exchange
from tests.builders import NOW
from tests.judges import benchmark
from tests.judges.conftest import make_judge, run_judge
from tests.places import REAL_DATA, needs_real_data
from tests.together import together

pytestmark = pytest.mark.django_db

DATA = REAL_DATA / "mt_bench"


def loaded(folder: Path, study: str = "bench", **options: object) -> load.Report:
    return load.load([folder], study_slug=study, format_name="mt-bench", **options)  # type: ignore[arg-type]


def written(slug: str, folder: Path) -> Path:
    call_command("export", slug, format="mt-bench", output=folder, stdout=io.StringIO())
    return folder


def faults(error: pytest.ExceptionInfo[load.FaultyFiles]) -> list[str]:
    return [load.worded(fault) for fault in error.value.faults.listed]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_was_loaded_is_written_as_it_was(tmp_path: Path, language: str) -> None:
    rows = benchmark.files(language, choices=2)
    loaded(benchmark.write(tmp_path / "in", rows))
    assert benchmark.read(written("bench", tmp_path / "out")) == rows
    assert set(Prompt.objects.values_list("lang", flat=True)) == {language}


def other_styles(rows: dict[str, list[dict[str, object]]]) -> dict[str, str]:
    """Writes the same rows in another format: unescaped letters, whole numbers as fractions, other spacing."""
    styles: list[dict[str, Any]] = [
        {"ensure_ascii": False},
        {"ensure_ascii": False, "separators": (",", ":")},
        {"sort_keys": True},
    ]
    texts = {}
    for name, some in rows.items():
        lines = [json.dumps(row, **styles[place % 3]) + "\n" for place, row in enumerate(some)]
        texts[name] = "".join(lines).replace('"turn": 1,', '"turn":  1,').replace("Rating: [[9]]", "Rating: [[9.0]]")
        texts[name] = texts[name].replace('"score": 9,', '"score": 9.0,')
    return texts


def test_every_row_is_written_to_the_letter_whoever_wrote_it(tmp_path: Path) -> None:
    rows = benchmark.files("ja", choices=2)
    more = {"zz": 1.0, "b": {"long": 1, "a": [{"y": 2, "x": "\u6c34"}]}, "aaa": None}
    rows["question.jsonl"] = [row | more for row in rows["question.jsonl"]]
    texts = other_styles(rows)
    assert any("川" in text for text in texts.values())
    assert any('"score": 9.0' in text for text in texts.values())
    for name, text in texts.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(text)
    loaded(tmp_path / "in")
    out = written("bench", tmp_path / "out")
    assert {name: (out / name).read_text() for name in texts} == texts
    assert loaded(tmp_path / "in").upload is None


def test_a_row_that_says_the_same_in_another_hand_is_the_same(tmp_path: Path) -> None:
    rows = benchmark.files("ja")
    loaded(benchmark.write(tmp_path / "in", rows))
    for name, text in other_styles(rows).items():
        if not name.startswith("model_judgment"):
            (tmp_path / "in" / name).write_text(text)
    counts = loaded(tmp_path / "in").counts
    assert not any(counts[kind].new for kind in ("prompts", "results", "references", "grades", "games"))


@pytest.mark.reference
@needs_real_data("mt_bench")
def test_the_published_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    loaded(DATA)
    out = written("bench", tmp_path)
    names = [path.relative_to(DATA) for path in sorted(DATA.rglob("*.jsonl"))]
    assert len(names) == 6
    for name in names:
        assert (out / name).read_bytes() == (DATA / name).read_bytes(), name


def test_prompts_answers_and_references_stand_in_the_corpus(tmp_path: Path) -> None:
    loaded(benchmark.write(tmp_path, benchmark.files(choices=2)))
    prompt = Prompt.objects.get(number=81)
    assert (prompt.type, prompt.text, prompt.turns) == ("math", "81. Name a river.", ["And a longer one?"])
    assert prompt.references == ["The Elbe. (sage 0)", "The Danube. (sage 0)"]
    results = Result.objects.filter(prompt=prompt, model__name="birch").order_by("sample")
    assert [(each.sample, each.text, each.turns) for each in results] == [
        (0, "The Elbe. (birch 0)", ["The Danube. (birch 0)"]),
        (1, "The Elbe. (birch 1)", ["The Danube. (birch 1)"]),
    ]
    assert set(ReferenceAnswer.objects.values_list("source", "used")) == {("sage", True)}


def test_a_game_in_both_orders_is_two_comparisons_of_its_judge(tmp_path: Path) -> None:
    loaded(benchmark.write(tmp_path, benchmark.files(questions=2)))
    told = Comparison.objects.filter(rater__name="owl", turn=1).order_by("pair__number", "trial")
    # In the second question the first position won both times.
    assert list(told.values_list("pair__prompt__number", "trial", "left", "winner", "pair__model_x__name")) == [
        (81, 0, "x", "x", "alder"),
        (81, 1, "y", "x", "alder"),
        (82, 0, "x", "x", "alder"),
        (82, 1, "y", "y", "alder"),
    ]
    assert Comparison.objects.filter(turn=2).count() == 4


def test_errors_are_states_and_neither_numbers_nor_ties(tmp_path: Path) -> None:
    rows = benchmark.files(questions=1)
    rows["model_judgment/owl_single.jsonl"] = [
        benchmark.grade(81, "alder", -1),
        benchmark.grade(81, "birch", -1, judgment="$ERROR$"),
        benchmark.grade(81, "alder", 0, turn=2),
    ]
    rows["model_judgment/owl_pair.jsonl"] = [benchmark.game(81, "model_1", "error", g2_judgment="$ERROR$")]
    loaded(benchmark.write(tmp_path / "in", rows))
    graded = Judgment.objects.exclude(result=None).order_by("pk")
    assert list(graded.values_list("state", "score")) == [
        ("unreadable", None),
        ("failed", None),
        ("unreadable", None),
    ]
    assert list(Judgment.objects.exclude(pair=None).values_list("left", "state", "winner").order_by("pk")) == [
        ("x", "ok", "x"),
        ("y", "failed", ""),
    ]
    assert list(Comparison.objects.values_list("left", "winner")) == [("x", "x")]
    assert benchmark.read(written("bench", tmp_path / "out")) == rows


def test_of_several_rows_on_the_same_the_last_one_counts_and_the_report_says_how_many(tmp_path: Path) -> None:
    rows = benchmark.files(questions=1)
    again = benchmark.grade(81, "alder", 9)
    rows["model_judgment/owl_single.jsonl"] += [benchmark.grade(81, "alder", 3), again]
    # The same two models in the other order.
    swapped = benchmark.game(81, "tie", "tie") | {"model_1": "birch", "model_2": "alder"}
    rows["model_judgment/owl_pair.jsonl"].append(swapped)
    report = loaded(benchmark.write(tmp_path / "in", rows))
    assert report.passed_over == {"surplus-rows": 3}
    assert Judgment.objects.get(result__model__name="alder", turn=1).score == 9
    assert list(Comparison.objects.filter(turn=1).values_list("left", "winner", "trial").order_by("pk")) == [
        ("y", "tie", 1),
        ("x", "tie", 0),
    ]
    kept = benchmark.read(written("bench", tmp_path / "out"))
    assert again in kept["model_judgment/owl_single.jsonl"]
    assert swapped in kept["model_judgment/owl_pair.jsonl"]


def test_the_same_folder_again_changes_nothing(tmp_path: Path) -> None:
    folder = benchmark.write(tmp_path, benchmark.files())
    loaded(folder)
    assert loaded(folder).upload is None


def test_files_may_come_one_after_the_other(tmp_path: Path) -> None:
    rows = benchmark.files()
    folder = benchmark.write(tmp_path / "in", rows)
    for name in rows:
        load.load([folder / name], study_slug="bench", format_name="mt-bench")
    assert Prompt.objects.get(number=81).references == ["The Elbe. (sage 0)", "The Danube. (sage 0)"]
    assert benchmark.read(written("bench", tmp_path / "out")) == rows


def test_a_judge_that_says_something_else_later_is_a_fault(tmp_path: Path) -> None:
    rows = benchmark.files(questions=1)
    loaded(benchmark.write(tmp_path, rows))
    rows["model_judgment/owl_single.jsonl"][0]["score"] = 1
    with pytest.raises(load.FaultyFiles) as error:
        loaded(benchmark.write(tmp_path, rows))
    assert faults(error) == [
        "model_judgment/owl_single.jsonl:1: judge: This conflicts with an earlier reply from the same judge."
    ]


def test_a_judge_with_two_templates_on_the_same_is_a_fault(tmp_path: Path) -> None:
    rows = benchmark.files(questions=1)
    rows["model_judgment/owl_pair.jsonl"].append(benchmark.game(81, "tie", "tie", judge=["owl", "pair-v1"]))
    with pytest.raises(load.FaultyFiles) as error:
        loaded(benchmark.write(tmp_path, rows))
    (told,) = faults(error)
    assert told.startswith('model_judgment/owl_pair.jsonl:3: judge: Judge "owl" has judged this with template')


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        ("question.jsonl", {"question_id": "x", "turns": ["?"]}, 'question_id: Expected a whole number, not "x".'),
        ("question.jsonl", {"question_id": 99, "turns": []}, "turns: Expected a list of texts, not []."),
        ("model_answer/alder.jsonl", {"question_id": 81}, "choices: This required column is missing."),
        ("model_answer/alder.jsonl", {"question_id": 81, "choices": [{}]}, "choices: Expected a list of texts"),
        (
            "model_answer/elm.jsonl",
            benchmark.answer(77, "elm"),
            "question_id: No prompt in the files or the study has the ID 77",
        ),
        (
            "model_judgment/owl_single.jsonl",
            benchmark.grade(81, "oak", 5),
            "model: No model in the files or the study is named",
        ),
        (
            "model_judgment/owl_single.jsonl",
            benchmark.grade(81, "alder", 5, choice=7),
            "choice: Model 1 has no answer 8",
        ),
        (
            "model_judgment/owl_single.jsonl",
            benchmark.grade(81, "alder", 5) | {"score": "9"},
            "score: Expected a number or null",
        ),
        (
            "model_judgment/owl_single.jsonl",
            benchmark.grade(81, "alder", 5, judge=[]),
            "judge: Expected the name of a judge",
        ),
        (
            "model_judgment/owl_single.jsonl",
            benchmark.grade(81, "alder", 5, judge=["people"]),
            "judge: A valid judge name is required.",
        ),
        ("model_judgment/owl_single.jsonl", benchmark.grade(81, "alder", 5, turn=0), "turn: Expected a turn number"),
        (
            "model_judgment/owl_pair.jsonl",
            benchmark.game(81, "A", "tie"),
            "g1_winner: Expected model_1, model_2, tie or error",
        ),
        (
            "model_judgment/owl_pair.jsonl",
            benchmark.game(81, "tie", "tie", model_2="alder"),
            "model_2: The two models must be different",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_field(
    tmp_path: Path, name: str, row: dict[str, object], told: str
) -> None:
    rows = benchmark.files(questions=1)
    rows[name] = [row]
    with pytest.raises(load.FaultyFiles) as error:
        loaded(benchmark.write(tmp_path, rows))
    assert faults(error)[0].startswith(f"{name}:1: {told}")
    assert not Study.objects.exists()


def test_an_answer_that_is_an_error_is_no_answer(tmp_path: Path) -> None:
    rows = benchmark.files(questions=2)
    failed = rows["model_answer/alder.jsonl"][0]
    failed["choices"][0]["turns"] = ["$ERROR$", "$ERROR$"]
    report = loaded(benchmark.write(tmp_path / "in", rows))
    assert not Result.objects.filter(model__name="alder", prompt__number=81).exists()
    assert report.passed_over == {
        "answers-that-are-errors": 1,
        "judgments-of-errors": 4,
    }
    kept = benchmark.read(written("bench", tmp_path / "out"))["model_answer/alder.jsonl"]
    assert sorted(kept, key=lambda row: row["question_id"]) == rows["model_answer/alder.jsonl"]


def test_an_upload_is_undone_with_its_judgments(tmp_path: Path) -> None:
    loaded(benchmark.write(tmp_path, benchmark.files()))
    undo.undo(Upload.objects.get())
    for table in (Judgment, ReferenceAnswer, Remainder, Comparison, Pair, Result, Prompt, LanguageModel, Rater):
        assert not table._default_manager.exists(), table


def test_an_undone_reference_is_taken_back_from_prompts_that_stay(tmp_path: Path) -> None:
    rows = benchmark.files()
    references = rows.pop("reference_answer/sage.jsonl")
    loaded(benchmark.write(tmp_path / "first", rows))
    report = loaded(benchmark.write(tmp_path / "second", {"reference_answer/sage.jsonl": references}))
    assert Prompt.objects.exclude(references=[]).count() == 2
    assert report.upload is not None
    undo.undo(report.upload)
    assert not Prompt.objects.exclude(references=[]).exists()


def test_the_language_can_be_said(tmp_path: Path) -> None:
    loaded(benchmark.write(tmp_path, benchmark.files()), language="cs")
    assert set(Prompt.objects.values_list("lang", flat=True)) == {"cs"}


def test_the_command_takes_a_language_and_refuses_what_is_none(tmp_path: Path) -> None:
    folder = benchmark.write(tmp_path, benchmark.files("ja"))
    options = {"format": "mt-bench", "study": "bench", "stdout": io.StringIO()}
    with pytest.raises(CommandError, match="language tag"):
        call_command("load", folder, language="Japanese!", **options)
    call_command("load", folder, language="ja-JP", **options)
    assert set(Prompt.objects.values_list("lang", flat=True)) == {"ja-JP"}


def archive(rows: dict[str, list[dict[str, object]]], **more: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, some in rows.items():
            target.writestr(f"data/{name}", "".join(json.dumps(row) + "\n" for row in some))
        target.writestr("__MACOSX/._question.jsonl", "rubbish")
        target.writestr("data/README.txt", "About.")
    return packed.getvalue()


def test_a_folder_is_uploaded_as_an_archive(tmp_path: Path, settings) -> None:
    settings.DATA_DIR = tmp_path
    rows = benchmark.files()
    study = Study.objects.create(slug="bench", name="Bench", prompt_set=_prompt_set())
    upload = uploads.submit(study, None, [SimpleUploadedFile("bench.zip", archive(rows))])
    uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.STORED, upload.report
    assert upload.report["skipped"] == ["__MACOSX/._question.jsonl", "data/README.txt"]
    assert benchmark.read(written("bench", tmp_path / "out")) == rows


def _prompt_set() -> PromptSet:
    return PromptSet.objects.create(slug="bench", name="Bench")


def test_the_page_of_an_upload_says_what_was_passed_over(tmp_path: Path, settings, owner, as_user) -> None:
    settings.DATA_DIR = tmp_path
    rows = benchmark.files(questions=1)
    rows["model_judgment/owl_single.jsonl"].append(benchmark.grade(81, "alder", 3))
    study = Study.objects.create(slug="bench", name="Bench", prompt_set=_prompt_set(), owner=owner)
    upload = uploads.submit(study, None, [SimpleUploadedFile("bench.zip", archive(rows))])
    uploads.run(upload.pk)
    page = as_user(owner).get(f"/studies/bench/data/uploads/{upload.pk}/").content.decode()
    for text in ("Rows replaced by a later row with the same key: 1", "Grades by judges", "Verdicts by judges"):
        assert text in page
    upload.refresh_from_db()
    assert upload.report["passed_over"] == {"surplus-rows": 1}
    before = {"rows that a later one of the same key replaces: %(count)s": 2}
    Upload.objects.update(report=upload.report | {"passed_over": before})
    page = as_user(owner).get(f"/studies/bench/data/uploads/{upload.pk}/").content.decode()
    assert "Rows that a later one of the same key replaces: 2" in page


def test_the_whole_study_is_downloaded_as_an_archive_that_can_be_uploaded(tmp_path: Path, owner, as_user) -> None:
    rows = benchmark.files()
    loaded(benchmark.write(tmp_path / "in", rows), user=owner)
    client = as_user(owner)
    assert "/studies/bench/export/mt-bench/" in client.get("/studies/bench/export/").content.decode()
    response = client.get("/studies/bench/export/mt-bench/")
    assert response.headers["Content-Disposition"] == 'attachment; filename="bench-mt-bench.zip"'
    path = tmp_path / "back.zip"
    path.write_bytes(response.getvalue())
    load.load([path], study_slug="copy", format_name="mt-bench")
    assert benchmark.read(written("copy", tmp_path / "out")) == rows


def test_an_archive_of_exchange_files_is_taken_too(tmp_path: Path) -> None:
    folder = exchange.write(tmp_path / "in")
    packed = shutil.make_archive(str(tmp_path / "trees"), "zip", folder)
    load.load([Path(packed)], study_slug="trees")
    assert Comparison.objects.filter(study__slug="trees").count() == 6


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no archive at all"])
def test_what_is_no_archive_is_a_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bench.zip"
    path.write_bytes(content)
    with pytest.raises(load.FaultyFiles) as error:
        load.load([path], study_slug="bench")
    assert faults(error) == ["bench.zip: The archive is damaged, or it is not a ZIP file."]


def test_an_archive_that_holds_far_more_than_its_size_is_a_fault(tmp_path: Path, monkeypatch) -> None:
    from annotation.importing import archives

    monkeypatch.setattr(archives, "EXPANDED_FREELY", 1000)
    path = tmp_path / "bench.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("question.jsonl", b" " * 10**6)
    with pytest.raises(load.FaultyFiles) as error:
        load.load([path], study_slug="bench")
    assert faults(error) == [
        "bench.zip: The archive expands to more than 50 times its size. Unpack it and load the files."
    ]


def test_a_name_that_no_disk_takes_comes_back(tmp_path: Path) -> None:
    rows = benchmark.files(questions=1)
    rows["model_answer/lab_elm.jsonl"] = [benchmark.answer(81, "lab/elm")]
    loaded(benchmark.write(tmp_path / "in", rows))
    assert LanguageModel.objects.filter(name="lab/elm").exists()
    assert benchmark.read(written("bench", tmp_path / "out")) == rows


@pytest.mark.django_db(transaction=True)
def test_a_judge_that_was_asked_here_is_written_like_any_other(tmp_path: Path, stand_in) -> None:
    rows = {name: some for name, some in benchmark.files().items() if not name.startswith("model_judgment")}
    loaded(benchmark.write(tmp_path / "in", rows))
    study = Study.objects.get(slug="bench")
    run_judge(study, make_judge(stand_in().url, "here", reader="rating", each_turn=True))
    kept = benchmark.read(written("bench", tmp_path / "out"))["model_judgment/here_single.jsonl"]
    assert len(kept) == 3 * 2 * 2
    assert {row["turn"] for row in kept} == {1, 2}
    assert all(f"[[{row['score']:g}]]" in row["judgment"] for row in kept)
    # Another study can import this study's export.
    loaded(tmp_path / "out", "copy", prompt_set_slug="copy")
    assert Judgment.objects.filter(study__slug="copy", judge="here", state="ok").count() == 12
    with pytest.raises(load.FaultyFiles) as error:
        loaded(tmp_path / "out")
    assert "was run in this study" in faults(error)[0]


@pytest.mark.django_db(transaction=True)
def test_both_orders_of_a_judge_that_was_asked_here_make_one_row(tmp_path: Path, stand_in) -> None:
    rows = benchmark.files(questions=2)
    loaded(benchmark.write(tmp_path / "in", rows))
    study = Study.objects.get(slug="bench")
    Pair.objects.update(wanted=1)
    run_judge(study, make_judge(stand_in().url, "here", orders="both", samples=2))
    run_judge(study, make_judge(stand_in().url, "once", orders="one"))
    assert export_mt_bench.one_order(study) == 2
    kept = benchmark.read(written("bench", tmp_path / "out"))
    assert "model_judgment/once_pair.jsonl" not in kept or kept["model_judgment/once_pair.jsonl"] == []
    assert [
        (row["question_id"], row["turn"], row.get("sample", 0)) for row in kept["model_judgment/here_pair.jsonl"]
    ] == [
        (81, 2, 0),
        (81, 2, 1),
        (82, 2, 0),
        (82, 2, 1),
    ]


@pytest.mark.django_db(transaction=True)
def test_what_a_judge_said_in_both_orders_twice_and_by_turns_goes_into_the_exchange_format_and_back(
    tmp_path: Path, stand_in
) -> None:
    rows = {name: some for name, some in benchmark.files().items() if not name.endswith("_single.jsonl")}
    loaded(benchmark.write(tmp_path / "in", rows))
    study = Study.objects.get(slug="bench")
    Pair.objects.update(wanted=1)
    run_judge(study, make_judge(stand_in().url, "here", orders="both", samples=2, each_turn=True))
    for what in ("models", "prompts", "results", "pairs"):
        (tmp_path / f"{what}.jsonl").write_text("".join(export.export(study, what)))
    written_here = "".join(export.export(study, "comparisons", raters="here"))
    assert len(written_here.splitlines()) == 1 + 3 * 2 * 2 * 2
    (tmp_path / "here-comparisons.csv").write_text(written_here)
    load.load([tmp_path], study_slug="copy", prompt_set_slug="copy")
    assert "".join(export.export(Study.objects.get(slug="copy"), "comparisons", raters="here")) == written_here
    # In the original study it is already stored.
    assert load.load([tmp_path / "here-comparisons.csv"], study_slug="bench").upload is None


@pytest.mark.django_db(transaction=True)
def test_two_who_load_the_same_at_once_store_it_once(tmp_path: Path) -> None:
    folder = benchmark.write(tmp_path, benchmark.files())
    (tmp_path / "empty").mkdir()
    loaded(benchmark.write(tmp_path / "empty", {"question.jsonl": [benchmark.question(1)]}))

    def work(_index: int) -> str:
        try:
            return "stored" if loaded(folder).upload else "there"
        except load.FaultyFiles:
            return "told"

    assert "stored" in together(2, work)
    assert Judgment.objects.count() == 12 + 2 * 6
    assert Comparison.objects.count() == 2 * 6


def test_a_draft_with_grades_alone_can_be_deleted_with_its_prompt_set(tmp_path: Path) -> None:
    rows = {name: some for name, some in benchmark.files().items() if not name.endswith("_pair.jsonl")}
    loaded(benchmark.write(tmp_path, rows))
    deletion.delete_draft(Study.objects.get(), with_prompt_set=True)
    for table in (Study, Judgment, ReferenceAnswer, Remainder, Result, Prompt, LanguageModel, Upload):
        assert not table._default_manager.exists(), table


def test_an_upload_that_a_judge_was_asked_about_since_cannot_be_undone(tmp_path: Path) -> None:
    rows = {name: some for name, some in benchmark.files().items() if not name.startswith("model_judgment")}
    report = loaded(benchmark.write(tmp_path, rows))
    judge = make_judge("http://127.0.0.1:9/v1", reader="rating").current
    run = JudgeRun.objects.create(study=Study.objects.get(), version=judge, created_at=NOW, state="cancelled")
    JudgeCall.objects.create(run=run, version=judge, result=Result.objects.all()[0])
    assert report.upload is not None
    with pytest.raises(NotPossible, match="1 calls"):
        undo.undo(report.upload)
