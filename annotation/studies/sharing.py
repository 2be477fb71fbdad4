"""Who, besides its owner, may see and change a study."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from annotation.models import Study


def owns(user: User, study: Study) -> bool:
    """Whether `user` may share or delete `study`: its owner, or a superuser; colleagues may not."""
    return user.is_superuser or study.owner_id == user.pk


@transaction.atomic
def share(study: Study, colleagues: Iterable[User]) -> None:
    """Makes `colleagues`, and nobody else but the owner, see and change the study."""
    study.colleagues.set(user for user in colleagues if user.pk != study.owner_id)
