"""The pages about the API: its reference and the user's token."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.views.access import AdministratorRequest
from llmfao_site.api import reference
from llmfao_site.api.tokens import make_token, revoke_token
from llmfao_site.models import ApiToken


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Shows the reference of the API."""
    return render(request, "site/api.html", {"section": "api", "parts": reference.operations()})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token(request: AdministratorRequest) -> HttpResponse:
    """Shows whether the user has a token; a POST creates one and shows its text once."""
    made = make_token(request.user) if request.method == "POST" else ""
    known = ApiToken.objects.filter(user=request.user).first()
    return render(request, "site/token.html", {"section": "api", "made": made, "known": known})


@login_required
@require_POST
def revoke(request: AdministratorRequest) -> HttpResponse:
    """Revokes the user's token."""
    revoke_token(request.user)
    messages.success(request, _("Token revoked."))
    return redirect("api-token")
