"""Creating a draft together with its prompt set."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from annotation.models import Offering, PromptSet, Study
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible, create_study


def free_slug(wanted: str, taken: models.QuerySet[Study] | models.QuerySet[PromptSet]) -> str:
    """Returns `wanted`, or the first of `wanted-2`, `wanted-3`, ... that is not in `taken`."""
    wanted = wanted[:90]
    used = set(taken.filter(slug__startswith=wanted).values_list("slug", flat=True))
    candidates = (wanted if number == 1 else f"{wanted}-{number}" for number in range(1, len(used) + 2))
    return next(slug for slug in candidates if slug not in used)


def draft_study(
    user: User,
    *,
    name: str,
    slug: str,
    language: str,
    prompt_set: PromptSet | None,
    offering: str = Offering.FIXED,
) -> Study:
    """Creates a draft owned by `user`, with `prompt_set` or a new, empty prompt set of the study's name, also theirs.

    Raises:
        NotPossible: `user` may not use `prompt_set`.
        ValidationError: somebody took the address in the meantime.
    """
    try:
        with transaction.atomic():
            if prompt_set is None:
                free = free_slug(slug, PromptSet.objects.all())
                prompt_set = PromptSet.objects.create(slug=free, name=name, owner=user)
            elif not PromptSet.objects.readable_by(user).filter(pk=prompt_sets.hold(prompt_set).pk).exists():
                raise NotPossible(_("You are not a reader of this prompt set. Ask its owner for access."))
            return create_study(slug, prompt_set, name=name, owner=user, language=language, offering=offering)
    except IntegrityError as error:
        # Two drafts with one name at the same moment: the unique slug accepts one of them.
        raise ValidationError(
            {"slug": _("Another study already uses this address. Choose a different one.")}
        ) from error
