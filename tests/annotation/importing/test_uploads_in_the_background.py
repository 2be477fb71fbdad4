"""An upload is a row that is claimed once, can be cancelled at any time, and is resumed after a crash."""

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from annotation import tasks
from annotation.heartbeats import SILENCE
from annotation.importing import load, uploads
from annotation.models import Comparison, PromptSet, Study, Upload, UploadState
from annotation.studies import lifecycle
from tests.annotation import exchange


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collects the uploads whose message was sent to the broker."""
    messages: list[int] = []

    def send(name: str, args: list[int]) -> None:
        assert name == tasks.run_upload.name
        messages.extend(args)

    monkeypatch.setattr(uploads.current_app, "send_task", send)
    return messages


def new_study() -> Study:
    return lifecycle.create_study("trees", PromptSet.objects.create(slug="trees", name="trees"))


def submit(study: Study, **changed: str | None) -> Upload:
    files = dict(exchange.FILES) | {name: text for name, text in changed.items() if text is not None}
    return uploads.submit(study, None, [SimpleUploadedFile(name, text.encode()) for name, text in files.items()])


@pytest.mark.django_db(transaction=True)
def test_files_are_kept_under_numbers_and_loaded_by_the_task(sent: list[int], data_dir: Path) -> None:
    study = new_study()
    upload = submit(study)
    assert sent == [upload.pk]
    assert sorted(path.name for path in uploads.folder(upload).iterdir()) == [str(i) for i in range(8)]
    assert upload.size == sum(len(text.encode()) for text in exchange.FILES.values())
    tasks.run_upload(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.STORED
    assert upload.report["counts"]["results"] == {"new": 6, "unchanged": 0}
    assert upload.done == upload.size
    assert Comparison.objects.count() == 6
    assert not uploads.folder(upload).exists()


@pytest.mark.django_db(transaction=True)
def test_what_an_older_database_left_under_the_same_number_is_cleared(sent: list[int], data_dir: Path) -> None:
    study = new_study()
    latest = Upload.objects.create(study=study).pk
    for number in range(latest, latest + 3):
        leftover = data_dir / "uploads" / str(number)
        leftover.mkdir(parents=True)
        (leftover / "99").write_text("left over")
    assert "99" not in [path.name for path in uploads.folder(submit(study)).iterdir()]


@pytest.mark.django_db(transaction=True)
def test_faults_are_kept_with_the_upload_and_nothing_is_stored(sent: list[int]) -> None:
    upload = submit(new_study(), **{"models.jsonl": '{"id": 1}\n'})
    uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.FAULTY
    first = upload.report["faults"][0]
    assert (first["file"], first["line"], first["field"]) == ("models.jsonl", 1, "name")
    assert upload.report["count"] >= 1
    assert not Comparison.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_second_message_for_the_same_upload_does_nothing(sent: list[int]) -> None:
    upload = submit(new_study())
    assert uploads.run(upload.pk)
    assert not uploads.run(upload.pk)
    assert not uploads.run(12345)
    assert Comparison.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_nothing_new_is_stored_as_such(sent: list[int]) -> None:
    study = new_study()
    uploads.run(submit(study).pk)
    again = submit(study)
    uploads.run(again.pk)
    again.refresh_from_db()
    assert again.state == UploadState.STORED
    assert again.report["counts"]["results"] == {"new": 0, "unchanged": 6}


@pytest.mark.django_db(transaction=True)
def test_an_upload_can_be_cancelled_before_it_runs(sent: list[int]) -> None:
    upload = submit(new_study())
    assert uploads.cancel(upload)
    assert not uploads.run(upload.pk)
    assert not Comparison.objects.exists()
    uploads.sweep(timezone.now())
    assert not uploads.folder(upload).exists()


@pytest.mark.django_db(transaction=True)
def test_an_upload_can_be_cancelled_while_it_is_checked(sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    upload = submit(new_study())
    monkeypatch.setattr(uploads, "PROGRESS", 0.0)
    cancel_during(monkeypatch, lambda: uploads.cancel(Upload.objects.get(pk=upload.pk)))
    assert not uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED
    assert not Comparison.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_upload_cancelled_just_before_it_is_stored_is_not_stored(
    sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = submit(new_study())
    real = load.store

    def late(*args: Any) -> load.Report:
        assert uploads.cancel(Upload.objects.get(pk=upload.pk))
        return real(*args)

    monkeypatch.setattr(load, "store", late)
    assert not uploads.run(upload.pk)
    assert not Comparison.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_stored_upload_cannot_be_cancelled(sent: list[int]) -> None:
    upload = submit(new_study())
    uploads.run(upload.pk)
    assert not uploads.cancel(upload)
    assert upload.state == UploadState.STORED


def cancel_during(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    real = uploads._Claim.tell
    calls = iter([act])

    def tell(claim: Any, done: int, total: int) -> None:
        for call in calls:
            call()
        real(claim, done, total)

    monkeypatch.setattr(uploads._Claim, "tell", tell)


@pytest.mark.django_db(transaction=True)
def test_a_lost_message_is_sent_again(sent: list[int]) -> None:
    upload = submit(new_study())
    sent.clear()
    assert uploads.sweep(timezone.now()) == 0
    assert uploads.sweep(timezone.now() + uploads.LOST + timedelta(seconds=1)) == 1
    assert sent == [upload.pk]


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_is_still_arriving_is_left_alone_and_given_up_after_a_day(sent: list[int]) -> None:
    upload = Upload.objects.create(study=new_study())
    uploads.folder(upload).mkdir(parents=True)
    assert not uploads.run(upload.pk)
    assert uploads.sweep(timezone.now() + timedelta(hours=1)) == 0
    assert uploads.folder(upload).exists()
    uploads.sweep(timezone.now() + timedelta(days=2))
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED
    assert not uploads.folder(upload).exists()


@pytest.mark.django_db(transaction=True)
def test_an_upload_whose_worker_died_is_run_again_and_given_up_after_three_tries(sent: list[int]) -> None:
    upload = submit(new_study())
    for tries in range(uploads.MOST_TRIES):
        sent.clear()
        at = timezone.now()
        Upload.objects.filter(pk=upload.pk).update(state=UploadState.CHECKING, claimed_at=at)
        assert uploads.sweep(at + timedelta(minutes=1)) == 0
        again = tries < uploads.MOST_TRIES - 1
        assert timedelta(minutes=1.5) > SILENCE, "the sweep comes every 20 seconds, and two minutes are promised"
        assert uploads.sweep(at + SILENCE + timedelta(seconds=1)) == again
        assert sent == [upload.pk] * again
    upload.refresh_from_db()
    assert upload.state == UploadState.FAULTY
    assert "stopped partway" in upload.report["faults"][0]["reason"]


@pytest.mark.django_db(transaction=True)
def test_a_runner_that_was_given_up_for_dead_stores_nothing(sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    upload = submit(new_study())
    monkeypatch.setattr(uploads, "PROGRESS", 0.0)
    later = timezone.now() + SILENCE + timedelta(minutes=1)
    cancel_during(monkeypatch, lambda: uploads.sweep(later))
    assert not uploads.run(upload.pk)
    assert not Comparison.objects.exists()
    upload.refresh_from_db()
    assert upload.state == UploadState.WAITING
    assert uploads.run(upload.pk)
    assert Comparison.objects.count() == 6


@pytest.mark.django_db
@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_files_that_cannot_be_saved_leave_nothing(data_dir: Path, full: BaseException) -> None:
    class Full(SimpleUploadedFile):
        def chunks(self, chunk_size: int | None = None) -> Any:
            yield b"a"
            raise full

    study = new_study()
    with pytest.raises(type(full)):
        uploads.submit(study, None, [SimpleUploadedFile("a.csv", b"a"), Full("b.csv", b"a")])
    assert not study.uploads.exists()
    assert list((data_dir / "uploads").iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_disk_that_is_full_while_loading_is_told_by_its_name(
    sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_call: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = submit(new_study())
    monkeypatch.setattr(load, "unpacked", full)
    assert uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.FAULTY
    assert upload.report["faults"][0]["reason"].startswith("The server’s disk is full.")
    assert not uploads.folder(upload).exists()


@pytest.mark.django_db
def test_what_a_crash_left_of_arriving_files_is_swept(data_dir: Path) -> None:
    left = data_dir / "uploads" / f"{uploads.ARRIVING}123"
    left.mkdir(parents=True)
    (left / "0").write_text("half of a")
    at = timezone.now()
    uploads.sweep(at)
    assert left.exists(), "it may be arriving"
    uploads.sweep(at + uploads.FORGOTTEN + timedelta(minutes=1))
    assert not left.exists()


@pytest.mark.django_db
def test_what_a_crash_left_of_a_request_is_swept(tmp_path: Path, settings: Any) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    left = tmp_path / "tmp1.upload"
    left.write_text("half of a")
    at = timezone.now()
    uploads.sweep(at)
    assert left.exists(), "it may be arriving"
    uploads.sweep(at + uploads.FORGOTTEN + timedelta(minutes=1))
    assert not left.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_with_the_same_message_one_loads(sent: list[int]) -> None:
    upload = submit(new_study())
    ran = in_threads(2, lambda _index: uploads.run(upload.pk))
    assert sorted(ran) == [False, True]
    assert Comparison.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_the_same_files_loaded_twice_at_once_are_stored_once(tmp_path: Path) -> None:
    exchange.write(tmp_path / "in")
    load.load([tmp_path / "in" / name for name in exchange.CORPUS], study_slug="trees")

    def load_again(_index: int) -> str:
        try:
            load.load([tmp_path / "in"], study_slug="trees")
        except load.FaultyFiles as error:
            return str(error)
        return "stored"

    told = in_threads(4, load_again)
    assert told == ["stored"] * 4
    assert Comparison.objects.count() == 6
    assert list(Study.objects.get().pairs.votable().values_list("taken", flat=True)) == [2, 1, 1]


def in_threads(count: int, act: Callable[[int], Any]) -> list[Any]:
    barrier = Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        try:
            barrier.wait()
            results[index] = act(index)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[index]) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
