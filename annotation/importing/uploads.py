"""Loads files from a page in the background.

`submit` keeps the files and enqueues `run`; the row of the upload says how far it is. A cancelled or crashed upload
leaves nothing behind, and `sweep` takes up what a crash left.
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
from annotation.interchange.faults import Fault, gettext_noop
from annotation.interchange.tables import Source
from annotation.models import Study, Upload, UploadState

log = logging.getLogger(__name__)

RUN_TASK: Final = "annotation.run_upload"


HEARTBEAT: Final = 1.0
"""Seconds between two words from a running upload about how far it is."""


LOST: Final = timedelta(minutes=2)
"""A waiting upload nobody has taken for so long lost its message."""


STALLED: Final = timedelta(minutes=15)
"""A running upload not heard of for so long lost its worker; storing, which is silent, takes less."""


MOST_TRIES: Final = 3


class Stopped(Exception):
    """The upload was cancelled, or is in the hands of somebody else by now."""


def folder(upload: Upload) -> Path:
    """Where the files of an upload wait to be loaded."""
    return Path(settings.DATA_DIR) / "uploads" / str(upload.pk)


def submit(
    study: Study, user: User | None, files: Iterable["UploadedFile[Any]"], *, rater: str | None = None
) -> Upload:
    """Keeps `files` on disk and has them loaded in the background."""
    upload = Upload.objects.create(study=study, user=user, options={"rater": rater} if rater else {})
    place = folder(upload)
    # A database that was restored from a backup numbers its uploads anew.
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    stored, size = [], 0
    for index, file in enumerate(files):
        # Under a number: what people call their files has no business on our disk.
        path = place / str(index)
        with path.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        size += path.stat().st_size
        stored.append({"name": Path(file.name or "").name, "path": str(index)})
    # Until now nobody takes it: an upload without files is still arriving.
    Upload.objects.filter(pk=upload.pk).update(files=stored, size=size)
    _enqueue(upload.pk)
    upload.refresh_from_db()
    return upload


def _enqueue(upload_id: int) -> None:
    """The message is a hint: where it is lost, `sweep` finds the row."""
    transaction.on_commit(partial(current_app.send_task, RUN_TASK, args=[upload_id]), robust=True)


def run(upload_id: int) -> bool:
    """Loads an upload that waits. False if it does not, or not any more: somebody else has it, or it was cancelled."""
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
    else:
        if report.upload is None:
            claim.end(UploadState.STORED, report.as_json())
    shutil.rmtree(folder(upload), ignore_errors=True)
    return True


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
        # Files from an archive: the bar is about what is read.
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
    """A running upload's hold on its row: the time it was last heard of, which nobody else has written since."""

    def __init__(self, upload_id: int, at: datetime) -> None:
        self._upload_id = upload_id
        self._at = at
        self._told = time.monotonic()

    def _update(self, **values: Any) -> None:
        ours = Upload.objects.filter(pk=self._upload_id, state=UploadState.CHECKING, claimed_at=self._at)
        if not ours.update(**values):
            raise Stopped

    def tell(self, done: int, total: int) -> None:
        """Shows how far the check is, now and then; of the two readings it is the first.

        Raises:
            Stopped: it was cancelled.
        """
        if time.monotonic() - self._told >= HEARTBEAT:
            self.say(min(done, total // 2))

    def say(self, done: int) -> None:
        """Shows that `done` bytes have been checked.

        Raises:
            Stopped: it was cancelled.
        """
        at = timezone.now()
        self._update(done=done, claimed_at=at)
        self._at, self._told = at, time.monotonic()

    def measure(self, size: int) -> None:
        """Sets how many bytes there are to check.

        Raises:
            Stopped: it was cancelled.
        """
        self._update(size=size)

    def store(self) -> None:
        """In the transaction that stores: from here on a cancellation comes too late."""
        self._update(state=UploadState.STORED, finished_at=timezone.now(), done=F("size"))

    def end(self, state: str, report: dict[str, Any]) -> None:
        try:
            self._update(state=state, report=report, finished_at=timezone.now())
        except Stopped:
            log.info("Upload %s was over before its report was written.", self._upload_id)


def cancel(upload: Upload) -> bool:
    """Stops an upload that has not been stored yet. False if it is over already: then it can be undone."""
    under_way = Q(state=UploadState.WAITING) | Q(state=UploadState.CHECKING)
    cancelled = Upload.objects.filter(under_way, pk=upload.pk).update(
        state=UploadState.CANCELLED, finished_at=timezone.now()
    )
    upload.refresh_from_db()
    return bool(cancelled)


def sweep(at: datetime) -> int:
    """Takes up what a crash left: lost messages, dead workers, files of uploads that are over.

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
    """Has a stalled upload run again, unless that has failed often enough."""
    tries = upload.options.get("tries", 1)
    # The claim's time says that nobody has been heard of since: one that lives gets no second runner.
    dead = Upload.objects.filter(pk=upload.pk, state=UploadState.CHECKING, claimed_at=upload.claimed_at)
    with transaction.atomic():
        # Who stores holds the row: not dead, only silent.
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
    """Removes the files of uploads that are over, and of those that never arrived whole."""
    Upload.objects.filter(state=UploadState.WAITING, files=[], created_at__lt=at - timedelta(days=1)).update(
        state=UploadState.CANCELLED, finished_at=at
    )
    root = Path(settings.DATA_DIR) / "uploads"
    folders = {int(place.name): place for place in root.iterdir() if place.name.isdigit()} if root.is_dir() else {}
    live = Upload.objects.filter(state__in=[UploadState.WAITING, UploadState.CHECKING], pk__in=folders)
    for upload_id in folders.keys() - set(live.values_list("pk", flat=True)):
        shutil.rmtree(folders[upload_id], ignore_errors=True)
