"""Signing in, slowed down for who guesses passwords.

Attempts are counted before the password is looked at, so that a hundred at once are no way around, and
in the cache: with Redis for the whole site, without it for each process of the server. Three counts
run at the same time, each with a limit of its own: an account from one address; an address, whatever
account; and an account from everywhere, high enough that a stranger cannot lock its owner out in
passing. Signing in sets the first one back.
"""

from typing import Any, Final

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from annotation.client_address import address_of, count, key_of

WINDOW: Final = 15 * 60
"""Seconds from the first attempt until it is forgotten."""
OF_ACCOUNT_FROM_ADDRESS: Final = 5
OF_ADDRESS: Final = 50
OF_ACCOUNT: Final = 100


class TooManyAttempts(forms.ValidationError):
    """The password was not looked at."""

    def __init__(self) -> None:
        message = _("Too many attempts. Wait 15 minutes and try again.")
        super().__init__(message, code="too-many-attempts")


class SignInForm(AuthenticationForm):
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
        # An address that is refused leaves no further key behind, which could push others' counts out of the cache.
        if cache.get(_key("address", address), 0) > OF_ADDRESS:
            raise TooManyAttempts
        # The first that is over its limit ends the counting: what is refused weighs on nobody else.
        if any(count(cache, key, WINDOW) > limit for key, limit in counts.items()):
            raise TooManyAttempts
        super().clean()
        cache.delete(own)
        return self.cleaned_data


def _key(*parts: str) -> str:
    return key_of("sign-in", *parts)
