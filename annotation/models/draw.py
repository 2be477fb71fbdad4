"""What an adaptive study asks for: pairs drawn in batches, each with its probability."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.pair import Pair
from annotation.models.study import Study


class DrawBatch(models.Model):
    """Pairs drawn together from one state of a study, with all that it takes to draw them again.

    A batch is stored whole or not at all. Its `number` counts the study's batches from 1.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="draw_batches")
    number = models.PositiveIntegerField(_("batch number"))
    before = models.PositiveIntegerField(_("draws before"), help_text=_("The study’s draws in earlier batches."))
    late = models.BooleanField(
        _("late"),
        default=False,
        help_text=_("Drawn at random for a worker who found no open place, because no batch was ready."),
    )
    seed = models.CharField(_("seed"), max_length=100, blank=True, help_text=_("Blank if the batch is late."))
    mix = models.JSONField(_("shares of the strategies"), default=dict)
    fit = models.CharField(
        _("fit"),
        max_length=64,
        blank=True,
        help_text=_("SHA-256 of the comparisons that the strengths were estimated from. Blank if none were."),
    )
    cut = models.BigIntegerField(
        _("last comparison"), null=True, help_text=_("No comparison with a higher internal number was used.")
    )
    votes = models.PositiveIntegerField(_("votes used"), default=0)
    created_at = models.DateTimeField(_("drawn at"))

    class Meta:
        verbose_name = _("batch of draws")
        verbose_name_plural = _("batches of draws")
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["study", "number"], name="draw_batch_number_unique")]

    def __str__(self) -> str:
        return f"{self.number}"


class Draw(models.Model):
    """One pair that a batch drew, and the slot that this opens.

    `probability` is the one with which this pair came next, given the batch so far: over the pairs of models, times
    that of the prompt within them. It is NULL if the choice was deterministic.
    """

    batch = models.ForeignKey(DrawBatch, models.CASCADE, related_name="draws")
    position = models.PositiveIntegerField(_("order in the batch"))
    pair = models.ForeignKey(Pair, models.RESTRICT, related_name="draws")
    slot = models.PositiveIntegerField(_("slot"))
    strategy = models.CharField(_("strategy"), max_length=40)
    version = models.PositiveSmallIntegerField(_("version of the strategy"), default=1)
    probability = models.FloatField(_("probability"), null=True)

    class Meta:
        verbose_name = _("draw")
        verbose_name_plural = _("draws")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="draw_position_unique"),
            models.UniqueConstraint(fields=["pair", "slot"], name="draw_slot_once"),
            models.CheckConstraint(
                condition=Q(probability__isnull=True) | Q(probability__gt=0, probability__lte=1),
                name="draw_probability_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
