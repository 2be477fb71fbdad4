"""The upgrade that gives prompt sets owners takes nothing from anybody, and leaves nobody more than they had."""

import pkgutil
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User

from annotation import migrations
from annotation.models import PromptSet, PromptSetReader, Study
from annotation.studies import sharing
from tests.builders import build_study

pytestmark = pytest.mark.django_db


def upgrade() -> None:
    (name,) = (
        each.name for each in pkgutil.iter_modules(migrations.__path__) if each.name.endswith("_owners_and_signed_ids")
    )
    import_module(f"annotation.migrations.{name}").give_owners(apps, None)


def study_on(prompt_set: PromptSet, slug: str, owner: User | None, *colleagues: User) -> Study:
    study = Study.objects.create(slug=slug, name=slug, prompt_set=prompt_set, owner=owner)
    study.colleagues.set(colleagues)
    return study


def reads(user: User) -> set[str]:
    return set(Study.objects.readable_by(user).values_list("slug", flat=True))


def edits(user: User) -> set[str]:
    return set(Study.objects.editable_by(user).values_list("slug", flat=True))


@pytest.fixture
def rita(db: None) -> User:
    return User.objects.create_user("rita")


@pytest.fixture
def prompt_set(db: None) -> PromptSet:
    return PromptSet.objects.create(slug="old", name="Old")


def test_the_owner_of_the_oldest_study_owns_the_set(prompt_set, owner, rita, colleague, outsider):
    study_on(prompt_set, "first", owner, colleague)
    study_on(prompt_set, "second", rita, outsider)
    study_on(prompt_set, "third", owner)
    upgrade()
    prompt_set.refresh_from_db()
    assert prompt_set.owner == owner
    assert edits(owner) == {"first", "third"}
    assert (reads(colleague), edits(colleague)) == ({"first"}, {"first"})
    assert (reads(rita), edits(rita)) == ({"second"}, set())
    assert (reads(outsider), edits(outsider)) == ({"second"}, set())
    assert Study.objects.with_leave().count() == 3


def test_what_came_through_a_study_ends_with_it(prompt_set, owner, rita, colleague, outsider):
    first = study_on(prompt_set, "first", owner, colleague, rita)
    second = study_on(prompt_set, "second", colleague, outsider)
    upgrade()
    assert reads(colleague) == {"first", "second"}
    assert reads(outsider) == {"second"}
    sharing.share(first, [rita])
    assert reads(colleague) == set()
    assert not Study.objects.with_leave().filter(pk=second.pk).exists()
    sharing.share(second, [])
    assert not PromptSetReader.objects.exists()
    assert reads(rita) == {"first"}


def test_a_set_whose_oldest_study_has_no_owner_stays_the_administrators(prompt_set, rita, colleague, outsider):
    study_on(prompt_set, "first", None, colleague)
    study_on(prompt_set, "second", rita)
    study_on(prompt_set, "third", None, outsider)
    upgrade()
    prompt_set.refresh_from_db()
    assert prompt_set.owner is None
    assert (reads(colleague), edits(colleague)) == ({"first"}, {"first"})
    assert (reads(rita), reads(outsider)) == ({"second"}, {"third"})
    assert edits(rita) == edits(outsider) == set()


def test_a_set_without_studies_has_nobody(prompt_set):
    upgrade()
    prompt_set.refresh_from_db()
    assert prompt_set.owner is None
    assert build_study().prompt_set.owner is None
