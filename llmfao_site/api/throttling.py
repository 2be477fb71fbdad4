"""Rate limits of the API, by user and, for requests without sign-in, by address."""

from typing import TYPE_CHECKING

from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from annotation.client_address import address_of

if TYPE_CHECKING:
    from rest_framework.views import APIView


class ByUser(UserRateThrottle):
    """The limit for signed-in users; does not apply to anyone else."""

    # Its own cache: a flood of addresses must not evict the counts of sign-in attempts.
    cache = caches["api"]

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        return super().get_cache_key(request, view) if request.user.is_authenticated else None


class ByAddress(AnonRateThrottle):
    """The limit for requests without sign-in, by client address."""

    cache = caches["api"]

    def get_ident(self, request: Request) -> str:
        # The framework would trust any X-Forwarded-For header a visitor sends.
        return address_of(request._request)
