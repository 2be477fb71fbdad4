"""Creating a study, changing its settings, opening, pausing and closing it."""

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest, Least
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import draw_strategies
from annotation.models import (
    Assignment,
    Comparison,
    Draw,
    Exit,
    LanguageModel,
    Offering,
    Outcome,
    Pair,
    PromptSet,
    Status,
    Study,
    StudyText,
    TextKind,
)
from annotation.models.study import LIVE
from annotation.problems import Failure
from annotation.stored_problems import told
from annotation.studies import default_texts, platform_tokens, problems, signed_ids

CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the characters that look alike when a code is copied by hand."""

OFFER_FIELDS = frozenset(
    {"overlap", "only_types", "only_slugs", "exclude_types", "exclude_slugs", "language_models", "offering"}
)
"""The settings that decide which pairs people are offered, and how often."""

HALTS: list[Callable[[Study], None]] = []
"""Called with each study that was hidden or lost the leave to use its prompt set, to stop what it does in the
background."""

WORDED_FIELDS = {
    "consent": TextKind.CONSENT,
    "instruction": TextKind.INSTRUCTION,
    "question": TextKind.QUESTION,
    "scale_name": TextKind.SCALE,
    "reasoning": TextKind.REASONING,
}
"""The settings whose versions are kept, with the kind of their texts; `KIND_version` is the field of the newest."""


class NotPossible(Failure):
    """What was asked of a study cannot be done in the state it is in; the message says what to do, in the language
    of whoever reads it."""

    def __str__(self) -> str:
        return told(self.problem)


def new_code() -> str:
    """Returns a random code such as 7KQ2-M9AB, one of 32^8, from the operating system's generator."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _place in range(8))
    return f"{letters[:4]}-{letters[4:]}"


@transaction.atomic
def create_study(
    slug: str,
    prompt_set: PromptSet,
    *,
    name: str = "",
    owner: User | None = None,
    language: str = "en",
    offering: str = Offering.FIXED,
) -> Study:
    """Creates a draft with the default wording in `language` and a code for every outcome.

    Raises:
        ValidationError: the address is taken or malformed.
    """
    study = Study(
        slug=slug,
        name=name or slug,
        owner=owner,
        prompt_set=prompt_set,
        language=language,
        offering=offering,
        consent=default_texts.consent(language),
        instruction=default_texts.instruction(language),
    )
    study.full_clean()
    study.save()
    Exit.objects.bulk_create(Exit(study=study, outcome=outcome, code=new_code()) for outcome in Outcome)
    for field in WORDED_FIELDS:
        _keep_wording(study, field)
    study.save(update_fields=[f"{kind}_version" for kind in WORDED_FIELDS.values()])
    return study


def _keep_wording(study: Study, field: str) -> None:
    text, kind = getattr(study, field), WORDED_FIELDS[field]
    version = getattr(study, f"{kind}_version") + 1
    StudyText.objects.create(
        study=study,
        kind=kind,
        version=version,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    setattr(study, f"{kind}_version", version)


def _votes_given(study: Study) -> int:
    """Counts the votes of people as the study's page does."""
    return Comparison.objects.votes_of_people().filter(study=study).count()


def warning_before(study: Study) -> str:
    """Returns what a change of what workers see or answer would mean for the votes of `study`; empty if it has none."""
    votes = _votes_given(study)
    if not votes:
        return ""
    text = ngettext(
        "This study has %(votes)s vote. If you change the question, the scale or what is shown of reasoning, it is "
        "kept and still counts in leaderboards, beside votes that answered something else.",
        "This study has %(votes)s votes. If you change the question, the scale or what is shown of reasoning, they are "
        "kept and still count in leaderboards, beside votes that answered something else.",
        votes,
    )
    return text % {"votes": number_format(votes, force_grouping=True)}


def warning_of(study: Study, changes: Mapping[str, Any]) -> str:
    """Returns what `changes` of the question, the scale or the reasoning shown mean for a study that has started.

    Empty if nothing. Nothing is wrong with such a change. But the votes before and after it answer different questions.
    """
    now = {field: getattr(study, field) for field in ("question", "scale_name", "reasoning")}
    asked = {field for field, value in now.items() if changes.get(field, value) != value}
    votes = _votes_given(study)
    if not asked or (study.status == Status.DRAFT and not votes):
        return ""
    told = []
    if "question" in asked:
        told.append(_("You changed the question of a study that has started."))
    if "scale_name" in asked:
        told.append(_("You changed the scale of a study that has started. Open pairs are asked again on it."))
    if "reasoning" in asked:
        told.append(
            _(
                "You changed what is shown of reasoning in the answers of a study that has started. Workers and judges "
                "read other texts than before."
            )
        )
    text = ngettext(
        "%(votes)s vote was given on the old version. It is kept and still counts in leaderboards.",
        "%(votes)s votes were given on the old version. They are kept and still count in leaderboards.",
        votes,
    )
    told.append(text % {"votes": number_format(votes, force_grouping=True)})
    told.append(_("The full export has the versions of each vote, and the text of its question."))
    return " ".join(told)


@transaction.atomic
def change_settings(study: Study, changes: Mapping[str, Any]) -> Study:
    """Changes the fields in `changes`, all or none, and updates the votes that pairs need.

    A new consent or instruction becomes a new version. `language_models` takes models.

    Raises:
        ValidationError: a value is not valid for its field, or the minimum votes exceed the maximum.
    """
    # No key changes: somebody who stores a vote, and holds a pair that this changes, need not wait for the study.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    before = {field: getattr(study, field) for field in WORDED_FIELDS}
    models = changes.get("language_models")
    for field, value in changes.items():
        if field != "language_models":
            setattr(study, field, value)
    # Turning signatures off and on makes a new key, and old links useless.
    study.id_secret = (study.id_secret or signed_ids.new_secret()) if study.id_signed else ""
    study.full_clean()
    if study.id_keys and "id_keys" in changes:
        try:
            platform_tokens.keys(study.id_keys)
        except ValidationError as error:
            raise ValidationError({"id_keys": error.messages}) from error
    if names := draw_strategies.unknown(study.mix):
        raise ValidationError({"mix": _("No strategy is named “%(name)s”.") % {"name": ", ".join(names)}})
    for field, text in before.items():
        if getattr(study, field) != text:
            _keep_wording(study, field)
    study.save()
    if models is not None:
        study.language_models.set(models)
    if OFFER_FIELDS & changes.keys():
        offer_pairs(study)
    if study.is_adaptive:
        draw_strategies.request(study)
    return study


@transaction.atomic
def add_models(study: Study, models: Collection[LanguageModel]) -> Study:
    """Adds models of the prompt set to those that the study compares; votes on the others stay.

    An adaptive study draws pairs of a new model first. A fixed one needs its pairs to be made.

    Raises:
        NotPossible: a model is not of the study's prompt set.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if any(model.prompt_set_id != study.prompt_set_id for model in models):
        raise NotPossible(_("Only models of the study’s prompt set can be added."))
    # Without a choice, it compares all models anyway.
    if study.language_models.exists():
        study.language_models.add(*models)
    offer_pairs(study)
    if study.is_adaptive:
        draw_strategies.request(study)
    return study


def offer_pairs(study: Study, only: Collection[int] | None = None) -> None:
    """Sets `wanted` of every pair, or of the pairs with the primary keys `only`, from the study's state, overlap
    and filters.

    It is 0 in a draft. Places already taken stay: wanted = max(overlap, taken) within the filters, taken
    outside them. In an adaptive study it is what was drawn or taken, and never the overlap if that is more. Call it
    inside a transaction.
    """
    pairs = Pair.objects.filter(study=study).votable()
    offered = Pair.objects.within(study)
    if only is not None:
        pairs, offered = pairs.filter(pk__in=only), offered.filter(pk__in=only)
    if study.status == Status.DRAFT:
        pairs.exclude(wanted=F("taken")).update(wanted=F("taken"))
        return
    offered.update(wanted=Greatest(F("taken"), _drawn_places(study) if study.is_adaptive else study.overlap))
    pairs.exclude(wanted=F("taken")).exclude(pk__in=offered.values("pk")).update(wanted=F("taken"))


def check_shown(study: Study) -> None:
    """Raises NotPossible if the study is hidden, which makes it read-only."""
    if Study.objects.filter(pk=study.pk, hidden_at__isnull=False).exists():
        raise NotPossible(problems.HIDDEN())


def _drawn_places(study: Study) -> Least:
    """Returns the places of a pair that are taken or that a draw has opened, at most the study's overlap."""
    held = Assignment.objects.filter(pair=OuterRef("pair"), slot=OuterRef("slot"))
    untaken = Draw.objects.filter(~Exists(held), pair=OuterRef("pk")).order_by().values("pair")
    number = Coalesce(Subquery(untaken.annotate(number=Count("pk")).values("number")), 0)
    return Least(F("taken") + number, study.overlap)


def has_candidates(study: Study) -> bool:
    """Returns whether two of the study's models answered a prompt within its filters, so that a pair can be drawn."""
    return study.answers().order_by().values("prompt").annotate(models=Count("pk")).filter(models__gt=1).exists()


def check_leave(study: Study) -> None:
    """Raises NotPossible if the study is hidden, or may not use its prompt set; see `StudyQuerySet.at_work`."""
    check_shown(study)
    if not Study.objects.with_leave().filter(pk=study.pk).exists():
        raise NotPossible(problems.NO_LEAVE(name=study.prompt_set.name))


def check_askable(study: Study) -> None:
    """Raises NotPossible as `check_leave` does, and if the study's answers have no texts to ask anybody about."""
    check_leave(study)
    check_texts(study.prompt_set)


def check_texts(prompt_set: PromptSet) -> None:
    """Raises NotPossible if the prompts and answers of the set have no texts."""
    if prompt_set.textless:
        raise NotPossible(problems.NO_TEXTS(name=prompt_set.name))


@transaction.atomic
def start(study: Study) -> Study:
    """Opens the study to workers, for the first time or again.

    Raises:
        NotPossible: it is already open or hidden, has no pair to offer, or may not use its prompt set.
    """
    # Its owner may be ending that at this moment.
    PromptSet.objects.select_for_update(no_key=True).get(pk=study.prompt_set_id)
    check_askable(study)
    study.refresh_from_db()
    if study.is_adaptive and not has_candidates(study):
        raise NotPossible(_("This study has no pairs to draw yet. Upload answers of two models to the same prompts."))
    if not study.is_adaptive and not Pair.objects.within(study).exists():
        raise NotPossible(_("This study has no pairs to vote on yet. Upload answers, then make pairs."))
    mine = Study.objects.filter(pk=study.pk)
    if not mine.listed().exclude(status=Status.OPEN).update(status=Status.OPEN, closed_at=None):
        if mine.listed().exists():
            raise NotPossible(_("This study is already open."))
        raise NotPossible(_("This study is hidden. Show it again first."))
    study.refresh_from_db()
    offer_pairs(study)
    if study.is_adaptive:
        draw_strategies.request(study)
    return study


@transaction.atomic
def pause(study: Study) -> Study:
    """Stops handing out pairs until the study is resumed; votes on reserved pairs still count.

    Raises:
        NotPossible: it is not open.
    """
    if not Study.objects.filter(pk=study.pk, status=Status.OPEN).update(status=Status.PAUSED):
        raise NotPossible(_("Only an open study can be paused."))
    study.refresh_from_db()
    return study


@transaction.atomic
def close(study: Study, at: datetime | None = None) -> Study:
    """Ends the study at the time `at`, by default now; it can be resumed.

    From that time on, `erase_after_days` are counted.

    Raises:
        NotPossible: it is already closed.
    """
    ended = Study.objects.filter(pk=study.pk).exclude(status=Status.CLOSED)
    if not ended.update(status=Status.CLOSED, closed_at=at or timezone.now()):
        raise NotPossible(_("This study is already closed."))
    study.refresh_from_db()
    return study


@transaction.atomic
def hide(study: Study, at: datetime) -> Study:
    """Takes the study out of all lists and makes it read-only, until `unhide`.

    What runs for it in the background is paused, and its schedules rest.

    Raises:
        NotPossible: workers can vote on it.
    """
    ended = Study.objects.filter(pk=study.pk, hidden_at=None).exclude(status__in=LIVE)
    if not ended.update(hidden_at=at):
        study.refresh_from_db()
        if study.hidden_at is None:
            raise NotPossible(_("People can still take part in this study. Close it first."))
    study.refresh_from_db()
    for halt in HALTS:
        halt(study)
    return study


def unhide(study: Study) -> Study:
    """Brings a hidden study back into the lists, where it can be changed again."""
    Study.objects.filter(pk=study.pk).update(hidden_at=None)
    study.refresh_from_db()
    return study


def choose_models(study: Study, names: list[str]) -> list[LanguageModel]:
    """Returns the models of the study's prompt set with these `names`.

    Raises:
        NotPossible: the prompt set has no model of that name.
    """
    models = {model.name: model for model in study.prompt_set.models.filter(name__in=names)}
    missing = [name for name in names if name not in models]
    if missing:
        raise NotPossible(_("No model in the prompt set is named “%(name)s”.") % {"name": ", ".join(missing)})
    return [models[name] for name in names]
