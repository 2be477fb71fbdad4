"""Background runs that make pairs."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.heartbeats import Worked
from annotation.stored_problems import StoredProblem


class PairRunState(models.TextChoices):
    """The state of a run; only one that is done has stored pairs."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed, nothing saved")
    CANCELLED = "cancelled", _("cancelled")


class PairRun(Worked, StoredProblem):
    """One run of a strategy over a study's results, with all that it takes to run it again."""

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="pair_runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    strategy = models.CharField(_("strategy"), max_length=40)
    options = models.JSONField(_("options"), default=dict, help_text=_("Neighbours, pairs per prompt and seed."))
    state = models.CharField(_("state"), max_length=9, choices=PairRunState, default=PairRunState.WAITING)
    report = models.JSONField(
        _("report"), default=dict, help_text=_("Number of new pairs and of pairs that already existed.")
    )
    done = models.PositiveIntegerField(_("prompts processed"), default=0)
    size = models.PositiveIntegerField(_("total prompts"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    claimed_at = models.DateTimeField(_("last active"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("pair generation run")
        verbose_name_plural = _("pair generation runs")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"
