"""Uploads: files that are loaded, reported on and undone together."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.heartbeats import Worked


class UploadState(models.TextChoices):
    """The state of an upload; only a stored one has added rows."""

    WAITING = "waiting", _("waiting")
    CHECKING = "checking", _("checking")
    PROPOSED = "proposed", _("checked, not saved yet")
    STORED = "stored", _("saved")
    FAULTY = "faulty", _("errors found, nothing saved")
    CANCELLED = "cancelled", _("cancelled")
    UNDONE = "undone", _("undone")


class Upload(Worked):
    """One load of files, from the page or the command."""

    study = models.ForeignKey("annotation.Study", models.CASCADE, null=True, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=12, choices=UploadState, default=UploadState.WAITING)
    files = models.JSONField(_("files"), default=list, help_text=_("Name and storage path of each file."))
    options = models.JSONField(_("options"), default=dict)
    report = models.JSONField(_("report"), default=dict, help_text=_("Counts by kind, skipped files and errors."))
    done = models.BigIntegerField(_("bytes read"), default=0)
    size = models.BigIntegerField(_("total bytes"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    claimed_at = models.DateTimeField(_("last active"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"
