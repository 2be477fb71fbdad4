"""The background draws the pairs of adaptive studies, and opens a place for each draw."""

from datetime import timedelta
from unittest.mock import patch

import numpy as np
import pytest

from annotation import draw_strategies
from annotation.drawing import batches, candidates
from annotation.importing import answer_flags
from annotation.models import Assignment, Comparison, Draw, DrawBatch, Pair, Result, Study
from annotation.studies import lifecycle
from annotation.voting import assignments
from tests.annotation.adaptive import adaptive_study, books_balance, draw, vote
from tests.builders import NOW, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


def test_rows_are_made_only_for_what_is_drawn():
    study = adaptive_study()
    assert not Pair.objects.exists()
    assert draw(study) == 2
    assert Pair.objects.count() == 2
    assert set(Pair.objects.values_list("wanted", "taken")) == {(1, 0)}
    books_balance(study)


def test_open_places_stay_at_twice_the_workers_at_work_and_one_more():
    study = adaptive_study(models=6)
    draw(study)
    for number in range(5):
        assignments.current(build_worker(study), NOW, rng(number))
        draw(study)
        now = batches.supply(study, NOW)
        assert now.at_work == number + 1
        assert 2 * (number + 2) <= now.usable < 2 * (number + 2) + 1
    assert draw(study) == 0, "there is enough"


def test_reservations_that_ran_out_are_nobody_at_work():
    study = adaptive_study()
    draw(study)
    assignments.current(build_worker(study), NOW, rng())
    assert batches.supply(study, NOW).at_work == 1
    assert batches.supply(study, NOW + timedelta(hours=1)).at_work == 0


def test_places_that_nobody_at_work_can_take_do_not_count_as_enough():
    """A worker who skipped all that is open needs other pairs, and gets drawn ones."""
    study = adaptive_study(models=5, prompts=8)
    worker = build_worker(study)
    draw(study)
    for _skip in range(10):
        held = assignments.current(worker, NOW, rng())
        assert draw(study) > 0
        assignments.set_aside(held, study, "skipped")
    assignments.current(worker, NOW, rng())
    assert batches.supply(study, NOW).usable < batches.supply(study, NOW).open
    assert not DrawBatch.objects.filter(late=True).exists()


def test_a_batch_says_what_it_came_from_and_can_be_drawn_again():
    study = adaptive_study(draw_seed=5)
    draw(study)
    workers = [build_worker(study) for _index in range(3)]
    for _round in range(6):
        for worker in workers:
            vote(worker)
        draw(study)
    batch = DrawBatch.objects.filter(late=False).latest("number")
    assert batch.seed == f"5, {batch.number}"
    assert batch.votes == Comparison.objects.filter(pk__lte=batch.cut).count()
    assert len(batch.fit) == 64
    assert batch.mix == {"uniform": 0.2, "gap": 0.5, "d-optimal": 0.3}
    assert batch.before == Draw.objects.filter(batch__number__lt=batch.number).count()
    kept = [(each.pair.prompt_id, each.strategy, each.probability) for each in batch.draws.order_by("position")]
    # As it was: without the batch, its places and what came after.
    pairs = list(batch.draws.values_list("pair", flat=True))
    batch.delete()
    lifecycle.offer_pairs(Study.objects.get(pk=study.pk), pairs)
    assert draw(study) == len(kept)
    again = DrawBatch.objects.latest("number")
    assert [(each.pair.prompt_id, each.strategy, each.probability) for each in again.draws.order_by("position")] == kept


def test_each_draw_has_its_probability_and_its_slot():
    study = adaptive_study(models=3, prompts=1, overlap=3)
    workers = [build_worker(study) for _index in range(6)]
    for worker in workers:
        for _vote in range(3):
            vote(worker) if assignments.current(worker, NOW, rng()) else None
            draw(study)
    books_balance(study)
    assert set(Pair.objects.values_list("wanted", flat=True)) == {3}
    assert Draw.objects.count() == 9
    assert all(0 < chance <= 1 for chance in Draw.objects.values_list("probability", flat=True))
    assert sorted(Draw.objects.filter(pair=Pair.objects.first()).values_list("slot", flat=True)) == [0, 1, 2]
    assert draw(study) == 0, "every pair has all its votes"


def test_the_first_pairs_of_each_model_are_random_and_the_others_by_strategy():
    study = adaptive_study(models=4, prompts=30, floor=3)
    workers = [build_worker(study) for _index in range(4)]
    for worker in workers:
        draw(study)
        assignments.current(worker, NOW, rng())
    draw(study)
    for _round in range(8):
        for worker in workers:
            vote(worker)
        draw(study)
    assert not DrawBatch.objects.filter(late=True).exists()
    by_batch = [set(batch.draws.values_list("strategy", flat=True)) for batch in DrawBatch.objects.order_by("number")]
    assert by_batch[0] <= {"uniform", "floor"}
    assert set.union(*by_batch) == {"uniform", "floor", "gap", "d-optimal"}


def test_the_shares_are_the_studys():
    study = adaptive_study(models=4, prompts=40, floor=0, mix={"uniform": 0.5, "d-optimal": 0.5})
    workers = [build_worker(study) for _index in range(8)]
    for _round in range(8):
        draw(study)
        for worker in workers:
            vote(worker)
    strategies = list(Draw.objects.filter(batch__late=False).values_list("strategy", flat=True))
    assert set(strategies) == {"uniform", "d-optimal"}
    assert abs(strategies.count("uniform") - len(strategies) / 2) < 4 * np.sqrt(len(strategies) / 4)


def test_what_the_filters_exclude_is_not_drawn():
    study = adaptive_study(only_types=["prose"])
    study.language_models.set(study.prompt_set.models.order_by("pk")[:3])
    for _batch in range(10):
        for index in range(3):
            assignments.current(build_worker(study), NOW, rng(index))
        draw(study)
    assert set(Pair.objects.values_list("prompt__type", flat=True)) == {"prose"}
    models = set(Pair.objects.values_list("model_x", flat=True)) | set(Pair.objects.values_list("model_y", flat=True))
    assert models <= set(study.language_models.values_list("pk", flat=True))


def test_identical_answers_are_not_drawn_if_the_study_says_so():
    study = adaptive_study(models=3, prompts=2, overlap=1, opened=False)
    same = Result.objects.filter(model__name__in=["Quillfinch-0", "Quillfinch-1"])
    same.update(text="The same.")
    answer_flags.flag(Result.objects.all())
    study = lifecycle.start(lifecycle.change_settings(study, {"pair_identical": False}))
    for index in range(6):
        assignments.current(build_worker(study), NOW, rng(index))
        draw(study)
    assert Pair.objects.count() == 4
    twins = ["Quillfinch-0", "Quillfinch-1"]
    assert not Pair.objects.filter(model_x__name__in=twins, model_y__name__in=twins).exists()
    assert candidates.read(study).room().sum() == 0


def test_only_open_adaptive_studies_are_drawn_for():
    fixed, paused, draft, open_ = (
        build_study("fixed"),
        lifecycle.pause(adaptive_study("paused")),
        adaptive_study("draft", opened=False),
        adaptive_study("open"),
    )
    assert list(batches.due(NOW)) == [open_.pk]
    assert [draw(study) for study in (fixed, paused, draft)] == [0, 0, 0]
    assert set(DrawBatch.objects.values_list("study", flat=True)) == set()


def test_a_study_that_changed_while_the_batch_was_drawn_keeps_its_old_pairs():
    study = adaptive_study()
    real = candidates.read

    def changed_meanwhile(seen):
        found = real(seen)
        lifecycle.change_settings(study, {"only_types": ["code"]})
        return found

    with patch.object(candidates, "read", changed_meanwhile):
        assert draw(study) == 0
    assert not Draw.objects.exists()
    assert draw(study) == 2
    assert set(Pair.objects.values_list("prompt__type", flat=True)) == {"code"}


def test_a_claim_that_a_killed_worker_left_runs_out():
    study = adaptive_study()
    Study.objects.filter(pk=study.pk).update(drawing_at=NOW)
    assert draw(study, NOW + timedelta(seconds=5)) == 0, "it may still be at work"
    assert list(batches.due(NOW + timedelta(seconds=5))) == []
    later = NOW + batches.PATIENCE + timedelta(seconds=1)
    assert list(batches.due(later)) == [study.pk]
    assert draw(study, later) == 2
    study.refresh_from_db()
    assert study.drawing_at is None


def test_a_worker_whose_claim_ran_out_stores_nothing():
    study = adaptive_study()
    real = candidates.read

    def slow(seen):
        found = real(seen)
        with patch.object(candidates, "read", real):
            assert draw(study, NOW + timedelta(minutes=2)) == 2
        return found

    with patch.object(candidates, "read", slow):
        assert draw(study) == 0
    assert DrawBatch.objects.count() == 1


def test_a_deterministic_choice_has_no_probability():
    study = adaptive_study()
    real = draw_strategies.registered()

    def always_the_first(_study, known, _size, _rng):
        chosen = [draw_strategies.Chosen(0, 1, "mad", 1, None, prompt=0)]
        return draw_strategies.Drawn(chosen, {"mad": 1.0}, "", 0, 0)

    with patch.object(
        draw_strategies, "_drawers", [draw_strategies.Drawer(real.strategies, real.default, always_the_first)]
    ):
        assert draw(study) == 1
    assert Draw.objects.get().probability is None
    assert Assignment.objects.count() == 0
