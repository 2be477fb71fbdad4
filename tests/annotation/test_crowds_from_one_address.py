"""Joins per hour from one public address are limited; workers who have joined are not affected."""

import pytest
from django.test import Client

from annotation.client_address import is_of_the_internet
from annotation.models import Worker
from tests.annotation.worker_pages import join, text_of
from tests.builders import build_study

pytestmark = pytest.mark.django_db

OUTSIDE = "8.8.4.4"


@pytest.fixture
def study(settings):
    settings.JOINS_PER_ADDRESS = 3
    return build_study()


def visitor(address: str = OUTSIDE) -> Client:
    return Client(REMOTE_ADDR=address)


def test_beyond_the_limit_nobody_joins_from_there_and_the_page_says_when_to_come(study):
    for _ in range(3):
        assert join(visitor(), study).status_code == 200
    page = join(visitor(), study)
    assert page.status_code == 429
    assert "Please come back in an hour." in text_of(page)
    assert Worker.objects.count() == 3


def test_ids_in_the_link_are_no_way_around(study):
    for number in range(5):
        join(visitor(), study, f"?PROLIFIC_PID=p{number}")
    assert Worker.objects.count() == 3


def test_other_addresses_are_counted_apart(study):
    for _ in range(4):
        join(visitor(), study)
    assert join(visitor("8.8.8.8"), study).status_code == 200
    assert join(visitor("2a00:1450:4001::1"), study).status_code == 200


def test_one_household_has_one_count(study):
    for number in range(5):
        join(visitor(f"2a00:1450:4001:80f::{number:x}"), study)
    assert Worker.objects.count() == 3


def test_who_has_joined_goes_on(study):
    clients = [visitor() for _ in range(4)]
    for client in clients:
        join(client, study, "?PROLIFIC_PID=p1" if client is clients[0] else "")
    assert clients[0].get("/s/haiku/instructions/").status_code == 200
    assert join(clients[0], study).status_code == 200
    # Without the cookie, the ID identifies the worker.
    assert join(visitor(), study, "?PROLIFIC_PID=p1").status_code == 200
    assert Worker.objects.count() == 3


def test_declining_and_looking_count_nothing(study):
    for _ in range(5):
        visitor().get("/s/haiku/")
        visitor().post("/s/haiku/consent/", {"answer": "no-consent"})
    assert join(visitor(), study).status_code == 200


def test_an_address_behind_which_a_proxy_may_hide_everybody_has_no_limit(study):
    for _ in range(5):
        assert join(visitor("172.18.0.1"), study).status_code == 200


def test_behind_the_proxy_its_own_word_counts_and_not_the_visitors(study, settings):
    settings.HTTPS = True
    for number in range(5):
        client = Client(REMOTE_ADDR="172.18.0.1", headers={"X-Forwarded-For": f"1.1.1.{number}, {OUTSIDE}"})
        join(client, study)
    assert Worker.objects.count() == 3


def test_nought_is_no_limit(study, settings):
    settings.JOINS_PER_ADDRESS = 0
    for _ in range(5):
        assert join(visitor(), study).status_code == 200


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.4.4", True),
        ("2a00:1450:4001:80f::/64", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.1.7", False),
        ("fd00::/64", False),
        ("", False),
    ],
)
def test_addresses_of_private_networks_tell_nobody_apart(address, expected):
    assert is_of_the_internet(address) is expected
