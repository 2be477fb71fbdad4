"""Pages about accounts: one's own, and for superusers everybody's."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordChangeView, PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from annotation.views.access import AdministratorRequest, posted
from llmfao_site.accounts import links
from llmfao_site.accounts.forms import InvitationForm, OwnPasswordForm

LINK_INVALID = 410
"""The status of a link that was used, has expired or never existed."""


class OwnAccount(PasswordChangeView):
    """The user's account, where the password can be changed. Other browsers are then signed out."""

    template_name = "site/account.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("account")
    extra_context: dict[str, Any] = {"section": "account"}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, _("Password changed. Other browsers have been signed out."))
        return super().form_valid(form)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error("old_password", code="too-many-attempts"):
            response.status_code = 429
        return response


class ChoosePassword(PasswordResetConfirmView):
    """The page behind a one-time link; who chooses a password is signed in."""

    template_name = "site/choose_password.html"
    success_url = reverse_lazy("studies")
    title = gettext_lazy("Choose your password")

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def get_form(self, form_class: type[SetPasswordForm[User]] | None = None) -> SetPasswordForm[User]:
        form = super().get_form(form_class)
        form.fields["new_password1"].label = _("Password")
        form.fields["new_password2"].label = _("Password again")
        form.fields["new_password2"].help_text = ""
        return form

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        if not links.choose_password(form.user, form.cleaned_data["new_password1"]):
            self.validlink = False
            return self.render_to_response(self.get_context_data())
        login(self.request, form.user)
        return redirect(self.get_success_url())

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return super().render_to_response(context, status=200 if self.validlink else LINK_INVALID, **kwargs)


def superuser_page[**P](
    view: Callable[Concatenate[AdministratorRequest, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Decorates a view for superusers: others are refused, and visitors sign in first."""

    @wraps(view)
    def inner(request: AdministratorRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_required(inner)


@superuser_page
@require_http_methods(["GET", "HEAD", "POST"])
def accounts(request: AdministratorRequest) -> HttpResponse:
    """Lists all accounts; a POST invites a person and shows the link of the invitation."""
    form = InvitationForm(posted(request))
    if form.is_bound and form.is_valid():
        try:
            return _page(request, linked=form.save())
        except IntegrityError:
            # Another request took the name between the form's check and the insert.
            form.add_error("username", _("This username is taken."))
    return _page(request, form=form)


@superuser_page
@require_POST
def make_link(request: AdministratorRequest, number: int) -> HttpResponse:
    """Makes a new link for an active account and shows it."""
    return _page(request, linked=get_object_or_404(User, pk=number, is_active=True))


@superuser_page
@require_POST
def cancel_invitation(request: AdministratorRequest, number: int) -> HttpResponse:
    """Deletes an account that was never used."""
    user = get_object_or_404(User, pk=number)
    if links.cancel_invitation(user):
        messages.success(request, _("Invitation cancelled."))
    else:
        messages.error(request, _("This account is in use and can’t be deleted. You can deactivate it."))
    return redirect("accounts")


@superuser_page
@require_POST
def set_active(request: AdministratorRequest, number: int, *, active: bool) -> HttpResponse:
    """Deactivates or reactivates an account other than one's own."""
    user = get_object_or_404(User.objects.exclude(pk=request.user.pk), pk=number)
    links.set_active(user, active=active)
    messages.success(request, _("Account reactivated.") if active else _("Account deactivated."))
    return redirect("accounts")


def _page(
    request: AdministratorRequest, *, form: InvitationForm | None = None, linked: User | None = None
) -> HttpResponse:
    """Renders the accounts, with a new link for `linked` if it is given."""
    context = {
        "section": "accounts",
        "users": User.objects.annotate(owned=Count("studies")).order_by("username"),
        "invited": set(links.invited().values_list("pk", flat=True)),
        "add_judges": set(links.may_add_judges().user_set.values_list("pk", flat=True)),
        "form": form or InvitationForm(),
        "linked": linked,
    }
    if linked is not None:
        context["link"] = request.build_absolute_uri(links.make_link(linked))
        context["expires"] = links.expiry(timezone.now())
    return render(request, "site/accounts.html", context)
