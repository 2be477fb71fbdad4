"""The forms about accounts, based on Django's."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, UserCreationForm
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from annotation.client_address import count, key_of
from llmfao_site.accounts import links
from llmfao_site.sign_in import OF_ACCOUNT_FROM_ADDRESS, WINDOW, TooManyAttempts


class OwnPasswordForm(PasswordChangeForm):
    """Changes one's own password; the current one can be guessed no faster here than at sign-in."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": _("That isn’t your current password."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Current password")
        # The page opens on what it is about; a phone would open its keyboard.
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        key = key_of("password-change", str(self.user.pk))
        if count(cache, key, WINDOW) > OF_ACCOUNT_FROM_ADDRESS:
            raise TooManyAttempts
        password: str = super().clean_old_password()
        cache.delete(key)
        return password


class InvitationForm(UserCreationForm[User]):
    """Creates an account without a password, which its owner chooses through the link of the invitation."""

    # None removes a field of the base form, which the stubs do not know.
    password1 = None  # type: ignore[assignment]
    password2 = None  # type: ignore[assignment]
    add_judges = forms.BooleanField(
        label=_("Can add judges and answer sources"),
        help_text=_("Their calls cost money, up to the budget of each."),
        required=False,
    )
    superuser = forms.BooleanField(
        label=_("Superuser"),
        help_text=_("Sees and changes every study, invites others, and can use Django’s admin."),
        required=False,
    )

    class Meta(UserCreationForm.Meta):
        labels = {"username": _("Username")}
        help_texts = {"username": _("For signing in. Letters, digits and @ . + - _")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["username"].widget.attrs["autocomplete"] = "off"

    def set_password_and_save(self, user: User, *args: Any, commit: bool = True, **kwargs: Any) -> User:
        links.invite(user, superuser=self.cleaned_data["superuser"], add_judges=self.cleaned_data["add_judges"])
        return user
