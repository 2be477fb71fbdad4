"""Signing in: redirects, and rate limits against guessing."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from annotation.client_address import count
from llmfao_site import sign_in

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password=PASSWORD)


def signed_in(
    password: str = PASSWORD,
    *,
    account: str = "ada",
    address: str = "192.0.2.1",
    after: str = "",
    client: Client | None = None,
) -> HttpResponse:
    fields = {"username": account, "password": password, "next": after}
    return (client or Client()).post(reverse("sign-in"), fields, REMOTE_ADDR=address)


def guess(times: int, **how: str) -> HttpResponse:
    for _ in range(times):
        response = signed_in("guess", **how)
    return response


def test_signing_in_leads_to_the_studies(ada: User) -> None:
    response = signed_in()
    assert response.status_code == 302
    assert response["Location"] == reverse("studies")


def test_signing_in_leads_back_to_where_one_was_sent_from(ada: User) -> None:
    assert signed_in(after="/admin/auth/user/?q=a").headers["Location"] == "/admin/auth/user/?q=a"


@pytest.mark.parametrize(
    "after", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "\\\\evil.example"]
)
def test_signing_in_never_leads_to_another_site(ada: User, after: str) -> None:
    assert signed_in(after=after).headers["Location"] == reverse("studies")


def test_who_has_signed_in_is_sent_on(ada: User, client: Client) -> None:
    client.force_login(ada)
    assert client.get(reverse("sign-in"), {"next": "/admin/"})["Location"] == "/admin/"
    assert client.get(reverse("home"))["Location"] == reverse("studies")


def test_signing_out_needs_a_post_and_leads_to_the_front_page(ada: User, client: Client) -> None:
    client.force_login(ada)
    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out"))["Location"] == reverse("home")
    assert "_auth_user_id" not in client.session


def test_a_wrong_password_says_nothing_of_whether_the_account_exists(ada: User) -> None:
    known, unknown = signed_in("guess"), signed_in("guess", account="nobody")
    assert known.status_code == unknown.status_code == 200
    assert [known.context["form"].errors, unknown.context["form"].errors].count(known.context["form"].errors) == 2


def test_after_five_wrong_passwords_the_sixth_is_not_looked_at(ada: User) -> None:
    assert guess(5).status_code == 200
    refused = signed_in(PASSWORD)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.content.decode()


def test_the_name_is_the_same_account_however_it_is_spelt_in_unicode(ada: User) -> None:
    guess(5, account="ada")
    assert signed_in("guess", account="\uff41da").status_code == 429


def test_others_can_sign_in_meanwhile_and_the_owner_from_elsewhere(ada: User) -> None:
    User.objects.create_user("grace", password=PASSWORD)
    guess(6)
    assert signed_in(account="grace").status_code == 302
    assert signed_in(address="198.51.100.7").status_code == 302


def test_signing_in_sets_the_count_of_the_account_back(ada: User) -> None:
    for _ in range(3):
        guess(4)
        assert signed_in().status_code == 302


def test_an_address_that_tries_many_accounts_is_refused(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "OF_ADDRESS", 8)
    for number in range(sign_in.OF_ADDRESS):
        assert signed_in("guess", account=f"somebody{number}").status_code == 200
    assert signed_in().status_code == 429
    assert signed_in(address="198.51.100.7").status_code == 302


def test_an_address_that_is_refused_pushes_no_count_out_of_the_cache(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "OF_ADDRESS", 10)
    guess(6)
    for number in range(400):
        guess(1, account=f"nobody-{number}")
    assert signed_in(address="192.0.2.1").status_code == 429
    counted = cache.get(sign_in._key("account-address", "ada", "192.0.2.1"))
    assert counted == 6


def test_many_addresses_push_no_count_out_of_the_cache() -> None:
    count(cache, "account", 900)
    for number in range(2_000):
        count(cache, f"address-{number}", 900)
    assert count(cache, "account", 900) == 2


def test_an_account_that_is_tried_from_many_addresses_is_refused(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "OF_ACCOUNT", 8)
    for number in range(sign_in.OF_ACCOUNT):
        assert signed_in("guess", address=f"10.0.0.{number}").status_code == 200
    assert signed_in(address="198.51.100.7").status_code == 429


def test_one_stranger_cannot_lock_the_owner_out(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "OF_ACCOUNT", 8)
    for _ in range(sign_in.OF_ACCOUNT + 10):
        signed_in("guess", address="192.0.2.66")
    assert signed_in(address="198.51.100.7").status_code == 302


def test_the_count_is_forgotten_after_its_window(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "WINDOW", 0)
    assert guess(20).status_code == 200
    assert signed_in().status_code == 302


def test_a_household_of_ipv6_is_one_address() -> None:
    assert address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::9")
    assert address("2001:db8:1:2::1") != address("2001:db8:1:3::1")
    assert address("::ffff:192.0.2.1") != address("::ffff:192.0.2.2")


def test_a_visitor_who_writes_the_header_of_a_proxy_is_not_believed(settings: object) -> None:
    assert address("192.0.2.1", forwarded="203.0.113.9") == "192.0.2.1"


def test_behind_the_proxy_its_own_entry_counts_and_not_the_visitors(settings: pytest.FixtureRequest) -> None:
    settings.HTTPS = True
    assert address("10.0.0.1", forwarded="1.2.3.4, 203.0.113.9") == "203.0.113.9"
    assert address("10.0.0.1") == "10.0.0.1"
    assert address("10.0.0.1", forwarded="nonsense") == ""


def address(remote: str, forwarded: str | None = None) -> str:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return sign_in.address_of(RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers))


def test_the_admins_own_page_is_no_way_around(ada: User, client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == f"{reverse('sign-in')}?next=/admin/"
    assert client.post("/admin/login/", {"username": "ada", "password": PASSWORD}).status_code == 405


def test_who_may_not_see_the_admin_is_told_so_and_not_sent_in_circles(ada: User, client: Client) -> None:
    client.force_login(ada)
    response = client.get("/admin/", follow=True)
    assert response.status_code == 403
    assert "don’t have access to this page" in response.content.decode()


def test_the_page_is_not_kept_by_any_cache(db: None, client: Client) -> None:
    assert "no-store" in client.get(reverse("sign-in"))["Cache-Control"]
