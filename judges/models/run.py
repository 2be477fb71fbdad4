"""Judge runs and the processes that work on them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from judges.models.judge import JudgeVersion
from judges.models.work import STILL_LIVE, Run, Sending


class RunKind(models.TextChoices):
    """What a judge run is for. All kinds but `judging` are probes."""

    JUDGING = "judging", _("judging")
    SENTINEL = "sentinel", _("sentinel round")
    RETEST = "retest", _("retest")


class JudgeRun(Run):
    """A run of a judge on a study.

    `offline` runs send nothing: their requests are written to a file and their replies read from one. A *probe* (any
    kind other than `judging`) repeats earlier calls to test the judge's stability. Its replies and verdicts are
    stored but never become comparisons.
    """

    TASK = "judges.work"

    study = models.ForeignKey(Study, models.CASCADE, related_name="judge_runs")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="runs")
    kind = models.CharField(_("kind"), max_length=8, choices=RunKind, default=RunKind.JUDGING)
    offline = models.BooleanField(_("offline"), default=False)

    class Meta:
        verbose_name = _("judge run")
        verbose_name_plural = _("judge runs")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "version", "kind"],
                condition=STILL_LIVE,
                name="judge_run_one_live",
            ),
        ]

    @property
    def probing(self) -> bool:
        """Whether it repeats earlier calls and produces no comparisons."""
        return self.kind != RunKind.JUDGING


class Sender(Sending):
    """A process that works on a judge run."""

    run = models.ForeignKey(JudgeRun, models.CASCADE, related_name="senders")

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        ordering = ["-pk"]
