"""A judge's settings are shown to everybody who is signed in, and changed by those who may add judges."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judges.models import Judge
from tests.judges.conftest import make_judge

pytestmark = pytest.mark.django_db


def test_a_form_of_somebody_without_the_right_is_refused(colleague: User, as_user: Callable[[User], Client]):
    judge = make_judge("http://localhost:8081/v1")
    page = as_user(colleague).get(f"/judges/{judge.pk}/")
    assert page.status_code == 200
    reply = as_user(colleague).post(f"/judges/{judge.pk}/", {"name": "owl", "endpoint": "http://elsewhere/v1"})
    assert reply.status_code == 403
    assert Judge.objects.get().current.endpoint == "http://localhost:8081/v1"
