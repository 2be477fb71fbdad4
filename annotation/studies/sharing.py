"""The colleagues who may see and change a study."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from annotation.models import Study
from annotation.studies import prompt_sets


def owns(user: User, study: Study) -> bool:
    """Returns whether `user` may share or delete `study`: the owner and superusers may, colleagues may not."""
    return user.is_superuser or study.owner_id == user.pk


@transaction.atomic
def share(study: Study, colleagues: Iterable[User]) -> None:
    """Replaces the study's colleagues by `colleagues`; whoever leaves loses what they could see through the study."""
    study.colleagues.set(user for user in colleagues if user.pk != study.owner_id)
    prompt_sets.follow_people(study)
