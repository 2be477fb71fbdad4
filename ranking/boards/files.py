"""Boards of files: recognises them as `load` does, reads what they say of two models, and computes the board."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from annotation.importing import load
from annotation.importing.load import FaultyFiles, Work
from annotation.importing.proposals import Choice, Looked
from annotation.interchange.faults import Fault, Faults
from annotation.interchange.format import PASSED, Format, Named, Record
from annotation.interchange.llmfao import Wrong
from annotation.interchange.reading import Progress, Source
from annotation.interchange.registry import FORMATS
from annotation.interchange.verdict_columns import of_file
from annotation.interchange.verdicts import category_of, numbered_names, of_record
from ranking import problems
from ranking.boards import compute
from ranking.boards.compute import Computed, NothingCompared
from ranking.methods.registry import method
from ranking.methods.settings import Contradiction, Settings
from ranking.votes.files import Comparisons, Gathered, Gatherer, add_columns, select, settled, usual_raters
from ranking.votes.reader import Filters

type Tell = Callable[[int, int], None]
"""Called with the bytes read and the bytes in all."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that a board was computed from: its name, its SHA-256, and how many comparisons it has."""

    name: str
    sha256: str
    comparisons: int


@dataclass(frozen=True, slots=True)
class Found:
    """What files hold.

    Attributes:
        comparisons: all of them, each once.
        files: the files that were read.
        skipped: the names of files that were not recognised, and of hidden ones.
        repeated: the number of rows that equal an earlier one.
        further: the number of votes of people on prompts and models on which they have another vote.
        passed: by the code of a remark, the number of rows that hold no verdict.
        usual: the raters that a board counts unless others are asked for.
        judges: the names of the judges, those with most comparisons first.
    """

    comparisons: Comparisons
    files: tuple[ReadFile, ...]
    skipped: tuple[str, ...]
    repeated: int
    further: int
    passed: Mapping[str, int]
    usual: str
    judges: tuple[str, ...]


def read(
    paths: Sequence[Path],
    *,
    choice: Choice | None = None,
    rater: str | None = None,
    with_style: bool = False,
    in_order: bool = False,
    tell: Tell | None = None,
) -> Found:
    """Reads the comparisons in files, folders and archives.

    Args:
        choice: how every file is to be read; what it leaves empty is found out.
        rater: who made the comparisons in a file that does not say so.
        with_style: whether to measure the style of answers.
        in_order: whether the times of comparisons are needed.
        tell: called with the progress of reading.

    Raises:
        FaultyFiles: the files have errors, or it is unclear what they are.
        NothingCompared: they hold no comparisons.
    """
    with tempfile.TemporaryDirectory(prefix="llmfao-") as place:
        work = _work_of(paths, Path(place), rater, choice or Choice())
        # Columns have neither the texts, in which style is, nor times.
        if not (with_style or in_order):
            found = _read_work(work, tell, in_columns=True)
            if found is not None:
                return found
        found = _read_work(work, tell, with_style=with_style)
        assert found is not None  # noqa: S101  only columns can be unreadable without an error
        return found


def _work_of(paths: Sequence[Path], place: Path, rater: str | None, choice: Choice) -> Work:
    """Returns what there is to read; votes of nobody in particular are taken for those of people.

    Raises:
        FaultyFiles: a file cannot be read, or something has to be said of it first.
    """
    looked = load.look_at(paths, place, choice.format, choice)
    known = FORMATS[choice.format] if choice.format else load.format_of(looked)
    if rater is None:
        looked = [_of_people(each, known) for each in looked]
    return load.recognise(looked, rater, choice.format)


def _of_people(looked: Looked, known: Format) -> Looked:
    named = looked.named_by(known)
    if not (isinstance(named, Named) and named.of_one_judge and named.of_a_crowd) or named.judge or named.unclear:
        return looked
    return replace(looked, choice=replace(looked.choice, rater=PEOPLE))


PEOPLE: Final = "crowd:people"


def _read_work(work: Work, tell: Tell | None, *, in_columns: bool = False, with_style: bool = False) -> Found | None:
    """Reads the files of `work`. With `in_columns`, large ones are read as columns; None if that shows an error.

    Raises:
        FaultyFiles: the files have errors.
        NothingCompared: they hold no comparisons.
    """
    faults, gathered, kinds, passed = Faults(), Gathered(), Counter[str](), Counter[str]()
    done, counts = 0, []

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if tell:
            tell(done, work.size)

    for file in work.files:
        before, kind = len(gathered), file.named.kind
        columns = of_file(work.format.name, kind, file.source, progress) if in_columns else None
        if columns is not None:
            try:
                add_columns(gathered, file.source.name, file.judge or "", columns)
            except Wrong:
                return None
            kinds[kind] += len(gathered) - before
            passed.update(columns.passed)
        else:
            gatherer = Gatherer(gathered, file.source.name, file.judge or "", with_style=with_style)
            _gather(gatherer, work.format, file.source, kind, progress, faults, kinds, passed)
        counts.append(len(gathered) - before)
    if faults:
        for file in work.files:
            if file.proposed:
                faults.add(Fault(file.source.name, None, "", load.NOT_UTF8, {"encoding": file.proposed}))
        raise FaultyFiles(faults)
    if not len(gathered):
        held = ", ".join(kind for kind, _number in kinds.most_common())
        raise NothingCompared(problems.NO_VERDICTS_IN_FILES(kinds=held or "-"))
    usual, judges = usual_raters(gathered), tuple(gathered.judges())
    comparisons, contradictions = settled(gathered)
    if contradictions:
        if in_columns:
            return None
        for fault in contradictions:
            faults.add(fault)
        raise FaultyFiles(faults)
    read_files = zip(work.files, counts, strict=True)
    return Found(
        comparisons,
        tuple(ReadFile(file.source.name, _digest(file.source.path), count) for file, count in read_files),
        work.skipped,
        gathered.repeated,
        gathered.further,
        +passed,
        usual,
        judges,
    )


def _gather(
    gatherer: Gatherer,
    known: Format,
    source: Source,
    kind: str,
    progress: Progress,
    faults: Faults,
    kinds: Counter[str],
    passed: Counter[str],
) -> None:
    """Adds the verdicts of one file, and its errors."""
    for record in known.read(source, kind, progress):
        if isinstance(record, Fault):
            faults.add(record)
            continue
        if record.kind == PASSED:
            passed[record.values["remark"]] += 1
            continue
        kinds[record.kind] += 1
        for fault in _added(gatherer, source, record):
            faults.add(fault)
    gatherer.close()


def _added(gatherer: Gatherer, source: Source, record: Record) -> list[Fault]:
    """Adds what `record` says. Returns why it cannot."""
    try:
        for number, name in numbered_names(record).items():
            gatherer.gathered.name(number, name)
        if (found := category_of(record)) is not None:
            gatherer.gathered.types.setdefault(*found)
        for verdict in of_record(record):
            gatherer.add(record.line, verdict)
    except Wrong as wrong:
        return [Fault(source.name, record.line, "", wrong.reason, wrong.values)]
    return []


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compute_board(found: Comparisons, filters: Filters, settings: Settings) -> Computed:
    """Computes a board of comparisons that were read from files.

    Raises:
        NothingCompared: no comparison counts.
        UnknownRater, UnknownCategory: the files have no such judge or category.
        Contradiction: the settings do not fit the method or the comparisons.
        NotConverged: an iteration did not reach its optimum.
    """
    chosen = method(settings)
    read = select(found, filters, in_order=chosen.in_order, sides=settings.first_place)
    if read.weighted and not chosen.soft:
        raise Contradiction(problems.NO_WEIGHTS(method=settings.method))
    if not len(read.votes):
        raise NothingCompared(problems.NOTHING_IN_FILES())
    computed = compute.of_votes(read, settings)
    if read.source == "all":
        compute.name_the_mix(computed.sheet, found.kinds)
    return computed
