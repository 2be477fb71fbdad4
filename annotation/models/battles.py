"""Rows of other tools' files of battles, so that they can be written again as they were."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.pair import Pair
from annotation.models.study import Study
from annotation.models.upload import Upload
from annotation.models.voting import SideChoice


class BattleRow(models.Model):
    """A row of a file of battles: the pair and the vote it stands for, and what our columns do not hold of it.

    `rater` and `trial` find the comparison; `rater` is blank for a pair that nobody had voted on. `left` is the result
    that the row names first. `extra` is the remainder as `interchange.formats.remainder` writes it.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="battle_rows")
    format = models.CharField(_("format"), max_length=20)
    file = models.CharField(_("file"), max_length=1000)
    pair = models.ForeignKey(Pair, models.CASCADE, related_name="battle_rows")
    left = models.CharField(_("on the left"), max_length=1, choices=SideChoice)
    rater = models.CharField(_("rater"), max_length=210, blank=True)
    trial = models.BigIntegerField(_("repetition"), default=0)
    extra = models.JSONField(_("other fields"), default=dict)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("row of battles")
        verbose_name_plural = _("rows of battles")
        ordering = ["pk"]
        indexes = [models.Index(fields=["study", "format", "id"], name="battle_row_by_format")]

    def __str__(self) -> str:
        return self.file
