"""The two tables of the bare view: rows to claim, and what was inserted for them."""

from django.db import models


class Job(models.Model):
    done = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(done=False), name="bare_job_open")]

    def __str__(self) -> str:
        return str(self.pk)


class Mark(models.Model):
    job = models.ForeignKey(Job, models.CASCADE)
    value = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return str(self.pk)
