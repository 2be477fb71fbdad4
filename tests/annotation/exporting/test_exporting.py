"""Exports stream what was loaded, unchanged; a full export has all details of a row."""

import csv
import gzip
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from annotation.exporting import export, payments
from annotation.importing import load
from annotation.interchange import llmfao
from annotation.models import Assignment, Comparison, Outcome, Rater, Study, TrainingAnswer, Worker
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, votes
from tests.annotation import exchange
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


def written(study: Study, what: str, **wishes: object) -> str:
    return "".join(export.export(study, what, **wishes))  # type: ignore[arg-type]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def trees(tmp_path: Path) -> Study:
    load.load([exchange.write(tmp_path / "in")], study_slug="trees")
    return Study.objects.select_related("prompt_set").get(slug="trees")


@pytest.mark.parametrize(
    ("what", "wishes", "file"),
    [
        ("models", {}, "models.jsonl"),
        ("prompts", {}, "prompts.jsonl"),
        ("results", {}, "results.jsonl"),
        ("pairs", {}, "pairs.jsonl"),
        ("pairs", {"training": True}, "pairs-training.jsonl"),
        ("pairs", {"check": True}, "pairs-check.jsonl"),
        ("comparisons", {}, "crowd-comparisons.csv"),
        ("comparisons", {"raters": "robin"}, "robin-crowd-comparisons.csv"),
    ],
)
def test_a_file_comes_back_as_it_was_loaded(trees: Study, what: str, wishes: dict[str, object], file: str) -> None:
    given = exchange.FILES[file]
    if file.endswith(".jsonl"):
        # The style of the published files: no spaces, escaped slashes.
        given = given.replace('": ', '":').replace(', "', ',"').replace("/", "\\/")
    assert written(trees, what, **wishes) == given


def test_an_export_loads_into_another_study_and_comes_back_the_same(trees: Study, tmp_path: Path) -> None:
    files = {
        "models.jsonl": written(trees, "models"),
        "prompts.jsonl": written(trees, "prompts"),
        "results.jsonl": written(trees, "results"),
        "pairs.jsonl": written(trees, "pairs"),
        "pairs-training.jsonl": written(trees, "pairs", training=True),
        "all-comparisons.csv": written(trees, "comparisons", raters="all"),
    }
    (tmp_path / "out").mkdir()
    for name, text in files.items():
        (tmp_path / "out" / name).write_text(text, newline="")
    load.load([tmp_path / "out"], study_slug="again")
    again = Study.objects.get(slug="again")
    assert written(again, "comparisons", raters="all") == files["all-comparisons.csv"]
    assert written(again, "comparisons", raters="robin") == written(trees, "comparisons", raters="robin")
    assert written(again, "results") == files["results.jsonl"]
    assert load.load([tmp_path / "out"], study_slug="trees").upload is None


def test_our_own_columns_are_written_where_they_hold_something(trees: Study) -> None:
    trees.prompt_set.models.filter(number=7).update(licence="MIT", released="2025-01-31")
    trees.prompt_set.prompts.filter(number=5).update(turns=["And?"], lang="ja")
    models = written(trees, "models").splitlines()
    assert models[0].endswith('"org":"Ostrava Labs","licence":"MIT","released":"2025-01-31"}')
    assert models[1].endswith('"org":null}')
    assert '"note":null,"turns":["And?"],"lang":"ja"}' in written(trees, "prompts")


def test_people_only_by_default_and_all_raters_are_told_apart(trees: Study) -> None:
    assert len(rows(written(trees, "comparisons"))) == 4
    everything = rows(written(trees, "comparisons", raters="all"))
    assert [row["rater"] for row in everything] == ["people"] * 4 + ["robin"] * 2
    assert [row["worker"] for row in everything] == ["0", "1", "0", "1", "", ""]


def test_unknown_raters_and_wishes_that_do_not_fit_are_refused_before_anything_is_written(trees: Study) -> None:
    for what, wishes in (
        ("comparisons", {"raters": "wren"}),
        ("models", {"full": True}),
        ("models", {"training": True}),
        ("pairs", {"training": True, "check": True}),
        ("prompts", {"raters": "all"}),
        ("votes", {}),
    ):
        with pytest.raises(NotPossible):
            export.export(trees, what, **wishes)  # type: ignore[arg-type]


def test_what_does_not_count_is_only_in_the_full_export(trees: Study) -> None:
    excluded = Rater.objects.get(worker__number=1)
    Rater.objects.filter(pk=excluded.pk).update(excluded_at=NOW, exclusion_reason="too fast")
    first = Comparison.objects.get(rater__worker__number=0, pair__number=0)
    second = Comparison.objects.create(
        study=trees, pair=first.pair, rater=first.rater, left="y", winner="x", withdrawn=True
    )
    Comparison.objects.filter(pk=first.pk).update(superseded_by=second)
    assert [(row["id"], row["worker"]) for row in rows(written(trees, "comparisons"))] == [("4", "0")]
    full = {row["row"]: row for row in rows(written(trees, "comparisons", full=True))}
    assert len(full) == 5
    old, new = full[f"c{first.pk}"], full[f"c{second.pk}"]
    assert (old["superseded_by"], old["withdrawn"], new["supersedes"], new["withdrawn"]) == (
        f"c{second.pk}",
        "false",
        f"c{first.pk}",
        "true",
    )
    assert (new["model_x"], new["left"], new["shown_left"], new["winner"]) == ("3", "'=Birch", "y", "right")
    ones = [row for row in full.values() if row["worker"] == "1"]
    assert {row["exclusion_reason"] for row in ones} == {"too fast"}
    assert all(row["excluded_at"].startswith("2026-03-01T12:00") for row in ones)


def test_the_full_export_names_the_results_as_shown_and_the_hashes_of_their_texts(trees: Study) -> None:
    import hashlib

    row = next(
        row for row in rows(written(trees, "comparisons", full=True)) if row["id"] == "0" and row["worker"] == "1"
    )
    assert (row["result_left"], row["result_right"]) == ("101", "100")
    assert row["sha256_left"] == hashlib.sha256(exchange.RESULTS[1]["result"].encode()).hexdigest()
    assert row["sha256_prompt"] == hashlib.sha256(b"Write a haiku.").hexdigest()
    assert (row["purpose"], row["rater_kind"], row["simulated"]) == ("vote", "worker", "false")


def test_the_full_export_tells_how_an_answer_was_given() -> None:
    study = build_study(opened=True)
    worker = build_worker(study)
    check = add_golden_pairs(study, ["x"], "check")[0]  # type: ignore[arg-type]
    assignment = Assignment.objects.create(
        study=study,
        pair=check,
        worker=worker,
        state="voted",
        trial=3,
        left="y",
        offer_probability=0.25,
        created_at=NOW,
        expires_at=NOW,
    )
    Comparison.objects.create(
        study=study,
        pair=check,
        rater=worker.rater,
        assignment=assignment,
        left="y",
        winner="x",
        value=3,
        reasons=["clear", "short"],
        trial_number=3,
        shown_at=NOW,
        answered_at=NOW + timedelta(seconds=90),
        device="phone",
        input_method="keys",
        instruction_version=2,
    )
    (row,) = rows(written(study, "comparisons", full=True))
    assert tuple(row) == llmfao.FULL_COLUMNS
    expected = {
        "purpose": "check",
        "golden": "right",
        "as_golden": "true",
        "value": "3",
        "winner": "right",
        "trial": "3",
        "offer_probability": "0.25",
        "seconds": "90.0",
        "device": "phone",
        "input_method": "keys",
        "instruction_version": "2",
        "reasons": '["clear", "short"]',
        "result_left": "",
    }
    assert {key: row[key] for key in expected} == expected
    assert rows(written(study, "comparisons")) == []


def test_answers_to_training_pairs_are_in_the_full_export_of_people_marked() -> None:
    study = build_study(opened=True)
    worker = build_worker(study)
    pairs = add_golden_pairs(study, ["x", "tie"])
    for position, pair in enumerate(pairs):
        TrainingAnswer.objects.create(
            worker=worker,
            pair=pair,
            attempt=1,
            position=position,
            left="y",
            value=1 if position == 0 else None,
            right=False if position == 0 else None,
        )
    (row,) = rows(written(study, "comparisons", full=True))
    told = (row["row"][0], row["purpose"], row["golden"], row["winner"], row["as_golden"], row["attempt"])
    assert told == ("t", "training", "right", "left", "false", "1")


def test_simulated_comparisons_must_be_asked_for_and_are_marked(trees: Study, tmp_path: Path) -> None:
    Rater.objects.filter(worker__number=1).update(simulated=True)
    for raters in ("people", "all"):
        with pytest.raises(NotPossible, match="simulated"):
            export.export(trees, "comparisons", raters=raters)
    assert len(rows(written(trees, "comparisons", raters="robin"))) == 2
    assert [row["simulated"] for row in rows(written(trees, "comparisons", full=True))] == [
        "false",
        "true",
        "false",
        "true",
    ]
    marked = written(trees, "comparisons", simulated=True)
    assert marked.splitlines()[0] == "id,prompt,model_x,model_y,worker,winner,left,right,simulated"
    path = tmp_path / "crowd-comparisons.csv"
    path.write_text(marked)
    exchange.write(tmp_path / "bare", crowd_comparisons=None, robin_crowd_comparisons=None)
    load.load([tmp_path / "bare", path], study_slug="again")
    assert list(Rater.objects.filter(study__slug="again").values_list("simulated", flat=True)) == [False, True]
    assert written(Study.objects.get(slug="again"), "comparisons", simulated=True) == marked
    # A simulated vote takes no place.
    assert Study.objects.get(slug="again").pairs.get(number=9).taken == 0


def test_text_cells_are_guarded_and_numbers_are_not(trees: Study) -> None:
    text = written(trees, "comparisons", raters="all")
    assert "'=Birch" in text
    trees.pairs.filter(number=0).update(number=-5)
    assert "\n-5,5,7,3" in written(trees, "comparisons")


def give_up(worker: Worker, pairs: int) -> None:
    """Skips this many pairs."""
    for _ in range(pairs):
        assignment = assignments.current(worker, NOW, rng())
        assert assignment is not None
        votes.skip(worker, assignment.pk, "", NOW)


def test_what_to_pay_for_is_a_row_a_person() -> None:
    study = build_study(opened=True)
    done = build_worker(study, "=cmd()")
    Worker.objects.filter(pk=done.pk).update(
        stage="done", outcome=Outcome.COMPLETED, joined_at=NOW, left_at=NOW + timedelta(minutes=12, seconds=30)
    )
    idle = build_worker(study, "b2")
    give_up(idle, pairs=2)
    Worker.objects.filter(pk=done.pk).update(votes=3)
    code = study.exits.get(outcome=Outcome.COMPLETED).code
    assert "".join(payments.payments(study)) == (
        f"external_id,outcome,code,minutes,votes,skips\n'=cmd(),completed,{code},12.5,3,0\nb2,,,,0,2\n"
    )


def test_the_command_writes_the_data_alone_or_a_file(trees: Study, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("export", "comparisons", "trees", stdout=out)
    assert out.getvalue() == exchange.CROWD
    call_command("export", "comparisons", "trees", "-o", str(tmp_path / "a.csv"), stdout=out)
    assert (tmp_path / "a.csv").read_text() == exchange.CROWD
    call_command("export", "comparisons", "trees", "-o", str(tmp_path / "a.csv.gz"), stdout=out)
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode() == exchange.CROWD
    call_command("export", "payments", "trees", stdout=out)


def test_a_refused_export_leaves_an_older_file_alone(trees: Study, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("precious")
    for arguments in (["comparisons", "trees", "--raters", "wren"], ["comparisons", "nowhere"]):
        with pytest.raises(CommandError):
            call_command("export", *arguments, "-o", str(path))
    with pytest.raises(CommandError, match="No such file"):
        call_command("export", "models", "trees", "-o", str(tmp_path / "missing" / "a.jsonl"))
    assert path.read_text() == "precious"
    assert list(tmp_path.glob(".a.csv*")) == []


@pytest.mark.django_db(transaction=True)
def test_an_export_holds_no_transaction(tmp_path: Path) -> None:
    load.load([exchange.write(tmp_path)], study_slug="trees")
    study = Study.objects.get()
    for what, wishes in (("results", {}), ("pairs", {}), ("comparisons", {"full": True})):
        chunks = export.export(study, what, **wishes)  # type: ignore[arg-type]
        next(chunks)
        assert not connection.in_atomic_block


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"what": "models"}, "models.jsonl"),
        ({"what": "pairs", "training": True}, "pairs-training.jsonl"),
        ({"what": "comparisons", "raters": "gpt-4.1 mini"}, "gpt-4.1 mini-comparisons.csv"),
        ({"what": "comparisons", "raters": "a/../b"}, "a_.._b-comparisons.csv"),
    ],
)
def test_a_downloaded_file_is_called_what_load_knows(wishes: dict[str, object], expected: str) -> None:
    name = export.file_name(**wishes)  # type: ignore[arg-type]
    assert name == expected
    assert llmfao.kind_of(name) is not None
