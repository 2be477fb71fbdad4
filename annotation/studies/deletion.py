"""Deleting a study: a draft, or one that has been started, after its name was typed."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Comparison, Result, ResultFlag, Status, Study, Upload
from annotation.studies.lifecycle import NotPossible


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is deleted with a study, and what its prompt set contains if no other study uses it."""

    pairs: int
    comparisons: int
    workers: int
    uploads: int
    prompt_set_is_shared: bool
    models: int
    prompts: int
    results: int


def belongings(study: Study) -> Belongings:
    """Counts what belongs to the study, for the page that confirms its deletion."""
    prompt_set = study.prompt_set
    return Belongings(
        pairs=study.pairs.count(),
        comparisons=study.comparisons.count(),
        workers=study.workers.count(),
        uploads=study.uploads.count(),
        prompt_set_is_shared=prompt_set.studies.exclude(pk=study.pk).exists(),
        models=prompt_set.models.count(),
        prompts=prompt_set.prompts.count(),
        results=prompt_set.results.count(),
    )


def needs_name(study: Study) -> bool:
    """Returns whether the study's name has to be typed to delete it: it was started, or somebody compared its pairs."""
    return study.status != Status.DRAFT or study.comparisons.exists()


@transaction.atomic
def delete_study(study: Study, name: str) -> None:
    """Deletes a study that has been started, with its votes, workers, judges' runs and leaderboards.

    What judges spent stays in their budgets, and uploads stay as the origin of the rows of the prompt set.

    Raises:
        NotPossible: people can still take part, or `name` is not the study's.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status in {Status.OPEN, Status.PAUSED}:
        raise NotPossible(_("People can still take part in this study. Close it first."))
    if name.strip() != study.name.strip():
        raise NotPossible(_("That is not the study’s name. Nothing was deleted."))
    Upload.objects.filter(study=study).update(study=None)
    study.delete()


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
    if Comparison.objects.filter(study=study).exists():
        raise NotPossible(_("This study has votes. Undo the uploads that added them first."))
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
