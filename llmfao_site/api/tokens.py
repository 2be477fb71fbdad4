"""Tokens by which programs sign in: `Authorization: Token ...`. Shown once, when they are made."""

import hashlib
import secrets
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from llmfao_site.models import ApiToken

PREFIX: Final = "llmfao_"
"""So that a token that was published by mistake can be found by those who look for such."""


def digest_of(token: str) -> str:
    """Its entropy is a key's, so that one round of a hash does."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(user: User) -> str:
    """A new token of `user`, whose one before is void from now on."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.update_or_create(user=user, defaults={"digest": digest_of(token)})
    return token


def revoke_token(user: User) -> None:
    ApiToken.objects.filter(user=user).delete()


class Tokens(TokenAuthentication):
    def authenticate_credentials(self, key: str) -> tuple[Any, ApiToken]:
        found = ApiToken.objects.select_related("user").filter(digest=digest_of(key)).first()
        if found is None or not found.user.is_active:
            raise AuthenticationFailed(_("This token is invalid or has been revoked."))
        return found.user, found
