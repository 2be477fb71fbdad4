"""The pages about the API: what it has, and the token by which a program signs in."""

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
    """What can be asked of the API, for people to read."""
    return render(request, "site/api.html", {"section": "api", "parts": reference.operations()})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token(request: AdministratorRequest) -> HttpResponse:
    """The token of whoever looks: that there is one, and, in answer to the POST that makes it, its text."""
    made = make_token(request.user) if request.method == "POST" else ""
    known = ApiToken.objects.filter(user=request.user).first()
    return render(request, "site/token.html", {"section": "api", "made": made, "known": known})


@login_required
@require_POST
def revoke(request: AdministratorRequest) -> HttpResponse:
    revoke_token(request.user)
    messages.success(request, _("Token revoked."))
    return redirect("api-token")
