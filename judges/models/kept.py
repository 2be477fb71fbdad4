"""Tables of what judges said, as they were computed last."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from annotation.snapshots import Snapshot


class GradeSheet(Snapshot):
    """How the stored tables of a study stand; while new ones are computed, the last remain in `GradeTable`."""

    study = models.OneToOneField(Study, models.CASCADE, primary_key=True, related_name="grade_sheet")
    basis = models.CharField(
        max_length=64, blank=True, help_text=_("Digest of the judges’ results that the tables were computed from.")
    )

    class Meta:
        verbose_name = _("tables of judge results")
        verbose_name_plural = _("tables of judge results")
        ordering = ["study"]

    def __str__(self) -> str:
        return f"{self.pk}"


class GradeTable(models.Model):
    """What one judge said in a study, as `statistics.score_tables` writes it: its three parts."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="grade_tables")
    judge = models.CharField(_("judge"), max_length=200)
    scores = models.JSONField(_("scores"))
    standings = models.JSONField(_("standings"))
    against = models.JSONField(_("standings against each model"))

    class Meta:
        verbose_name = _("table of one judge’s results")
        verbose_name_plural = _("tables of one judge’s results")
        ordering = ["judge"]
        constraints = [models.UniqueConstraint(fields=["study", "judge"], name="grade_table_once")]

    def __str__(self) -> str:
        return self.judge
