"""Loads uploaded files in the background.

`submit` saves the files and enqueues `run`; the upload's row has its progress. `propose` does the same, but `run` then
only says what loading the files would do, and waits until somebody confirms it, or chooses how to read the files. A
cancelled upload leaves nothing behind, and `sweep` resumes after a crash.
"""

import contextlib
import logging
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
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

from annotation import disk
from annotation.heartbeats import beating, silent
from annotation.importing import load
from annotation.importing.proposals import Choice, Looked, proposal
from annotation.interchange.faults import Fault, Faults, shown
from annotation.interchange.reading import Source
from annotation.models import Study, Upload, UploadState
from annotation.problems import SENTENCES, Problem, gettext_noop
from annotation.studies.lifecycle import NotPossible

log = logging.getLogger(__name__)

RUN_TASK: Final = "annotation.run_upload"


PROGRESS: Final = 1.0
"""Seconds between progress updates of a running upload."""


LOST: Final = timedelta(seconds=15)
"""A queued upload that no worker has claimed for this long may have lost its message."""


MOST_TRIES: Final = 3


ARRIVING: Final = "arriving-"
"""Prefix of the folder of an upload until all of its files are saved."""


FORGOTTEN: Final = timedelta(minutes=10)
"""A folder without a row that nobody has written to for this long was left by a crash."""


ANSWERED_WITHIN: Final = timedelta(days=7)
"""How long files are kept while the upload waits for a person: for an answer, a choice, or the confirmation."""


class Stopped(Exception):
    """The upload was cancelled, or another worker has claimed it."""


def _root() -> Path:
    return Path(settings.DATA_DIR) / "uploads"


def folder(upload: Upload) -> Path:
    """Returns the folder of an upload's files."""
    return _root() / str(upload.pk)


def submit(
    study: Study, user: User | None, files: Iterable["UploadedFile[Any]"], *, rater: str | None = None
) -> Upload:
    """Saves `files` to disk and enqueues their loading.

    Raises:
        OSError: they cannot be saved, because the disk is full, for example. Neither files nor a row stay behind.
    """
    return _arrived(study, user, files, {"rater": rater} if rater else {})


def propose(
    study: Study, user: User | None, files: Iterable["UploadedFile[Any]"], *, rater: str | None = None
) -> Upload:
    """Saves `files` to disk and enqueues their check. Nothing is stored before somebody confirms it.

    Raises:
        OSError: as for `submit`.
    """
    return _arrived(study, user, files, {"asks": True} | ({"rater": rater} if rater else {}))


def _arrived(study: Study, user: User | None, files: Iterable["UploadedFile[Any]"], options: dict[str, Any]) -> Upload:
    arriving = _root() / f"{ARRIVING}{uuid.uuid4().hex}"
    try:
        stored, size = _save(files, arriving)
        # The row appears with its files in place, never without.
        with transaction.atomic():
            upload = Upload.objects.create(study=study, user=user, options=options, files=stored, size=size)
            place = folder(upload)
            # A database restored from a backup may reuse the numbers of later uploads.
            shutil.rmtree(place, ignore_errors=True)
            arriving.rename(place)
            _enqueue(upload.pk)
    except BaseException:
        shutil.rmtree(arriving, ignore_errors=True)
        raise
    return upload


def _save(files: Iterable["UploadedFile[Any]"], place: Path) -> tuple[list[dict[str, str]], int]:
    """Returns the name and path of each saved file, and their bytes."""
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
    return stored, size


def _enqueue(upload_id: int) -> None:
    """Enqueues the upload on commit; if the message is lost, `sweep` finds the row."""
    transaction.on_commit(partial(current_app.send_task, RUN_TASK, args=[upload_id]), robust=True)


def run(upload_id: int) -> bool:
    """Loads a queued upload; returns False if another worker has claimed it or it was cancelled."""
    at = timezone.now()
    waiting = Upload.objects.filter(pk=upload_id, state=UploadState.WAITING).exclude(files=[])
    if not waiting.update(state=UploadState.CHECKING, claimed_at=at, beat_at=at, done=0):
        return False
    upload = Upload.objects.select_related("study__prompt_set", "user").get(pk=upload_id)
    claim = _Claim(upload.pk, at)
    kept = False
    try:
        with beating(claim.ours):
            if is_unconfirmed(upload):
                kept = _propose(upload, claim)
                loaded = None
            else:
                loaded = _load_upload(upload, claim)
    except Stopped:
        return False
    except load.FaultyFiles as error:
        report = _refused(error.faults, error.unclear)
        report |= {name: upload.report[name] for name in ("proposals", "format") if name in upload.report}
        claim.end(UploadState.FAULTY, report)
        # The page asks; the files are read again once somebody has answered.
        kept = bool(report.get("proposals") or error.unclear)
    except NotPossible as refusal:
        claim.end(UploadState.FAULTY, {"faults": [_told(refusal.problem).as_json()], "count": 1})
    except Exception as error:
        # The file system, PostgreSQL and SQLite each say it with an exception of their own.
        if not disk.is_full(error):
            raise
        reason = gettext_noop("The server’s disk is full. Ask a site administrator to free some space, then try again.")
        claim.end(UploadState.FAULTY, _only(reason))
    else:
        if loaded is not None and loaded.upload is None:
            claim.end(UploadState.STORED, loaded.as_json())
    if not kept:
        shutil.rmtree(folder(upload), ignore_errors=True)
    return True


def _refused(faults: Faults, unclear: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Returns the report on files with errors."""
    report: dict[str, Any] = {"faults": [fault.as_json() for fault in faults.listed], "count": faults.count}
    return report | ({"unclear": {file: list(columns) for file, columns in unclear.items()}} if unclear else {})


def is_unconfirmed(upload: Upload) -> bool:
    """Returns whether nothing of `upload` is stored before somebody confirms it."""
    return bool(upload.options.get("asks")) and not upload.options.get("confirmed")


PROPOSED_FILES: Final = 50
"""Files that a page shows how they would be read."""

COLUMNS: Final = 12
"""Columns of the first rows that are shown."""

PROPOSED_COLUMNS: Final = 200
"""Columns of a file that can be mapped."""


def _propose(upload: Upload, claim: "_Claim") -> bool:
    """Stores what loading the files would do; returns whether they are kept, because something is left to say."""
    study = upload.study
    if study is None:
        claim.end(UploadState.CANCELLED, {})
        raise Stopped
    sources = _sources(upload)
    looked = load.looks(sources, _choices(upload))
    report: dict[str, Any] = {"proposals": _told_proposals(looked)}
    try:
        known = load.format_of(looked)
        report["format"] = known.name
        work = load.recognise(looked, upload.options.get("rater"))
        _measure(upload, work, claim)
        found = load.dry_run(work, study.slug, tell=claim.tell)
        claim.say(upload.size)
        if not found.faults:
            load.check_rights(study, found.report.counts, upload.user)
    except load.FaultyFiles as error:
        claim.end(UploadState.FAULTY, report | _refused(error.faults, error.unclear))
        return True
    report |= found.as_json()
    if found.faults:
        claim.end(UploadState.FAULTY, report)
    elif any(counts.new for counts in found.report.counts.values()):
        claim.end(UploadState.PROPOSED, report)
    else:
        # There is nothing to confirm.
        claim.end(UploadState.STORED, found.report.as_json())
        return False
    return True


def _told_proposals(looked: Sequence[Looked]) -> list[dict[str, Any]]:
    """Returns what each file seems to be, and why none of it can be read; of very wide and long rows the beginning."""
    told = []
    for each in [each for each in looked if each.head is not load.NOT_READ][:PROPOSED_FILES]:
        found = proposal(each).as_json()
        found["columns"] = found["columns"][:PROPOSED_COLUMNS]
        found["rows"] = [
            # Pairs, because a template would take a column called items for the dictionary's method.
            {"line": row["line"], "cells": [[name, shown(value)] for name, value in [*row["values"].items()][:COLUMNS]]}
            for row in found["rows"]
        ]
        told.append(found | {"choice": each.choice.as_json()})
    return told


def _told(problem: Problem) -> Fault:
    """Returns the fault of files that are in order, but cannot be stored because of `problem`."""
    values = {name: str(value) for name, value in problem.params.items()}
    return Fault("", None, "", SENTENCES.get(problem.code, "%(text)s"), values | {"text": problem.text})


def _load_upload(upload: Upload, claim: "_Claim") -> load.Report:
    study = upload.study
    if study is None:
        claim.end(UploadState.CANCELLED, {})
        raise Stopped
    work = load.recognise(load.looks(_sources(upload), _choices(upload)), upload.options.get("rater"))
    _measure(upload, work, claim)
    checked = load.check(work, study, study.prompt_set, claim.tell)
    claim.say(upload.size)
    if not load.has_news(checked):
        return load.report_of(checked, work)

    def open_upload(study: Study) -> Upload:
        claim.store()
        return upload

    return load.store(work, checked, study.slug, None, open_upload, upload.user, None, None)


def _sources(upload: Upload) -> list[tuple[Source, bool]]:
    """Returns the files of `upload`, archives unpacked."""
    place = folder(upload)
    return load.unpacked([(Source(file["name"], place / file["path"]), True) for file in upload.files], place)


def _measure(upload: Upload, work: load.Work, claim: "_Claim") -> None:
    if work.size > upload.size:
        # For archives, the progress bar counts the unpacked bytes.
        upload.size = work.size
        claim.measure(work.size)


def _choices(upload: Upload) -> dict[str, Choice]:
    """Returns what was said of each file, by its name."""
    choices = {file: Choice.from_json(said) for file, said in upload.options.get("choices", {}).items()}
    for file, said in upload.options.get("whose", {}).items():
        choices[file] = load.Whose(**said).added_to(choices.get(file, Choice()))
    return choices


class _Claim:
    """A running upload's claim on its row: the time of the claim, which a later one replaces."""

    def __init__(self, upload_id: int, at: datetime) -> None:
        self._upload_id = upload_id
        self.ours = Upload.objects.filter(pk=upload_id, state=UploadState.CHECKING, claimed_at=at)
        self._told = time.monotonic()

    def _update(self, **values: Any) -> None:
        if not self.ours.all().update(**values):
            raise Stopped

    def tell(self, done: int, total: int) -> None:
        """Updates the progress of the check, the first of the two readings, at intervals.

        Raises:
            Stopped: the upload was cancelled.
        """
        if time.monotonic() - self._told >= PROGRESS:
            self.say(min(done, total // 2))

    def say(self, done: int) -> None:
        """Stores that `done` bytes are checked.

        Raises:
            Stopped: the upload was cancelled.
        """
        self._update(done=done)
        self._told = time.monotonic()

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


def asks(upload: Upload) -> dict[str, list[str]]:
    """Returns the files of which it is unclear whose comparisons they have, with the columns that may say it.

    Empty if the upload has no such question, or its files are gone.
    """
    if upload.state != UploadState.FAULTY or not folder(upload).is_dir():
        return {}
    return dict(upload.report.get("unclear", {}))


def answer(upload: Upload, whose: Mapping[str, load.Whose]) -> bool:
    """Loads the files again, now that it is clear whose comparisons they have; returns False if they are gone."""
    told = upload.options.get("whose", {}) | {file: asdict(each) for file, each in whose.items()}
    return bool(asks(upload)) and _again(upload, {"whose": told}, report={})


def is_open(upload: Upload) -> bool:
    """Returns whether it can still be chosen how the files of `upload` are read."""
    waits = upload.state in {UploadState.PROPOSED, UploadState.FAULTY} and bool(upload.report.get("proposals"))
    return waits and folder(upload).is_dir()


def choose(upload: Upload, choices: Mapping[str, Choice], format_name: str = "") -> bool:
    """Checks the files again, read as a person chose; returns False if they are gone, or read already.

    Args:
        choices: by a file's name, what was said of it. Of other files, what was said before stays.
        format_name: the format of all files; by default the one that fits best.
    """
    told = {**upload.options.get("choices", {}), **{file: said.as_json() for file, said in choices.items()}}
    for proposed in upload.report.get("proposals", []):
        told[proposed["file"]] = told.get(proposed["file"], Choice().as_json()) | {"format": format_name}
    options = {"choices": told, "confirmed": False}
    return is_open(upload) and _again(upload, options, report={})


def confirm(upload: Upload, user: User | None) -> bool:
    """Stores what the check of an upload proposed, on behalf of `user`; returns False if it is no longer there."""
    waits = upload.state == UploadState.PROPOSED and is_open(upload)
    return waits and _again(upload, {"confirmed": True}, user=user)


def _again(upload: Upload, options: dict[str, Any], **changes: Any) -> bool:
    """Enqueues an upload that waits for a person, with more `options`; returns False if somebody else was faster."""
    asked = Upload.objects.filter(pk=upload.pk, state=upload.state, finished_at=upload.finished_at)
    changes |= {"options": upload.options | options, "state": UploadState.WAITING, "done": 0, "finished_at": None}
    if not asked.update(**changes):
        return False
    _enqueue(upload.pk)
    upload.refresh_from_db()
    return True


def cancel(upload: Upload) -> bool:
    """Cancels an upload that is not stored yet; returns False if it is over, and can be undone instead."""
    under_way = [UploadState.WAITING, UploadState.CHECKING, UploadState.PROPOSED]
    cancelled = Upload.objects.filter(pk=upload.pk, state__in=under_way).update(
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
    for upload in Upload.objects.filter(silent(at), state=UploadState.CHECKING):
        again += _take_from_the_dead(upload, at)
    _clear(at)
    return again


def _only(reason: str) -> dict[str, Any]:
    """Returns the report of an upload that failed as a whole."""
    return {"faults": [Fault("", None, "", reason).as_json()], "count": 1}


def _take_from_the_dead(upload: Upload, at: datetime) -> bool:
    """Runs an upload again whose worker died, unless it has failed too often."""
    # Asked again under the lock: on SQLite a worker that was storing may have been unable to say so.
    dead = Upload.objects.filter(silent(at), pk=upload.pk, state=UploadState.CHECKING, claimed_at=upload.claimed_at)
    with transaction.atomic():
        # A worker that is storing holds a lock on the row; it is alive.
        if not dead.select_for_update(skip_locked=True).exists():
            return False
        if upload.interruptions + 1 >= MOST_TRIES:
            reason = gettext_noop("Loading these files stopped partway several times. See the log for the cause.")
            dead.update(state=UploadState.FAULTY, report=_only(reason), finished_at=timezone.now())
            return False
        dead.update(state=UploadState.WAITING, interruptions=F("interruptions") + 1)
        _enqueue(upload.pk)
    return True


def _clear(at: datetime) -> None:
    """Deletes the files of finished uploads, and what a crash left of those that were arriving."""
    # An older version stored the row first.
    Upload.objects.filter(state=UploadState.WAITING, files=[], created_at__lt=at - timedelta(days=1)).update(
        state=UploadState.CANCELLED, finished_at=at
    )
    places = list(_root().iterdir()) if _root().is_dir() else []
    # The rows are read after the folders, because the row of a renamed folder is stored a moment later.
    numbers = [int(place.name) for place in places if place.name.isdigit()]
    rows = Upload.objects.filter(pk__in=numbers)
    under_way = Q(state__in=[UploadState.WAITING, UploadState.CHECKING])
    too_late = at - ANSWERED_WITHIN
    Upload.objects.filter(state=UploadState.PROPOSED, finished_at__lte=too_late).update(state=UploadState.CANCELLED)
    waits = Q(report__has_key="unclear") | Q(report__has_key="proposals")
    asking = Q(state=UploadState.PROPOSED) | Q(waits, state=UploadState.FAULTY, finished_at__gt=too_late)
    known, live = (set(found.values_list("pk", flat=True)) for found in (rows, rows.filter(under_way | asking)))
    for place in places:
        if place.name.isdigit() and int(place.name) in known:
            left = int(place.name) not in live
        else:
            left = (place.name.isdigit() or place.name.startswith(ARRIVING)) and _untouched(place, at)
        if left:
            shutil.rmtree(place, ignore_errors=True)
    _clear_temporary(at)


def _clear_temporary(at: datetime) -> None:
    """Deletes files of the temporary folder that a crash left there.

    Bodies of requests lose their names as soon as their files exist, and their space is freed with the process.
    """
    for file in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with contextlib.suppress(FileNotFoundError):
            if file.is_file() and file.stat().st_mtime < (at - FORGOTTEN).timestamp():
                file.unlink()


def _untouched(place: Path, at: datetime) -> bool:
    """Returns whether nothing was written into a folder for `FORGOTTEN`."""
    try:
        last = max(entry.stat().st_mtime for entry in (place, *place.iterdir()))
    except FileNotFoundError:
        return False
    return last < (at - FORGOTTEN).timestamp()
