"""Costs and reply statistics of judges and panels, as columns of tables that compare raters."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Avg, Count, Q, Sum
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import rater_columns
from annotation.models import Comparison, Rater, RaterKind, Study
from judges.models import CallState, JudgeReply, Panel, PanelDecision, PanelMember, RunKind, dollars


@dataclass(frozen=True, slots=True)
class Record:
    """Cost and reply statistics of a rater in a study; for a panel, its members' total cost and its decisions.

    Attributes:
        cost: nanos, of all replies including failed ones.
        asked: replies of a judge, decisions of a panel.
        verdicts: how many of them gave a verdict.
        seconds: mean time of a reply; for a panel, that of its slowest member.
    """

    cost: int
    asked: int
    verdicts: int
    seconds: float | None

    @property
    def a_verdict(self) -> float | None:
        """Cost per verdict, in nanos."""
        return self.cost / self.verdicts if self.verdicts else None

    @property
    def in_vain(self) -> float | None:
        """Share of replies, or decisions, without a verdict."""
        return 1 - self.verdicts / self.asked if self.asked else None


def records(study: Study, raters: Collection[int]) -> dict[int, Record]:
    """Maps raters that are judges run here, or panels of such judges, to their records; three queries."""
    panels = _members(study, raters)
    wanted = set(raters) | {member for members in panels.values() for member in members}
    replies = JudgeReply.objects.filter(
        call__run__study=study, call__run__kind=RunKind.JUDGING, answered_as__raters__rater__in=wanted
    )
    # Only raters of this study: a version has a rater in every study it judged.
    replies = replies.filter(answered_as__raters__study=study)
    rows = replies.values("answered_as__raters__rater").annotate(
        paid=Sum("cost"),
        number=Count("pk"),
        ok=Count("pk", filter=Q(state=CallState.OK)),
        mean=Avg("seconds", filter=Q(state=CallState.OK)),
    )
    asked = {
        row["answered_as__raters__rater"]: Record(row["paid"] or 0, row["number"], row["ok"], row["mean"])
        for row in rows.order_by()
    }
    found = {rater: record for rater, record in asked.items() if rater in set(raters)}
    return found | _of_panels(study, panels, asked)


def _members(study: Study, raters: Collection[int]) -> dict[int, list[int]]:
    """Maps the rater of a panel to those of its members."""
    found: dict[int, list[int]] = {}
    rows = PanelMember.objects.filter(panel__study=study, panel__rater__in=raters).order_by("place")
    for panel, member in rows.values_list("panel__rater", "rater"):
        found.setdefault(panel, []).append(member)
    return found


def _of_panels(study: Study, panels: Mapping[int, Collection[int]], asked: Mapping[int, Record]) -> dict[int, Record]:
    if not panels:
        return {}
    rows = PanelDecision.objects.in_force().filter(panel__study=study, panel__rater__in=panels)
    counts = {
        rater: (number, decided)
        for rater, number, decided in rows.values_list("panel__rater")
        .annotate(number=Count("pk"), decided=Count("comparison"))
        .order_by()
    }
    found = {}
    for panel, members in panels.items():
        theirs = [asked[member] for member in members if member in asked]
        number, decided = counts.get(panel, (0, 0))
        # The cost of an imported member is unknown, and so is the panel's cost.
        if number and len(theirs) == len(members):
            slowest = max((each.seconds for each in theirs if each.seconds is not None), default=None)
            found[panel] = Record(sum(each.cost for each in theirs), number, decided, slowest)
    return found


def cost(study: Study, raters: Collection[int]) -> dict[int, str]:
    """Maps raters to their total cost, as shown."""
    return {rater: dollars(record.cost) for rater, record in records(study, raters).items()}


def cost_of_a_verdict(study: Study, raters: Collection[int]) -> dict[int, str]:
    """Maps raters to their cost per verdict, as shown. Raters without a verdict are left out."""
    found = records(study, raters).items()
    return {rater: dollars(round(record.a_verdict)) for rater, record in found if record.a_verdict is not None}


def in_vain(study: Study, raters: Collection[int]) -> dict[int, str]:
    """Maps raters to the percentage of replies or decisions without a verdict, as shown."""
    found = records(study, raters).items()
    return {
        rater: _("%(share)s%%") % {"share": number_format(round(100 * record.in_vain, 1), 1)}
        for rater, record in found
        if record.in_vain is not None
    }


def seconds(study: Study, raters: Collection[int]) -> dict[int, str]:
    """Maps raters to their mean reply time in seconds, as shown. Raters without a known time are left out."""
    found = records(study, raters).items()
    return {
        rater: _("%(seconds)s s") % {"seconds": number_format(round(record.seconds, 2), 2)}
        for rater, record in found
        if record.seconds is not None
    }


COLUMNS: Final = (
    (gettext_lazy("Cost"), cost),
    (gettext_lazy("Cost per verdict"), cost_of_a_verdict),
    (gettext_lazy("No verdict"), in_vain),
    (gettext_lazy("Mean reply time"), seconds),
)


def register() -> None:
    """Registers the cost columns for every table of raters."""
    for title, look in COLUMNS:
        rater_columns.register(title, look)


@dataclass(frozen=True, slots=True)
class Line:
    """A judge or panel of a study with its record; imported judges have none."""

    rater: Rater
    panel: Panel | None
    comparisons: int
    record: Record | None


def side_by_side(study: Study) -> list[Line]:
    """Returns the judges of `study` with comparisons, and its panels."""
    own = Comparison.objects.in_force().votable().filter(study=study, rater__kind=RaterKind.JUDGE)
    counts = dict(own.order_by().values_list("rater").annotate(Count("pk")))
    panels = {panel.rater_id: panel for panel in panels_of(study) if panel.ended_at is None}
    raters = Rater.objects.filter(study=study, pk__in=counts.keys() | panels.keys()).order_by("derived", "name")
    found = records(study, list(counts.keys() | panels.keys()))
    return [Line(rater, panels.get(rater.pk), counts.get(rater.pk, 0), found.get(rater.pk)) for rater in raters]


def panels_of(study: Study) -> list[Panel]:
    """Returns the panels of `study`, with their raters and members."""
    found = Panel.objects.filter(study=study).select_related("rater").prefetch_related("members__rater")
    return list(found.order_by("ended_at", "pk"))
