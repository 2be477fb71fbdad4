"""API tokens, sent as `Authorization: Token ...`. A token is shown once, when it is created."""

import hashlib
import secrets
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from llmfao_site.models import ApiToken

PREFIX: Final = "llmfao_"
"""Lets secret scanners find a token that was published by mistake."""


def digest_of(token: str) -> str:
    """Returns the stored form. A token has the entropy of a key, so one round of a hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(user: User) -> str:
    """Returns a new token for `user`; the previous one stops working."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.update_or_create(user=user, defaults={"digest": digest_of(token)})
    return token


def revoke_token(user: User) -> None:
    """Deletes the user's token, if there is one; programs that use it are refused from now on."""
    ApiToken.objects.filter(user=user).delete()


class Tokens(TokenAuthentication):
    """Authenticates requests by the digest of their token; inactive users are refused."""

    def authenticate_credentials(self, key: str) -> tuple[Any, ApiToken]:
        found = ApiToken.objects.select_related("user").filter(digest=digest_of(key)).first()
        if found is None or not found.user.is_active:
            raise AuthenticationFailed(_("This token is invalid or has been revoked."))
        return found.user, found
