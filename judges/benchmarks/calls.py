"""Selects the calls of a benchmark: those that count for it, and filters for the list."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet, Subquery, Sum

from judges.benchmarks.planning import entries, shown_of
from judges.models import BenchmarkCall, BenchmarkRun, CallState, PreferenceEntry, PreferenceSet

type Found = Literal["right", "wrong", "tie"]

FOUND: Final = get_args(Found.__value__)


@dataclass(frozen=True, slots=True)
class CallFilter:
    """A filter of calls: by state, by set, and by right or wrong; empty fields match all."""

    state: str = ""
    preferences: tuple[int, ...] | None = None
    found: Found | None = None

    @classmethod
    def of(cls, sets: list[PreferenceSet], state: str, preferences: str, found: str) -> "CallFilter":
        """Parses the filter from query parameters; invalid values are ignored."""
        known = {str(each.pk): (each.pk,) for each in sets}
        return cls(
            state if state in CallState.values else "",
            known.get(preferences),
            cast(Found, found) if found in FOUND else None,
        )


def calls_of(run: BenchmarkRun) -> QuerySet[BenchmarkCall]:
    """Returns the calls that count for `run`, including those sent by earlier benchmarks of the version."""
    asked = BenchmarkCall.objects.filter(version=run.version_id, protocol=run.protocol)
    rows = PreferenceEntry.objects.filter(preference=OuterRef("preference"), preferences__in=run.sets.all())
    asked = asked.filter(Exists(rows))
    if run.limit is None and (run.both_orders or not run.by_pairs):
        return asked
    # Rows or sides were sampled in Python, so the database cannot select them.
    drawn = {(entry.key, str(shown)) for entry in entries(run, run.sets.all()) for shown in shown_of(run, entry.sha256)}
    places = asked.values_list("pk", "preference", "shown").iterator()
    return asked.filter(pk__in=[key for key, *place in places if tuple(place) in drawn])


def chosen(run: BenchmarkRun, filters: CallFilter) -> QuerySet[BenchmarkCall]:
    """Returns the run's calls that match the filter, in planned order.

    Each has `right`, the score of the `other` answer if answers are scored alone, and the `cost` of all its replies.
    """
    beside = BenchmarkCall.objects.filter(
        version=OuterRef("version"), protocol=OuterRef("protocol"), preference=OuterRef("preference"), state="ok"
    )
    other = beside.exclude(shown=OuterRef("shown")).values("reply__score")[:1]
    found = calls_of(run).annotate(
        other=Subquery(other, output_field=FloatField()) if not run.by_pairs else F("reply__score"),
        cost=Sum("replies__cost"),
    )
    if filters.state:
        found = found.filter(state=filters.state)
    if filters.preferences is not None:
        entries = PreferenceEntry.objects.filter(preference=OuterRef("preference"), preferences__in=filters.preferences)
        found = found.filter(Exists(entries))
    if filters.found is not None:
        found = found.filter(_pairs(filters.found) if run.by_pairs else _scores(filters.found))
    return found.select_related("preference", "reply").order_by("pk")


def _pairs(found: Found) -> Q:
    return Q(state=CallState.OK, reply__says={"right": "chosen", "wrong": "rejected", "tie": "tie"}[found])


def _scores(found: Found) -> Q:
    """Condition for scored answers: the chosen answer scores higher; both calls of a row have the same result."""
    if found == "tie":
        return Q(state=CallState.OK, reply__score=F("other"))
    higher, lower = ("chosen", "rejected") if found == "right" else ("rejected", "chosen")
    return Q(state=CallState.OK) & (
        Q(shown=higher, reply__score__gt=F("other")) | Q(shown=lower, reply__score__lt=F("other"))
    )


def found(run: BenchmarkRun, call: Any) -> Found | None:
    """Returns whether the judge was right on a call from `chosen`, or None if that is not known yet."""
    if call.state != CallState.OK or call.reply is None:
        return None
    if run.by_pairs:
        words: dict[str, Found] = {"chosen": "right", "rejected": "wrong", "tie": "tie"}
        return words.get(call.reply.says)
    mine, other = call.reply.score, call.other
    if mine is None or other is None:
        return None
    if mine == other:
        return "tie"
    return "right" if (mine > other) == (call.shown == "chosen") else "wrong"
