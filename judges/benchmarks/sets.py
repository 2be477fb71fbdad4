"""Preference sets, read from files and stored once however often they are given."""

from collections.abc import Sequence
from itertools import batched
from pathlib import Path
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from annotation.interchange.faults import Fault, Faults
from annotation.interchange.reading import Source
from judges.formats import preferences
from judges.formats.preferences import Known
from judges.models import Preference, PreferenceEntry, PreferenceSet

BATCH: Final = 500


class Faulty(Exception):
    """A file has rows that are not valid preferences."""

    def __init__(self, faults: list[Fault], count: int) -> None:
        super().__init__(f"{count} errors")
        self.faults = faults
        self.count = count


def keep(path: Path, *, user: User | None = None) -> PreferenceSet:
    """Stores the set in the file at `path`; see `keep_from`."""
    return keep_from(Source(path.name, path), user=user)


def keep_from(source: Source, *, user: User | None = None) -> PreferenceSet:
    """Stores the set in a file under the file's name and returns it; an identical stored set is reused.

    Raises:
        Faulty: a row is not a valid preference.
    """
    rows, faults = [], Faults()
    for found in preferences.read(source):
        if isinstance(found, Fault):
            faults.add(found)
        else:
            rows.append(found)
    if faults:
        raise Faulty(faults.listed, faults.count)
    name = source.plain_name.removesuffix(".jsonl")[:200]
    return _keep(name, rows, user)


def _keep(name: str, rows: Sequence[Known], user: User | None) -> PreferenceSet:
    sha256 = preferences.digest(rows)
    known = PreferenceSet.objects.filter(name=name, sha256=sha256).first()
    if known is not None:
        return known
    with transaction.atomic():
        made, fresh = PreferenceSet.objects.get_or_create(name=name, sha256=sha256, defaults={"user": user})
        for batch in batched(rows if fresh else (), BATCH, strict=False):
            _keep_rows(made, batch)
    return made


def _keep_rows(made: PreferenceSet, rows: Sequence[Known]) -> None:
    by_sha256 = {row.sha256: row for row in rows}
    Preference.objects.bulk_create(
        (
            Preference(
                sha256=sha256,
                prompt_sha256=row.prompt_sha256,
                turns=list(row.turns),
                chosen=row.chosen,
                rejected=row.rejected,
            )
            for sha256, row in by_sha256.items()
        ),
        # The same preference may occur in another set, or twice in this one.
        ignore_conflicts=True,
    )
    keys = dict(Preference.objects.filter(sha256__in=by_sha256).values_list("sha256", "pk"))
    PreferenceEntry.objects.bulk_create(
        PreferenceEntry(
            preferences=made, preference_id=keys[row.sha256], number=row.number, name=row.name, subset=row.subset
        )
        for row in rows
    )
