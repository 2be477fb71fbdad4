"""An upload is undone as a whole, or not at all while something refers to its rows."""

import io
from pathlib import Path

import pytest
from django.core.management import call_command

from annotation.importing import load, undo
from annotation.models import (
    Comparison,
    LanguageModel,
    Pair,
    Prompt,
    Rater,
    Report,
    Result,
    ResultFlag,
    Study,
    Upload,
    UploadState,
    Worker,
)
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from tests.annotation import exchange
from tests.builders import build_worker

pytestmark = pytest.mark.django_db

BROUGHT = (Comparison, Rater, Worker, Pair, Result, ResultFlag, Prompt, LanguageModel)


def loaded(*paths: Path) -> Upload:
    upload = load.load(paths, study_slug="trees").upload
    assert upload is not None
    return upload


def test_everything_an_upload_brought_is_gone_and_it_can_be_loaded_again(tmp_path: Path) -> None:
    results = exchange.jsonl([{**exchange.RESULTS[0], "result": "I am Alder 7B."}, *exchange.RESULTS[1:]])
    exchange.write(tmp_path, results=results, pairs=exchange.jsonl(exchange.PAIRS[2:]))
    upload = loaded(tmp_path)
    counts = undo.undo(upload)
    assert counts["comparisons"] == 6
    assert [table._default_manager.count() for table in BROUGHT] == [0] * len(BROUGHT)
    assert upload.state == UploadState.UNDONE
    assert Study.objects.filter(slug="trees").exists()
    loaded(tmp_path)
    assert Comparison.objects.count() == 6


def test_it_can_be_undone_once(tmp_path: Path) -> None:
    upload = loaded(exchange.write(tmp_path))
    undo.undo(upload)
    with pytest.raises(NotPossible, match="no saved data"):
        undo.undo(upload)


def test_the_places_its_votes_took_are_free_again(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    loaded(tmp_path)
    lifecycle.start(Study.objects.get())
    before = list(Pair.objects.order_by("pk").values_list("number", "wanted", "taken"))
    votes = list(Worker.objects.order_by("number").values_list("number", "votes"))
    more = "".join(f"4,5,12,7,{worker},left,command,Alder 7B\n" for worker in range(1, 9))
    (tmp_path / "crowd-comparisons.csv").write_text(exchange.CROWD + more)
    upload = loaded(tmp_path)
    assert list(Pair.objects.order_by("pk").values_list("wanted", "taken"))[1] == (9, 9)
    undo.undo(upload)
    assert list(Pair.objects.order_by("pk").values_list("number", "wanted", "taken")) == before
    assert list(Worker.objects.order_by("number").values_list("number", "votes")) == votes


def test_an_upload_that_another_builds_on_stays(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    first = loaded(*(tmp_path / name for name in exchange.CORPUS))
    second = loaded(tmp_path / "pairs.jsonl")
    third = loaded(tmp_path / "crowd-comparisons.csv")
    with pytest.raises(NotPossible, match="pairs"):
        undo.undo(first)
    with pytest.raises(NotPossible, match="comparisons"):
        undo.undo(second)
    assert Result.objects.count() == 6
    for upload in (third, second, first):
        undo.undo(upload)
    assert not LanguageModel.objects.exists()


def test_an_upload_whose_pairs_people_have_seen_stays(tmp_path: Path) -> None:
    upload = loaded(exchange.write(tmp_path))
    study = lifecycle.start(Study.objects.get())
    worker = build_worker(study)
    Report.objects.create(study=study, pair=study.pairs.get(number=4), worker=worker, kind="other")
    with pytest.raises(NotPossible, match="1 report"):
        undo.undo(upload)
    upload.refresh_from_db()
    assert upload.state == UploadState.STORED
    assert Comparison.objects.count() == 6


def test_an_upload_whose_models_a_study_has_chosen_stays(tmp_path: Path) -> None:
    upload = loaded(exchange.write(tmp_path))
    study = Study.objects.get()
    lifecycle.change_settings(study, {"language_models": list(LanguageModel.objects.all())})
    with pytest.raises(NotPossible, match="3 studies"):
        undo.undo(upload)
    lifecycle.change_settings(study, {"language_models": []})
    undo.undo(upload)


def test_the_command_says_what_it_removed(tmp_path: Path) -> None:
    upload = loaded(exchange.write(tmp_path))
    out = io.StringIO()
    call_command("load", undo=upload.pk, stdout=out)
    assert "results: 6 deleted\n" in out.getvalue()
