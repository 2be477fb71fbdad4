"""Training and check pairs of a study, added and changed by hand."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.editing.references import lock
from annotation.models import Pair, Purpose, Study
from annotation.numbering import next_number
from annotation.studies.lifecycle import NotPossible, check_shown
from annotation.studies.prompt_sets import no_access

FIELDS: Final = ("prompt", "own_text", "model_x", "own_x", "model_y", "own_y", "golden", "reason")


def _checked(study: Study, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `values`, whose rows are of the study's prompt set.

    Raises:
        ValidationError: a value is not valid; by its field.
    """
    errors = {}
    for field in ("prompt", "model_x", "model_y"):
        if values[field].prompt_set_id != study.prompt_set_id:
            errors[field] = _("Choose one of this study’s prompt set.")
    if values["model_x"] == values["model_y"]:
        errors["model_y"] = _("Choose two different models.")
    for field in ("own_text", "own_x", "own_y"):
        if not values[field].strip():
            errors[field] = _("This text cannot be empty.")
    if errors:
        raise ValidationError(errors)
    return {field: values[field] for field in FIELDS}


def _hold(study: Study, user: User) -> Study:
    """Locks the study against uploads, and checks that `user` may add pairs.

    Raises:
        NotPossible: they may not, or the study is hidden.
    """
    study = Study.objects.select_for_update(of=("self",), no_key=True).select_related("prompt_set").get(pk=study.pk)
    check_shown(study)
    if not Study.objects.readable_by(user).filter(pk=study.pk).exists():
        raise NotPossible(no_access(study))
    return study


@transaction.atomic
def add(study: Study, purpose: Purpose, user: User, values: Mapping[str, Any], rng: np.random.Generator) -> Pair:
    """Adds a training or check pair to `study`, under the next number.

    Raises:
        ValidationError: a value is not valid.
        NotPossible: `user` may not add pairs, or the study is hidden.
    """
    study = _hold(study, user)
    number = next_number(study.pairs.all())
    return Pair.objects.create(study=study, number=number, purpose=purpose, key=rng.random(), **_checked(study, values))


@transaction.atomic
def change(pair: Pair, user: User, values: Mapping[str, Any], before: str) -> Pair:
    """Changes a training or check pair that nobody was given yet; `before` is its digest as it was `seen`.

    Raises:
        ValidationError: a value is not valid.
        NotPossible: `user` may not change pairs, the pair is in use, or was changed by someone else.
    """
    study = _hold(pair.study, user)
    pair = lock(pair, before)
    checked = _checked(study, values)
    for field, value in checked.items():
        setattr(pair, field, value)
    pair.save(update_fields=list(checked))
    return pair


@transaction.atomic
def delete(pair: Pair, user: User, before: str) -> None:
    """Deletes a training or check pair that nobody was given yet; `before` is its digest as it was `seen`.

    Raises:
        NotPossible: `user` may not change pairs, the pair is in use, or was changed by someone else.
    """
    _hold(pair.study, user)
    lock(pair, before).delete()
