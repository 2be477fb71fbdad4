"""Where a model is asked, by whose money, and what it is told before anything else."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import LanguageModel, PromptSet, Study
from annotation.numbering import next_number
from annotation.studies.lifecycle import NotPossible
from judges.answers import planning
from judges.answers.planning import AnswerEstimate, AnswerPlan
from judges.models import ANSWERED, AnswerCall, AnswerSource, SystemMessage

NAME_LENGTH: Final = 200


def _model(study: Study, name: str) -> LanguageModel | None:
    # A name that nobody can have is one that PostgreSQL would not even look for.
    return None if "\0" in name else study.prompt_set.models.filter(name=name).first()


def source_of(study: Study, name: str) -> AnswerSource:
    """Where the model `name` of the study's prompt set is asked.

    Raises:
        NotPossible: there is no such model, or nobody has said yet where it is to be asked.
    """
    model = _model(study, name)
    if model is None:
        raise NotPossible(
            _("No model in this study is named “%(model)s”. To add it, use --endpoint and --api-id.") % {"model": name}
        )
    source = AnswerSource.objects.filter(model=model).select_related("model").first()
    if source is None:
        raise NotPossible(_("No endpoint is set for %(model)s. Set it with --endpoint.") % {"model": name})
    return source


@transaction.atomic
def keep_source(
    study: Study, name: str, settings: Mapping[str, Any], *, org: str | None = None, budget: int | None = None
) -> AnswerSource:
    """Says where the model `name` is asked, and adds the model where the prompt set has none of this name.

    `settings` are fields of `AnswerSource`; those not named stay as they are, and so does a `budget` of None.
    The id that the endpoint knows the model by is the one in the corpus where `settings` has none.

    Raises:
        ValidationError: a setting makes no sense.
    """
    model = _model(study, name) or _add_model(study, name, settings, org)
    source = AnswerSource.objects.filter(model=model).first() or AnswerSource(model=model, api_id=model.api_id or "")
    for field, value in settings.items():
        setattr(source, field, value)
    if budget is not None:
        source.budget = budget
    source.full_clean()
    if source.pk is None:
        source.save()
    else:
        # What was spent meanwhile is not written over.
        source.save(update_fields=[*settings, *([] if budget is None else ["budget"])])
    return source


@transaction.atomic
def estimate_of(
    study: Study, name: str, settings: Mapping[str, Any], plan: AnswerPlan, *, org: str | None = None
) -> AnswerEstimate:
    """What a run would be if the model `name` were asked as `settings` say, which are not kept.

    Raises:
        NotPossible: a number in `plan` makes no sense.
        ValidationError: a setting makes no sense.
    """
    found = planning.estimate(study, keep_source(study, name, settings, org=org), plan)
    transaction.set_rollback(True)
    return found


def _add_model(study: Study, name: str, settings: Mapping[str, Any], org: str | None) -> LanguageModel:
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise ValidationError({"name": _("Enter a name of at most 200 printable characters.")})
    # Loading into the prompt set gives numbers too.
    prompt_set = PromptSet.objects.select_for_update(no_key=True).get(pk=study.prompt_set_id)
    known = prompt_set.models.filter(name=name).first()
    if known is not None:
        return known
    model = LanguageModel.objects.create(
        prompt_set=prompt_set,
        number=next_number(prompt_set.models.all()),
        name=name,
        api_id=settings.get("api_id") or None,
        org=org or None,
    )
    if study.language_models.exists():
        # A study that compares chosen models wants this one: it was added for it.
        study.language_models.add(model)
    return model


def set_budget(source: AnswerSource, budget: int | None) -> None:
    """Sets what the answers of a model may cost, in nanos; None takes the bound away."""
    AnswerSource.objects.filter(pk=source.pk).update(budget=budget)


@transaction.atomic
def set_system_message(prompt_set: PromptSet, text: str) -> None:
    """Sets what every model is told before a prompt of `prompt_set`; empty: nothing.

    Raises:
        NotPossible: models have answered under another one, and their answers would not be comparable.
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
