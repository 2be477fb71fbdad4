"""How often the API may be asked: by somebody who has signed in, and from one address without."""

from typing import TYPE_CHECKING

from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from annotation.client_address import address_of

if TYPE_CHECKING:
    from rest_framework.views import APIView


class ByUser(UserRateThrottle):
    # Not the default one: a flood of addresses must not push attempts at passwords out of it.
    cache = caches["api"]

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        return super().get_cache_key(request, view) if request.user.is_authenticated else None


class ByAddress(AnonRateThrottle):
    cache = caches["api"]

    def get_ident(self, request: Request) -> str:
        # The framework's own would believe what a visitor writes into X-Forwarded-For.
        return address_of(request._request)
