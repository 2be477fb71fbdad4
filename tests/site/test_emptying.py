"""Rows that a test commits do not reach other tests."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction

from annotation.models import Rater
from tests.annotation.study_pages import give_votes, study_of
from tests.conftest import emptied


@pytest.mark.django_db(transaction=True)
def test_whatever_refers_to_what_all_that_was_committed_goes_and_references_are_checked_again(owner):
    give_votes(study_of(owner), 3)
    emptied()
    assert {model for model in apps.get_models() if model._base_manager.exists()} == {ContentType, Permission}
    with pytest.raises(IntegrityError), transaction.atomic():
        Rater.objects.create(study_id=10**9, kind="judge", name="nobody's")
