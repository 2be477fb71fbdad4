"""Undoing an upload: deletes everything it added, unless something else refers to it."""

from collections.abc import Iterator
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Count, F, ManyToOneRel, Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.importing import answer_flags, registry
from annotation.importing.rows import shift_taken
from annotation.models import (
    Comparison,
    LanguageModel,
    Pair,
    Prompt,
    PromptSet,
    Rater,
    Result,
    ResultFlag,
    Study,
    Upload,
    UploadState,
    Worker,
)
from annotation.models.voting import ComparisonQuerySet
from annotation.studies.lifecycle import NotPossible, check_shown, offer_pairs

OURS: Final[tuple[type[Model], ...]] = (Comparison, Rater, Pair, Result, Prompt, LanguageModel)
"""The models whose rows belong to an upload, referring ones before those they refer to."""

OWNED: Final = {(Rater, Worker), (Result, ResultFlag)}
"""(model, model) where rows of the second are deleted with the row of the first that they describe."""


def brought_kinds() -> tuple[type[Model], ...]:
    """Returns the models whose rows belong to an upload, those of other apps first, which refer to ours."""
    return (*registry.BROUGHT, *OURS)


def find(number: int) -> Upload:
    """Returns the upload with this number.

    Raises:
        NotPossible: there is none.
    """
    upload = Upload.objects.filter(pk=number).first()
    if upload is None:
        raise NotPossible(_("Upload %(number)s was not found.") % {"number": number})
    return upload


def changed_the_set(upload: Upload) -> bool:
    """Returns whether `upload` added rows to the prompt set, and not only to its study."""
    counts = upload.report.get("counts", {})
    return any(rows["new"] for kind, rows in counts.items() if kind not in registry.OF_THE_STUDY)


def undo(upload: Upload) -> dict[str, int]:
    """Deletes everything that `upload` added; returns the number of rows of each kind.

    The study and its prompt set are kept with their settings, even if the upload created them.

    Raises:
        NotPossible: it stored nothing or is already undone, or something else refers to its rows: votes on
            its pairs, pairs of its results, a study that selected its models. Or the study is hidden.
    """
    try:
        with transaction.atomic():
            return _undo(upload)
    except IntegrityError as error:
        # A race: a row was referred to after the check.
        raise NotPossible(_("Other data started using this upload just now. Please try again.")) from error


def _undo(upload: Upload) -> dict[str, int]:
    study = _hold(upload)
    if study is not None:
        check_shown(study)
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.STORED).update(
        state=UploadState.UNDONE, finished_at=timezone.now()
    ):
        raise NotPossible(_("Upload %(number)s has no saved data to undo.") % {"number": upload.pk})
    if referring := list(_referring(upload)):
        raise NotPossible(
            _("Upload %(number)s cannot be undone because other data depends on it: %(what)s.")
            % {"number": upload.pk, "what": ", ".join(referring)}
        )
    for prepare in registry.BEFORE_UNDO:
        prepare(upload)
    brought = Comparison.objects.filter(upload=upload)
    _give_back(brought)
    prompts = list(Result.objects.filter(upload=upload).order_by("prompt").values_list("prompt", flat=True).distinct())
    counts: dict[str, int] = {}
    for model in brought_kinds():
        rows = _of(model, upload)
        for owner, owned in OWNED:
            if owner is model:
                _delete(owned._default_manager.filter(**{f"{owner._meta.model_name}__in": rows}))
        if count := _delete(rows):
            counts[str(model._meta.verbose_name_plural)] = count
    answer_flags.flag_identical(prompts)
    if study is not None:
        offer_pairs(study)
    upload.refresh_from_db()
    return counts


def _hold(upload: Upload) -> Study | None:
    """Locks the upload's study against loading until the transaction ends."""
    study = Study.objects.select_for_update(of=("self",), no_key=True).filter(uploads=upload).first()
    if study is not None:
        PromptSet.objects.select_for_update(no_key=True).get(pk=study.prompt_set_id)
    return study


def _of(model: type[Model], upload: Upload) -> QuerySet[Model]:
    return model._default_manager.filter(upload=upload)


def _referring(upload: Upload) -> Iterator[str]:
    """Yields which rows of any app, outside the upload, refer to its rows, such as "3 assignments".

    A row counts once, however many of the upload's rows it refers to: a pair refers to its prompt, both models and
    both results.
    """
    conditions: dict[type[Model], Q] = {}
    for model in brought_kinds():
        brought = _of(model, upload)
        for relation in model._meta.get_fields(include_hidden=True):
            # A many-to-many relation refers through its intermediate table.
            if isinstance(relation, ManyToOneRel) and (model, relation.related_model) not in OWNED:
                other = relation.related_model
                conditions[other] = conditions.get(other, Q()) | Q(**{f"{relation.field.name}__in": brought})
    for other, condition in conditions.items():
        rows = other._default_manager.filter(condition)
        if other in brought_kinds():
            rows = rows.exclude(upload=upload)
        if count := rows.count():
            between = other._meta.auto_created
            owner = between if isinstance(between, type) else other
            yield f"{count} {owner._meta.verbose_name_plural}"


def _give_back(comparisons: ComparisonQuerySet) -> None:
    """Releases the places of people's votes and subtracts the votes from their workers' counts.

    The votes of excluded workers hold no places.
    """
    people = comparisons.in_force().by_people()
    holding = people.real().filter(rater__excluded_at=None).order_by()
    shift_taken(dict(holding.values_list("pair").annotate(votes=Count("pk"))), -1)
    by_worker = people.values_list("rater").annotate(votes=Count("pk")).order_by()
    for rater, votes in by_worker:
        Worker.objects.filter(pk=rater).update(votes=F("votes") - votes)


def _delete(rows: QuerySet[Model]) -> int:
    """Deletes directly in the database.

    `delete()` would fetch every row to look for references, which are already checked.
    """
    return int(rows._raw_delete(rows.db))
