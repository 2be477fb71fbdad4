"""The runs of judges, and the processes at work on them."""

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from judges.models.judge import JudgeVersion


class RunState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")


class RunKind(models.TextChoices):
    JUDGING = "judging", _("judging")
    SENTINEL = "sentinel", _("sentinels")
    RETEST = "retest", _("retest")


LIVE: Final = (RunState.WAITING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPED)


class JudgeRun(models.Model):
    """A judge at work on a study: which calls are to be made, and how far they are.

    `stopped` means by the endpoint or by the budget, whose words are in `problem`; it can be resumed.
    `offline` runs are never sent: their requests are written to a file and their replies read from one.
    A *probe* (a kind other than `judging`) asks again what was asked before, to see whether the judge is
    still the same: its replies and verdicts are kept, and never become comparisons.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="judge_runs")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=RunState, default=RunState.WAITING)
    kind = models.CharField(_("kind"), max_length=8, choices=RunKind, default=RunKind.JUDGING)
    offline = models.BooleanField(_("offline"), default=False)
    options = models.JSONField(_("options"), default=dict, help_text=_("Limit, orders, baseline."))
    planned = models.PositiveIntegerField(_("calls planned"), default=0)
    lost = models.PositiveIntegerField(
        _("in flight at a crash"), default=0, help_text=_("Asked again; the endpoint may have charged for both.")
    )
    problem = models.TextField(_("problem"), blank=True)
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("run of a judge")
        verbose_name_plural = _("runs of judges")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "version", "kind"],
                condition=Q(state__in=["waiting", "running", "paused", "stopped"]),
                name="judge_run_one_live",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def probing(self) -> bool:
        """Whether it asks again what was asked before, and makes no comparisons."""
        return self.kind != RunKind.JUDGING


class Sender(models.Model):
    """A process at work on a run, and its sign of life. What it had claimed when it died is claimed anew."""

    run = models.ForeignKey(JudgeRun, models.CASCADE, related_name="senders")
    started_at = models.DateTimeField(_("started"))
    beat_at = models.DateTimeField(_("last sign of life"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    lost = models.PositiveIntegerField(_("in flight at its end"), default=0)

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"
