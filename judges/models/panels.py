"""Panels, which combine several judges of a study into one rater, and their decisions."""

from collections.abc import Sequence
from typing import Final, cast

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Comparison, Pair, Rater, Study
from annotation.models.voting import WinnerChoice
from judges.statistics import panel_decision


class PanelQuerySet(models.QuerySet["Panel"]):
    """Selections of panels."""

    def active(self) -> "PanelQuerySet":
        """Selects the panels that have not ended."""
        return self.filter(ended_at=None)


class Panel(models.Model):
    """Several judges of a study combined into one rater. Its rules are immutable: other rules are another panel.

    Its comparisons are computed from its members' comparisons in force and recomputed when those change. `seen`
    identifies the members' comparisons of the last computation; `claimed_at` is set while one is in progress.
    """

    class Rule(models.TextChoices):
        MAJORITY = "majority", _("majority (more than half of the verdicts)")
        MEAN = "mean", _("mean probability")

    class Splits(models.TextChoices):
        TIE = "tie", _("treated as ties")
        OUT = "out", _("left out of the results")
        SENIOR = "senior", _("decided by the senior judge")

    class Contradictions(models.TextChoices):
        ABSTAIN = "abstain", _("treated as abstentions")
        TIE = "tie", _("treated as ties")

    study = models.ForeignKey(Study, models.CASCADE, related_name="panels")
    rater = models.OneToOneField(Rater, models.RESTRICT, related_name="panel")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    rule = models.CharField(_("decision rule"), max_length=8, choices=Rule, default=Rule.MAJORITY)
    splits = models.CharField(_("split decisions"), max_length=6, choices=Splits, default=Splits.TIE)
    contradictions = models.CharField(
        _("contradictory verdicts"),
        max_length=7,
        choices=Contradictions,
        default=Contradictions.ABSTAIN,
    )
    least = models.PositiveIntegerField(
        _("minimum members who must reply"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    margin = models.FloatField(
        _("split margin"), default=0.0, validators=[MinValueValidator(0), MaxValueValidator(0.49)]
    )
    spares_own = models.BooleanField(_("members do not judge models from their own organisation"), default=False)
    seen = models.CharField(max_length=100, blank=True)
    tally = models.JSONField(
        _("tally"), default=dict, help_text=_("Number of decisions by state and of verdicts by member.")
    )
    claimed_at = models.DateTimeField(null=True)
    computed_at = models.DateTimeField(_("computed"), null=True)
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = PanelQuerySet.as_manager()

    class Meta:
        verbose_name = _("panel")
        verbose_name_plural = _("panels")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(margin__gte=0, margin__lt=0.5), name="panel_margin_below_half"),
        ]

    def __str__(self) -> str:
        return str(self.rater)

    def rules(self, members: Sequence["PanelMember"]) -> panel_decision.Rules:
        """Returns the rules for `members`, which are given in member order."""
        senior = next((place for place, member in enumerate(members) if member.senior), None)
        return panel_decision.Rules(
            cast(panel_decision.Rule, self.rule),
            cast(panel_decision.Splits, self.splits),
            cast(panel_decision.Contradictions, self.contradictions),
            self.least,
            self.margin,
            senior,
        )


class PanelMember(models.Model):
    """A judge in a panel, which keeps its own rater and comparisons."""

    panel = models.ForeignKey(Panel, models.CASCADE, related_name="members")
    rater = models.ForeignKey(Rater, models.RESTRICT, related_name="panels")
    place = models.PositiveSmallIntegerField(_("position"))
    senior = models.BooleanField(_("senior"), default=False)
    organisation = models.TextField(_("organisation"), blank=True, help_text=_("As written in the study’s models."))

    class Meta:
        verbose_name = _("panel member")
        verbose_name_plural = _("panel members")
        ordering = ["panel", "place"]
        constraints = [
            models.UniqueConstraint(fields=["panel", "rater"], name="panel_member_once"),
            models.UniqueConstraint(fields=["panel", "place"], name="panel_place_once"),
            models.UniqueConstraint(fields=["panel"], condition=Q(senior=True), name="panel_one_senior"),
        ]

    def __str__(self) -> str:
        return str(self.rater)


class PanelDecisionQuerySet(models.QuerySet["PanelDecision"]):
    """Selections of panel decisions."""

    def in_force(self) -> "PanelDecisionQuerySet":
        return self.filter(superseded_at=None)


class PanelDecision(models.Model):
    """A panel's decision on a turn of a pair. Rows are only added; `superseded_at` is set later, once.

    Only states with a winner have a comparison: too few replies are not a tie.
    """

    class State(models.TextChoices):
        DECIDED = "decided", _("decided")
        TIE = "tie", _("split: treated as a tie")
        SENIOR = "senior", _("split: decided by the senior judge")
        OUT = "out", _("split: left out")
        FEW = "few", _("too few replies")

    panel = models.ForeignKey(Panel, models.CASCADE, related_name="decisions")
    pair = models.ForeignKey(Pair, models.RESTRICT, related_name="panel_decisions")
    turn = models.PositiveSmallIntegerField(_("turn"), default=0)
    state = models.CharField(_("state"), max_length=7, choices=State)
    winner = models.CharField(_("winner"), max_length=3, choices=WinnerChoice, blank=True)
    mean = models.FloatField(_("mean probability that x is better"), null=True)
    ballots = models.JSONField(
        _("member verdicts"), help_text=_("Each member’s verdict and probability, in member order.")
    )
    divided = models.BooleanField(_("members disagree"), default=False)
    comparison = models.ForeignKey(Comparison, models.RESTRICT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"))
    superseded_at = models.DateTimeField(_("superseded"), null=True)

    objects = PanelDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("panel decision")
        verbose_name_plural = _("panel decisions")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["panel", "pair", "turn"], condition=Q(superseded_at=None), name="panel_decision_once"
            ),
        ]
        indexes = [
            models.Index(fields=["panel", "state"], condition=Q(superseded_at=None), name="panel_decision_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


BALLOTS: Final[dict[int, str]] = {
    2: "x",
    1: "tie",
    0: "y",
    panel_decision.CONTRADICTS: "contradicts",
    panel_decision.ABSENT: "absent",
    panel_decision.SPARED: "spared",
}
"""Possible words in `ballots`."""

type Ballot = tuple[str, float | None]
"""A word of `BALLOTS` and the probability that x is better."""
