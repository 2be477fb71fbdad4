"""API tokens, by which programs sign in, and the heartbeat of the schedule."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiToken(models.Model):
    """A user's token. Only the digest is stored, so the token cannot be read back."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_token")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self) -> str:
        return f"{self.user}"


class LastBeat(models.Model):
    """The last heartbeat of the background schedule: one row."""

    at = models.DateTimeField(_("last active"))

    class Meta:
        verbose_name = _("last run of the schedule")
        verbose_name_plural = _("last runs of the schedule")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
