"""Panels from their beginning to their end, and their comparisons, made of those of their members.

A panel's comparisons follow its members': the sweep looks whether these have changed since it looked last,
and makes anew what that changes. As everywhere a comparison is never changed; what no longer holds is
superseded by a withdrawn row. Doing it twice, or two at once, does it once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched
from typing import Final

import numpy as np
from celery import current_app
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation.interchange.llmfao import RESERVED_RATERS
from annotation.models import Comparison, LanguageModel, Pair, Rater, RaterKind, Study
from annotation.scales import Winner
from annotation.studies.lifecycle import NotPossible
from judges import verdicts
from judges.models import (
    Judge,
    JudgeRater,
    JudgeRun,
    JudgeVersion,
    Panel,
    PanelDecision,
    PanelMember,
    RunKind,
    RunState,
)
from judges.models.panels import BALLOTS, Ballot
from judges.statistics import panel_decision

TASK: Final = "judges.make_panel"

BATCH: Final = 500
CHUNK: Final = 20_000

SILENCE: Final = timedelta(minutes=10)
"""After which whoever had claimed a panel is taken for dead: each batch it stores renews its claim."""

CHECKED: Final = {"rule", "splits", "contradictions", "least", "margin"}
"""What people say of a panel."""

HALF_POINTS: Final[dict[str, int]] = {"x": 2, "tie": 1, "y": 0}
WINNERS: Final[dict[int, Winner]] = {2: "x", 1: "tie", 0: "y"}
VALUES: Final[dict[str, int]] = {"x": 1, "tie": 2, "y": 3}
"""A panel's verdict on the scale of three, with x written on the left: nothing was shown to it."""


@dataclass(frozen=True, slots=True)
class Charter:
    """What a panel is to be. `judges` are names of raters, or of judges that have none in the study yet;
    `makers` says who made the model of which of them, where it cannot be told by the study's models."""

    judges: Sequence[str]
    rule: str = Panel.Rule.MAJORITY
    splits: str = Panel.Splits.TIE
    senior: str = ""
    contradictions: str = Panel.Contradictions.ABSTAIN
    least: int | None = None
    margin: float = 0.0
    spares_own: bool = False
    makers: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def create(study: Study, name: str, charter: Charter, at: datetime, *, user: User | None = None) -> Panel:
    """A panel in `study` called `name`; its comparisons are made in the background, or by `make`.

    Raises:
        NotPossible: the name is taken, a member is nobody who compares pairs, or the rules make no sense.
    """
    _check(name, charter)
    members = [_member(study, each) for each in charter.judges]
    makers = {rater.pk: charter.makers.get(str(rater)) or _maker(study, rater) for rater in members}
    try:
        with transaction.atomic():
            rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name, derived=True)
    except IntegrityError as conflict:
        raise NotPossible(_("This study already has a rater named “%(name)s”.") % {"name": name}) from conflict
    panel = Panel(
        study=study,
        rater=rater,
        user=user,
        rule=charter.rule,
        splits=charter.splits,
        contradictions=charter.contradictions,
        least=charter.least,
        margin=charter.margin,
        spares_own=charter.spares_own,
        created_at=at,
    )
    try:
        panel.clean_fields(exclude={each.name for each in Panel._meta.get_fields()} - CHECKED)
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from None
    panel.save()
    PanelMember.objects.bulk_create(
        PanelMember(
            panel=panel, rater=each, place=place, senior=str(each) == charter.senior, organisation=makers[each.pk]
        )
        for place, each in enumerate(members)
    )
    ask(panel)
    return panel


def _check(name: str, charter: Charter) -> None:
    """Refuses what could never be.

    Raises:
        NotPossible: with the reason.
    """
    if not name.strip() or name in RESERVED_RATERS or len(name) > 200 or "\0" in name:
        raise NotPossible(
            _("“%(name)s” cannot be used as a panel name. Choose another name of at most 200 characters.")
            % {"name": name[:200].replace("\0", "")}
        )
    if Judge.objects.filter(name=name).exists():
        raise NotPossible(_("A judge is already named “%(name)s”. Choose another name.") % {"name": name})
    if len(set(charter.judges)) < 2 or len(set(charter.judges)) < len(charter.judges):
        raise NotPossible(_("A panel needs at least two members, each listed once."))
    if (charter.splits == Panel.Splits.SENIOR) != bool(charter.senior):
        raise NotPossible(_("A senior judge is required if it decides splits, and not allowed otherwise."))
    if charter.senior and charter.senior not in charter.judges:
        raise NotPossible(_("The senior judge must be a member of the panel."))
    if charter.least is not None and charter.least > len(charter.judges):
        raise NotPossible(_("The minimum number of members who must reply is larger than the panel."))
    if charter.margin and charter.rule != Panel.Rule.MEAN:
        raise NotPossible(_("A margin applies only to the mean of the probabilities."))
    if unknown := set(charter.makers) - set(charter.judges):
        raise NotPossible(_("“%(name)s” is not a member of the panel.") % {"name": min(unknown)})


def _member(study: Study, name: str) -> Rater:
    """The rater called `name`, or that of the judge of this name, made where it is missing.

    Raises:
        NotPossible: there is none that compares pairs, or it is a panel itself.
    """
    # PostgreSQL takes no text with a NUL, not even to look for it.
    named = "\0" not in name
    rater = Rater.objects.filter(study=study, kind=RaterKind.JUDGE, name=name).first() if named else None
    judge = Judge.objects.filter(name=name).first() if named and rater is None else None
    if judge is not None and not judge.current.grades:
        rater = verdicts.rater_of(study, judge.current)
    if rater is None:
        raise NotPossible(_("No judge of pairs is named “%(name)s”.") % {"name": name.replace("\0", "")})
    if rater.derived:
        raise NotPossible(_("“%(name)s” is itself a panel. Choose its members instead.") % {"name": name})
    return rater


def _maker(study: Study, rater: Rater) -> str:
    """Who made the model that `rater` is, as far as the study's models tell by its name."""
    version = JudgeVersion.objects.filter(raters__rater=rater).first()
    names = {str(rater)} | ({version.model, version.judge.name} if version else set())
    known = LanguageModel.objects.filter(Q(name__in=names) | Q(api_id__in=names), prompt_set=study.prompt_set_id)
    return known.exclude(org=None).order_by("pk").values_list("org", flat=True).first() or ""


def members_of(panel: Panel) -> list[PanelMember]:
    """The members in their places, with their raters."""
    return list(panel.members.select_related("rater").order_by("place"))


def candidates(study: Study) -> list[str]:
    """Who can be a member: the judges with comparisons in `study`, then those that have none yet."""
    raters = Rater.objects.filter(study=study, kind=RaterKind.JUDGE, derived=False).order_by("name")
    there = [str(rater) for rater in raters]
    others = [judge.name for judge in Judge.objects.all() if judge.name not in there and not judge.current.grades]
    taken = set(Rater.objects.filter(study=study, name__in=others).values_list("name", flat=True))
    return [*there, *(name for name in others if name not in taken)]


def ask(panel: Panel) -> None:
    """Has the background make the panel's comparisons, once the transaction is over."""
    panel_id = panel.pk
    transaction.on_commit(lambda: current_app.send_task(TASK, args=[panel_id]), robust=True)


def follow(study_id: int) -> None:
    """Asks for the panels of a study whose members' comparisons have changed."""
    for panel in Panel.objects.active().filter(study=study_id):
        if panel.seen != state_of(panel):
            ask(panel)


def state_of(panel: Panel) -> str:
    """How the members' comparisons stand: equal states mean equal comparisons of the panel."""
    members = members_of(panel)
    raters = [member.rater_id for member in members]
    rows = Comparison.objects.filter(study=panel.study_id, rater__in=raters)
    found = rows.aggregate(number=Count("pk"), highest=Max("pk"))
    excluded = "".join("0" if member.rater.excluded_at is None else "1" for member in members)
    return f"{found['number']}.{found['highest'] or 0}.{excluded}"


def sweep(at: datetime) -> int:
    """Asks for every panel whose members' comparisons have changed; returns how many.

    One whose members are at work is left until they have ended: a pair judged in one order only would be
    decided twice.
    """
    stale = [panel for panel in Panel.objects.active() if panel.seen != state_of(panel) and not _busy(panel, at)]
    for panel in stale:
        ask(panel)
    return len(stale)


def _busy(panel: Panel, at: datetime) -> bool:
    if panel.claimed_at is not None and panel.claimed_at > at - SILENCE:
        return True
    judges = JudgeRater.objects.filter(rater__panels__panel=panel).values("version__judge")
    runs = JudgeRun.objects.filter(study=panel.study_id, kind=RunKind.JUDGING, version__judge__in=judges)
    return runs.filter(state__in=[RunState.WAITING, RunState.RUNNING], offline=False).exists()


@dataclass(frozen=True, slots=True)
class Made:
    """How many decisions a panel has, by state, and how many of them were made or made anew."""

    states: dict[str, int]
    changed: int


class _Lost(Exception):
    """The panel was ended, or somebody else has claimed it, taking this process for dead."""


def make(panel_id: int, *, clock: Callable[[], datetime] = timezone.now) -> Made | None:
    """Makes what a panel says follow from its members' comparisons in force; None where others are at it, or
    it has ended."""
    at = clock()
    free = Panel.objects.active().filter(Q(claimed_at=None) | Q(claimed_at__lt=at - SILENCE), pk=panel_id)
    if not free.update(claimed_at=at):
        return None
    panel = Panel.objects.select_related("study", "rater").get(pk=panel_id)
    claim = _Claim(panel_id, at, clock)
    try:
        seen = state_of(panel)
        members = members_of(panel)
        found = _decide(panel, members)
        changed = _store_all(panel, found.decisions, claim)
        tally = {"states": found.states, "members": found.members}
        claim.held().update(seen=seen, tally=tally, computed_at=clock())
    except _Lost:
        return None
    finally:
        claim.held().update(claimed_at=None)
    return Made(found.states, changed)


@dataclass(slots=True)
class _Claim:
    """That this process is at work on a panel; its time is what tells it from the claims of others."""

    panel_id: int
    at: datetime
    clock: Callable[[], datetime]

    def held(self) -> QuerySet[Panel]:
        return Panel.objects.filter(pk=self.panel_id, claimed_at=self.at)

    def renew(self) -> None:
        """Gives a sign of life, and holds the panel's row to the end of the transaction.

        Raises:
            _Lost: the panel is not this process's any more.
        """
        at = self.clock()
        if not self.held().filter(ended_at=None).update(claimed_at=at):
            raise _Lost
        self.at = at


@dataclass(frozen=True, slots=True)
class _Decision:
    state: str
    winner: str
    mean: float | None
    ballots: list[Ballot]

    @property
    def divided(self) -> bool:
        return len({word for word, _share in self.ballots if word in HALF_POINTS}) > 1


type _Place = tuple[int, int]
"""A pair's primary key, and a turn."""


@dataclass(frozen=True, slots=True)
class _Found:
    decisions: dict[_Place, _Decision]
    states: dict[str, int]
    members: list[dict[str, int]]


def _decide(panel: Panel, members: Sequence[PanelMember]) -> _Found:
    """What the panel says, by the rules, of every turn of a pair that a member has judged."""
    verdicts, places = _verdicts(panel, members)
    spared = _spared(panel, members, places)
    decided = panel_decision.decide(verdicts, spared, panel.rules(members))
    decisions = {}
    for row, place in enumerate(places):
        ballots: list[Ballot] = [
            (BALLOTS[word], None if share != share else round(share, 6))
            for word, share in zip(decided.ballots[row].tolist(), decided.shares[row].tolist(), strict=True)
        ]
        mean, outcome = float(decided.mean[row]), int(decided.outcome[row])
        decisions[place] = _Decision(
            str(decided.state[row]), WINNERS.get(outcome, ""), None if mean != mean else round(mean, 6), ballots
        )
    states = {state: int((decided.state == state).sum()) for state in PanelDecision.State.values}
    return _Found(decisions, states, [_told(decided, column) for column in range(len(members))])


def _told(decided: panel_decision.Decisions, column: int) -> dict[str, int]:
    """What one member said, in numbers."""
    ballots = decided.ballots[:, column]
    both, alike = panel_decision.compared(ballots, decided.outcome)
    kinds = {BALLOTS[kind]: int((ballots == kind).sum()) for kind in BALLOTS}
    return {**kinds, "compared": both, "alike": alike}


def _verdicts(panel: Panel, members: Sequence[PanelMember]) -> tuple[panel_decision.Verdicts, list[_Place]]:
    """The members' verdicts in force, and what each code of an item stands for."""
    place = {member.rater_id: member.place for member in members if member.rater.excluded_at is None}
    rows = Comparison.objects.in_force().votable().filter(study=panel.study_id, rater__in=list(place)).order_by("pk")
    names = ("pair", "turn", "rater", "left", "winner", "value", "scale_name", "verdict__share")
    keys: list[_Place] = []
    columns: list[tuple[int, int, int, float]] = []
    for pair, turn, rater, left, winner, value, scale, share in rows.values_list(*names).iterator(chunk_size=CHUNK):
        x_left = left == "x"
        outcome = HALF_POINTS[winner]
        level = value if scale == Study.ScaleName.FIVE else None
        on_left = panel_decision.left_share(outcome if x_left else 2 - outcome, share=share, level=level)
        keys.append((pair, turn))
        columns.append((place[rater], 1 if x_left else -1, outcome, on_left if x_left else 1 - on_left))
    order = {key: code for code, key in enumerate(sorted(set(keys)))}
    table = np.array(columns, dtype=np.float64).reshape(len(columns), 4)
    whole = table[:, :3].astype(np.int64)
    item = np.array([order[key] for key in keys], dtype=np.int64)
    return panel_decision.Verdicts(item, whole[:, 0], whole[:, 1], whole[:, 2], table[:, 3]), list(order)


def _spared(panel: Panel, members: Sequence[PanelMember], places: Sequence[_Place]) -> NDArray[np.bool_]:
    """(items, members) true where a pair has a model by the member's own maker, and the panel spares those."""
    spared = np.zeros((len(places), len(members)), dtype=np.bool_)
    if not panel.spares_own:
        return spared
    makers = [member.organisation.strip().casefold() for member in members]
    sides = Pair.objects.filter(study=panel.study_id).values_list("pk", "model_x__org", "model_y__org")
    orgs = {pk: {(org or "").strip().casefold() for org in both} for pk, *both in sides.iterator(chunk_size=CHUNK)}
    for row, (pair, _turn) in enumerate(places):
        spared[row] = [bool(maker) and maker in orgs[pair] for maker in makers]
    return spared


@dataclass(frozen=True, slots=True)
class _Stored:
    key: int
    says: _Decision
    comparison: int | None


def _store_all(panel: Panel, wanted: Mapping[_Place, _Decision], claim: _Claim) -> int:
    """Stores what differs from what is in force; returns how many decisions that was."""
    stored = _in_force(panel)
    differs = [
        place
        for place in sorted(stored.keys() | wanted.keys())
        if (stored[place].says if place in stored else None) != wanted.get(place)
    ]
    for batch in batched(differs, BATCH, strict=False):
        _store(panel, batch, stored, wanted, claim)
    return len(differs)


def _in_force(panel: Panel) -> dict[_Place, _Stored]:
    names = ("pair", "turn", "pk", "state", "winner", "mean", "ballots", "comparison")
    found = {}
    rows = PanelDecision.objects.in_force().filter(panel=panel).order_by("pk").values_list(*names)
    for pair, turn, key, state, winner, mean, ballots, comparison in rows.iterator(chunk_size=CHUNK):
        said = _Decision(state, winner, mean, [(word, share) for word, share in ballots])
        found[pair, turn] = _Stored(key, said, comparison)
    return found


@transaction.atomic
def _store(
    panel: Panel,
    places: Collection[_Place],
    stored: Mapping[_Place, _Stored],
    wanted: Mapping[_Place, _Decision],
    claim: _Claim,
) -> None:
    claim.renew()
    at = claim.at
    old = [stored[place] for place in places if place in stored]
    PanelDecision.objects.filter(pk__in=[each.key for each in old], superseded_at=None).update(superseded_at=at)
    kept = {
        place: stored[place].comparison
        for place in places
        if place in stored and place in wanted and stored[place].says.winner == wanted[place].winner
    }
    gone = [stored[place].comparison for place in places if place in stored and place not in kept]
    for comparison in Comparison.objects.filter(pk__in=[key for key in gone if key is not None]).order_by("pk"):
        comparison.withdraw(at)
    fresh = {
        place: _comparison(panel, place, wanted[place].winner, at)
        for place in places
        if place in wanted and wanted[place].winner and place not in kept
    }
    Comparison.objects.bulk_create(fresh.values())
    PanelDecision.objects.bulk_create(
        PanelDecision(
            panel=panel,
            pair_id=place[0],
            turn=place[1],
            state=wanted[place].state,
            winner=wanted[place].winner,
            mean=wanted[place].mean,
            ballots=wanted[place].ballots,
            divided=wanted[place].divided,
            comparison_id=fresh[place].pk if place in fresh else kept.get(place),
            decided_at=at,
        )
        for place in places
        if place in wanted
    )


def _comparison(panel: Panel, place: _Place, winner: str, at: datetime) -> Comparison:
    pair, turn = place
    return Comparison(
        study_id=panel.study_id,
        pair_id=pair,
        rater_id=panel.rater_id,
        turn=turn,
        left="x",
        winner=winner,
        value=VALUES[winner],
        scale_name=Study.ScaleName.THREE,
        answered_at=at,
    )


def end(panel: Panel, at: datetime) -> bool:
    """Ends a panel: its comparisons are withdrawn, and it follows its members no more. False where it had ended.

    What it had said stays in its decisions, superseded.
    """
    if not Panel.objects.active().filter(pk=panel.pk).update(ended_at=at, claimed_at=None):
        return False
    while _withdraw_some(panel, at):
        pass
    return True


@transaction.atomic
def _withdraw_some(panel: Panel, at: datetime) -> bool:
    """Takes some decisions of an ended panel out of force; False where none are."""
    rows = list(
        PanelDecision.objects.in_force().filter(panel=panel).order_by("pk").values_list("pk", "comparison")[:BATCH]
    )
    for comparison in Comparison.objects.filter(pk__in=[key for _pk, key in rows if key is not None]).order_by("pk"):
        comparison.withdraw(at)
    PanelDecision.objects.filter(pk__in=[pk for pk, _key in rows]).update(superseded_at=at)
    return bool(rows)
