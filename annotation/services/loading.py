"""Loading files into a study: all of them are checked first, then stored in one transaction, or nothing is.

`load` is for whoever waits for it, such as the command. `submit` takes files from a page and leaves
them to `run` in the background: the row of the upload says how far it is, a cancelled or crashed one
leaves nothing behind, and `sweep` takes up what a crash left.
"""

import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.interchange.faults import Fault, Faults, gettext_noop, printable
from annotation.interchange.formats import Format, Named
from annotation.interchange.llmfao import RATER_LENGTH, RESERVED_RATERS
from annotation.interchange.registry import FORMATS
from annotation.interchange.tables import Source
from annotation.models import Comparison, Pair, Prompt, PromptSet, Rater, Result, Study, Upload, UploadState, Worker
from annotation.services.analysing import analyse
from annotation.services.intake import Counts, Intake, Sink
from annotation.services.studies import NotPossible, create_study, offer_pairs
from annotation.services.unpacking import Unpackable, is_archive, unpack

log = logging.getLogger(__name__)

RUN_TASK: Final = "annotation.run_upload"
HEARTBEAT: Final = 1.0
"""Seconds between two words from a running upload about how far it is."""

LOST: Final = timedelta(minutes=2)
"""A waiting upload nobody has taken for so long lost its message."""

STALLED: Final = timedelta(minutes=15)
"""A running upload not heard of for so long lost its worker; storing, which is silent, takes less."""

MOST_TRIES: Final = 3

type Tell = Callable[[int, int], None]
"""Told how many bytes of how many have been read; it may raise to stop the loading."""


class FaultyFiles(Exception):
    """Something is wrong with the files, and nothing of them was stored."""

    def __init__(self, faults: Faults) -> None:
        super().__init__("; ".join(map(worded, faults.listed[:3])))
        self.faults = faults


class Stopped(Exception):
    """The upload was cancelled, or is in the hands of somebody else by now."""


@dataclass(frozen=True, slots=True)
class Report:
    """What loading did: rows by kind of file, and what was passed over."""

    upload: Upload | None
    """None where nothing was new."""
    counts: dict[str, Counts] = field(default_factory=dict)
    pairs_made: int = 0
    """Pairs that no file defines, made for the comparisons on them."""
    flagged: int = 0
    """Answers that name their own model or maker."""
    skipped: tuple[str, ...] = ()
    """Files of a folder that are of no known kind."""
    unknown: dict[str, list[str]] = field(default_factory=dict)
    """By file, columns that were not read."""
    passed_over: dict[str, int] = field(default_factory=dict)
    """Rows that were stored nowhere without being faults, by what is said of them, with a place for their %(count)s."""

    def as_json(self) -> dict[str, Any]:
        found = asdict(replace(self, upload=None))
        del found["upload"]
        return found | {"skipped": list(self.skipped)}


def worded(fault: Fault) -> str:
    """`fault` in the reader's language, as `file:line: field: reason`."""
    place = ":".join(filter(None, (fault.file, str(fault.line) if fault.line else "")))
    return ": ".join(filter(None, (place, fault.field, _(fault.reason) % fault.values)))


@dataclass(frozen=True, slots=True)
class _File:
    source: Source
    named: Named
    judge: str | None = None


@dataclass(frozen=True, slots=True)
class _Work:
    """Files to load, in order of reference, and how to read them."""

    format: Format
    files: tuple[_File, ...]
    skipped: tuple[str, ...]
    language: str = ""

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(kind for file in self.files for kind in self.format.rows_of(file.named.kind))

    @property
    def size(self) -> int:
        return sum(file.source.path.stat().st_size for file in self.files if file.source.path.is_file())


def load(
    paths: Sequence[Path],
    *,
    study_slug: str,
    prompt_set_slug: str | None = None,
    rater: str | None = None,
    user: User | None = None,
    format_name: str = "llmfao",
    language: str = "",
    seed: int | None = None,
    tell: Tell | None = None,
) -> Report:
    """Loads files and folders of files into the study at `study_slug`, which is made if it is missing.

    Args:
        paths: folders, of which unknown files are skipped, and files, which must be of a known kind.
        prompt_set_slug: where prompts, models and results go; by default the study's, or one of its name.
        rater: the judge of the one comparisons file that does not say whose it is.
        language: of the prompts whose rows do not say it, as a BCP 47 tag; guessed by default where the format can.
        seed: of the random keys of new pairs; drawn, and kept with the upload, by default.
        tell: told how far the reading is; the files are read twice.

    Raises:
        FaultyFiles: something is wrong with the files.
        NotPossible: the study cannot be made, or has another prompt set.
    """
    with tempfile.TemporaryDirectory() as place:
        known = FORMATS[format_name]
        found = replace(_recognise(_sources(paths, known, Path(place)), known, rater), language=language)
        return _load(found, study_slug, prompt_set_slug, user, seed, tell)


def _load(
    found: _Work, study_slug: str, prompt_set_slug: str | None, user: User | None, seed: int | None, tell: Tell | None
) -> Report:
    study = Study.objects.filter(slug=study_slug).select_related("prompt_set").first()
    prompt_set = _prompt_set_for(study, study_slug, prompt_set_slug)
    checked = _check(found, study, prompt_set, tell)
    report = _report(checked, found)
    if study is not None and not _has_news(checked):
        return report

    def open_upload(study: Study) -> Upload:
        return Upload.objects.create(
            study=study,
            user=user,
            state=UploadState.STORED,
            files=[{"name": file.source.name} for file in found.files],
            size=found.size,
            done=found.size,
            finished_at=timezone.now(),
        )

    return _store(found, checked, study_slug, prompt_set_slug, open_upload, user, seed, tell)


def _prompt_set_for(study: Study | None, study_slug: str, prompt_set_slug: str | None) -> PromptSet | None:
    """The prompt set to check against; None if it is still to be made."""
    for slug in filter(None, (study_slug, prompt_set_slug)):
        try:
            validate_slug(slug)
        except ValidationError as error:
            raise NotPossible(" ".join(error.messages)) from error
        if len(slug) > 100:
            raise NotPossible(_("An address of at most 100 characters was expected."))
    if study is None:
        return PromptSet.objects.filter(slug=prompt_set_slug or study_slug).first()
    if prompt_set_slug not in (None, study.prompt_set.slug):
        raise NotPossible(
            _("Study %(study)s has the prompt set %(has)s, not %(asked)s.")
            % {"study": study.slug, "has": study.prompt_set.slug, "asked": prompt_set_slug}
        )
    return study.prompt_set


def _sources(paths: Iterable[Path], known: Format, place: Path) -> list[tuple[Source, bool]]:
    """Every file that `paths` name or hold, and whether it was named outright; each once. Archives are unpacked
    into `place`.

    Raises:
        NotPossible: a folder cannot be read.
        FaultyFiles: an archive cannot be unpacked.
    """
    found: dict[Path, tuple[Source, bool]] = {}
    for path in paths:
        if path.is_dir():
            for file, name in _inside(path, known.nested):
                found.setdefault(file.resolve(), (Source(name, file), False))
        else:
            name = "/".join(path.absolute().parts[-2:]) if known.nested else path.name
            found[path.resolve()] = (Source(printable(name), path), True)
    return _unpacked(found.values(), place)


def _inside(folder: Path, nested: bool) -> Iterator[tuple[Path, str]]:
    """The files of a folder, and with `nested` those of its folders, and what they are called."""
    try:
        entries = sorted(folder.iterdir())
        for entry in entries:
            if nested and entry.is_dir():
                for file in sorted(entry.iterdir()):
                    yield file, printable(f"{entry.name}/{file.name}")
            else:
                yield entry, printable(entry.name)
    except OSError as error:
        raise NotPossible(f"{folder}: {error.strerror}") from error


def _unpacked(sources: Iterable[tuple[Source, bool]], place: Path) -> list[tuple[Source, bool]]:
    """`sources` with the files of archives, unpacked into `place`, in the place of those that were named outright.

    Raises:
        FaultyFiles: one cannot be unpacked.
    """
    found: list[tuple[Source, bool]] = []
    faults = Faults()
    for source, outright in sources:
        if not outright or not is_archive(source):
            found.append((source, outright))
            continue
        try:
            found.extend((each, False) for each in unpack(source, place))
        except Unpackable as refused:
            faults.add(refused.fault)
    if faults:
        raise FaultyFiles(faults)
    return found


def _format_of(sources: Sequence[tuple[Source, bool]]) -> Format:
    """The format that knows most of the files; the exchange format where none knows more."""
    return max(FORMATS.values(), key=lambda known: sum(known.named(source) is not None for source, _o in sources))


def _recognise(sources: Iterable[tuple[Source, bool]], known: Format, rater: str | None) -> _Work:
    """What the files are.

    Raises:
        FaultyFiles: one of them cannot be loaded, or it is not clear whose comparisons it holds.
    """
    faults = Faults()
    files: list[_File] = []
    skipped: list[str] = []
    for source, outright in sources:
        match known.named(source):
            case Fault() as fault:
                faults.add(fault)
            case Named() as named:
                files.append(_File(source, named, named.judge))
            case None if outright and source.path.exists():
                faults.add(Fault(source.name, None, "", known.expected))
            case None if outright:
                faults.add(Fault(source.name, None, "", gettext_noop("There is no such file.")))
            case None:
                skipped.append(source.name)
    if not files and not faults:
        faults.add(Fault("", None, "", gettext_noop("There is no file to load here.")))
    if rater and files and not any(file.named.of_one_judge for file in files):
        reason = gettext_noop("A rater was named, but no file here is of one judge.")
        faults.add(Fault("", None, "rater", reason))
    files.sort(key=lambda file: known.kinds.index(file.named.kind))
    judged = tuple(_judged(file, files, rater, faults) for file in files)
    if faults:
        raise FaultyFiles(faults)
    return _Work(known, judged, tuple(skipped))


def _judged(file: _File, files: list[_File], rater: str | None, faults: Faults) -> _File:
    """`file` with its judge, where its rows do not say whose they are."""
    if not file.named.of_one_judge:
        return file
    judge = rater or file.judge
    if rater and sum(other.named.of_one_judge for other in files) > 1:
        reason = gettext_noop("A rater was named, but several files are of one judge; load them one by one.")
        faults.add(Fault(file.source.name, None, "rater", reason))
    elif judge is None or judge in RESERVED_RATERS or len(judge) > RATER_LENGTH or "\0" in judge:
        reason = gettext_noop("Whose comparisons are these? Name the judge, by another name than people or all.")
        faults.add(Fault(file.source.name, None, "rater", reason))
    return replace(file, judge=judge)


def _check(work: _Work, study: Study | None, prompt_set: PromptSet | None, tell: Tell | None) -> Intake:
    """Reads everything without a transaction.

    Raises:
        FaultyFiles: something is wrong.
    """
    intake = Intake(
        study,
        prompt_set,
        work.kinds,
        Faults(),
        language=work.language,
        columns=work.format.columns,
        guess=work.format.language,
    )
    _read(work, intake, 0, tell)
    if intake.faults:
        raise FaultyFiles(intake.faults)
    return intake


def _read(work: _Work, intake: Intake, before: int, tell: Tell | None) -> None:
    """Gives every record to `intake`. Of the two readings `before` bytes have been done."""
    done, total = before, 2 * work.size

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if tell:
            tell(done, total)

    for file in work.files:
        for record in work.format.read(file.source, file.named.kind, progress):
            if isinstance(record, Fault):
                intake.faults.add(record)
            else:
                intake.take(file.source.name, record, file.judge)


def _has_news(intake: Intake) -> bool:
    return any(counts.new for counts in intake.counts.values())


def _report(intake: Intake, work: _Work, upload: Upload | None = None) -> Report:
    unknown = {file: sorted(columns) for file, columns in intake.unknown.items()}
    passed_over = dict(intake.passed_over)
    return Report(upload, intake.counts, intake.pairs.made, len(intake.flags), work.skipped, unknown, passed_over)


def _store(
    work: _Work,
    checked: Intake,
    study_slug: str,
    prompt_set_slug: str | None,
    open_upload: Callable[[Study], Upload],
    user: User | None,
    seed: int | None,
    tell: Tell | None,
) -> Report:
    """Reads everything again and stores it, in one transaction that holds the study.

    Raises:
        FaultyFiles: what was checked is not true any more.
    """
    seed = secrets.randbits(63) if seed is None else seed
    faults = Faults()
    try:
        with transaction.atomic():
            study = _study_to_fill(study_slug, prompt_set_slug, user)
            upload = open_upload(study)
            sink = Sink(upload, np.random.default_rng(seed))
            intake = Intake(
                study,
                study.prompt_set,
                work.kinds,
                faults,
                sink,
                checked.flags,
                language=work.language,
                columns=work.format.columns,
                guess=work.format.language,
            )
            _read(work, intake, work.size, tell)
            if faults:
                raise FaultyFiles(faults)
            if intake.settle(sink):
                offer_pairs(study)
            report = _report(intake, work, upload)
            upload.options = upload.options | {"seed": seed}
            upload.report = report.as_json()
            upload.save(update_fields=["options", "report"])
    except IntegrityError as error:
        # A race: a worker joined, or somebody loaded into the same prompt set, since it was checked.
        log.info("Loading into %s met another change: %s", study_slug, error)
        reason = gettext_noop("The study was changed while these files were being stored. Load them again.")
        faults = Faults()
        faults.add(Fault("", None, "", reason))
        raise FaultyFiles(faults) from error
    analyse(Prompt, Result, Pair, Rater, Worker, Comparison)
    return report


def _study_to_fill(slug: str, prompt_set_slug: str | None, user: User | None) -> Study:
    """The study, held until the transaction ends against another load; made if it is missing.

    Votes go on meanwhile: they refer to the study, and do not change it.
    """
    held = Study.objects.select_for_update(of=("self",), no_key=True).select_related("prompt_set")
    study = held.filter(slug=slug).first()
    if study is None:
        prompt_set, _made = PromptSet.objects.get_or_create(
            slug=prompt_set_slug or slug, defaults={"name": prompt_set_slug or slug}
        )
        study = create_study(slug, prompt_set, owner=user)
    # Two studies may share it.
    PromptSet.objects.select_for_update(no_key=True).get(pk=study.prompt_set_id)
    return study


# Uploads from a page.


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
    except FaultyFiles as error:
        claim.end(
            UploadState.FAULTY, {"faults": [f.as_json() for f in error.faults.listed], "count": error.faults.count}
        )
    else:
        if report.upload is None:
            claim.end(UploadState.STORED, report.as_json())
    shutil.rmtree(folder(upload), ignore_errors=True)
    return True


def _load_upload(upload: Upload, claim: "_Claim") -> Report:
    study = upload.study
    if study is None:
        claim.end(UploadState.CANCELLED, {})
        raise Stopped
    place = folder(upload)
    files = [(Source(file["name"], place / file["path"]), True) for file in upload.files]
    sources = _unpacked(files, place)
    work = _recognise(sources, _format_of(sources), upload.options.get("rater"))
    if work.size > upload.size:
        # Files from an archive: the bar is about what is read.
        upload.size = work.size
        claim.measure(work.size)
    checked = _check(work, study, study.prompt_set, claim.tell)
    claim.say(upload.size)
    if not _has_news(checked):
        return _report(checked, work)

    def open_upload(study: Study) -> Upload:
        claim.store()
        return upload

    return _store(work, checked, study.slug, None, open_upload, upload.user, None, None)


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
            reason = gettext_noop("Loading these files stopped half way several times. The log says why.")
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
