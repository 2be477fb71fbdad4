"""What is kept of people whose data was erased: how much went, and which participant IDs may not take part again."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.study import Study


class ErasureCause(models.TextChoices):
    """Why data was erased."""

    REQUEST = "request", _("on request")
    RETENTION = "retention", _("by the study’s retention setting")


class Erasure(models.Model):
    """A record of one erasure: when, why, by whom and how much. It does not say whose data it was."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="erasures")
    cause = models.CharField(_("cause"), max_length=9, choices=ErasureCause)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("account")
    )
    counts = models.JSONField(_("counts"), default=dict, help_text=_("How many values were erased, by kind."))
    created_at = models.DateTimeField(_("erased"))

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"


class ErasedId(models.Model):
    """A participant ID that was erased, as a digest under the installation's secret.

    It keeps people from voting a second time under a new number. It refers to no worker and no vote, and digests of
    one ID in two studies differ.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="erased_ids")
    digest = models.CharField(_("digest"), max_length=64, primary_key=True)

    class Meta:
        verbose_name = _("erased participant ID")
        verbose_name_plural = _("erased participant IDs")
        ordering = ["digest"]

    def __str__(self) -> str:
        return self.digest
