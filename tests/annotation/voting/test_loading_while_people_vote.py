"""People can vote while other votes are loaded, and every place is counted once."""

from pathlib import Path

import pytest
from django.db.models import Count

from annotation.importing import load, undo
from annotation.models import Assignment, Comparison, Pair, Upload, Worker
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from tests.builders import NOW, build_study, build_worker, rng
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)

LOADED = range(5000, 5010)
"""Worker numbers that no live worker has."""


def test_voting_and_loading_and_undoing_at_once_leave_every_place_counted_once(tmp_path: Path) -> None:
    study = build_study(models=2, prompts=30, overlap=3, most_votes=40)
    workers = [build_worker(study) for _index in range(6)]
    path = tmp_path / "crowd-comparisons.csv"
    rows = [
        f"{pair.number},{pair.prompt.number},{pair.model_x.number},{pair.model_y.number},{number},tie"
        for pair in Pair.objects.select_related("prompt", "model_x", "model_y")
        for number in LOADED
    ]
    path.write_text("id,prompt,model_x,model_y,worker,winner\n" + "\n".join(rows) + "\n")

    def load_and_undo() -> int:
        load.load([path], study_slug=study.slug)
        undo.undo(Upload.objects.get())
        load.load([path], study_slug=study.slug)
        return 0

    def vote_on(index: int) -> int:
        given = 0
        assignment = assignments.current(workers[index], NOW, rng(index))
        while assignment is not None:
            _worker, assignment = votes.vote(workers[index], assignment.pk, Ballot(value=1), NOW, rng(index))
            given += 1
        return given

    total = sum(together(len(workers) + 1, lambda index: load_and_undo() if index == len(workers) else vote_on(index)))
    assert Comparison.objects.filter(assignment=None).count() == 30 * len(LOADED)
    assert Comparison.objects.filter(assignment__isnull=False).count() == total
    holding = dict(Comparison.objects.in_force().values_list("pair").annotate(Count("pk")).order_by())
    assert dict(Pair.objects.values_list("pk", "taken")) == holding
    assert not Assignment.objects.filter(state="open").exists()
    assert set(Worker.objects.filter(number__in=LOADED).values_list("votes", flat=True)) == {30}
