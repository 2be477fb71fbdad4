"""The single questions of a benchmark: which count for it, and those that somebody wants to see."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet, Subquery, Sum

from judges.benchmarks.planning import entries, shown_of
from judges.models import BenchmarkCall, BenchmarkRun, CallState, PreferenceEntry, PreferenceSet

type Found = Literal["right", "wrong", "tie"]

FOUND: Final = get_args(Found.__value__)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which calls: in a state, about rows of a set, right or wrong; all where nothing is said."""

    state: str = ""
    preferences: tuple[int, ...] | None = None
    found: Found | None = None

    @classmethod
    def of(cls, sets: list[PreferenceSet], state: str, preferences: str, found: str) -> "Wish":
        """As an address has it; what is none is passed over."""
        known = {str(each.pk): (each.pk,) for each in sets}
        return cls(
            state if state in CallState.values else "",
            known.get(preferences),
            cast(Found, found) if found in FOUND else None,
        )


def calls_of(run: BenchmarkRun) -> QuerySet[BenchmarkCall]:
    """The questions that count for `run`, those that an earlier benchmark of the version asked among them."""
    asked = BenchmarkCall.objects.filter(version=run.version_id, protocol=run.protocol)
    rows = PreferenceEntry.objects.filter(preference=OuterRef("preference"), preferences__in=run.sets.all())
    asked = asked.filter(Exists(rows))
    if run.limit is None and (run.both_orders or not run.by_pairs):
        return asked
    # Rows, or the side that each answer stands on, were drawn: no database knows which.
    drawn = {(entry.key, str(shown)) for entry in entries(run, run.sets.all()) for shown in shown_of(run, entry.sha256)}
    places = asked.values_list("pk", "preference", "shown").iterator()
    return asked.filter(pk__in=[key for key, *place in places if tuple(place) in drawn])


def chosen(run: BenchmarkRun, wish: Wish) -> QuerySet[BenchmarkCall]:
    """Those of the run's questions that `wish` lets through, in the order they were planned; each with `right`, the
    score of the `other` answer where each is scored alone, and what all replies to it `cost`."""
    beside = BenchmarkCall.objects.filter(
        version=OuterRef("version"), protocol=OuterRef("protocol"), preference=OuterRef("preference"), state="ok"
    )
    other = beside.exclude(shown=OuterRef("shown")).values("reply__score")[:1]
    found = calls_of(run).annotate(
        other=Subquery(other, output_field=FloatField()) if not run.by_pairs else F("reply__score"),
        cost=Sum("replies__cost"),
    )
    if wish.state:
        found = found.filter(state=wish.state)
    if wish.preferences is not None:
        entries = PreferenceEntry.objects.filter(preference=OuterRef("preference"), preferences__in=wish.preferences)
        found = found.filter(Exists(entries))
    if wish.found is not None:
        found = found.filter(_pairs(wish.found) if run.by_pairs else _scores(wish.found))
    return found.select_related("preference", "reply").order_by("pk")


def _pairs(found: Found) -> Q:
    return Q(state=CallState.OK, reply__says={"right": "chosen", "wrong": "rejected", "tie": "tie"}[found])


def _scores(found: Found) -> Q:
    """The chosen answer has to score higher: each question is as right as its row."""
    if found == "tie":
        return Q(state=CallState.OK, reply__score=F("other"))
    higher, lower = ("chosen", "rejected") if found == "right" else ("rejected", "chosen")
    return Q(state=CallState.OK) & (
        Q(shown=higher, reply__score__gt=F("other")) | Q(shown=lower, reply__score__lt=F("other"))
    )


def found(run: BenchmarkRun, call: Any) -> Found | None:
    """Whether the judge was right on one of those `chosen`; None where nothing can be said yet."""
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
