"""One-time links by which a person chooses a password, for a new account or after forgetting the old one.

The token is Django's own. It is signed over the stored password, so that it ends when a password is chosen or a
newer invitation is made, and it expires after PASSWORD_RESET_TIMEOUT seconds.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

UNUSABLE = "!"
"""How Django marks a stored password that nobody can sign in with."""


def expiry(at: datetime) -> datetime:
    """Returns when a link made at `at` stops working."""
    return at + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def may_add_judges() -> Permission:
    """Returns the permission to add judges and answer sources."""
    return Permission.objects.get(content_type__app_label="judges", codename="add_judge")


@transaction.atomic
def invite(user: User, *, superuser: bool, add_judges: bool) -> None:
    """Stores the new account `user` without a password. A superuser may also use Django's admin."""
    user.set_unusable_password()
    user.is_superuser = user.is_staff = superuser
    user.save()
    if add_judges:
        user.user_permissions.add(may_add_judges())


def invited() -> QuerySet[User]:
    """Returns the accounts whose owner has not chosen a password yet."""
    return User.objects.filter(is_active=True, last_login=None, password__startswith=UNUSABLE)


def make_link(user: User) -> str:
    """Returns the path of a new link for `user`. The earlier links of an invitation stop working."""
    if not user.has_usable_password():
        old = user.password
        user.set_unusable_password()
        # Somebody who chooses a password at this moment keeps it.
        if not User.objects.filter(pk=user.pk, password=old).update(password=user.password):
            user.refresh_from_db()
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("choose-password", args=[uid, default_token_generator.make_token(user)])


def choose_password(user: User, password: str) -> bool:
    """Stores the password chosen through a link that was valid for `user` as read from the database.

    Returns False, and changes nothing, if the link was used or the account deactivated meanwhile.
    """
    checked = user.password
    user.set_password(password)
    active = User.objects.filter(pk=user.pk, password=checked, is_active=True)
    return active.update(password=user.password) == 1


def cancel_invitation(user: User) -> bool:
    """Deletes the account of an invitation; returns False if it is in use."""
    deleted, _rows = invited().filter(pk=user.pk, studies=None).delete()
    return deleted > 0


def set_active(user: User, *, active: bool) -> None:
    """Deactivates an account, which ends its sessions and refuses its links and API token, or reactivates it."""
    User.objects.filter(pk=user.pk).update(is_active=active)
