"""Loads files into a study: checks all of them first, then stores them in one transaction, or stores nothing.

`load` is for callers that wait, such as the command. `importing.uploads` runs the same steps in the background.
"""

import logging
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.importing import answer_flags, registry
from annotation.importing.archives import Unpackable, is_archive, unpack
from annotation.importing.proposals import Choice, Looked, best_format, looked_at
from annotation.importing.rows import Counts, Intake, Repeats, Sink
from annotation.importing.samples import SamplePair, Samples
from annotation.interchange.faults import Fault, Faults, printable, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.hidden_files import is_hidden
from annotation.interchange.llmfao import CROWD, RATER_LENGTH, is_reserved
from annotation.interchange.reading import Head, Source
from annotation.interchange.registry import FORMATS
from annotation.models import Comparison, Pair, Prompt, PromptSet, Rater, Result, Study, Upload, UploadState, Worker
from annotation.planner_stats import analyse
from annotation.problems import SENTENCES, gettext_noop, kind
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible, check_leave, create_study, offer_pairs

log = logging.getLogger(__name__)


SHORT_REFERENCES: Final = kind("references-of-fewer-turns", gettext_noop("references without the last turn: %(count)s"))

SIDE_WORDS_LISTED: Final = 10

type Tell = Callable[[int, int], None]
"""Called with the bytes read and the bytes in all; may raise to stop the loading."""


class FaultyFiles(Exception):
    """The files have errors, and nothing was stored.

    `unclear` maps files to their columns that may say whose the rows are, if that question is the only error.
    """

    def __init__(self, faults: Faults, unclear: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__("; ".join(map(worded, faults.listed[:3])))
        self.faults = faults
        self.unclear = dict(unclear or {})


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose the comparisons of a file are: one judge's, or those named in `column`, which stands for `known`."""

    judge: str = ""
    column: str = ""
    known: Literal["worker", "rater", ""] = ""

    def added_to(self, choice: Choice) -> Choice:
        """Returns `choice` with this answer."""
        columns = {self.column: self.known} if self.column else {}
        reading = replace(choice.reading, columns={**choice.reading.columns, **columns})
        return replace(choice, reading=reading, rater=self.judge or choice.rater)


@dataclass(frozen=True, slots=True)
class Report:
    """The result of loading: rows by kind of file, and what was skipped."""

    upload: Upload | None
    """None if nothing was new."""
    counts: dict[str, Counts] = field(default_factory=dict)
    pairs_made: int = 0
    """Pairs that no file defines, created for the comparisons on them."""
    flagged: int = 0
    """Answers that name their own model or organisation."""
    skipped: tuple[str, ...] = ()
    """Files of a folder that were not recognised, and hidden files."""
    unknown: dict[str, list[str]] = field(default_factory=dict)
    """By file, the columns that were not read."""
    passed_over: dict[str, int] = field(default_factory=dict)
    """Numbers of rows with a remark that is not an error, by the code of the remark."""
    repeated: dict[str, Repeats] = field(default_factory=dict)
    """By file, the rows that equal an earlier row of the same file."""
    side_words: dict[int, str] = field(default_factory=dict)
    """By the number of a training pair, the words of its reason that may name a side."""

    def as_json(self) -> dict[str, Any]:
        found = asdict(replace(self, upload=None))
        del found["upload"]
        return found | {"skipped": list(self.skipped)}


def worded(fault: Fault) -> str:
    """Returns `fault` in the reader's language, as `file:line: field: reason`."""
    place = ":".join(filter(None, (fault.file, str(fault.line) if fault.line else "")))
    return ": ".join(filter(None, (place, fault.field, _(fault.reason) % fault.values)))


def told_repeated(report: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns a sentence on each file of a report that has equal rows, in the reader's language."""
    sentences = []
    for file, found in report.items():
        count, lines = found["count"], found["lines"]
        text = ngettext(
            "%(file)s: %(count)d row repeats an earlier row of the same file and was skipped (line %(lines)s).",
            "%(file)s: %(count)d rows repeat earlier rows of the same file and were skipped (lines %(lines)s).",
            count,
        )
        more = ", …" if count > len(lines) else ""
        sentences.append(text % {"file": file, "count": count, "lines": ", ".join(map(str, lines)) + more})
    return sentences


def told_side_words(report: Mapping[Any, str]) -> list[str]:
    """Returns a sentence on each training pair whose reason may name a side, in the reader's language."""
    text = _(
        "Pair %(number)s: its reason says “%(words)s”. Workers may see the answers the other way round. Write {x} or "
        "{y} for the answers: they become A and B as shown."
    )
    told = [text % {"number": number, "words": words} for number, words in [*report.items()][:SIDE_WORDS_LISTED]]
    if (more := len(report) - SIDE_WORDS_LISTED) > 0:
        sentence = ngettext("%(count)d more pair is like this.", "%(count)d more pairs are like this.", more)
        told.append(sentence % {"count": more})
    return told


def told_passed_over(counts: Mapping[str, int]) -> list[str]:
    """What was passed over, as a report counts it, in the reader's language.

    Reports from before codes have the English sentences in their place.
    """
    return [_(SENTENCES.get(code, code)) % {"count": count} for code, count in counts.items()]


@dataclass(frozen=True, slots=True)
class _File:
    source: Source
    named: Named
    judge: str | None = None
    proposed: str = ""
    """The encoding that it may be in, if it is not UTF-8 and nobody has chosen one."""
    by_name: bool = False
    """Whether only its name says who its judge is."""


@dataclass(frozen=True, slots=True)
class Work:
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
    format_name: str = "",
    language: str = "",
    choice: Choice | None = None,
    seed: int | None = None,
    tell: Tell | None = None,
) -> Report:
    """Loads files and folders into the study at `study_slug`, which is created if it does not exist.

    Args:
        paths: folders, in which unknown files are skipped, and files, which must be of a known kind.
        prompt_set_slug: the prompt set to load into; by default the study's, or a new one with its name.
        rater: the judge of the one comparisons file that does not name its rater.
        format_name: the format of the files; by default the one that recognises most of them.
        language: BCP 47 tag of prompts whose rows have none; by default guessed, if the format can.
        choice: what was said of every file, such as its encoding.
        seed: for the random keys of new pairs; by default drawn and stored with the upload.
        tell: called with the progress of reading; the files are read twice.

    Raises:
        FaultyFiles: the files have errors.
        NotPossible: the study cannot be created, or has another prompt set.
    """
    with tempfile.TemporaryDirectory() as place:
        found = work_of(paths, Path(place), rater, format_name, choice)
        return _load(replace(found, language=language), study_slug, prompt_set_slug, user, seed, tell)


def work_of(
    paths: Sequence[Path], place: Path, rater: str | None, format_name: str = "", choice: Choice | None = None
) -> Work:
    """Returns what there is to load in files and folders; archives are unpacked into `place`.

    Raises:
        FaultyFiles: a file cannot be loaded.
        NotPossible: a folder cannot be read.
    """
    files = look_at(paths, place, format_name, choice)
    return recognise(files, rater, format_name or (choice.format if choice else ""))


def look_at(paths: Sequence[Path], place: Path, format_name: str = "", choice: Choice | None = None) -> list[Looked]:
    """Returns the files that `paths` name or contain, with their first rows; archives are unpacked into `place`.

    Raises:
        FaultyFiles: an archive cannot be unpacked.
        NotPossible: a folder cannot be read.
    """
    nested = not format_name or FORMATS[format_name].nested
    files = looks(_sources(paths, place, nested=nested), {}, choice)
    if nested and not format_of(files).nested:
        # Files in folders of folders belong only to formats that say so; elsewhere, a folder is no part of a name.
        by_path = {each.source.path: each for each in files}
        return [
            _called(by_path[source.path], source, outright)
            if source.path in by_path
            else looks([(source, outright)])[0]
            for source, outright in _sources(paths, place, nested=False)
        ]
    return files


def _called(looked: Looked, source: Source, outright: bool) -> Looked:
    """Returns `looked` under another name."""
    source = replace(looked.source, name=source.name)
    head = looked.head
    head = replace(head, source=source) if isinstance(head, Head) else replace(head, file=source.name)
    return replace(looked, source=source, head=head, outright=outright)


def looks(
    sources: Iterable[tuple[Source, bool]],
    choices: Mapping[str, Choice] | None = None,
    choice: Choice | None = None,
) -> list[Looked]:
    """Looks at the first rows of files; `choices` has what was said of one by its name, `choice` what of all others."""
    return [
        Looked(source, outright, NOT_READ)
        if _hidden(source, outright)
        else looked_at(source, outright, (choices or {}).get(source.name, choice))
        for source, outright in sources
    ]


NOT_READ: Final = Fault("", None, "", "")
"""What stands for the first rows of hidden files."""


def _load(
    found: Work, study_slug: str, prompt_set_slug: str | None, user: User | None, seed: int | None, tell: Tell | None
) -> Report:
    study = Study.objects.filter(slug=study_slug).select_related("prompt_set").first()
    prompt_set = _prompt_set_for(study, study_slug, prompt_set_slug)
    checked = check(found, study, prompt_set, tell)
    report = report_of(checked, found)
    if study is not None and not has_news(checked):
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

    return store(found, checked, study_slug, prompt_set_slug, open_upload, user, seed, tell)


def _prompt_set_for(study: Study | None, study_slug: str, prompt_set_slug: str | None) -> PromptSet | None:
    """Returns the prompt set to check against; None if it does not exist yet."""
    for slug in filter(None, (study_slug, prompt_set_slug)):
        try:
            validate_slug(slug)
        except ValidationError as error:
            raise NotPossible(" ".join(error.messages)) from error
        if len(slug) > 100:
            raise NotPossible(_("The address can have at most 100 characters."))
    if study is None:
        return PromptSet.objects.filter(slug=prompt_set_slug or study_slug).first()
    if prompt_set_slug not in (None, study.prompt_set.slug):
        raise NotPossible(
            _("Study “%(study)s” uses the prompt set “%(has)s”, not “%(asked)s”.")
            % {"study": study.slug, "has": study.prompt_set.slug, "asked": prompt_set_slug}
        )
    return study.prompt_set


def _sources(paths: Iterable[Path], place: Path, *, nested: bool) -> list[tuple[Source, bool]]:
    """Returns every file that `paths` name or contain, once each, and whether it was named explicitly.

    Archives are unpacked into `place`.

    Raises:
        NotPossible: a folder cannot be read.
        FaultyFiles: an archive cannot be unpacked.
    """
    found: dict[Path, tuple[Source, bool]] = {}
    for path in paths:
        if path.is_dir():
            for file, name in _inside(path, nested):
                found.setdefault(file.resolve(), (Source(name, file), False))
        else:
            source = Source(printable(path.name), path)
            if nested and not is_archive(source):
                source = replace(source, name=printable("/".join(path.absolute().parts[-2:])))
            found[path.resolve()] = (source, True)
    return unpacked(found.values(), place)


def _inside(folder: Path, nested: bool) -> Iterator[tuple[Path, str]]:
    """Returns the files of a folder, and with `nested` of its subfolders, with their names."""
    try:
        entries = sorted(folder.iterdir())
        for entry in entries:
            if nested and entry.is_dir() and not is_hidden(entry.name):
                for file in sorted(entry.iterdir()):
                    yield file, printable(f"{entry.name}/{file.name}")
            else:
                yield entry, printable(entry.name)
    except OSError as error:
        raise NotPossible(f"{folder}: {error.strerror}") from error


def unpacked(sources: Iterable[tuple[Source, bool]], place: Path) -> list[tuple[Source, bool]]:
    """Returns `sources` with explicitly named archives replaced by their files, unpacked into `place`.

    Raises:
        FaultyFiles: an archive cannot be unpacked.
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


def format_of(files: Sequence[Looked]) -> Format:
    """Returns the format of the files: the one that somebody chose, or the one that fits best.

    Raises:
        FaultyFiles: different formats were chosen.
    """
    seen = [looked for looked in files if not _hidden(looked.source, looked.outright)]
    chosen = {looked.choice.format for looked in seen} - {""}
    if len(chosen) > 1:
        faults = Faults()
        reason = gettext_noop("These files have different formats: %(formats)s. Load the files of each one by one.")
        faults.add(Fault("", None, "format", reason, {"formats": ", ".join(sorted(chosen))}))
        raise FaultyFiles(faults)
    return FORMATS[chosen.pop()] if chosen else best_format(seen)


def _hidden(source: Source, outright: bool) -> bool:
    """Returns whether the file is to be skipped unread; of a file named explicitly, the folder does not matter."""
    return is_hidden(source.name.rpartition("/")[2] if outright else source.name)


UNCLEAR_LISTED: Final = 20
SKIPPED_LISTED: Final = 10

WHOSE: Final = gettext_noop(
    "These columns are not known: %(columns)s. If one of them says who gave the answers, name it worker (with their "
    "numbers) or rater. If all rows are by one judge, give its name: --rater NAME, or “Judge” on the page."
)


UNKNOWN: Final = gettext_noop(
    "No format recognises this file. Its columns are: %(columns)s. Choose the format, or map its columns."
)


def recognise(looked: Sequence[Looked], rater: str | None, format_name: str = "") -> Work:
    """Determines the kind of each file, in the format that is said or fits best.

    Raises:
        FaultyFiles: a file cannot be loaded, or something has to be said of it first.
    """
    known = FORMATS[format_name] if format_name else format_of(looked)
    faults = Faults()
    files: list[_File] = []
    skipped: list[str] = []
    for each in looked:
        source, head, outright = each.source, each.head, each.outright
        if each.choice.kind and each.choice.kind not in known.kinds:
            reason = gettext_noop("Files of this format have no kind %(kind)s. Use one of: %(kinds)s.")
            kinds = {"kind": shown(each.choice.kind), "kinds": ", ".join(known.kinds)}
            faults.add(Fault(source.name, None, "kind", reason, kinds))
            continue
        if _hidden(source, outright):
            skipped.append(source.name)
            continue
        if isinstance(head, Fault):
            if outright and not source.path.exists() and not known.called(source.plain_name):
                faults.add(Fault(source.name, None, "", gettext_noop("File not found.")))
            elif outright or known.called(source.plain_name):
                faults.add(head)
            else:
                skipped.append(source.name)
            continue
        match each.named_by(known):
            case Fault() as fault:
                faults.add(fault)
            case Named() as named:
                for fault in _questions(each, named):
                    faults.add(fault)
                if named.columns and not each.choice.reading.columns:
                    source = replace(source, reading=replace(source.reading, columns=named.columns))
                proposed = head.encoding if head.changed else ""
                by_name = named.of_one_judge and not (each.choice.rater or rater)
                files.append(_File(source, named, each.choice.rater or named.judge, proposed, by_name))
            case None if outright:
                columns = ", ".join(shown(key) for key in head.keys[:UNCLEAR_LISTED])
                reason = known.expected if format_name else UNKNOWN
                faults.add(Fault(source.name, None, "", reason, {"columns": columns}))
            case None:
                skipped.append(source.name)
    if not files and not faults:
        reason = gettext_noop("No file to load was found.")
        listed = ", ".join(skipped[:SKIPPED_LISTED]) + (", …" if len(skipped) > SKIPPED_LISTED else "")
        if skipped:
            reason = gettext_noop("No file to load was found. Skipped: %(files)s.")
        faults.add(Fault("", None, "", reason, {"files": listed} if skipped else {}))
    if rater and files and not any(file.named.of_one_judge or not file.named.matched for file in files):
        reason = gettext_noop("You named a rater, but none of these files contains the comparisons of a single judge.")
        faults.add(Fault("", None, "rater", reason))
    files.sort(key=lambda file: known.kinds.index(file.named.kind))
    judged = tuple(_judged(file, files, rater, faults) for file in files)
    if faults:
        asking = all(fault.reason == WHOSE for fault in faults.listed)
        unclear = {file.source.name: file.named.unclear for file in judged if not file.judge and file.named.unclear}
        raise FaultyFiles(faults, unclear if asking else None)
    return Work(known, judged, tuple(skipped))


ASKED: Final = {
    "model": gettext_noop("Whose answers are these? Name the model: --model NAME, or “Model” on the page."),
    "baseline": gettext_noop(
        "Which model were the others compared with? Name the baseline: --model NAME, or “Model” on the page."
    ),
    "kind": gettext_noop("Are these training pairs or check pairs? Say so: --kind training or --kind check."),
}
"""What has to be said of a file, by the name of the question."""


def _questions(looked: Looked, named: Named) -> Iterator[Fault]:
    """Yields a fault for each question that a file leaves open, other than whose comparisons it has."""
    for asked in named.asks:
        if asked in ASKED:
            yield Fault(looked.source.name, None, asked, ASKED[asked])


def _judged(file: _File, files: list[_File], rater: str | None, faults: Faults) -> _File:
    """Returns `file` with its judge, if its rows do not name their rater."""
    if not file.named.of_one_judge:
        return file
    judge = rater or file.judge
    others = [other for other in files if other.named.of_one_judge]
    if rater and len(others) > 1 and not all(other.named.judge == file.judge for other in others):
        reason = gettext_noop(
            "You named a rater, but several of these files contain the comparisons of a single judge. Load them "
            "one at a time."
        )
        faults.add(Fault(file.source.name, None, "rater", reason))
    elif judge is None and file.named.unclear:
        columns = ", ".join(shown(column) for column in file.named.unclear[:UNCLEAR_LISTED])
        faults.add(Fault(file.source.name, 1, "", WHOSE, {"columns": columns}))
    elif judge is None or _is_no_judge(judge, file) or len(judge) > RATER_LENGTH or "\0" in judge:
        reason = gettext_noop(
            "Which judge made these comparisons? Enter its name. The names “people” and “all” are reserved."
        )
        faults.add(Fault(file.source.name, None, "rater", reason))
    return replace(file, judge=judge)


def _is_no_judge(judge: str, file: _File) -> bool:
    """Returns whether a name is reserved. A format may say that its votes are a crowd's."""
    return is_reserved(judge) and not (file.named.of_a_crowd and CROWD.fullmatch(judge))


def check(work: Work, study: Study | None, prompt_set: PromptSet | None, tell: Tell | None) -> Intake:
    """Checks all files without a transaction.

    Raises:
        FaultyFiles: the files have errors.
    """
    intake = _checked(work, study, prompt_set, tell)
    if intake.faults:
        raise FaultyFiles(intake.faults)
    return intake


def _checked(
    work: Work, study: Study | None, prompt_set: PromptSet | None, tell: Tell | None, samples: Samples | None = None
) -> Intake:
    intake = Intake(
        study,
        prompt_set,
        work.kinds,
        Faults(),
        language=work.language,
        columns=work.format.columns,
        owned=registry.OWNED,
        guess=work.format.language,
    )
    _read(work, intake, 0, tell, samples)
    if intake.faults:
        for file in work.files:
            if file.proposed:
                intake.faults.add(Fault(file.source.name, None, "", NOT_UTF8, {"encoding": file.proposed}))
    return intake


@dataclass(frozen=True, slots=True)
class DryRun:
    """What loading files would do: the report on what would be added and skipped, what is refused, and a few pairs.

    Nothing is stored as long as there are `faults`.
    """

    report: Report
    faults: Faults
    pairs: tuple[SamplePair, ...]

    def as_json(self) -> dict[str, Any]:
        return self.report.as_json() | {
            "faults": [fault.as_json() for fault in self.faults.listed],
            "count": self.faults.count,
            "pairs": [pair.as_json() for pair in self.pairs],
        }


def dry_run(work: Work, study_slug: str, prompt_set_slug: str | None = None, tell: Tell | None = None) -> DryRun:
    """Returns what loading files into the study at `study_slug` would do, which may not exist yet.

    Raises:
        NotPossible: the study has another prompt set, or its address is not valid.
    """
    study = Study.objects.filter(slug=study_slug).select_related("prompt_set").first()
    prompt_set = _prompt_set_for(study, study_slug, prompt_set_slug)
    samples = Samples(prompt_set)
    intake = _checked(work, study, prompt_set, tell, samples)
    return DryRun(report_of(intake, work), intake.faults, tuple(samples.found()))


NOT_UTF8: Final = gettext_noop(
    "This file is not UTF-8. It may be %(encoding)s: choose that as its encoding (--encoding %(encoding)s), or save "
    "the file as UTF-8."
)


def _read(work: Work, intake: Intake, before: int, tell: Tell | None, samples: Samples | None = None) -> None:
    """Passes every record to `intake`; `before` bytes of the two readings are already done."""
    done, total = before, 2 * work.size

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if tell:
            tell(done, total)

    for file in work.files:
        intake.open_file()
        asked = not file.by_name
        for record in work.format.read(file.source, file.named.kind, progress):
            if isinstance(record, Fault):
                intake.faults.add(record)
                continue
            if not asked and (columns := _late_columns(record)):
                intake.faults.add(Fault(file.source.name, record.line, "", WHOSE, {"columns": columns}))
                asked = True
            else:
                intake.take(file.source.name, record, file.judge)
                if samples is not None:
                    samples.note(record)


def _late_columns(record: Record) -> str:
    """Returns the columns of a comparison that may say whose it is, which the first rows of its file do not have."""
    if record.kind != "comparisons" or record.faulty:
        return ""
    known = (name for name in ("worker", "rater") if record.values.get(name) is not None)
    return ", ".join(shown(column) for column in [*known, *sorted(record.unknown)][:UNCLEAR_LISTED])


def has_news(intake: Intake) -> bool:
    """Returns whether the files have any row that is not stored yet."""
    return any(counts.new for counts in intake.counts.values())


def report_of(intake: Intake, work: Work, upload: Upload | None = None) -> Report:
    """Returns the report on `intake`, after a check or after storing; without `upload`, nothing was stored."""
    unknown = {file: sorted(columns) for file, columns in intake.unknown.items()}
    return Report(
        upload,
        intake.counts,
        intake.pairs.made,
        len(intake.flags),
        work.skipped,
        unknown,
        dict(intake.passed_over)
        | ({SHORT_REFERENCES.code: short} if (short := intake.corpus.short_references) else {}),
        intake.repeated,
        intake.pairs.side_words,
    )


def store(
    work: Work,
    checked: Intake,
    study_slug: str,
    prompt_set_slug: str | None,
    open_upload: Callable[[Study], Upload],
    user: User | None,
    seed: int | None,
    tell: Tell | None,
) -> Report:
    """Reads everything again and stores it, in one transaction that locks the study.

    Raises:
        FaultyFiles: the database has changed since the check, and the files no longer fit; or `user` may not add such
            rows to the prompt set. The command line, which has no user, may.
        NotPossible: the study may not use its prompt set.
    """
    seed = secrets.randbits(63) if seed is None else seed
    faults = Faults()
    try:
        with transaction.atomic():
            study = _study_to_fill(study_slug, prompt_set_slug, user)
            _check_rights(study, checked, user)
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
                owned=registry.OWNED,
                guess=work.format.language,
            )
            _read(work, intake, work.size, tell)
            if faults:
                raise FaultyFiles(faults)
            if intake.settle(sink):
                offer_pairs(study)
            if not study.prompt_set.textless:
                answer_flags.flag(Result.objects.filter(upload=upload))
            report = report_of(intake, work, upload)
            upload.options = upload.options | {"seed": seed}
            upload.report = report.as_json()
            upload.save(update_fields=["options", "report"])
    except IntegrityError as error:
        # A race: since the check, a worker joined or somebody loaded into the same prompt set.
        log.info("Loading into %s conflicted with another change: %s", study_slug, error)
        reason = gettext_noop("The study changed while these files were being saved. Please try again.")
        faults = Faults()
        faults.add(Fault("", None, "", reason))
        raise FaultyFiles(faults) from error
    analyse(Prompt, Result, Pair, Rater, Worker, Comparison)
    return report


def _study_to_fill(slug: str, prompt_set_slug: str | None, user: User | None) -> Study:
    """Returns the study, locked against other loads until the transaction ends; creates it if needed.

    Votes go on meanwhile: they refer to the study but do not change it.
    """
    held = Study.objects.select_for_update(of=("self",), no_key=True).select_related("prompt_set")
    study = held.filter(slug=slug).first()
    if study is None:
        prompt_set, _made = PromptSet.objects.get_or_create(
            slug=prompt_set_slug or slug, defaults={"name": prompt_set_slug or slug, "owner": user}
        )
        study = create_study(slug, prompt_set, owner=user)
    # Two studies may share the prompt set.
    prompt_sets.hold(study.prompt_set_id)
    check_leave(study)
    return study


def _check_rights(study: Study, checked: Intake, user: User | None) -> None:
    """Raises FaultyFiles if `user` may not add the new rows; asked once the prompt set is locked, so that it holds."""
    if user is None:
        return
    changes = any(counts.new for kind, counts in checked.counts.items() if kind not in registry.OF_THE_STUDY)
    allowed = Study.objects.editable_by(user) if changes else Study.objects.readable_by(user)
    if allowed.filter(pk=study.pk).exists():
        return
    faults = Faults()
    faults.add(
        Fault(
            "",
            None,
            "",
            gettext_noop(
                "You cannot add models, prompts or answers to the prompt set “%(name)s”. Ask its owner for access."
            )
            if changes
            else gettext_noop("You are not a reader of the prompt set “%(name)s”. Ask its owner for access."),
            {"name": study.prompt_set.name},
        )
    )
    raise FaultyFiles(faults)
