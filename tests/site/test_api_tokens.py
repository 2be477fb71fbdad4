"""Tokens: created by signed-in users, shown once, invalid once they are revoked or their user is inactive."""

import re

import pytest
from django.core.cache import caches
from django.test import Client

from llmfao_site.api.tokens import PREFIX, make_token
from llmfao_site.models import ApiToken

pytestmark = pytest.mark.django_db

PAGE = "/api/token/"


def shown_in(page):
    return set(re.findall(rf"{PREFIX}[\w-]{{30,}}", page.content.decode()))


def asks(token):
    return Client().get("/api/judges/", headers={"Authorization": f"Token {token}"}).status_code


def test_a_token_is_shown_once_and_only_its_digest_is_kept(owner, as_user):
    browser = as_user(owner)
    assert shown_in(browser.get(PAGE)) == set()
    (token,) = shown_in(browser.post(PAGE))
    assert asks(token) == 200
    assert shown_in(browser.get(PAGE)) == set()
    kept = ApiToken.objects.get()
    assert kept.user == owner
    assert token not in str(ApiToken.objects.values())
    assert asks(kept.digest) == 401


def test_the_page_that_shows_a_token_is_stored_nowhere(owner, as_user):
    assert "no-store" in as_user(owner).post(PAGE).headers["Cache-Control"]


def test_another_token_voids_the_one_before(owner, as_user):
    browser = as_user(owner)
    (first,) = shown_in(browser.post(PAGE))
    (second,) = shown_in(browser.post(PAGE))
    assert (asks(first), asks(second)) == (401, 200)


def test_a_revoked_token_and_one_of_a_user_who_may_not_sign_in_are_void(owner, colleague, as_user):
    token, theirs = make_token(owner), make_token(colleague)
    as_user(owner).post("/api/token/revoke/")
    colleague.is_active = False
    colleague.save()
    assert (asks(token), asks(theirs)) == (401, 401)


@pytest.mark.parametrize("value", ["", "Token", "Token a b", "Token \xff", "Basic b3duZXI6eA==", "Token nonsense"])
def test_a_header_that_is_no_token_lets_nobody_in(db, value):
    response = Client().get("/api/judges/", headers={"Authorization": value})
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Token"


def test_strangers_make_no_tokens(db):
    assert Client().post(PAGE).status_code == 302
    assert not ApiToken.objects.exists()


def test_who_asks_too_often_is_told_when_to_come_again(owner, monkeypatch):
    from llmfao_site.api.throttling import ByAddress, ByUser

    monkeypatch.setattr(ByUser, "THROTTLE_RATES", {"user": "3/hour", "anon": "2/hour"})
    monkeypatch.setattr(ByAddress, "THROTTLE_RATES", {"user": "3/hour", "anon": "2/hour"})
    caches["api"].clear()
    token = make_token(owner)
    assert [asks(token) for _time in range(4)] == [200, 200, 200, 429]
    # X-Forwarded-For from a visitor is ignored.
    strangers = [Client().get("/api/studies/", headers={"X-Forwarded-For": f"192.0.2.{last}"}) for last in range(3)]
    assert [response.status_code for response in strangers] == [200, 200, 429]
    assert int(strangers[-1].headers["Retry-After"]) > 0
    assert strangers[-1].json()["status"] == 429
