"""A draft with verdicts of a judge is deleted as a study with votes is: by its name, and nothing spent is forgotten."""

import pytest

from annotation.models import Comparison, Rater, RaterKind, Study
from annotation.studies import deletion
from annotation.studies.lifecycle import NotPossible
from tests.builders import build_study

pytestmark = pytest.mark.django_db


def test_a_draft_that_a_judge_compared_is_deleted_by_its_name():
    study = build_study(opened=False)
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="owl")
    Comparison.objects.create(study=study, pair=study.pairs.all()[0], rater=rater, left="x", winner="x")
    with pytest.raises(NotPossible, match="Delete it on its page"):
        deletion.delete_draft(study)
    assert deletion.needs_name(study)
    with pytest.raises(NotPossible, match="not the study"):
        deletion.delete_study(study, "another")
    deletion.delete_study(study, study.name)
    assert not Study.objects.exists()
