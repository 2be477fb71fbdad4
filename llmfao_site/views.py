"""The pages of no app: the front page and signing in."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from annotation.models import Study


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and the leaderboards anyone may read; who has signed in goes on to their studies."""
    if request.user.is_authenticated:
        return redirect("studies")
    return render(request, "site/home.html", {"studies": Study.objects.filter(public=True).order_by("name")})


class SignIn(LoginView):
    template_name = "site/sign_in.html"
    redirect_authenticated_user = True
    extra_context: dict[str, Any] = {"section": "sign-in"}
