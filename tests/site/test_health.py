"""/healthz, for probes and load balancers."""

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client


@pytest.mark.django_db
def test_it_is_well_while_the_database_answers():
    reply = Client().get("/healthz")
    assert (reply.status_code, reply.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_a_probe_may_use_any_name_and_plain_http(settings):
    settings.ALLOWED_HOSTS = ["arena.example"]
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz", headers={"host": "10.0.0.7:8000"}).status_code == 200
    assert Client().get("/", headers={"host": "10.0.0.7:8000"}).status_code == 400
    assert Client().get("/", headers={"host": "arena.example"}).status_code == 301


@pytest.mark.django_db
def test_it_is_not_well_when_the_database_does_not_answer(caplog):
    def refuse(*_call):
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        reply = Client().get("/healthz")
    assert reply.status_code == 503
    assert "the server closed the connection" in caplog.text
    assert b"closed" not in reply.content


@pytest.mark.django_db
def test_it_says_no_more_than_that():
    assert set(Client().get("/healthz").headers) <= {"Content-Type", "Content-Length"}
    assert Client().get("/healthz/").status_code == 404
