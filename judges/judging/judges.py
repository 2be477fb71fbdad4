"""Judges and sets of templates: made, changed by new versions, never changed in place."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from judges.models import NANOS, Judge, JudgeVersion, Template
from judges.prompting import templates
from judges.prompting.builtin import BUILT_IN


@transaction.atomic
def built_in(name: str) -> Template:
    """The set that comes with LLMFAO under `name`, as a row; its newest wording.

    Raises:
        KeyError: there is none.
    """
    return keep_templates(name, BUILT_IN[name])


def keep_built_in() -> None:
    """Makes rows of every set that comes with LLMFAO."""
    for name in BUILT_IN:
        built_in(name)


@transaction.atomic
def keep_templates(name: str, content: templates.TemplateSet, user: User | None = None) -> Template:
    """The version of the set `name` with this content, made if it is not there.

    Raises:
        BadTemplate: the set could not be filled in.
    """
    templates.check(content)
    while True:
        known = Template.objects.filter(name=name, sha256=content.sha256).first()
        if known is not None:
            return known
        number = (Template.objects.filter(name=name).aggregate(last=Max("number"))["last"] or 0) + 1
        row = Template(name=name, number=number, content=content.as_json(), sha256=content.sha256, user=user)
        row.clean_fields()
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            continue  # somebody else took the number, or kept the same content
        return row


def in_nanos(dollars: Any) -> int | None:
    """A budget as people say it, in nanos; None for none."""
    return None if dollars is None else int(dollars * NANOS)


@transaction.atomic
def add_judge(name: str, settings: Mapping[str, Any], *, budget: int | None = None, user: User | None = None) -> Judge:
    """A judge with its first version; `settings` are fields of `JudgeVersion`, `budget` is in nanos.

    Raises:
        ValidationError: a setting makes no sense, or the name is taken.
    """
    judge = Judge(name=name, budget=budget, user=user)
    judge.full_clean()
    judge.save()
    _add_version(judge, settings, user, 1)
    return judge


def _add_version(judge: Judge, settings: Mapping[str, Any], user: User | None, number: int) -> JudgeVersion:
    version = JudgeVersion(judge=judge, number=number, user=user, **settings)
    version.full_clean()
    version.save()
    return version


@transaction.atomic
def change_judge(judge: Judge, settings: Mapping[str, Any], *, user: User | None = None) -> JudgeVersion:
    """The version with `settings`: the current one where nothing differs, else a new one.

    Raises:
        ValidationError: a setting makes no sense.
    """
    judge = Judge.objects.select_for_update().get(pk=judge.pk)
    current = judge.current
    if unknown := settings.keys() - set(JudgeVersion.SETTINGS):
        raise ValidationError(_("A judge has no setting %(name)s.") % {"name": min(unknown)})
    wanted = {name: settings.get(name, getattr(current, name)) for name in JudgeVersion.SETTINGS}
    if all(getattr(current, name) == value for name, value in wanted.items()):
        return current
    return _add_version(judge, wanted, user, judge.next_number())


@transaction.atomic
def ask_anew(judge: Judge, *, user: User | None = None) -> JudgeVersion:
    """A new version with the same settings, so that a judge can be asked everything again."""
    judge = Judge.objects.select_for_update().get(pk=judge.pk)
    same = {name: getattr(judge.current, name) for name in JudgeVersion.SETTINGS}
    return _add_version(judge, same, user, judge.next_number())


def set_budget(judge: Judge, budget: int | None) -> None:
    """Sets the budget, in nanos; None takes it away."""
    Judge.objects.filter(pk=judge.pk).update(budget=budget)
