"""Loads uploaded files in the background.

`submit` saves the files and enqueues `run`; the upload's row has its progress. A cancelled upload leaves nothing
behind, and `sweep` resumes after a crash.
"""

import logging
import shutil
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from annotation.importing import load
from annotation.interchange.faults import Fault
from annotation.interchange.tables import Source
from annotation.models import Study, Upload, UploadState
from annotation.problems import SENTENCES, Problem, gettext_noop
from annotation.studies.lifecycle import NotPossible

log = logging.getLogger(__name__)

RUN_TASK: Final = "annotation.run_upload"


HEARTBEAT: Final = 1.0
"""Seconds between progress updates of a running upload."""


LOST: Final = timedelta(minutes=2)
"""A queued upload that no worker has claimed for this long has lost its message."""


STALLED: Final = timedelta(minutes=15)
"""A running upload without an update for this long has lost its worker; storing, which sends none, takes less."""


MOST_TRIES: Final = 3


class Stopped(Exception):
    """The upload was cancelled, or another worker has claimed it."""


def folder(upload: Upload) -> Path:
    """Returns the folder of an upload's files."""
    return Path(settings.DATA_DIR) / "uploads" / str(upload.pk)


def submit(
    study: Study, user: User | None, files: Iterable["UploadedFile[Any]"], *, rater: str | None = None
) -> Upload:
    """Saves `files` to disk and enqueues their loading."""
    upload = Upload.objects.create(study=study, user=user, options={"rater": rater} if rater else {})
    place = folder(upload)
    # A database restored from a backup may reuse the numbers of later uploads.
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    stored, size = [], 0
    for index, file in enumerate(files):
        # Numbered names: file names from visitors do not reach the disk.
        path = place / str(index)
        with path.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        size += path.stat().st_size
        stored.append({"name": Path(file.name or "").name, "path": str(index)})
    # Only now can a worker claim it: an upload without files is still arriving.
    Upload.objects.filter(pk=upload.pk).update(files=stored, size=size)
    _enqueue(upload.pk)
    upload.refresh_from_db()
    return upload


def _enqueue(upload_id: int) -> None:
    """Enqueues the upload on commit; if the message is lost, `sweep` finds the row."""
    transaction.on_commit(partial(current_app.send_task, RUN_TASK, args=[upload_id]), robust=True)


def run(upload_id: int) -> bool:
    """Loads a queued upload; returns False if another worker has claimed it or it was cancelled."""
    at = timezone.now()
    waiting = Upload.objects.filter(pk=upload_id, state=UploadState.WAITING).exclude(files=[])
    if not waiting.update(state=UploadState.CHECKING, claimed_at=at, done=0):
        return False
    upload = Upload.objects.select_related("study__prompt_set", "user").get(pk=upload_id)
    claim = _Claim(upload.pk, at)
    try:
        report = _load_upload(upload, claim)
    except Stopped:
        return False
    except load.FaultyFiles as error:
        claim.end(
            UploadState.FAULTY, {"faults": [f.as_json() for f in error.faults.listed], "count": error.faults.count}
        )
    except NotPossible as refusal:
        claim.end(UploadState.FAULTY, {"faults": [_told(refusal.problem).as_json()], "count": 1})
    else:
        if report.upload is None:
            claim.end(UploadState.STORED, report.as_json())
    shutil.rmtree(folder(upload), ignore_errors=True)
    return True


def _told(problem: Problem) -> Fault:
    """Returns the fault of files that are in order, but cannot be stored because of `problem`."""
    values = {name: str(value) for name, value in problem.params.items()}
    return Fault("", None, "", SENTENCES.get(problem.code, "%(text)s"), values | {"text": problem.text})


def _load_upload(upload: Upload, claim: "_Claim") -> load.Report:
    study = upload.study
    if study is None:
        claim.end(UploadState.CANCELLED, {})
        raise Stopped
    place = folder(upload)
    files = [(Source(file["name"], place / file["path"]), True) for file in upload.files]
    sources = load.unpacked(files, place)
    work = load.recognise(sources, load.format_of(sources), upload.options.get("rater"))
    if work.size > upload.size:
        # For archives, the progress bar counts the unpacked bytes.
        upload.size = work.size
        claim.measure(work.size)
    checked = load.check(work, study, study.prompt_set, claim.tell)
    claim.say(upload.size)
    if not load.has_news(checked):
        return load.report_of(checked, work)

    def open_upload(study: Study) -> Upload:
        claim.store()
        return upload

    return load.store(work, checked, study.slug, None, open_upload, upload.user, None, None)


class _Claim:
    """A running upload's claim on its row: the time of its last update, which no other worker has changed."""

    def __init__(self, upload_id: int, at: datetime) -> None:
        self._upload_id = upload_id
        self._at = at
        self._told = time.monotonic()

    def _update(self, **values: Any) -> None:
        ours = Upload.objects.filter(pk=self._upload_id, state=UploadState.CHECKING, claimed_at=self._at)
        if not ours.update(**values):
            raise Stopped

    def tell(self, done: int, total: int) -> None:
        """Updates the progress of the check, the first of the two readings, at intervals.

        Raises:
            Stopped: the upload was cancelled.
        """
        if time.monotonic() - self._told >= HEARTBEAT:
            self.say(min(done, total // 2))

    def say(self, done: int) -> None:
        """Stores that `done` bytes are checked.

        Raises:
            Stopped: the upload was cancelled.
        """
        at = timezone.now()
        self._update(done=done, claimed_at=at)
        self._at, self._told = at, time.monotonic()

    def measure(self, size: int) -> None:
        """Stores how many bytes there are to check.

        Raises:
            Stopped: the upload was cancelled.
        """
        self._update(size=size)

    def store(self) -> None:
        """Ends the check, in the storing transaction: from here on, a cancellation is too late."""
        self._update(state=UploadState.STORED, finished_at=timezone.now(), done=F("size"))

    def end(self, state: str, report: dict[str, Any]) -> None:
        try:
            self._update(state=state, report=report, finished_at=timezone.now())
        except Stopped:
            log.info("Upload %s ended before its report was written.", self._upload_id)


def cancel(upload: Upload) -> bool:
    """Cancels an upload that is not stored yet; returns False if it is over, and can be undone instead."""
    under_way = Q(state=UploadState.WAITING) | Q(state=UploadState.CHECKING)
    cancelled = Upload.objects.filter(under_way, pk=upload.pk).update(
        state=UploadState.CANCELLED, finished_at=timezone.now()
    )
    upload.refresh_from_db()
    return bool(cancelled)


def sweep(at: datetime) -> int:
    """Recovers from crashes: lost messages, dead workers, files of finished uploads.

    Returns how many uploads are run again.
    """
    again = 0
    lost = Upload.objects.filter(state=UploadState.WAITING, created_at__lt=at - LOST).exclude(files=[])
    for upload_id in lost.values_list("pk", flat=True):
        _enqueue(upload_id)
        again += 1
    stalled = Upload.objects.filter(state=UploadState.CHECKING, claimed_at__lt=at - STALLED)
    for upload in stalled:
        again += _take_from_the_dead(upload)
    _clear(at)
    return again


def _take_from_the_dead(upload: Upload) -> bool:
    """Runs a stalled upload again, unless it has failed too often."""
    tries = upload.options.get("tries", 1)
    # The update requires the old claim time, so that a live upload is not run twice.
    dead = Upload.objects.filter(pk=upload.pk, state=UploadState.CHECKING, claimed_at=upload.claimed_at)
    with transaction.atomic():
        # A worker that is storing holds a lock on the row; it is alive.
        if not dead.select_for_update(skip_locked=True).exists():
            return False
        if tries >= MOST_TRIES:
            reason = gettext_noop("Loading these files stopped partway several times. See the log for the cause.")
            report = {"faults": [Fault("", None, "", reason).as_json()], "count": 1}
            dead.update(state=UploadState.FAULTY, report=report, finished_at=timezone.now())
            return False
        dead.update(state=UploadState.WAITING, options=upload.options | {"tries": tries + 1})
        _enqueue(upload.pk)
    return True


def _clear(at: datetime) -> None:
    """Deletes the files of finished uploads and of incomplete ones."""
    Upload.objects.filter(state=UploadState.WAITING, files=[], created_at__lt=at - timedelta(days=1)).update(
        state=UploadState.CANCELLED, finished_at=at
    )
    root = Path(settings.DATA_DIR) / "uploads"
    folders = {int(place.name): place for place in root.iterdir() if place.name.isdigit()} if root.is_dir() else {}
    live = Upload.objects.filter(state__in=[UploadState.WAITING, UploadState.CHECKING], pk__in=folders)
    for upload_id in folders.keys() - set(live.values_list("pk", flat=True)):
        shutil.rmtree(folders[upload_id], ignore_errors=True)
