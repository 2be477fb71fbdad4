"""Deleting a draft that has no votes."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Comparison, PromptSet, RaterKind, Result, ResultFlag, Status, Study, Upload
from annotation.studies.lifecycle import NotPossible


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is deleted with a study, and what its prompt set contains if no other study uses it."""

    pairs: int
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
        prompt_set_is_shared=shared,
        may_delete_set=not shared and _may_delete_set(study, user),
        models=prompt_set.models.count(),
        prompts=prompt_set.prompts.count(),
        results=prompt_set.results.count(),
    )


def _refuse_votes(study: Study) -> None:
    """
    Raises:
        NotPossible: there are votes; the message says how to get rid of them, where that is possible.
    """
    votes = Comparison.objects.filter(study=study)
    # No upload that could be undone brought what a judge of this site, or a simulation, said here.
    made_here = votes.filter(upload=None)
    if made_here.filter(rater__kind=RaterKind.JUDGE).exists():
        raise NotPossible(
            _(
                "A judge has compared pairs in this draft, so it cannot be deleted: its replies and their cost are "
                "kept. Leave the draft as it is, or start the study and close it."
            )
        )
    if made_here.exists():
        raise NotPossible(
            _("This draft has votes that did not come from files, so it cannot be deleted. Start it and close it.")
        )
    if votes.exists():
        raise NotPossible(_("This study has votes. Undo the uploads that added them first."))


def _may_delete_set(study: Study, user: User) -> bool:
    """Returns whether `user` owns the prompt set, or nobody does and it is this study's alone."""
    return study.prompt_set.owner is None or PromptSet.objects.owned_by(user).filter(pk=study.prompt_set_id).exists()


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
    _refuse_votes(study)
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
