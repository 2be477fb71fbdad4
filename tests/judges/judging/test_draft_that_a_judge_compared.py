"""A draft with verdicts of a judge cannot be deleted, and the refusal says what can be done instead."""

import pytest

from annotation.models import Comparison, Rater, RaterKind
from annotation.studies.deletion import delete_draft
from annotation.studies.lifecycle import NotPossible
from tests.builders import build_study

pytestmark = pytest.mark.django_db


def test_verdicts_of_a_judge_are_no_upload_that_could_be_undone():
    study = build_study(opened=False)
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="owl")
    Comparison.objects.create(study=study, pair=study.pairs.all()[0], rater=rater, left="x", winner="x")
    with pytest.raises(NotPossible, match=r"A judge has compared pairs in this draft.*start the study and close it"):
        delete_draft(study)
