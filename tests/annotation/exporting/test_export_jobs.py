"""Large exports are written in the background: progress, digest, size and expiry, and nothing is left by a crash."""

import csv
import hashlib
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import tasks
from annotation.exporting import file_formats, jobs, layouts
from annotation.exporting.selection import Selection
from annotation.models import Export, ExportState, Study
from annotation.studies.lifecycle import NotPossible
from annotation.voting import erasure
from tests.annotation.study_pages import give_votes, study_of
from tests.builders import NOW, build_worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(owner):
    found = study_of(owner)
    give_votes(found, 3)
    return found


def asked(layout="comparisons", file_format="", **filters):
    return layouts.request(layout, file_format, Selection.of(filters))


def written(export):
    export.refresh_from_db()
    return jobs.path(export).read_bytes()


def test_an_export_gets_its_file_with_digest_size_and_expiry(study, owner):
    export = jobs.submit(study, owner, asked())
    assert (export.state, export.total, export.file_name) == (ExportState.WAITING, 3, "people-comparisons.csv")
    assert jobs.run(export.pk, timezone.now())
    found = written(export)
    assert len(list(csv.DictReader(io.StringIO(found.decode())))) == 3
    assert (export.state, export.done, export.size) == (ExportState.READY, 3, len(found))
    assert export.digest == hashlib.sha256(found).hexdigest()
    assert export.expires_at - export.finished_at == jobs.KEPT
    assert not jobs.run(export.pk, timezone.now()), "it is written once"


def test_the_message_runs_it(study, owner):
    export = jobs.submit(study, owner, asked())
    tasks.run_export(export.pk)
    assert written(export)


def test_a_cancelled_export_is_not_written_and_leaves_nothing(study, owner):
    export = jobs.submit(study, owner, asked())
    assert jobs.cancel(export)
    assert not jobs.run(export.pk, timezone.now())
    assert not jobs.cancel(export)
    assert not jobs.path(export).exists()


def test_an_export_that_is_cancelled_while_it_is_written_leaves_no_file(study, owner, monkeypatch, tmp_path):
    export = jobs.submit(study, owner, asked(file_format="jsonl"))
    whole = file_formats.FILE_FORMATS["jsonl"].chunks

    def cancelled(*given):
        for chunk in whole(*given):
            jobs.cancel(export)
            yield chunk

    late = file_formats.FileFormat("JSONL", ".jsonl", "application/jsonl", cancelled)
    monkeypatch.setitem(file_formats.FILE_FORMATS, "jsonl", late)
    assert not jobs.run(export.pk, timezone.now())
    export.refresh_from_db()
    assert export.state == ExportState.CANCELLED
    assert list((tmp_path / "exports").iterdir()) == []


def test_what_became_impossible_meanwhile_is_said(study, owner):
    export = jobs.submit(study, owner, asked())
    Export.objects.filter(pk=export.pk).update(filters={"raters": "nobody"})
    assert jobs.run(export.pk, timezone.now())
    export.refresh_from_db()
    assert export.state == ExportState.FAILED
    assert "nobody" in export.told_problem
    assert not jobs.path(export).exists()


def test_a_full_disk_is_said_and_leaves_nothing(study, owner, monkeypatch, tmp_path):
    def full(*given):
        yield b"id"
        raise OSError(28, "No space left on device")

    broken = file_formats.FileFormat("JSONL", ".jsonl", "application/jsonl", full)
    monkeypatch.setitem(file_formats.FILE_FORMATS, "jsonl", broken)
    export = jobs.submit(study, owner, asked(file_format="jsonl"))
    assert jobs.run(export.pk, timezone.now())
    export.refresh_from_db()
    assert "disk is full" in export.told_problem
    assert list((tmp_path / "exports").iterdir()) == []


def test_a_dead_worker_s_export_is_run_again_and_given_up_in_the_end(study, owner):
    export = jobs.submit(study, owner, asked())
    at = timezone.now()
    for attempt in range(jobs.MOST_TRIES):
        Export.objects.filter(pk=export.pk).update(
            state=ExportState.WRITING, claimed_at=at - timedelta(hours=1), beat_at=at - timedelta(hours=1)
        )
        draft = jobs.path(export).with_name(f"{export.pk}.{attempt}")
        draft.parent.mkdir(exist_ok=True)
        draft.write_bytes(b"half")
        jobs.sweep(at)
        assert not draft.exists()
        export.refresh_from_db()
    assert export.state == ExportState.FAILED
    assert export.told_problem


def test_a_lost_message_is_sent_again(study, owner):
    export = jobs.submit(study, owner, asked())
    assert jobs.sweep(timezone.now()) == 0
    assert jobs.sweep(export.created_at + jobs.LOST + timedelta(seconds=1)) == 1


def test_a_file_is_deleted_when_its_time_is_over_and_not_before(study, owner):
    export = jobs.submit(study, owner, asked())
    jobs.run(export.pk, timezone.now())
    jobs.sweep(timezone.now())
    assert written(export)
    jobs.sweep(timezone.now() + jobs.KEPT)
    export.refresh_from_db()
    assert export.state == ExportState.EXPIRED
    assert not jobs.path(export).exists()


def test_files_of_a_deleted_study_go_with_it(study, owner):
    export = jobs.submit(study, owner, asked())
    jobs.run(export.pk, timezone.now())
    file = jobs.path(export)
    Export.objects.all().delete()
    jobs.sweep(timezone.now())
    assert not file.exists()


def test_erasing_a_person_ends_the_files_that_hold_what_they_wrote(study, owner):
    worker = build_worker(study)
    export = jobs.submit(study, owner, asked("full"))
    jobs.run(export.pk, timezone.now())
    erasure.erase(worker, NOW)
    export.refresh_from_db()
    assert not export.has_file(timezone.now())
    jobs.sweep(timezone.now())
    assert not jobs.path(export).exists()


def test_nobody_fills_the_queue(study, owner):
    for _number in range(jobs.MOST_WAITING):
        jobs.submit(study, owner, asked())
    with pytest.raises(NotPossible, match="still being written"):
        jobs.submit(study, owner, asked())
    assert jobs.submit(study, None, asked())


@pytest.mark.parametrize(
    ("layout", "file_format", "filters", "said"),
    [
        ("nothing", "", {}, "no layout"),
        ("comparisons", "xml", {}, "not written as xml"),
        ("models", "", {"category": "haiku"}, "cannot be filtered by category"),
    ],
)
def test_what_no_file_can_have_is_refused_by_name(layout, file_format, filters, said):
    with pytest.raises(NotPossible, match=said):
        asked(layout, file_format, **filters)


def test_an_unknown_category_is_refused_before_anything_is_stored(study, owner):
    with pytest.raises(NotPossible, match="category “sonnet”"):
        jobs.submit(study, owner, asked(category="sonnet"))
    assert not Export.objects.exists()


def test_without_pyarrow_the_message_names_what_to_install(study, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NotPossible, match=r"llmfao\[parquet\]"):
        asked(file_format="parquet")


def test_an_export_by_the_study_s_own_rows_is_what_the_command_writes(study):
    from annotation.exporting import export

    for layout, what, wishes in (
        ("comparisons", "comparisons", {}),
        ("full", "comparisons", {"full": True}),
        ("models", "models", {}),
        ("prompts", "prompts", {}),
        ("results", "results", {}),
        ("pairs", "pairs", {}),
    ):
        given = b"".join(asked(layout).chunks(study)).decode()
        assert given == "".join(export.export(Study.objects.get(), what, **wishes))
