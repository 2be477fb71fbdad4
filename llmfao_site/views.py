"""The front page and the sign-in page."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from annotation.models import Comparison, Status, Study
from llmfao_site.sign_in import SignInForm


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Shows what the site is, and the public leaderboards that may have content.

    Redirects signed-in users to their studies.
    """
    if request.user.is_authenticated:
        return redirect("studies")
    with_votes = Exists(Comparison.objects.filter(study=OuterRef("pk")))
    studies = Study.objects.public().listed().filter(~Q(status=Status.DRAFT) | with_votes)
    return render(request, "site/home.html", {"studies": studies.order_by("name")})


class SignIn(LoginView):
    """The sign-in page; responds with 429 when a rate limit is exceeded."""

    template_name = "site/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True
    extra_context: dict[str, Any] = {"section": "sign-in"}

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error("__all__", code="too-many-attempts"):
            response.status_code = 429
        return response


@require_safe
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirects to the site's sign-in page: the admin's own page would bypass its rate limits."""
    if request.user.is_authenticated:
        # A signed-in user arrives here for lack of permission; the sign-in page would redirect them back.
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""))
