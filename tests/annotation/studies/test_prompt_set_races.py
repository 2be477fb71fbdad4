"""A study is started while the owner of its prompt set ends its use, in two threads."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from annotation.models import Status, Study
from annotation.studies import lifecycle, prompt_sets
from annotation.studies.lifecycle import NotPossible
from tests.builders import build_study
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study() -> Study:
    """Returns Rita's study on Olga's prompt set."""
    olga, rita = (User.objects.create_user(name) for name in ("olga", "rita"))
    study = build_study(opened=False)
    prompt_sets.hand_over(study.prompt_set, olga)
    study.prompt_set.refresh_from_db()
    prompt_sets.change_access(study.prompt_set, readers=[rita], editors=[])
    Study.objects.update(owner=rita)
    study.refresh_from_db()
    return study


def try_to_start(study: Study) -> bool:
    try:
        lifecycle.start(study)
    except NotPossible:
        return False
    return True


@pytest.mark.parametrize("end", ["detach", "remove"])
def test_no_study_is_left_open_without_leave(study, end):
    for _again in range(5):
        prompt_sets.change_access(study.prompt_set, readers=[study.owner], editors=[])
        Study.objects.update(status=Status.DRAFT, detached_at=None)

        def work(index: int) -> None:
            if index:
                try_to_start(study)
            elif end == "detach":
                prompt_sets.detach(Study.objects.get(), timezone.now())
            else:
                prompt_sets.change_access(study.prompt_set, readers=[], editors=[])

        together(2, work)
        assert Study.objects.get().status != Status.OPEN
        assert not try_to_start(study)


def test_two_people_change_the_readers_at_once(study):
    rex = User.objects.create_user("rex")
    together(4, lambda index: prompt_sets.change_access(study.prompt_set, readers=[rex], editors=[rex] * (index % 2)))
    assert study.prompt_set.readers.get().user == rex
