"""Accounts: changing one's password, one-time invitations by superusers, deactivation."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from llmfao_site.accounts import links
from llmfao_site.api.tokens import make_token

pytestmark = pytest.mark.django_db

OLD = "owner's password"
NEW = "a rather long password"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


def link_in(response) -> str:
    """Returns the path of the link that the page shows."""
    return re.search(r"https?://testserver(/choose-password/[^\"]+)", response.content.decode())[1]


def invite(client: Client, username: str = "ivy", **rights: str):
    return client.post("/accounts/", {"username": username, **rights})


def choose(path: str, password: str = NEW, client: Client | None = None):
    """Opens a link and chooses a password, as a browser does."""
    client = client or Client()
    page = client.get(path, follow=True)
    if page.status_code != 200:
        return page
    return client.post(page.request["PATH_INFO"], {"new_password1": password, "new_password2": password})


# ---------------------------------------------------------------- one's own password


def test_a_password_changed_here_ends_other_sessions_and_keeps_this_one(owner: User, as_user) -> None:
    here, there = as_user(owner), as_user(owner)
    fields = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/account/", fields)["Location"] == "/account/"
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert here.get("/studies/").status_code == 200
    assert there.get("/studies/").status_code == 302


@pytest.mark.parametrize(
    "fields",
    [
        {"old_password": "guess", "new_password1": NEW, "new_password2": NEW},
        {"old_password": OLD, "new_password1": NEW, "new_password2": "another password"},
        {"old_password": OLD, "new_password1": "short", "new_password2": "short"},
    ],
)
def test_a_password_that_is_refused_changes_nothing(owner: User, as_user, fields) -> None:
    response = as_user(owner).post("/account/", fields)
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    owner.refresh_from_db()
    assert owner.check_password(OLD)


def test_the_current_password_cannot_be_guessed_on_the_page(owner: User, as_user) -> None:
    client = as_user(owner)
    fields = {"old_password": "guess", "new_password1": NEW, "new_password2": NEW}
    assert [client.post("/account/", fields).status_code for _ in range(6)] == [200] * 5 + [429]
    assert client.post("/account/", fields | {"old_password": OLD}).status_code == 429


# ---------------------------------------------------------------- invitations


def test_an_invited_person_chooses_a_password_and_is_signed_in(administrator: User, as_user) -> None:
    path = link_in(invite(as_user(administrator)))
    guest = Client()
    assert choose(path, client=guest)["Location"] == "/studies/"
    assert guest.get("/studies/").status_code == 200
    ivy = User.objects.get(username="ivy")
    assert ivy.check_password(NEW)
    assert not ivy.is_superuser
    assert not ivy.has_perm("judges.add_judge")


def test_a_link_works_once(administrator: User, as_user) -> None:
    path = link_in(invite(as_user(administrator)))
    choose(path)
    again = choose(path, "another long password")
    assert again.status_code == 410
    assert "no longer works" in again.content.decode()
    assert User.objects.get(username="ivy").check_password(NEW)


def test_a_link_expires_when_the_page_says(administrator: User, as_user) -> None:
    with time_machine.travel("2026-05-01T12:00:00Z", tick=False):
        page = invite(as_user(administrator))
        path, expires = link_in(page), links.expiry(timezone.now())
        assert expires.strftime("%Y-%m-%d %H:%M") in page.content.decode()
    with time_machine.travel(expires, tick=False):
        assert Client().get(path).status_code == 302
    with time_machine.travel(expires.timestamp() + 1, tick=False):
        assert Client().get(path).status_code == 410


def test_a_new_link_ends_the_earlier_ones(administrator: User, as_user) -> None:
    client = as_user(administrator)
    first = link_in(invite(client))
    second = link_in(client.post(f"/accounts/{User.objects.get(username='ivy').pk}/link/"))
    assert choose(first).status_code == 410
    assert choose(second).status_code == 302


def test_nobody_signs_in_to_an_invitation_without_its_link(administrator: User, as_user) -> None:
    invite(as_user(administrator))
    for password in ("", "!", User.objects.get(username="ivy").password):
        assert not Client().login(username="ivy", password=password)


def test_a_weak_password_is_refused_and_the_link_stays_good(administrator: User, as_user) -> None:
    path = link_in(invite(as_user(administrator)))
    client = Client()
    assert "errorlist" in choose(path, "ivy", client=client).content.decode()
    assert choose(path, client=client).status_code == 302


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ({}, (False, False, False)),
        ({"add_judges": "on"}, (False, False, True)),
        ({"superuser": "on"}, (True, True, True)),
    ],
)
def test_an_invitation_gives_the_rights_it_says(administrator: User, as_user, rights, expected) -> None:
    invite(as_user(administrator), **rights)
    ivy = User.objects.get(username="ivy")
    assert (ivy.is_superuser, ivy.is_staff, ivy.has_perm("judges.add_judge")) == expected


@pytest.mark.parametrize("name", ["olga", "OLGA", "", "with space", "a" * 151])
def test_a_username_that_cannot_be_is_refused(owner: User, administrator: User, as_user, name: str) -> None:
    before = User.objects.count()
    response = invite(as_user(administrator), name)
    assert "errorlist" in response.content.decode()
    assert "/choose-password/" not in response.content.decode()
    assert User.objects.count() == before


def test_only_superusers_invite(owner: User, as_user) -> None:
    client = as_user(owner)
    assert client.get("/accounts/").status_code == 403
    assert invite(client).status_code == 403
    assert Client().post("/accounts/", {"username": "ivy"})["Location"].startswith("/sign-in/")
    assert not User.objects.filter(username="ivy").exists()


@pytest.mark.parametrize("action", ["link", "cancel", "deactivate", "reactivate"])
def test_only_superusers_change_accounts(owner: User, colleague: User, as_user, action: str) -> None:
    before = list(User.objects.order_by("pk").values())
    assert as_user(owner).post(f"/accounts/{colleague.pk}/{action}/").status_code == 403
    after = list(User.objects.order_by("pk").values())
    for row in (*before, *after):
        row.pop("last_login")
    assert after == before


def test_an_invitation_is_cancelled_until_it_is_used(administrator: User, as_user) -> None:
    client = as_user(administrator)
    path = link_in(invite(client))
    client.post(f"/accounts/{User.objects.get(username='ivy').pk}/cancel/")
    assert not User.objects.filter(username="ivy").exists()
    assert choose(path).status_code == 410
    choose(link_in(invite(client)))
    page = client.post(f"/accounts/{User.objects.get(username='ivy').pk}/cancel/", follow=True)
    assert "in use" in page.content.decode()
    assert User.objects.filter(username="ivy").exists()


# ---------------------------------------------------------------- forgotten passwords, deactivation


def test_a_link_replaces_a_forgotten_password(administrator: User, owner: User, as_user) -> None:
    path = link_in(as_user(administrator).post(f"/accounts/{owner.pk}/link/"))
    assert Client().login(username="olga", password=OLD)
    # Signing in shows that the password was not forgotten: Django ends the link.
    assert choose(path).status_code == 410
    path = link_in(as_user(administrator).post(f"/accounts/{owner.pk}/link/"))
    assert choose(path).status_code == 302
    assert Client().login(username="olga", password=NEW)
    assert not Client().login(username="olga", password=OLD)


def test_a_deactivated_account_is_out_everywhere_and_comes_back(administrator: User, owner: User, as_user) -> None:
    client, theirs = as_user(administrator), as_user(owner)
    token = make_token(owner)
    path = link_in(client.post(f"/accounts/{owner.pk}/link/"))
    client.post(f"/accounts/{owner.pk}/deactivate/")
    assert theirs.get("/studies/").status_code == 302
    assert not Client().login(username="olga", password=OLD)
    assert Client().get("/api/studies/", headers={"Authorization": f"Token {token}"}).status_code == 401
    assert choose(path).status_code == 410
    assert client.post(f"/accounts/{owner.pk}/link/").status_code == 404
    client.post(f"/accounts/{owner.pk}/reactivate/")
    assert Client().login(username="olga", password=OLD)


def test_nobody_deactivates_themselves(administrator: User, as_user) -> None:
    assert as_user(administrator).post(f"/accounts/{administrator.pk}/deactivate/").status_code == 404
    assert "/deactivate/" not in as_user(administrator).get("/accounts/").content.decode()


def test_the_link_is_of_this_site_and_in_no_stored_page(administrator: User, as_user) -> None:
    client = as_user(administrator)
    page = invite(client)
    assert "no-store" in page.headers["Cache-Control"]
    assert "/choose-password/" not in client.get("/accounts/").content.decode()


@pytest.mark.parametrize("uid", ["", "x", "MQ", "////", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
def test_an_address_that_no_link_has_is_refused_calmly(uid: str) -> None:
    assert Client().get(f"/choose-password/{uid or 'MQ'}/x-y/").status_code in {404, 410}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_one_sets_the_password() -> None:
    user = User(username="ivy")
    links.invite(user, superuser=False, add_judges=False)

    def choose_at_once(number: int) -> bool:
        try:
            return links.choose_password(readers[number], f"long password {number}")
        finally:
            connection.close()

    readers = [User.objects.get(pk=user.pk) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        chosen = list(pool.map(choose_at_once, range(6)))
    assert chosen.count(True) == 1
    user.refresh_from_db()
    assert user.check_password(f"long password {chosen.index(True)}")


@pytest.mark.django_db(transaction=True)
def test_a_password_chosen_while_the_link_is_renewed_is_kept() -> None:
    user = User(username="ivy")
    links.invite(user, superuser=False, add_judges=False)
    stale = User.objects.get(pk=user.pk)
    assert links.choose_password(User.objects.get(pk=user.pk), NEW)
    links.make_link(stale)
    user.refresh_from_db()
    assert user.check_password(NEW)
