"""Deleting a draft that has no votes."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Comparison, RaterKind, Result, ResultFlag, Status, Study, Upload
from annotation.studies.lifecycle import NotPossible


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is deleted with a study, and what its prompt set contains if no other study uses it."""

    pairs: int
    prompt_set_is_shared: bool
    models: int
    prompts: int
    results: int


def belongings(study: Study) -> Belongings:
    """Counts what belongs to the study, for the page that confirms its deletion."""
    prompt_set = study.prompt_set
    return Belongings(
        pairs=study.pairs.count(),
        prompt_set_is_shared=prompt_set.studies.exclude(pk=study.pk).exists(),
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


@transaction.atomic
def delete_draft(study: Study, *, with_prompt_set: bool = False) -> None:
    """Deletes the study with its pairs and wording and, on request, its prompt set with all its data.

    Its uploads are kept without a study, as the origin of the rows that are kept.

    Raises:
        NotPossible: it has been open or has votes, or another study uses the prompt set.
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
