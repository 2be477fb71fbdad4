"""Endpoints, budgets and system messages of models that answer prompts."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import LanguageModel, PromptSet, Study
from annotation.numbering import next_number
from annotation.studies.lifecycle import NotPossible
from judges.answers import planning
from judges.answers.planning import AnswerEstimate, AnswerPlan
from judges.judging import stored_keys
from judges.models import ANSWERED, AnswerCall, AnswerSource, SystemMessage

NAME_LENGTH: Final = 200


def _model(prompt_set: PromptSet, name: str) -> LanguageModel | None:
    # PostgreSQL refuses text with a NUL character, even in a search.
    return None if "\0" in name else prompt_set.models.filter(name=name).first()


def source_of(study: Study, name: str) -> AnswerSource:
    """Returns the endpoint of the model `name` in the study's prompt set.

    Raises:
        NotPossible: there is no such model, or it has no endpoint.
    """
    unknown = _("No model in this study is named “%(model)s”. To add it, use --endpoint and --api-id.")
    return _known_source(study.prompt_set, name, unknown)


def source_in(prompt_set: PromptSet, name: str) -> AnswerSource:
    """Returns the endpoint of the model `name` in `prompt_set`.

    Raises:
        NotPossible: there is no such model, or it has no endpoint.
    """
    unknown = _("No model in this prompt set is named “%(model)s”. To add it, use --endpoint and --api-id.")
    return _known_source(prompt_set, name, unknown)


def _known_source(prompt_set: PromptSet, name: str, unknown: str) -> AnswerSource:
    model = _model(prompt_set, name)
    if model is None:
        raise NotPossible(unknown % {"model": name})
    source = AnswerSource.objects.filter(model=model).select_related("model").first()
    if source is None:
        raise NotPossible(_("No endpoint is set for %(model)s. Set it with --endpoint.") % {"model": name})
    return source


@transaction.atomic
def keep_source(
    study: Study,
    name: str,
    settings: Mapping[str, Any],
    *,
    org: str | None = None,
    budget: int | None = None,
    user: Any = None,
    key: str = "",
) -> AnswerSource:
    """Sets the endpoint of the model `name` in the study's prompt set; see `keep_source_in`.

    If the study compares selected models, a model that is added is selected.
    """
    added = _model(study.prompt_set, name) is None
    source = keep_source_in(study.prompt_set, name, settings, org=org, budget=budget, user=user, key=key)
    if added and study.language_models.exists():
        # It was added for the study.
        study.language_models.add(source.model)
    return source


@transaction.atomic
def keep_source_in(
    prompt_set: PromptSet,
    name: str,
    settings: Mapping[str, Any],
    *,
    org: str | None = None,
    budget: int | None = None,
    user: Any = None,
    key: str = "",
) -> AnswerSource:
    """Sets the endpoint of the model `name`, and adds the model if `prompt_set` has none of this name.

    `settings` are fields of `AnswerSource`; fields not given are unchanged, and so is the budget if `budget` is None.
    Without an API model ID in `settings`, the one in the corpus is used. `key` is a pasted API key, which is stored
    encrypted; a stored key is deleted if the endpoint's scheme, host or port changes.

    Raises:
        ValidationError: a setting is invalid.
    """
    model = _model(prompt_set, name) or _add_model(prompt_set, name, settings, org)
    source = AnswerSource.objects.filter(model=model).first() or AnswerSource(model=model, api_id=model.api_id or "")
    for field, value in settings.items():
        setattr(source, field, value)
    if budget is not None:
        source.budget = budget
    source.tidy_endpoint()
    if source.pk is None:
        source.full_clean()
        source.save()
    if key:
        source.key_source = stored_keys.keep(source, source.endpoint, key, user, timezone.now())
    else:
        source.key_source = stored_keys.drop_unfit(source, source.key_source, source.endpoint)
    source.full_clean()
    # Does not overwrite money spent in the meantime.
    source.save(update_fields=[*settings, "key_source", *([] if budget is None else ["budget"])])
    return source


@transaction.atomic
def estimate_of(
    study: Study, name: str, settings: Mapping[str, Any], plan: AnswerPlan, *, org: str | None = None
) -> AnswerEstimate:
    """Estimates a run of the model `name` with `settings`, which are not stored.

    Raises:
        NotPossible: a number in `plan` is out of range.
        ValidationError: a setting is invalid.
    """
    found = planning.estimate(study, keep_source(study, name, settings, org=org), plan)
    transaction.set_rollback(True)
    return found


def _add_model(prompt_set: PromptSet, name: str, settings: Mapping[str, Any], org: str | None) -> LanguageModel:
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise ValidationError({"name": _("Enter a name of at most 200 printable characters.")})
    # Uploads into the prompt set assign numbers too.
    prompt_set = PromptSet.objects.select_for_update(no_key=True).get(pk=prompt_set.pk)
    known = prompt_set.models.filter(name=name).first()
    if known is not None:
        return known
    return LanguageModel.objects.create(
        prompt_set=prompt_set,
        number=next_number(prompt_set.models.all()),
        name=name,
        api_id=settings.get("api_id") or None,
        org=org or None,
    )


def set_budget(source: AnswerSource, budget: int | None) -> None:
    """Sets the budget of a model's answers, in nanos; None removes it."""
    AnswerSource.objects.filter(pk=source.pk).update(budget=budget)


@transaction.atomic
def set_system_message(prompt_set: PromptSet, text: str) -> None:
    """Sets the system message of `prompt_set`; empty means none.

    Raises:
        NotPossible: models have answered with a different one, so the answers would not be comparable.
    """
    PromptSet.objects.select_for_update(no_key=True).get(pk=prompt_set.pk)
    known = SystemMessage.objects.filter(prompt_set=prompt_set).first()
    if (known.text if known else "") == text:
        return
    if AnswerCall.objects.filter(prompt__prompt_set=prompt_set, state__in=ANSWERED).exists():
        raise NotPossible(
            _(
                "Models have already answered with a different system message. Load the prompts into a new "
                "prompt set instead."
            )
        )
    if text:
        SystemMessage.objects.update_or_create(prompt_set=prompt_set, defaults={"text": text})
    else:
        SystemMessage.objects.filter(prompt_set=prompt_set).delete()
