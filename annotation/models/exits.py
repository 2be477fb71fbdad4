"""How workers leave a study, and the codes and links that they get."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.study import Study


class Outcome(models.TextChoices):
    """How a worker left the study."""

    COMPLETED = "completed", _("completed")
    NO_CONSENT = "no-consent", _("no consent")
    FAILED_TRAINING = "failed-training", _("failed training")
    FAILED_CHECKS = "failed-checks", _("failed checks")
    UNSUITABLE_DEVICE = "unsuitable-device", _("unsuitable device")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Exit(models.Model):
    """The code and the return link of workers who leave with `outcome`."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="exits")
    outcome = models.CharField(_("outcome"), max_length=17, choices=Outcome)
    code = models.CharField(_("code"), max_length=100)
    url = models.URLField(_("return link"), blank=True)

    class Meta:
        verbose_name = _("outcome code")
        verbose_name_plural = _("outcome codes")
        constraints = [models.UniqueConstraint(fields=["study", "outcome"], name="exit_outcome_unique")]

    def __str__(self) -> str:
        return self.code
