"""Browsers may not store pages of signed-in users."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.builders import build_study
from tests.site.api import Program

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/studies/",
        "/studies/haiku/",
        "/studies/haiku/workers/",
        "/studies/haiku/workers.csv",
        "/studies/haiku/export/payments/",
        "/studies/nobodys/",
        "/leaderboard/haiku/",
        "/judges/",
        "/api/token/",
        "/admin/",
    ],
)
def test_nothing_is_kept_that_somebody_signed_in_was_shown(
    path: str, administrator: User, as_user: Callable[[User], Client]
) -> None:
    build_study("haiku", public=True)
    kept = as_user(administrator).get(path).headers["Cache-Control"]
    assert {"private", "no-store"} <= set(kept.split(", "))


def test_an_answer_of_the_api_is_kept_by_nobody_and_known_again_by_its_tag(
    administrator: User, as_user: Callable[[User], Client]
) -> None:
    build_study("haiku")
    for answer in (
        Program(administrator).get("studies/haiku/workers/"),
        as_user(administrator).get("/api/studies/haiku/workers/"),
    ):
        assert answer.status_code == 200
        assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-store"}
        assert "ETag" in answer.headers


def test_an_unchanged_answer_of_the_api_and_a_refusal_are_kept_by_nobody_either(administrator: User) -> None:
    build_study("haiku")
    program = Program(administrator)
    tag = program.get("studies/haiku/workers/").headers["ETag"]
    for answer, status in (
        (program.client.get("/api/studies/haiku/workers/", headers={**program.headers, "If-None-Match": tag}), 304),
        (program.get("studies/nobodys/"), 404),
    ):
        assert answer.status_code == status
        assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-store"}


def test_what_everybody_may_read_may_be_kept(client: Client) -> None:
    build_study("haiku", public=True)
    assert "Cache-Control" not in client.get("/leaderboard/haiku/").headers


def test_nothing_of_a_workers_way_is_kept(client: Client) -> None:
    build_study("haiku")
    assert "no-store" in client.get("/s/haiku/").headers["Cache-Control"]
