"""Models, prompts and answers of a prompt set, added and changed by hand.

The values are those of the exchange files' columns, under the names of the models' fields, and follow the same rules.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotation.editing.references import lock
from annotation.importing import answer_flags
from annotation.interchange.llmfao import KINDS, Wrong
from annotation.interchange.self_identification import names_itself
from annotation.models import LanguageModel, Prompt, PromptSet, Result, ResultFlag
from annotation.numbering import next_number
from annotation.studies.lifecycle import NotPossible
from annotation.studies.prompt_sets import check_editor, hold

MODEL_FIELDS: Final = ("name", "org", "api_id", "api", "type", "licence", "price", "released")
PROMPT_FIELDS: Final = ("text", "type", "slug", "stop", "note", "turns", "references", "lang")
ANSWER_FIELDS: Final = ("text", "turns", "duration", "rate")

COLUMN_OF: Final = {"results": {"text": "result"}}
"""By kind of file, the columns that are called otherwise than their fields."""


def _checked(kind: str, fields: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `values` by the rules of the exchange files' columns.

    Raises:
        ValidationError: a value is not valid; by its field.
    """
    readers = {column.name: column.read for column in KINDS[kind].columns}
    found, errors = {}, {}
    for field in fields:
        if field not in values:
            continue
        value = values[field]
        if field == "released" and value is not None and not isinstance(value, str):
            value = value.isoformat()
        try:
            found[field] = readers[COLUMN_OF.get(kind, {}).get(field, field)](value)
        except Wrong as wrong:
            errors[field] = _(wrong.reason) % wrong.values
    if errors:
        raise ValidationError(errors)
    return found


def _hold(prompt_set: PromptSet | int, user: User) -> PromptSet:
    """Locks a prompt set with texts against uploads, and checks that `user` may change it.

    Raises:
        NotPossible: they may not, or its prompts and answers have no texts.
    """
    held = hold(prompt_set)
    check_editor(held, user)
    if held.textless:
        raise NotPossible(_("This prompt set has comparisons without texts, so it takes no prompts and answers."))
    return held


def _next_answer_sample(prompt: Prompt, model: LanguageModel) -> int:
    last = Result.objects.filter(prompt=prompt, model=model).aggregate(last=Max("sample"))["last"]
    return 0 if last is None else last + 1


def _refuse_known_name(prompt_set: PromptSet, name: str, model: LanguageModel | None = None) -> None:
    others = prompt_set.models.filter(name=name)
    if (others.exclude(pk=model.pk) if model else others).exists():
        raise ValidationError({"name": _("A model in this prompt set already has this name. Enter another name.")})


def _update(row: Any, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(row, field, value)
    row.save(update_fields=list(values))


# Models.


@transaction.atomic
def add_model(prompt_set: PromptSet, user: User, values: Mapping[str, Any]) -> LanguageModel:
    """Adds a model to `prompt_set`, under the next number.

    Raises:
        ValidationError: a value is not valid, or another model has its name.
        NotPossible: `user` may not change the prompt set.
    """
    prompt_set = hold(prompt_set)
    check_editor(prompt_set, user)
    checked = _checked("models", MODEL_FIELDS, values)
    _refuse_known_name(prompt_set, checked["name"])
    return LanguageModel.objects.create(prompt_set=prompt_set, number=next_number(prompt_set.models.all()), **checked)


@transaction.atomic
def change_model(model: LanguageModel, user: User, values: Mapping[str, Any], before: str) -> LanguageModel:
    """Changes a model that nothing refers to; `before` is its digest as it was `seen`.

    Raises:
        ValidationError: a value is not valid, or another model has its name.
        NotPossible: `user` may not change the prompt set; the model is in use, or was changed by someone else.
    """
    prompt_set = hold(model.prompt_set_id)
    check_editor(prompt_set, user)
    model = lock(model, before)
    checked = _checked("models", MODEL_FIELDS, values)
    _refuse_known_name(prompt_set, checked["name"], model)
    _update(model, checked)
    return model


# Prompts.


def _prompt_values(values: Mapping[str, Any]) -> dict[str, Any]:
    checked = _checked("prompts", PROMPT_FIELDS, values)
    if not checked["text"].strip():
        raise ValidationError({"text": _("Enter the text of the prompt.")})
    return checked


@transaction.atomic
def add_prompt(prompt_set: PromptSet, user: User, values: Mapping[str, Any]) -> Prompt:
    """Adds a prompt to `prompt_set`, under the next number.

    Raises:
        ValidationError: a value is not valid.
        NotPossible: `user` may not change the prompt set.
    """
    prompt_set = _hold(prompt_set, user)
    number = next_number(prompt_set.prompts.all())
    return Prompt.objects.create(prompt_set=prompt_set, number=number, **_prompt_values(values))


@transaction.atomic
def change_prompt(prompt: Prompt, user: User, values: Mapping[str, Any], before: str) -> Prompt:
    """Changes a prompt that nothing refers to; `before` is its digest as it was `seen`.

    Raises:
        ValidationError: a value is not valid.
        NotPossible: `user` may not change the prompt set; the prompt is in use, or was changed by someone else.
    """
    _hold(prompt.prompt_set_id, user)
    prompt = lock(prompt, before)
    _update(prompt, _prompt_values(values))
    return prompt


# Answers.


@transaction.atomic
def add_answer(prompt: Prompt, model: LanguageModel, user: User, values: Mapping[str, Any]) -> Result:
    """Adds an answer of `model` to `prompt`, as its next sample.

    Raises:
        ValidationError: a value is not valid.
        NotPossible: `user` may not change the prompt set.
    """
    prompt_set = _hold(prompt.prompt_set_id, user)
    if model.prompt_set_id != prompt_set.pk:
        raise ValidationError({"model": _("Choose a model of this prompt set.")})
    result = Result.objects.create(
        prompt_set=prompt_set,
        number=next_number(prompt_set.results.all()),
        prompt=prompt,
        model=model,
        sample=_next_answer_sample(prompt, model),
        **_checked("results", ANSWER_FIELDS, values),
    )
    _flag(result)
    return result


@transaction.atomic
def change_answer(result: Result, user: User, values: Mapping[str, Any], before: str) -> Result:
    """Changes an answer that nothing refers to; `before` is its digest as it was `seen`.

    Raises:
        ValidationError: a value is not valid.
        NotPossible: `user` may not change the prompt set; the answer is in use, or was changed by someone else.
    """
    _hold(result.prompt_set_id, user)
    result = lock(result, before)
    _update(result, _checked("results", ANSWER_FIELDS, values))
    _flag(result)
    return result


def _flag(result: Result) -> None:
    """Flags what is to be reviewed in an answer, as for uploaded ones."""
    result.flags.all().delete()
    words = names_itself(
        "\n".join([result.text, *result.turns]),
        name=result.model.name,
        org=result.model.org,
        api_id=result.model.api_id,
        prompt="\n".join([result.prompt.text, *result.prompt.turns]),
    )
    if words:
        ResultFlag.objects.create(result=result, kind=ResultFlag.Kind.NAMES_ITSELF, found=words)
    answer_flags.flag(Result.objects.filter(pk=result.pk))


@transaction.atomic
def delete(row: LanguageModel | Prompt | Result, user: User, before: str) -> None:
    """Deletes a row of the prompt set that nothing refers to; `before` is its digest as it was `seen`.

    Raises:
        NotPossible: `user` may not change the prompt set; the row is in use, or was changed by someone else.
    """
    check_editor(hold(row.prompt_set_id), user)
    row = lock(row, before)
    row.delete()
    if isinstance(row, Result):
        answer_flags.flag_identical([row.prompt_id])
