"""Fixed sets that a judge is asked about repeatedly, to detect changes in the judge."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models import Pair, Result, Study
from judges.models.judge import Judge


class SentinelSet(models.Model):
    """The pairs of a study (or results, if the judge grades) that a judge is asked about in every round.

    They are sampled once, with `seed`, so that rounds can be compared.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="sentinel_sets")
    judge = models.ForeignKey(Judge, models.CASCADE, related_name="sentinel_sets")
    seed = models.BigIntegerField(_("seed"))
    pairs = models.ManyToManyField(Pair, related_name="+")
    results = models.ManyToManyField(Result, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("sentinel set")
        verbose_name_plural = _("sentinel sets")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["study", "judge"], name="sentinel_set_once")]

    def __str__(self) -> str:
        return f"{self.pk}"
