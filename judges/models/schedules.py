"""What judges do on their own, every so many hours."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from annotation.stored_problems import StoredProblem
from judges.models.judge import Judge

MOST_HOURS = 24 * 366


class ScheduleKind(models.TextChoices):
    NEW = "new", _("judge what is new")
    SENTINELS = "sentinels", _("ask the sentinels")


class Schedule(StoredProblem):
    """A judge that is asked about a study every so many hours, in the name of `user`.

    Whether `user` may still do so is looked at each time; without one an operator's command made it. Who is
    gone asks nothing any more, so the row goes with them. `problem` says why the last time was left out.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="judge_schedules")
    judge = models.ForeignKey(Judge, models.CASCADE, related_name="schedules")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(_("kind"), max_length=9, choices=ScheduleKind, default=ScheduleKind.NEW)
    every = models.PositiveIntegerField(
        _("every so many hours"), validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)]
    )
    options = models.JSONField(_("options"), default=dict, help_text=_("Limit, orders, baseline."))
    next_at = models.DateTimeField(_("next time"))
    last_at = models.DateTimeField(_("last time"), null=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "judge", "kind"], name="judge_schedule_once"),
            models.CheckConstraint(condition=Q(every__gte=1), name="judge_schedule_every_positive"),
        ]
        indexes = [models.Index(fields=["next_at"], name="judge_schedule_due")]

    def __str__(self) -> str:
        return f"{self.pk}"

    def following(self, at: datetime) -> datetime:
        """The next time after `at`, in step with the times before: what was missed meanwhile is not made up for."""
        step = timedelta(hours=self.every)
        return self.next_at + step * max(1, (at - self.next_at) // step + 1)
