"""Schedules on which judges run by themselves."""

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
    """What a schedule starts."""

    NEW = "new", _("judge new pairs or answers")
    SENTINELS = "sentinels", _("run the sentinel set")


class Schedule(StoredProblem):
    """A judge that is asked about a study every so many hours, in the name of `user`.

    The permissions of `user` are checked before every run; null means that an operator's command set the schedule.
    Deleting the user deletes the schedule. `problem` says why the last run was skipped.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="judge_schedules")
    judge = models.ForeignKey(Judge, models.CASCADE, related_name="schedules")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(_("kind"), max_length=9, choices=ScheduleKind, default=ScheduleKind.NEW)
    every = models.PositiveIntegerField(
        _("hours between runs"), validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)]
    )
    options = models.JSONField(
        _("options"), default=dict, help_text=_("Settings of the run, such as limit, answer orders and baseline.")
    )
    next_at = models.DateTimeField(_("next run"))
    last_at = models.DateTimeField(_("last run"), null=True)
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
        """Returns the next scheduled time after `at`. Missed times are not made up for."""
        step = timedelta(hours=self.every)
        return self.next_at + step * max(1, (at - self.next_at) // step + 1)
