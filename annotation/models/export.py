"""Exports: files of a study's data that are written in the background and kept for a while."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.heartbeats import Worked
from annotation.stored_problems import StoredProblem


class ExportState(models.TextChoices):
    """The state of an export; only one that is ready has a file."""

    WAITING = "waiting", _("waiting")
    WRITING = "writing", _("writing")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")


class ExportQuerySet(models.QuerySet["Export"]):
    """Exports, by whether their file can be downloaded."""

    def with_file(self, at: datetime) -> Self:
        return self.filter(state=ExportState.READY, expires_at__gt=at)

    def end_files(self, at: datetime) -> None:
        """Ends the time of every file, whose rows may have been erased; half-written ones begin again."""
        self.filter(state=ExportState.READY).update(expires_at=at)
        self.filter(state=ExportState.WRITING).update(state=ExportState.WAITING)


class Export(Worked, StoredProblem):
    """One file that somebody asked for: its layout, file format and filters, and what became of it."""

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="exports")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=ExportState, default=ExportState.WAITING)
    layout = models.CharField(_("layout"), max_length=40)
    format = models.CharField(_("file format"), max_length=10)
    filters = models.JSONField(_("filters"), default=dict, help_text=_("The filters that differ from their defaults."))
    file_name = models.CharField(_("file name"), max_length=300)
    done = models.PositiveBigIntegerField(_("comparisons written"), default=0)
    total = models.PositiveBigIntegerField(_("comparisons to write"), default=0)
    size = models.PositiveBigIntegerField(_("bytes"), null=True)
    digest = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    claimed_at = models.DateTimeField(_("last active"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    expires_at = models.DateTimeField(_("deleted at"), null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["study", "-id"], name="export_latest")]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state in {ExportState.WAITING, ExportState.WRITING}

    def has_file(self, at: datetime) -> bool:
        """Returns whether the file can be downloaded."""
        return self.state == ExportState.READY and self.expires_at is not None and self.expires_at > at
