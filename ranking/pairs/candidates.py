"""Which pairs are worth a look for something rare: marked when agreement is computed, looked at closely when asked.

A search in SQL looks at every pair on its way, so what is rare among a million pairs would be far to reach.
A mark does not say that a pair is like what is looked for, only that no other pair is: what was said of
pairs since is found by its comparisons, and each pair is still asked about when it is shown.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from annotation.merge_orders import UNDECIDED, merge
from annotation.models import Study
from ranking.models import KeptMarks
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, TURNS, Cut, Filters, Single

type Pairs = NDArray[np.int64]
"""Primary keys of pairs, in order, each once."""

RARE: Final = 50_000
"""More pairs than these are not marked: a search meets some of them soon."""

MOST_SINCE: Final = 2_000
"""Comparisons that came since pairs were marked, up to which the marks are of use."""

MANY_VOTES: Final = 5
"""From so many on votes of people are not told apart."""


def mark(study: Study, line: Cut, at: datetime) -> None:
    """Marks the pairs of `study` anew, by what was said of them up to `line`, which must be firm.

    Of those who mark at once the one with the latest line wins, word by word.
    """
    people = reader.single(study, Filters(PEOPLE), line)
    found = {"people": divided(people), **by_votes(people)}
    for name in reader.judges(study):
        verdicts = reader.single(study, Filters(name), line)
        found |= {f"judge:{name}": against_most(verdicts, people), f"orders:{name}": against_itself(verdicts)}
    rare = {word: pairs for word, pairs in found.items() if len(pairs) <= RARE}
    for word, pairs in rare.items():
        values = {"cut": line.highest, "excluded": list(line.excluded), "pairs": packed(pairs), "kept_at": at}
        own = KeptMarks.objects.filter(study=study, word=word)
        if not own.filter(cut__lte=line.highest).update(**values):
            # There is none yet, or a later one, which stays, or an earlier one that came in between.
            KeptMarks.objects.bulk_create([KeptMarks(study=study, word=word, **values)], ignore_conflicts=True)
            own.filter(cut__lt=line.highest).update(**values)
    KeptMarks.objects.filter(study=study, cut__lte=line.highest).exclude(word__in=rare).delete()


def marked(study: Study, words: Sequence[str]) -> Pairs | None:
    """The only pairs of `study` that may be like all of `words`; None where that is not known, or they are not rare.

    A comparison that was deleted, with the upload that brought it, is noticed when pairs are marked again.
    """
    found: Pairs | None = None
    excluded = list(reader.excluded_raters(study)) if words else []
    for row in KeptMarks.objects.filter(study=study, word__in=words):
        pairs = unpacked(bytes(row.pairs))
        if row.excluded != excluded:
            continue
        since = study.comparisons.filter(Q(pk__gt=row.cut) | Q(superseded_by__gt=row.cut)).order_by()
        touched = list(since.values_list("pair", flat=True)[: MOST_SINCE + 1])
        if len(touched) <= MOST_SINCE:
            pairs = np.union1d(pairs, np.array(touched, dtype=np.int64))
            found = pairs if found is None else np.intersect1d(found, pairs)
    return found


def divided(people: Single) -> Pairs:
    """The pairs of which people say different things, of one turn at least."""
    turns, counts = _by_turn(people)
    return np.unique(turns[(counts > 0).sum(axis=1) > 1] // TURNS)


def by_votes(people: Single) -> dict[str, Pairs]:
    """The pairs that people gave one vote, two, and so on, by the word that asks for them."""
    pair, votes = np.unique(people.pair, return_counts=True)
    words = {number: str(number) for number in range(1, MANY_VOTES)} | {MANY_VOTES: f"{MANY_VOTES}+"}
    return {f"votes:{word}": pair[votes.clip(max=MANY_VOTES) == number] for number, word in words.items()}


def against_most(verdicts: Single, people: Single) -> Pairs:
    """The pairs of which a judge, whose contradictions are ties, says something else than most people, of a turn."""
    judge = reader.merged(verdicts)
    turns, counts = _by_turn(people)
    clear = (counts == counts.max(axis=1, initial=0, keepdims=True)).sum(axis=1) == 1
    turns, most = turns[clear], 1 - counts[clear].argmax(axis=1)
    _both, mine, theirs = np.intersect1d(judge.item, turns, assume_unique=True, return_indices=True)
    return np.unique(judge.pair[mine[judge.winner[mine] != most[theirs]]])


def against_itself(verdicts: Single) -> Pairs:
    """The pairs of which a judge, asked in both orders, does not say one thing, of one turn at least."""
    turns, label = np.unique(verdicts.item, return_inverse=True)
    found = merge(label, verdicts.left, verdicts.winner + 1)
    # Of a turn that was seen in one order alone, the side of all its rows is known.
    return np.unique(turns[(found.outcome == UNDECIDED) & (found.left == 0)] // TURNS)


def _by_turn(people: Single) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(t,) the turns of pairs, in order; (t, 3) how many say x, a tie and y."""
    turns, place = np.unique(people.item, return_inverse=True)
    return turns, np.bincount(place * 3 + 1 - people.winner, minlength=3 * len(turns)).reshape(-1, 3)


def packed(pairs: Pairs) -> bytes:
    """In as few bytes as are quickly had."""
    return zlib.compress(np.diff(pairs, prepend=0).astype("<i8").tobytes(), level=1)


def unpacked(data: bytes) -> Pairs:
    """The inverse of `packed`."""
    return np.cumsum(np.frombuffer(zlib.decompress(data), dtype="<i8"), dtype=np.int64)
