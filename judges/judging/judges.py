"""Creates judges and template sets; changes create new versions and never modify rows."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.judging import stored_keys
from judges.llm.endpoints import base_url
from judges.models import NANOS, Judge, JudgeVersion, Template
from judges.prompting import templates
from judges.prompting.builtin import BUILT_IN


@transaction.atomic
def built_in(name: str) -> Template:
    """Returns the newest version of the built-in template set `name` as a row.

    Raises:
        KeyError: there is no such set.
    """
    return keep_templates(name, BUILT_IN[name])


def keep_built_in() -> None:
    """Stores every built-in template set."""
    for name in BUILT_IN:
        built_in(name)


@transaction.atomic
def keep_templates(name: str, content: templates.TemplateSet, user: User | None = None) -> Template:
    """Returns the version of the template set `name` with this content, created if missing.

    Raises:
        BadTemplate: the set is invalid.
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
            continue  # another process took the number, or stored the same content
        return row


def in_nanos(dollars: Any) -> int | None:
    """Converts a budget in dollars to nanos; None means no budget."""
    return None if dollars is None else int(dollars * NANOS)


@transaction.atomic
def add_judge(
    name: str,
    settings: Mapping[str, Any],
    *,
    budget: int | None = None,
    user: User | None = None,
    everyone: bool | None = None,
    key: str = "",
) -> Judge:
    """Creates a judge with its first version; `settings` are fields of `JudgeVersion`, `budget` is in nanos.

    Without `user`, the judge belongs to the installation, and everyone may use it unless `everyone` is False. `key` is
    a pasted API key, which is stored encrypted.

    Raises:
        ValidationError: a setting is invalid, or the name is taken.
    """
    judge = Judge(name=name, budget=budget, user=user, everyone=user is None if everyone is None else everyone)
    judge.full_clean()
    judge.save()
    if key:
        endpoint = base_url(settings["endpoint"])
        settings = {**settings, "key_source": stored_keys.keep(judge, endpoint, key, user, timezone.now())}
    _add_version(judge, settings, user, 1)
    return judge


def _add_version(judge: Judge, settings: Mapping[str, Any], user: User | None, number: int) -> JudgeVersion:
    version = JudgeVersion(judge=judge, number=number, user=user, **settings)
    version.tidy_endpoint()
    version.full_clean()
    version.save()
    return version


@transaction.atomic
def change_judge(judge: Judge, settings: Mapping[str, Any], *, user: User | None = None, key: str = "") -> JudgeVersion:
    """Returns the version with `settings`: the current one if nothing differs, otherwise a new one.

    `key` is a pasted API key, which replaces the stored one without a new version. A stored key is deleted if the
    endpoint's scheme, host or port changes.

    Raises:
        ValidationError: a setting is invalid.
    """
    judge = Judge.objects.select_for_update().get(pk=judge.pk)
    current = judge.current
    if unknown := settings.keys() - set(JudgeVersion.SETTINGS):
        raise ValidationError(_("No judge setting is named “%(name)s”.") % {"name": min(unknown)})
    wanted = {name: settings.get(name, getattr(current, name)) for name in JudgeVersion.SETTINGS}
    wanted["endpoint"] = base_url(wanted["endpoint"])
    if key:
        wanted["key_source"] = stored_keys.keep(judge, wanted["endpoint"], key, user, timezone.now())
    else:
        wanted["key_source"] = stored_keys.drop_unfit(judge, wanted["key_source"], wanted["endpoint"])
    changed = {name for name, value in wanted.items() if getattr(current, name) != value}
    if changed <= JudgeVersion.IN_PLACE:
        for name in changed:
            setattr(current, name, wanted[name])
        current.full_clean()
        current.save(update_fields=changed)
        return current
    return _add_version(judge, wanted, user, judge.next_number())


@transaction.atomic
def ask_anew(judge: Judge, *, user: User | None = None) -> JudgeVersion:
    """Creates a version with the same settings, so that the judge can be asked everything again."""
    judge = Judge.objects.select_for_update().get(pk=judge.pk)
    same = {name: getattr(judge.current, name) for name in JudgeVersion.SETTINGS}
    return _add_version(judge, same, user, judge.next_number())


@transaction.atomic
def share(judge: Judge, users: Iterable[User], *, everyone: bool) -> None:
    """Sets who may use `judge` besides its owner and those who may add judges."""
    Judge.objects.filter(pk=judge.pk).update(everyone=everyone)
    judge.users.set(users)


def check_use(judge: Judge, user: User | None) -> None:
    """Checks that `user` may spend the judge's budget; None stands for who runs the installation.

    Raises:
        NotPossible: they may not.
    """
    if not judge.may_be_used_by(user):
        raise NotPossible(problems.MAY_NOT_USE(judge=judge.name))


def set_budget(judge: Judge, budget: int | None) -> None:
    """Sets the budget in nanos; None removes it."""
    Judge.objects.filter(pk=judge.pk).update(budget=budget)
