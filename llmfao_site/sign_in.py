"""Sign-in with rate limits against password guessing.

Attempts are counted before the password is checked, so that parallel requests cannot bypass the limit. The
counts are in the cache: with Redis for the whole site, without it per server process. Three counts have a
limit each: an account from one address; an address for any account; and an account from all addresses, high
enough that a stranger cannot easily lock out its owner. A successful sign-in resets the first one.
"""

from typing import Any, Final

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from annotation.client_address import address_of, count, key_of

WINDOW: Final = 15 * 60
"""Seconds until the counts of the first attempt expire."""
OF_ACCOUNT_FROM_ADDRESS: Final = 5
OF_ADDRESS: Final = 50
OF_ACCOUNT: Final = 100


class TooManyAttempts(forms.ValidationError):
    """A limit was exceeded; the password was not checked."""

    def __init__(self) -> None:
        message = _("Too many attempts. Wait 15 minutes and try again.")
        super().__init__(message, code="too-many-attempts")


class SignInForm(AuthenticationForm):
    """Checks the three limits, then the password. Raises TooManyAttempts if one is exceeded."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("That username and password don’t match. Both are case-sensitive."),
    }

    def clean(self) -> dict[str, Any]:
        account = self.cleaned_data.get("username")
        if account is None or not self.cleaned_data.get("password"):
            return self.cleaned_data
        address = address_of(self.request) if self.request is not None else ""
        counts = {
            (own := _key("account-address", account, address)): OF_ACCOUNT_FROM_ADDRESS,
            _key("address", address): OF_ADDRESS,
            _key("account", account): OF_ACCOUNT,
        }
        # A refused address creates no more keys, which could evict other counts from the cache.
        if cache.get(_key("address", address), 0) > OF_ADDRESS:
            raise TooManyAttempts
        # Counting stops at the first exceeded limit: a refused attempt does not raise the other counts.
        if any(count(cache, key, WINDOW) > limit for key, limit in counts.items()):
            raise TooManyAttempts
        super().clean()
        cache.delete(own)
        return self.cleaned_data


def _key(*parts: str) -> str:
    return key_of("sign-in", *parts)
