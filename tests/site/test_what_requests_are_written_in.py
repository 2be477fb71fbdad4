"""Requests in other encodings than UTF-8, and bodies nested too deeply."""

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from llmfao_site.middleware.utf8_only import REFUSAL, OnlyUtf8, is_utf8
from llmfao_site.wsgi import application
from tests.builders import build_study
from tests.site.api import Program

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "named",
    [
        *(
            f"{FORM}; charset={name}"
            for name in ("rot13", "base64", "idna", "undefined", "utf-7", "unicode_escape", "utf-16", "iso-8859-1")
        ),
        "multipart/form-data; boundary=x; charset=unicode_escape",
        "application/json; charset*=undefined''%41",
        f"{FORM}; charset=a\0b",
        f"{FORM}; x={'y' * 100_000}",
    ],
)
def test_another_encoding_is_refused_before_anybody_reads(named: str) -> None:
    request = RequestFactory().generic("GET", "/leaderboard/haiku/?raters=%5Cud800")
    told: list[str] = []
    environ = {**request.environ, "CONTENT_TYPE": named}
    assert list(application(environ, lambda status, _headers: told.append(status))) == [REFUSAL]
    assert told == ["400 Bad Request"]


@pytest.mark.parametrize(
    "named",
    [
        "",
        FORM,
        f"{FORM}; charset=utf-8",
        'application/json; charset="UTF-8"',
        "multipart/form-data; boundary=x; charset=utf8",
        f"{FORM}; charset=no-such-encoding",
        f"{FORM}; charset",
    ],
)
def test_utf_8_by_any_of_its_names_goes_on_to_the_site(named: str) -> None:
    site = OnlyUtf8(lambda environ, _start: [environ["CONTENT_TYPE"].encode()])
    assert list(site({"CONTENT_TYPE": named}, lambda *_: None)) == [named.encode()]
    assert is_utf8(named)


def test_a_body_that_is_nested_too_deeply_is_a_fault_of_who_sent_it(administrator: User) -> None:
    study, program = build_study(), Program(administrator)
    for depth in (1, 100_000):
        body = "[" * depth + "]" * depth
        address = f"/api/studies/{study.slug}/judge-runs/"
        response = program.client.post(address, body, content_type="application/json", headers=program.headers)
        assert (response.status_code, response.json()["status"]) == (400, 400), depth
