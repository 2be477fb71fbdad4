"""Deleting a study: a draft, or one that has been started, after its name was typed."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Comparison, PromptSet, Result, ResultFlag, Status, Study, Upload
from annotation.models.study import LIVE
from annotation.studies.lifecycle import NotPossible


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is deleted with a study, and what its prompt set contains if no other study uses it."""

    pairs: int
    comparisons: int
    workers: int
    prompt_set_is_shared: bool
    may_delete_set: bool
    models: int
    prompts: int
    results: int


def belongings(study: Study, user: User) -> Belongings:
    """Counts what belongs to the study, for the page on which `user` confirms its deletion."""
    prompt_set = study.prompt_set
    shared = prompt_set.studies.exclude(pk=study.pk).exists()
    return Belongings(
        pairs=study.pairs.count(),
        comparisons=study.comparisons.count(),
        workers=study.workers.count(),
        prompt_set_is_shared=shared,
        may_delete_set=not shared and _may_delete_set(study, user),
        models=prompt_set.models.count(),
        prompts=prompt_set.prompts.count(),
        results=prompt_set.results.count(),
    )


def _may_delete_set(study: Study, user: User) -> bool:
    """Returns whether `user` owns the prompt set, or nobody does and it is this study's alone."""
    return study.prompt_set.owner is None or PromptSet.objects.owned_by(user).filter(pk=study.prompt_set_id).exists()


def needs_name(study: Study) -> bool:
    """Returns whether the study's name has to be typed to delete it: it was started, or somebody compared its pairs."""
    return study.status != Status.DRAFT or study.comparisons.exists()


@transaction.atomic
def delete_study(study: Study, name: str) -> None:
    """Deletes a study that has been started or has votes, with its workers, judges' runs and leaderboards.

    What judges spent stays in their budgets, and uploads stay as the origin of the rows of the prompt set.

    Raises:
        NotPossible: people can still take part, or `name` is not the study's.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status in LIVE:
        raise NotPossible(_("People can still take part in this study. Close it first."))
    if name.strip() != study.name.strip():
        raise NotPossible(_("That is not the study’s name. Nothing was deleted."))
    Upload.objects.filter(study=study).update(study=None)
    study.delete()


@transaction.atomic
def delete_draft(study: Study, *, with_prompt_set: bool = False, user: User | None = None) -> None:
    """Deletes the study with its pairs and wording and, on request, its prompt set with all its data.

    Its uploads are kept without a study, as the origin of the rows that are kept. Without a `user`, the command line
    asks, which may delete any set.

    Raises:
        NotPossible: it has been open or has votes, or the prompt set is used by another study or is not the user's.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status != Status.DRAFT:
        raise NotPossible(_("Only a draft can be deleted. Close the study instead."))
    if Comparison.objects.filter(study=study).exists():
        raise NotPossible(
            _("This study has votes. Delete it on its page, where you confirm that with its name, or undo the uploads.")
        )
    prompt_set = study.prompt_set
    if with_prompt_set and prompt_set.studies.exclude(pk=study.pk).exists():
        raise NotPossible(
            _("Another study uses this prompt set, so the set cannot be deleted. Delete the draft without it.")
        )
    if with_prompt_set and user is not None and not _may_delete_set(study, user):
        raise NotPossible(_("Only the owner of this prompt set can delete it. Delete the draft without it."))
    uploads = list(study.uploads.values_list("pk", flat=True))
    # Rows of the prompt set refer to its uploads, and a prompt set may outlive its studies.
    Upload.objects.filter(pk__in=uploads).update(study=None)
    study.delete()
    if with_prompt_set:
        uploads += prompt_set.results.exclude(upload=None).values_list("upload", flat=True).distinct()
        ResultFlag.objects.filter(result__prompt_set=prompt_set).delete()
        Result.objects.filter(prompt_set=prompt_set).delete()
        prompt_set.prompts.all().delete()
        prompt_set.models.all().delete()
        prompt_set.delete()
        Upload.objects.filter(pk__in=uploads, study=None).delete()
