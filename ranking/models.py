"""Stored leaderboards and requests for them. A finished board never changes; newer ones get the next number."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any, Self

from django.conf import settings as django_settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from annotation.snapshots import UNFINISHED, Snapshot, State
from annotation.stored_problems import StoredProblem
from ranking import problems
from ranking.methods.settings import ELO_SETTINGS, Settings
from ranking.votes.reader import ALL, Cut, Filters


class LeaderboardQuerySet(models.QuerySet["Leaderboard"]):
    """Selects snapshots by filters, settings and state."""

    def of(self, study: Study, filters: Filters, settings: Settings) -> Self:
        return self.filter(study=study, key=key_of(filters, settings))

    def finished(self) -> Self:
        return self.exclude(state__in=UNFINISHED)

    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)

    def newest(self) -> Leaderboard | None:
        return self.order_by("-number").first()

    def newest_report(self, study: Study, kind: str) -> Leaderboard | None:
        """Returns the newest finished report of a kind, which is stored as its method."""
        return self.of(study, Filters(raters=ALL), Settings(method=kind)).filter(state=State.READY).newest()


class Leaderboard(Snapshot, StoredProblem):
    """A board with its settings, the comparisons that went in, and its results."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="leaderboards")
    key = models.CharField(max_length=64, help_text=_("A digest of the requested filters and settings."))
    number = models.PositiveIntegerField(
        _("number"), help_text=_("Numbered from 1 for each kind of leaderboard in a study.")
    )
    raters = models.CharField(_("raters"), max_length=200)
    method = models.CharField(_("method"), max_length=30)
    filters = models.JSONField(_("filters"))
    settings = models.JSONField(_("settings"))
    seed = models.BigIntegerField(_("seed"))
    basis = models.CharField(
        max_length=60,
        help_text=_(
            "The version of the ranking methods and the state of the study’s comparisons when the "
            "leaderboard was requested."
        ),
    )
    cut = models.BigIntegerField(_("highest comparison ID"), null=True)
    excluded = models.JSONField(_("excluded raters"), default=list)
    digest = models.CharField(_("comparison digest"), max_length=64, blank=True)
    comparisons = models.PositiveIntegerField(_("comparisons"), default=0)
    simulated = models.PositiveIntegerField(_("simulated comparisons"), default=0)
    sheet = models.JSONField(_("results"), default=dict)
    version = models.CharField(_("version"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("requested at"))
    emptied_at = models.DateTimeField(
        _("results deleted at"), null=True, help_text=_("The results can be recomputed from the stored comparisons.")
    )

    objects = LeaderboardQuerySet.as_manager()

    class Meta:
        verbose_name = _("leaderboard")
        verbose_name_plural = _("leaderboards")
        ordering = ["-pk"]
        constraints = [
            # If two sweeps request the next board at once, the second fails here.
            models.UniqueConstraint(fields=["study", "key", "number"], name="leaderboard_number"),
            # At most one board of a kind is being computed.
            models.UniqueConstraint(
                fields=["study", "key"], condition=Q(state__in=["waiting", "computing"]), name="leaderboard_asked_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["finished_at"], condition=Q(state="ready", emptied_at=None), name="leaderboard_with_results"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def line(self) -> Cut:
        """Returns the cut below which comparisons went in."""
        assert self.cut is not None  # noqa: S101  set when the board is computed
        return Cut(self.cut, tuple(self.excluded))

    @property
    def file_name(self) -> str:
        """Returns the name for downloads, which says if any of the votes are simulated."""
        parts = [self.study.slug, "leaderboard", str(self.pk)]
        return "-".join([*parts, "simulated"] if self.simulated else parts)

    def as_json(self) -> dict[str, Any]:
        """Returns everything stored about the board."""
        return {
            "id": self.pk,
            "study": self.study.slug,
            "filters": self.filters,
            "settings": self.settings,
            "cut": self.cut,
            "digest": self.digest,
            "simulated": self.simulated,
            "version": self.version,
            "computed": self.finished_at,
            "seconds": self.seconds,
            **self.sheet,
        }

    @property
    def why_not(self) -> str:
        """Returns why there is no board, for readers without a command line who may not run the study."""
        if self.found_problem.code == problems.NOBODY_VOTED.code:
            return gettext("No votes from people count towards this leaderboard yet.")
        return self.told_problem

    def asked_filters(self) -> Filters:
        return Filters(**self.filters)

    def asked_settings(self) -> Settings:
        return settings_from(self.settings)


class GoalReached(models.Model):
    """The first look at which a study had reached a goal, and when that paused it."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="goals_reached")
    goal = models.CharField(_("goal"), max_length=6)
    number = models.PositiveIntegerField(_("K, R or N"))
    snapshot = models.ForeignKey(Leaderboard, models.SET_NULL, null=True, related_name="+")
    votes = models.PositiveIntegerField(_("votes"))
    reached_at = models.DateTimeField(_("reached"))
    paused_at = models.DateTimeField(_("paused the study"), null=True)

    class Meta:
        verbose_name = _("goal reached")
        verbose_name_plural = _("goals reached")
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["study", "goal", "number"], name="goal_reached_once")]

    def __str__(self) -> str:
        return f"{self.goal} {self.number}"


class BoardRequest(models.Model):
    """A request for a board that is not standing. The board is kept up to date for a day."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="board_requests")
    key = models.CharField(max_length=64, help_text=_("A digest of the requested filters and settings."))
    filters = models.JSONField(_("filters"))
    settings = models.JSONField(_("settings"))
    asked_at = models.DateTimeField(_("last requested at"))

    class Meta:
        verbose_name = _("leaderboard request")
        verbose_name_plural = _("leaderboard requests")
        ordering = ["-asked_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["study", "key"], name="board_request_once")]
        indexes = [models.Index(fields=["study", "asked_at"], name="board_request_lately")]

    def __str__(self) -> str:
        return f"{self.pk}"

    def asked_filters(self) -> Filters:
        return Filters(**self.filters)

    def asked_settings(self) -> Settings:
        return settings_from(self.settings)


class Plan(Snapshot, StoredProblem):
    """What somebody wants to know of a study that has not run yet, and what simulated studies find."""

    owner = models.ForeignKey(django_settings.AUTH_USER_MODEL, models.CASCADE, related_name="plans")
    study = models.ForeignKey(
        Study, models.SET_NULL, null=True, related_name="plans", help_text=_("The draft that the plan is for.")
    )
    pilot = models.ForeignKey(
        Leaderboard, models.SET_NULL, null=True, related_name="+", help_text=_("The leaderboard that it learns from.")
    )
    request = models.JSONField(_("what is planned"))
    sheet = models.JSONField(_("results"), default=dict)
    done = models.PositiveIntegerField(_("simulated so far"), default=0)
    size = models.PositiveIntegerField(_("to simulate"), default=0)
    created_at = models.DateTimeField(_("requested at"))

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state in UNFINISHED


def settings_from(stored: dict[str, Any]) -> Settings:
    """Reverses `asdict`. JSON turns the anchor into a list, and PostgreSQL some floats into integers."""
    anchor = stored.get("anchor")
    numbers = {name: float(value) for name in ELO_SETTINGS if (value := stored.get(name)) is not None}
    return Settings(**{**stored, **numbers, "anchor": (anchor[0], float(anchor[1])) if anchor else None})


def key_of(filters: Filters, settings: Settings) -> str:
    """Returns the SHA-256 of the filters and settings that differ from their defaults.

    A new field therefore does not change stored keys, but a changed default needs a migration.
    """
    asked = json.dumps([_chosen(filters), _chosen(settings)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _chosen(asked: Filters | Settings) -> dict[str, Any]:
    """Returns the fields that differ from their defaults."""
    return {each.name: value for each in fields(asked) if (value := getattr(asked, each.name)) != each.default}
