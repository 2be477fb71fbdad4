"""A study is hidden while it is started: it is one or the other, never both."""

import contextlib

import pytest

from annotation.models import Status, Study
from annotation.models.pair import PairQuerySet
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from tests.builders import NOW, build_study
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_study_that_is_hidden_in_the_meantime_is_not_started(monkeypatch):
    study, within = build_study(opened=False), PairQuerySet.within

    def hide_first(pairs: PairQuerySet, of: Study) -> PairQuerySet:
        lifecycle.hide(of, NOW)
        return within(pairs, of)

    monkeypatch.setattr(PairQuerySet, "within", hide_first)
    with pytest.raises(NotPossible, match="hidden"):
        lifecycle.start(study)


def test_no_study_is_hidden_and_open():
    study = build_study(opened=False)
    for _again in range(5):
        Study.objects.update(status=Status.DRAFT, hidden_at=None)

        def work(index: int) -> None:
            with contextlib.suppress(NotPossible):
                lifecycle.hide(study, NOW) if index else lifecycle.start(study)

        together(2, work)
        assert not Study.objects.live().exclude(hidden_at=None).exists()
