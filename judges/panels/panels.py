"""Creates, computes and ends panels; their comparisons are derived from those of their members.

A panel's comparisons follow its members': a sweep checks whether these have changed since the last computation and
recomputes what is affected. Comparisons are never changed; outdated ones are superseded by a withdrawn row. The
computation is idempotent and safe to run concurrently.
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

from annotation.interchange.llmfao import is_reserved
from annotation.models import Comparison, LanguageModel, Pair, Rater, RaterKind, Study
from annotation.scales import Winner
from annotation.studies.lifecycle import NotPossible, check_shown
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
"""Time after which a claim on a panel expires; each stored batch renews it."""

CHECKED: Final = {"rule", "splits", "contradictions", "least", "margin"}
"""Fields given by users that are validated."""

HALF_POINTS: Final[dict[str, int]] = {"x": 2, "tie": 1, "y": 0}
WINNERS: Final[dict[int, Winner]] = {2: "x", 1: "tie", 0: "y"}
VALUES: Final[dict[str, int]] = {"x": 1, "tie": 2, "y": 3}
"""A panel's verdict on the three-point scale, stored with x on the left, because a panel sees no order."""


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """Specification of a new panel.

    `judges` are names of raters, or of judges without a rater in the study yet. `makers` maps members to the
    organisations of their models, if these cannot be found among the study's models.
    """

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
def create(study: Study, name: str, spec: PanelSpec, at: datetime, *, user: User | None = None) -> Panel:
    """Creates a panel; its comparisons are computed in the background, or by `make`.

    Raises:
        NotPossible: the name is taken, a member does not judge pairs, the rules are invalid, or the study is hidden.
    """
    check_shown(study)
    _check(name, spec)
    members = [_member(study, each) for each in spec.judges]
    makers = {rater.pk: spec.makers.get(str(rater)) or _maker(study, rater) for rater in members}
    try:
        with transaction.atomic():
            rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name, derived=True)
    except IntegrityError as conflict:
        raise NotPossible(_("This study already has a rater named “%(name)s”.") % {"name": name}) from conflict
    panel = Panel(
        study=study,
        rater=rater,
        user=user,
        rule=spec.rule,
        splits=spec.splits,
        contradictions=spec.contradictions,
        least=spec.least,
        margin=spec.margin,
        spares_own=spec.spares_own,
        created_at=at,
    )
    try:
        panel.clean_fields(exclude={each.name for each in Panel._meta.get_fields()} - CHECKED)
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from None
    panel.save()
    PanelMember.objects.bulk_create(
        PanelMember(panel=panel, rater=each, place=place, senior=str(each) == spec.senior, organisation=makers[each.pk])
        for place, each in enumerate(members)
    )
    ask(panel)
    return panel


def _check(name: str, spec: PanelSpec) -> None:
    """Checks a specification without the database.

    Raises:
        NotPossible: it is invalid, with the reason.
    """
    if not name.strip() or is_reserved(name) or len(name) > 200 or "\0" in name:
        raise NotPossible(
            _("“%(name)s” cannot be used as a panel name. Choose another name of at most 200 characters.")
            % {"name": name[:200].replace("\0", "")}
        )
    if Judge.objects.filter(name=name).exists():
        raise NotPossible(_("A judge is already named “%(name)s”. Choose another name.") % {"name": name})
    if len(set(spec.judges)) < 2 or len(set(spec.judges)) < len(spec.judges):
        raise NotPossible(_("A panel needs at least two members, each listed once."))
    if (spec.splits == Panel.Splits.SENIOR) != bool(spec.senior):
        raise NotPossible(_("A senior judge is required if it decides splits, and not allowed otherwise."))
    if spec.senior and spec.senior not in spec.judges:
        raise NotPossible(_("The senior judge must be a member of the panel."))
    if spec.least is not None and spec.least > len(spec.judges):
        raise NotPossible(_("The minimum number of members who must reply is larger than the panel."))
    if spec.margin and spec.rule != Panel.Rule.MEAN:
        raise NotPossible(_("A margin applies only to the mean of the probabilities."))
    if unknown := set(spec.makers) - set(spec.judges):
        raise NotPossible(_("“%(name)s” is not a member of the panel.") % {"name": min(unknown)})


def _member(study: Study, name: str) -> Rater:
    """Returns the rater `name`, or creates the one of the judge with this name.

    Raises:
        NotPossible: no judge of pairs has this name, or it is a panel.
    """
    # PostgreSQL refuses text with a NUL character, even in a search.
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
    """Returns the organisation of the rater's model, looked up by name among the study's models."""
    version = JudgeVersion.objects.filter(raters__rater=rater).first()
    names = {str(rater)} | ({version.model, version.judge.name} if version else set())
    known = LanguageModel.objects.filter(Q(name__in=names) | Q(api_id__in=names), prompt_set=study.prompt_set_id)
    return known.exclude(org=None).order_by("pk").values_list("org", flat=True).first() or ""


def members_of(panel: Panel) -> list[PanelMember]:
    """Returns the members in order, with their raters."""
    return list(panel.members.select_related("rater").order_by("place"))


def candidates(study: Study) -> list[str]:
    """Returns the possible members: judges with comparisons in `study`, then judges without."""
    raters = Rater.objects.filter(study=study, kind=RaterKind.JUDGE, derived=False).order_by("name")
    there = [str(rater) for rater in raters]
    others = [judge.name for judge in Judge.objects.all() if judge.name not in there and not judge.current.grades]
    taken = set(Rater.objects.filter(study=study, name__in=others).values_list("name", flat=True))
    return [*there, *(name for name in others if name not in taken)]


def ask(panel: Panel) -> None:
    """Queues the computation of the panel's comparisons for when the transaction commits."""
    panel_id = panel.pk
    transaction.on_commit(lambda: current_app.send_task(TASK, args=[panel_id]), robust=True)


def follow(study_id: int) -> None:
    """Queues the panels of a study whose members' comparisons have changed."""
    for panel in Panel.objects.active().filter(study=study_id):
        if panel.seen != state_of(panel):
            ask(panel)


def state_of(panel: Panel) -> str:
    """Returns a fingerprint of the members' comparisons; equal fingerprints give equal panel comparisons."""
    members = members_of(panel)
    raters = [member.rater_id for member in members]
    rows = Comparison.objects.filter(study=panel.study_id, rater__in=raters)
    found = rows.aggregate(number=Count("pk"), highest=Max("pk"))
    excluded = "".join("0" if member.rater.excluded_at is None else "1" for member in members)
    return f"{found['number']}.{found['highest'] or 0}.{excluded}"


def sweep(at: datetime) -> int:
    """Queues every panel whose members' comparisons have changed; returns how many.

    Panels whose members are running wait, because a pair judged in only one order would be decided twice.
    """
    active = Panel.objects.active().filter(study__hidden_at=None)
    stale = [panel for panel in active if panel.seen != state_of(panel) and not _busy(panel, at)]
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
    """Numbers of a panel's decisions by state, and of those added or changed."""

    states: dict[str, int]
    changed: int


class _Lost(Exception):
    """The panel has ended, or another process has claimed it after this claim expired."""


def make(panel_id: int, *, clock: Callable[[], datetime] = timezone.now) -> Made | None:
    """Computes a panel's decisions from its members' comparisons in force.

    Returns None if another process is computing them or the panel has ended.
    """
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
    """This process's claim on a panel, identified by its time."""

    panel_id: int
    at: datetime
    clock: Callable[[], datetime]

    def held(self) -> QuerySet[Panel]:
        return Panel.objects.filter(pk=self.panel_id, claimed_at=self.at)

    def renew(self) -> None:
        """Renews the claim and locks the panel's row until the end of the transaction.

        Raises:
            _Lost: the claim is lost.
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
"""Primary key of a pair, and turn."""


@dataclass(frozen=True, slots=True)
class _Found:
    decisions: dict[_Place, _Decision]
    states: dict[str, int]
    members: list[dict[str, int]]


def _decide(panel: Panel, members: Sequence[PanelMember]) -> _Found:
    """Decides every turn of a pair that a member has judged."""
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
    """Counts one member's verdicts."""
    ballots = decided.ballots[:, column]
    both, alike = panel_decision.compared(ballots, decided.outcome)
    kinds = {BALLOTS[kind]: int((ballots == kind).sum()) for kind in BALLOTS}
    return {**kinds, "compared": both, "alike": alike}


def _verdicts(panel: Panel, members: Sequence[PanelMember]) -> tuple[panel_decision.Verdicts, list[_Place]]:
    """Returns the members' verdicts in force, and the pair and turn of each item code."""
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
    """Returns (items, members): true if the member is left out because the pair has a model of its organisation."""
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
    """Stores the decisions that differ from those in force; returns how many."""
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
    """Ends a panel and withdraws its comparisons; returns False if it had already ended.

    Its decisions are kept, superseded.

    Raises:
        NotPossible: the study is hidden.
    """
    check_shown(panel.study)
    if not Panel.objects.active().filter(pk=panel.pk).update(ended_at=at, claimed_at=None):
        return False
    while _withdraw_some(panel, at):
        pass
    return True


@transaction.atomic
def _withdraw_some(panel: Panel, at: datetime) -> bool:
    """Supersedes a batch of an ended panel's decisions; returns False if none are left."""
    rows = list(
        PanelDecision.objects.in_force().filter(panel=panel).order_by("pk").values_list("pk", "comparison")[:BATCH]
    )
    for comparison in Comparison.objects.filter(pk__in=[key for _pk, key in rows if key is not None]).order_by("pk"):
        comparison.withdraw(at)
    PanelDecision.objects.filter(pk__in=[pk for pk, _key in rows]).update(superseded_at=at)
    return bool(rows)
