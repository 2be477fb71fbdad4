"""API keys that were pasted in a browser, encrypted."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from judges import problems
from judges.llm import sealed_keys
from judges.llm.api_keys import NoKey
from judges.models.answers import AnswerSource
from judges.models.judge import Judge


class StoredKey(models.Model):
    """The API key of a judge, or of a model that answers; replacing it keeps the row.

    `sealed` is encrypted, and can be opened only for this owner and `origin`: the scheme, host and port of the
    endpoint. The key itself is shown nowhere.
    """

    judge = models.OneToOneField(Judge, models.CASCADE, null=True, related_name="stored_key")
    source = models.OneToOneField(AnswerSource, models.CASCADE, null=True, related_name="stored_key")
    origin = models.CharField(_("scheme, host and port"), max_length=500)
    sealed = models.TextField(_("encrypted key"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"))

    class Meta:
        verbose_name = _("stored API key")
        verbose_name_plural = _("stored API keys")
        constraints = [
            models.CheckConstraint(
                condition=Q(judge=None, source__isnull=False) | Q(judge__isnull=False, source=None),
                name="stored_key_of_one",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The key source by which settings refer to it."""
        return f"stored:{self.pk}"

    @property
    def _place(self) -> str:
        owner = f"judge {self.judge_id}" if self.judge_id else f"source {self.source_id}"
        return f"{owner} {self.origin}"

    def fill(self, key: str, endpoint: str, user: Any, at: datetime) -> None:
        """Encrypts `key` for `endpoint`; the row is not saved."""
        self.origin = sealed_keys.origin(endpoint)
        self.sealed = sealed_keys.seal(key, settings.SECRET_KEY, self._place)
        self.user, self.saved_at = user, at

    def fits(self, endpoint: str) -> bool:
        """Returns whether the key may be sent to `endpoint`."""
        return bool(self.origin) and self.origin == sealed_keys.origin(endpoint)

    def read(self, endpoint: str) -> str:
        """Returns the key for `endpoint`. One that an older secret encrypted is encrypted again with the current one.

        Raises:
            NoKey: it is for another endpoint, or cannot be decrypted.
        """
        if not self.fits(endpoint):
            raise NoKey(problems.KEY_LOST())
        try:
            key, fresh = sealed_keys.opened(
                self.sealed, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS], self._place
            )
        except sealed_keys.Sealed:
            raise NoKey(problems.KEY_LOST()) from None
        if not fresh:
            again = sealed_keys.seal(key, settings.SECRET_KEY, self._place)
            StoredKey.objects.filter(pk=self.pk, sealed=self.sealed).update(sealed=again)
        return key
