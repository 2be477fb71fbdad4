"""Exports that are written in the background, for files that take longer than a request.

`submit` stores what is asked for and enqueues `run`; the row has the progress. The file appears under its final name
when it is whole. `sweep` resumes after a crash and deletes files whose time is over.
"""

import hashlib
import logging
from collections.abc import Generator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final, cast

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import disk, problems
from annotation.exporting import layouts
from annotation.exporting.layouts import Request
from annotation.exporting.selection import Selection
from annotation.heartbeats import beating, silent
from annotation.models import Export, ExportState, Study
from annotation.problems import Problem, gettext_noop
from annotation.stored_problems import columns
from annotation.studies.lifecycle import NotPossible

log = logging.getLogger(__name__)

RUN_TASK: Final = "annotation.run_export"

AT_ONCE: Final = 50_000
"""Maximum comparisons of an export that a request may write itself."""

KEPT: Final = timedelta(days=7)
"""How long a file is kept."""

MOST_WAITING: Final = 3
"""Maximum exports of a person that are waiting or being written."""

PROGRESS: Final = 1.0
"""Seconds between progress updates."""

LOST: Final = timedelta(seconds=15)
"""A queued export that no worker has claimed for this long may have lost its message."""

MOST_TRIES: Final = 3

FULL_DISK: Final = problems.kind(
    "export-disk-full",
    gettext_noop("The server’s disk is full. Ask a site administrator to free some space, then try again."),
)
INTERRUPTED: Final = problems.kind(
    "export-interrupted", gettext_noop("Writing this file stopped partway several times. See the log for the cause.")
)


class Stopped(Exception):
    """The export was cancelled, or another worker has claimed it."""


def _root() -> Path:
    return Path(settings.DATA_DIR) / "exports"


def path(export: Export) -> Path:
    """Returns where the file of an export lies."""
    return _root() / str(export.pk)


def is_large(study: Study, asked: Request) -> bool:
    """Returns whether the file takes longer to write than a request may.

    Raises:
        NotPossible: no judge has the name, or no prompt the category.
    """
    return asked.size(study) > AT_ONCE


def submit(study: Study, user: User | None, asked: Request) -> Export:
    """Stores what is asked for and enqueues its writing.

    Raises:
        NotPossible: no judge has the name or no prompt the category, or the person has too many exports under way.
    """
    with transaction.atomic():
        export = _store(study, user, asked, asked.size(study))
        _enqueue(export.pk)
    return export


def export(study: Study, user: User | None, asked: Request) -> Export:
    """Writes the file at once if it is small; otherwise stores what is asked for and enqueues its writing.

    Raises:
        NotPossible: as `submit`, or the study cannot be written like this.
    """
    total = asked.size(study)
    if total > AT_ONCE:
        return submit(study, user, asked)
    export = _store(study, user, asked, total)
    # If this process dies, the sweep writes the file.
    run(export.pk, timezone.now())
    export.refresh_from_db()
    if export.state == ExportState.FAILED:
        raise NotPossible(export.found_problem)
    return export


def _store(study: Study, user: User | None, asked: Request, total: int) -> Export:
    with transaction.atomic():
        # This lock makes concurrent requests wait, so that the limit holds. It does not block voters.
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        waiting = Export.objects.filter(state__in=[ExportState.WAITING, ExportState.WRITING], user=user)
        if user is not None and waiting.count() >= MOST_WAITING:
            raise NotPossible(
                _("%(number)s exports of yours are still being written. Wait until one is ready, or cancel one.")
                % {"number": MOST_WAITING}
            )
        return Export.objects.create(
            study=study,
            user=user,
            layout=asked.layout.name,
            format=asked.format,
            filters=asked.selection.as_json(),
            file_name=asked.file_name,
            total=total,
        )


def _enqueue(export_id: int) -> None:
    """Enqueues the export on commit; if the message is lost, `sweep` finds the row."""
    transaction.on_commit(partial(current_app.send_task, RUN_TASK, args=[export_id]), robust=True)


def run(export_id: int, at: datetime) -> bool:
    """Writes a queued export; returns False if another worker has claimed it or it was cancelled."""
    waiting = Export.objects.filter(pk=export_id, state=ExportState.WAITING)
    if not waiting.update(state=ExportState.WRITING, claimed_at=at, beat_at=at, done=0):
        return False
    export = Export.objects.select_related("study__prompt_set").get(pk=export_id)
    claim = _Claim(export, at)
    # Each attempt has a file of its own, so that a worker that lost its claim writes over nobody's.
    draft = path(export).with_name(f"{export.pk}.{at.timestamp():.6f}")
    try:
        with beating(claim.ours, PROGRESS, lambda: {"done": claim.done}) as lost:
            digest, size = _write(export, draft, claim, lost)
        claim.keep(draft, digest, size)
    except Stopped:
        return False
    except NotPossible as refusal:
        claim.fail(refusal.problem)
    except Exception as error:
        # The file system, PostgreSQL and SQLite each say it with an exception of their own.
        if not disk.is_full(error):
            raise
        claim.fail(FULL_DISK())
    finally:
        draft.unlink(missing_ok=True)
    return True


def _write(export: Export, draft: Path, claim: "_Claim", lost: Event) -> tuple[str, int]:
    """Writes the file; returns its SHA-256 and its bytes.

    Raises:
        Stopped: the export was cancelled, or its study deleted.
    """
    asked = layouts.request(export.layout, export.format, Selection.of(export.filters))
    digest, size = hashlib.sha256(), 0
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Closed before the row is written: on SQLite, a statement that is still being read keeps an older state.
    with (
        closing(cast("Generator[bytes]", asked.chunks(export.study, claim.tell))) as chunks,
        draft.open("wb") as target,
    ):
        for chunk in chunks:
            if lost.is_set():
                raise Stopped
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


class _Claim:
    """A running export's claim on its row: the time of the claim, which a later one replaces."""

    def __init__(self, export: Export, at: datetime) -> None:
        self._export = export
        self.ours = Export.objects.filter(pk=export.pk, state=ExportState.WRITING, claimed_at=at)
        self.done = 0

    def tell(self, done: int) -> None:
        """Notes the progress, which the next heartbeat stores."""
        self.done = done

    def keep(self, draft: Path, digest: str, size: int) -> None:
        """Ends the export with its file.

        Raises:
            Stopped: the export was cancelled, or another worker has claimed it. The file is not kept.
        """
        at = timezone.now()
        with transaction.atomic():
            ready = self.ours.all().update(
                state=ExportState.READY,
                done=F("total"),
                digest=digest,
                size=size,
                finished_at=at,
                expires_at=at + KEPT,
            )
            if not ready:
                raise Stopped
            # Inside the transaction: a row that is ready has its file.
            draft.replace(path(self._export))

    def fail(self, problem: Problem) -> None:
        """Ends the export without a file."""
        if not self.ours.all().update(state=ExportState.FAILED, finished_at=timezone.now(), **columns(problem)):
            log.info("Export %s ended before its problem was stored.", self._export.pk)


def cancel(export: Export) -> bool:
    """Cancels an export that is not ready yet; returns False if it is over."""
    under_way = Q(state=ExportState.WAITING) | Q(state=ExportState.WRITING)
    cancelled = Export.objects.filter(under_way, pk=export.pk).update(
        state=ExportState.CANCELLED, finished_at=timezone.now()
    )
    export.refresh_from_db()
    return bool(cancelled)


def delete_file(export: Export, at: datetime) -> bool:
    """Deletes the file of an export before its time; returns False if it has none."""
    deleted = Export.objects.with_file(at).filter(pk=export.pk).update(state=ExportState.EXPIRED, expires_at=at)
    if deleted:
        path(export).unlink(missing_ok=True)
    export.refresh_from_db()
    return bool(deleted)


def sweep(at: datetime) -> int:
    """Recovers from crashes, and deletes files whose time is over. Returns how many exports are run again."""
    again = 0
    lost = Export.objects.filter(state=ExportState.WAITING, created_at__lt=at - LOST)
    for export_id in lost.values_list("pk", flat=True):
        _enqueue(export_id)
        again += 1
    for export in Export.objects.filter(silent(at), state=ExportState.WRITING):
        again += _take_from_the_dead(export, at)
    _clear(at)
    return again


def _take_from_the_dead(export: Export, at: datetime) -> bool:
    """Runs an export again whose worker died, unless it has failed too often."""
    dead = Export.objects.filter(silent(at), pk=export.pk, state=ExportState.WRITING, claimed_at=export.claimed_at)
    if export.interruptions + 1 >= MOST_TRIES:
        dead.update(state=ExportState.FAILED, finished_at=at, **columns(INTERRUPTED()))
        return False
    with transaction.atomic():
        if not dead.update(state=ExportState.WAITING, interruptions=F("interruptions") + 1):
            return False
        _enqueue(export.pk)
    return True


def _clear(at: datetime) -> None:
    """Deletes files whose time is over, and what a crash or a deleted study left."""
    Export.objects.filter(state=ExportState.READY, expires_at__lte=at).update(state=ExportState.EXPIRED)
    files = list(_root().iterdir()) if _root().is_dir() else []
    numbers = {int(file.name.partition(".")[0]) for file in files if file.name.partition(".")[0].isdigit()}
    known = dict(Export.objects.filter(pk__in=numbers).values_list("pk", "state"))
    for file in files:
        number, dot, _attempt = file.name.partition(".")
        # A file gets its final name just before its row is ready.
        kept = {ExportState.WRITING} if dot else {ExportState.WRITING, ExportState.READY}
        if number.isdigit() and known.get(int(number)) not in kept:
            file.unlink(missing_ok=True)
