"""Snapshots of leaderboards. A finished one is never changed, only followed by another."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from annotation.stored_problems import StoredProblem
from ranking.methods.settings import Settings
from ranking.votes.reader import ALL, Cut, Filters


class State(models.TextChoices):
    WAITING = "waiting", _("waiting")
    COMPUTING = "computing", _("computing")
    READY = "ready", _("ready")
    IMPOSSIBLE = "impossible", _("cannot be computed")


LONG = 3.0
"""Seconds: what a board may take that is computed every minute."""

UNFINISHED = (State.WAITING, State.COMPUTING)


class LeaderboardQuerySet(models.QuerySet["Leaderboard"]):
    def of(self, study: Study, filters: Filters, settings: Settings) -> Self:
        return self.filter(study=study, key=key_of(filters, settings))

    def finished(self) -> Self:
        return self.exclude(state__in=UNFINISHED)

    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)

    def newest(self) -> Leaderboard | None:
        return self.order_by("-number").first()

    def newest_report(self, study: Study, kind: str) -> Leaderboard | None:
        """The report that is shown: the word that names its kind stands where a board names its method."""
        return self.of(study, Filters(raters=ALL), Settings(method=kind)).filter(state=State.READY).newest()


class Leaderboard(StoredProblem):
    """One board: its settings, exactly which comparisons went in, and what came out."""

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
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    basis = models.CharField(
        max_length=60,
        help_text=_(
            "The version of the numerics and the state of the study’s comparisons when the leaderboard was requested."
        ),
    )
    cut = models.BigIntegerField(_("highest comparison ID"), null=True)
    excluded = models.JSONField(_("excluded raters"), default=list)
    digest = models.CharField(_("comparison digest"), max_length=64, blank=True)
    comparisons = models.PositiveIntegerField(_("comparisons"), default=0)
    simulated = models.PositiveIntegerField(_("simulated comparisons"), default=0)
    sheet = models.JSONField(_("results"), default=dict)
    version = models.CharField(_("version"), max_length=20, blank=True)
    seconds = models.FloatField(_("computing time (seconds)"), null=True)
    created_at = models.DateTimeField(_("requested at"))
    claimed_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("computed"), null=True)
    emptied_at = models.DateTimeField(
        _("results deleted at"), null=True, help_text=_("The results can be recomputed from the stored comparisons.")
    )

    objects = LeaderboardQuerySet.as_manager()

    class Meta:
        verbose_name = _("leaderboard")
        verbose_name_plural = _("leaderboards")
        ordering = ["-pk"]
        constraints = [
            # A sweep that knew of an older one only comes too late to ask for the next.
            models.UniqueConstraint(fields=["study", "key", "number"], name="leaderboard_number"),
            # Whoever asks for a board that is being computed already is answered by that one.
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

    def may_be_followed(self, at: datetime) -> bool:
        """Whether the next of its kind may be computed: computing may take no more than a twentieth of the time.

        A sweep comes every minute, so only boards that take long ever wait.
        """
        if self.claimed_at is None or self.seconds is None or self.seconds <= LONG:
            return True
        return at >= self.claimed_at + 20 * timedelta(seconds=self.seconds)

    @property
    def line(self) -> Cut:
        """The line under the comparisons that went in."""
        assert self.cut is not None  # noqa: S101  set when it is computed
        return Cut(self.cut, tuple(self.excluded))

    @property
    def file_name(self) -> str:
        """For downloads; a file with made-up votes in it says so in its name."""
        parts = [self.study.slug, "leaderboard", str(self.pk)]
        return "-".join([*parts, "simulated"] if self.simulated else parts)

    def as_json(self) -> dict[str, Any]:
        """All there is to know of the board."""
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

    def asked_filters(self) -> Filters:
        return Filters(**self.filters)

    def asked_settings(self) -> Settings:
        return settings_from(self.settings)


class BoardRequest(models.Model):
    """Somebody asked for a board that is not kept by itself; for a while it is kept up to date all the same."""

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


class KeptCounts(models.Model):
    """What was counted last of the comparisons of one kind, for the next count to begin with."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="kept_counts")
    key = models.CharField(max_length=64, help_text=_("A digest that identifies which comparisons are counted."))
    cut = models.BigIntegerField(_("highest comparison ID"))
    excluded = models.JSONField(_("excluded raters"), default=list)
    rows = models.BigIntegerField(_("study comparisons up to that ID"))
    cells = models.BinaryField(_("counts"))
    simulated = models.BigIntegerField(_("simulated comparisons"))
    inconsistent = models.BigIntegerField(_("contradictory verdicts"))
    kept_at = models.DateTimeField(_("cached at"))

    class Meta:
        verbose_name = _("cached counts")
        verbose_name_plural = _("cached counts")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["study", "key"], name="kept_counts_once")]

    def __str__(self) -> str:
        return f"{self.pk}"


class KeptMarks(models.Model):
    """The pairs that may be what somebody looks for, where few are, so that a search need look at no others."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="kept_marks")
    word = models.CharField(max_length=250, help_text=_("The search condition as it appears in the URL."))
    cut = models.BigIntegerField(_("highest comparison ID"))
    excluded = models.JSONField(_("excluded raters"), default=list)
    pairs = models.BinaryField(_("pairs"))
    kept_at = models.DateTimeField(_("cached at"))

    class Meta:
        verbose_name = _("cached pair search data")
        verbose_name_plural = _("cached pair search data")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["study", "word"], name="kept_marks_once")]

    def __str__(self) -> str:
        return f"{self.pk}"


def settings_from(stored: dict[str, Any]) -> Settings:
    """Settings as they were before JSON made a list of the anchor."""
    anchor = stored.get("anchor")
    return Settings(**{**stored, "anchor": (anchor[0], anchor[1]) if anchor else None})


def key_of(filters: Filters, settings: Settings) -> str:
    """SHA-256 of what is asked, so that the boards that answer the same can be found."""
    asked = json.dumps([asdict(filters), asdict(settings)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()
