"""The front page, the frame of all pages, and the error pages."""

import re

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse

from annotation.models import Comparison, Rater, Study
from annotation.studies import lifecycle
from llmfao_site.urls import urlpatterns as site
from tests.builders import build_study


def fail(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def hide(request: HttpRequest) -> HttpResponse:
    raise Http404("a secret reason")


urlpatterns = [path("fail/", fail), path("hide/", hide), *site]


def test_the_front_page_lists_the_public_studies_that_are_open_or_have_votes(db: None, client: Client) -> None:
    build_study("shown", public=True)
    build_study("private", public=False)
    build_study("draft", public=True, opened=False)
    loaded = build_study("loaded", public=True, opened=False)
    rater = Rater.objects.create(study=loaded, kind="judge", name="gpt-4")
    Comparison.objects.create(study=loaded, pair=loaded.pairs.all()[0], rater=rater, left="x", winner="x")
    page = client.get("/").content.decode()
    assert f'href="{reverse("leaderboard", args=["shown"])}"' in page
    assert f'href="{reverse("leaderboard", args=["loaded"])}"' in page
    assert "private" not in page
    assert "draft" not in page


def test_a_closed_study_stays_on_the_front_page(db: None, client: Client) -> None:
    study = build_study("over", public=True)
    lifecycle.close(study)
    assert reverse("leaderboard", args=["over"]) in client.get("/").content.decode()


def test_without_public_studies_the_front_page_says_what_to_do(db: None, client: Client) -> None:
    page = client.get("/").content.decode()
    assert "No public leaderboards yet." in page
    assert f'class="button primary" href="{reverse("sign-in")}"' in page


def test_a_name_of_a_study_is_escaped(db: None, client: Client) -> None:
    study = build_study("shown", public=True)
    Study.objects.filter(pk=study.pk).update(name="<script>alert(1)</script>")
    assert "<script>alert" not in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/no-such-page/"])
def test_nothing_is_inline(db: None, client: Client, path: str) -> None:
    """The Content-Security-Policy would block inline scripts and styles."""
    page = client.get(path).content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/no-such-page/"])
def test_every_page_has_its_frame(db: None, client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert '<html lang="en" dir="ltr">' in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert 'rel="icon"' in page
    assert 'class="skip-link" href="#content"' in page
    assert '<main id="content"' in page
    assert page.count("<h1") == 1


def test_in_japanese_the_page_says_so(db: None, client: Client) -> None:
    client.post(reverse("language"), {"language": "ja"})
    assert '<html lang="ja" dir="ltr">' in client.get("/").content.decode()


def test_the_language_leads_to_no_other_site(db: None, client: Client) -> None:
    response = client.post(reverse("language"), {"language": "ja", "next": "https://evil.example/"})
    assert "evil" not in response["Location"]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/hide/", 404, "Page not found"), ("/fail/", 500, "Something went wrong")],
)
def test_an_error_is_a_calm_page_that_gives_nothing_away(
    db: None, path: str, status: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = Client(raise_request_exception=False).get(path)
    page = response.content.decode()
    assert response.status_code == status
    assert words in page
    assert 'href="/"' in page
    assert "secret" not in page
    assert "ZeroDivisionError" not in page
    assert "Traceback" not in page


@pytest.mark.urls(__name__)
def test_an_error_page_needs_no_database(caplog: pytest.LogCaptureFixture) -> None:
    """No `db` fixture: a query would fail the test."""
    response = Client(raise_request_exception=False).get("/fail/")
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_plain_words(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("sign-in"), {"username": "ada", "password": "x"})
    page = response.content.decode()
    assert response.status_code == 403
    assert "The form was not sent" in page
    assert "CSRF" not in page


def test_a_request_that_cannot_be_read_is_refused_in_plain_words(db: None, client: Client) -> None:
    response = client.post(reverse("sign-in"), b"x" * 3_000_000, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    assert "could not be read" in response.content.decode()
