"""Helpers for tests of the administrator's pages."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse

from annotation.models import Comparison, Study
from annotation.voting import assignments, votes
from tests.builders import NOW, build_study, build_worker, rng


def study_of(owner: User, *colleagues: User, **settings: Any) -> Study:
    """Returns a study of `owner`, who also owns its prompt set, that is shared with `colleagues`."""
    study = build_study(**settings)
    study.owner = study.prompt_set.owner = owner
    study.save(update_fields=["owner"])
    study.prompt_set.save(update_fields=["owner"])
    study.colleagues.set(colleagues)
    return study


def give_votes(study: Study, number: int, external_id: str | None = None) -> Any:
    """Creates a worker of `study` who voted `number` times for the left."""
    worker = build_worker(study, external_id)
    for _place in range(number):
        assignment = assignments.current(worker, NOW, rng())
        assert assignment is not None
        votes.vote(worker, assignment.pk, votes.Ballot(value=1), NOW, rng())
    worker.refresh_from_db()
    return worker


def counted(study: Study) -> int:
    return Comparison.objects.counted().filter(study=study).count()


def text_of(response: HttpResponse) -> str:
    return response.content.decode()
