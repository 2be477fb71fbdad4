"""Stability tests of judges: sentinel rounds and retests."""

from collections.abc import Callable
from threading import Barrier, Thread

import numpy as np
import pytest
from django.db import connection

from annotation.models import Comparison, Pair, Rater, Study
from annotation.studies.lifecycle import NotPossible
from judges import verdicts
from judges.judging import consistency_probes, judges
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.models import Judge, JudgeCall, JudgeReply, JudgeRun, RunKind, RunState, SentinelSet, Verdict
from judges.prompting.readers import READERS
from tests.builders import NOW
from tests.judges.conftest import QUICK, Running, behind_a_cache, make_judge, run_judge
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

type StandInFixture = Callable[..., Running]


def done(run: JudgeRun) -> JudgeRun:
    judge_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    return run


def ask(sentinels: SentinelSet) -> JudgeRun:
    return done(consistency_probes.begin_round(sentinels, NOW, detach=False))


def retest(study: Study, judge: Judge, count: int = 100) -> JudgeRun:
    return done(consistency_probes.retest(study, judge, count, 1, NOW, detach=False))


def move(judge: Judge, server: Running) -> None:
    """Changes what the endpoint at the same address runs."""
    judge.versions.update(endpoint=server.url)


def test_sentinels_are_chosen_once_from_every_category(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url)
    sentinels = consistency_probes.choose(study, judge, 6, 3, NOW)
    assert sorted(sentinels.pairs.values_list("prompt__type", flat=True)) == ["code"] * 3 + ["prose"] * 3
    with pytest.raises(NotPossible, match="already exists"):
        consistency_probes.choose(study, judge, 6, 4, NOW)
    assert SentinelSet.objects.get().pairs.count() == 6


def test_two_who_choose_at_once_choose_one_set(study: Study, stand_in: StandInFixture) -> None:
    judge, barrier, refused = make_judge(stand_in().url), Barrier(2), []

    def choose(seed: int) -> None:
        barrier.wait()
        try:
            consistency_probes.choose(study, judge, 4, seed, NOW)
        except NotPossible as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [Thread(target=choose, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(refused) == 1
    assert SentinelSet.objects.get().pairs.count() == 4


def test_a_round_keeps_its_replies_and_makes_no_vote(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url)
    sentinels = consistency_probes.choose(study, judge, 5, 3, NOW)
    run = ask(sentinels)
    assert (run.state, run.kind, run.planned) == (RunState.DONE, RunKind.SENTINEL, 10)
    assert JudgeReply.objects.filter(call__run=run, state="ok").exclude(raw="").count() == 10
    assert Verdict.objects.in_force().exclude(winner="").count() == 10
    assert Verdict.objects.counted().count() == 0
    assert not Comparison.objects.exists()
    assert not Rater.objects.exists()


def test_a_round_is_paid_and_bounded_like_any_run(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url, price_out=1, budget=1000)
    run = ask(consistency_probes.choose(study, judge, 5, 3, NOW))
    assert (run.state, run.problem) == (RunState.STOPPED, "The budget is used up.")
    judges.set_budget(judge, None)
    assert judge_life.resume(run, detach=False)
    assert done(run).state == RunState.DONE
    judge.refresh_from_db()
    assert judge.spent > 0


def test_probes_and_runs_do_not_stand_in_each_other_s_way(study: Study, stand_in: StandInFixture) -> None:
    server = stand_in()
    judge = make_judge(server.url)
    sentinels = consistency_probes.choose(study, judge, 4, 3, NOW)
    ask(sentinels)
    run = run_judge(study, judge)
    assert (run.planned, Comparison.objects.count()) == (24, 24)
    ask(sentinels)
    assert run_judge(study, judge).planned == 0
    assert Comparison.objects.count() == 24
    assert server.ledger["requests"] == 24 + 2 * 8
    consistency_probes.begin_round(sentinels, NOW, detach=False)
    with pytest.raises(NotPossible, match="already running"):
        consistency_probes.begin_round(sentinels, NOW, detach=False)


def test_the_same_judge_agrees_with_itself(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in(tie_width=0.0).url)
    sentinels = consistency_probes.choose(study, judge, 8, 3, NOW)
    for _round in range(3):
        ask(sentinels)
    first, second, third = consistency_probes.rounds(study, judge)
    assert (first.number, first.first, first.against_first, first.against_before) == (1, True, None, None)
    for later in (second, third):
        assert not later.first
        assert later.against_first is not None
        assert later.against_before is not None
        assert later.against_first.value == later.against_before.value == 1.0
        assert later.changes == ()
    assert first.position is not None
    assert first.position.value == 0.5
    assert first.position.of == 16


def test_another_model_behind_the_same_name_is_seen(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in(tie_width=0.0).url)
    sentinels = consistency_probes.choose(study, judge, 12, 3, NOW)
    ask(sentinels)
    ask(sentinels)
    move(judge, stand_in(seed=99, position_bias=100.0, drift_after=0))
    ask(sentinels)
    _first, second, third = consistency_probes.rounds(study, judge)
    assert second.against_first is not None
    assert third.against_first is not None
    assert third.against_before is not None
    assert third.against_first.value < second.against_first.value
    assert third.position is not None
    assert third.position.value == 1.0
    assert third.models == ("stand-in-drifted",)
    assert "model" in third.changes
    # The returned model name created a version, which has no votes either.
    assert judge.versions.count() == 2
    assert not Comparison.objects.exists()


def test_changed_settings_begin_a_comparison_of_their_own(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url)
    sentinels = consistency_probes.choose(study, judge, 4, 3, NOW)
    ask(sentinels)
    judges.change_judge(judge, {"temperature": 0.9})
    ask(sentinels)
    ask(sentinels)
    found = list(consistency_probes.rounds(study, judge))
    assert [each.first for each in found] == [True, True, False]
    assert [each.changes for each in found] == [(), ("settings",), ()]
    assert found[1].against_first is None
    assert found[2].against_first is not None


def test_the_last_rounds_are_held_against_the_first_of_all(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in(tie_width=0.0).url)
    sentinels = consistency_probes.choose(study, judge, 4, 3, NOW)
    for _round in range(4):
        ask(sentinels)
    found = list(consistency_probes.rounds(study, judge, last=1))
    assert [each.number for each in found] == [4]
    assert found[0].against_first is not None
    assert list(consistency_probes.rounds(study, judge))[3] == found[0]


def test_grades_are_followed_by_their_mean(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url, reader="rating")
    sentinels = consistency_probes.choose(study, judge, 6, 3, NOW)
    assert (sentinels.pairs.count(), sentinels.results.count()) == (0, 6)
    ask(sentinels)
    ask(sentinels)
    first, second = consistency_probes.rounds(study, judge)
    scores = list(Verdict.objects.filter(call__run=first.run).values_list("score", flat=True))
    assert first.score is not None
    assert second.score is not None
    assert first.score.value == second.score.value == pytest.approx(np.mean(scores))
    assert first.score.low < first.score.value < first.score.high
    assert first.position is None


def test_the_same_words_in_the_next_round_are_an_answer(study: Study, stand_in: StandInFixture) -> None:
    sentinels = consistency_probes.choose(study, make_judge(stand_in().url), 4, 3, NOW)
    assert [judge_life.progress(ask(sentinels), NOW).states["ok"] for _round in range(2)] == [8, 8]


def test_a_kept_reply_is_no_new_asking(study: Study, stand_in: StandInFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    behind_a_cache(monkeypatch)
    judge = make_judge(stand_in().url)
    sentinels = consistency_probes.choose(study, judge, 4, 3, NOW)
    assert judge_life.progress(ask(sentinels), NOW).states["ok"] == 8
    again = judge_life.progress(ask(sentinels), NOW)
    assert (again.states["ok"], again.states["failed"]) == (0, 8)
    assert JudgeReply.objects.count() == 16
    first, second = consistency_probes.rounds(study, judge)
    assert (first.answered, second.answered, second.against_first) == (8, 0, None)


def test_a_version_that_asks_anew_takes_no_kept_reply_for_an_answer(
    study: Study, stand_in: StandInFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind_a_cache(monkeypatch)
    judge = make_judge(stand_in().url)
    run_judge(study, judge, Plan(limit=3))
    judges.ask_anew(judge)
    run = run_judge(study, judge, Plan(limit=3))
    assert judge_life.progress(run, NOW).states["failed"] == 6
    assert Comparison.objects.count() == 6


def test_sentinels_are_asked_in_the_very_same_words_and_repetitions_with_a_seed_of_their_own(
    study: Study, stand_in: StandInFixture
) -> None:
    judge = make_judge(stand_in().url, seed=5, orders="one")
    sentinels = consistency_probes.choose(study, judge, 3, 3, NOW)
    ask(sentinels)
    ask(sentinels)
    run_judge(study, judge)
    retest(study, judge)
    requests = {
        kind: set(JudgeReply.objects.filter(call__run__kind=kind).values_list("request", flat=True)) for kind in RunKind
    }
    assert len(requests[RunKind.SENTINEL]) == 3
    assert requests[RunKind.SENTINEL] < requests[RunKind.JUDGING]
    assert not requests[RunKind.RETEST] & requests[RunKind.JUDGING]


def test_a_test_by_repetition_says_how_many_verdicts_flipped(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in(tie_width=0.0).url)
    with pytest.raises(NotPossible, match="no verdicts in this study"):
        retest(study, judge)
    run_judge(study, judge)
    retest(study, judge)
    move(judge, stand_in(seed=3, position_bias=100.0))
    retest(study, judge)
    latest, first = consistency_probes.retests(study, judge)
    assert first.same is not None
    assert (first.same.value, first.same.of, first.flips, first.gone, first.kappa) == (1.0, 24, 0, 0, 1.0)
    assert latest.same is not None
    assert latest.flip_rate is not None
    # Every verdict was for the left side, so verdicts that were not left wins before have flipped.
    left_won = {left: Comparison.objects.filter(left=left, winner=left).count() for left in ("x", "y")}
    assert {left: round(12 * agreed.value) for left, agreed in latest.orders} == left_won
    assert latest.flips == 24 - sum(left_won.values())
    assert latest.flip_rate.value == pytest.approx(latest.flips / 24)
    assert latest.flip_rate.low < latest.flip_rate.value < latest.flip_rate.high
    assert Comparison.objects.count() == 24


def test_a_repetition_asks_what_was_asked_and_no_more(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url)
    run_judge(study, judge, Plan(limit=4, orders="one"))
    run = retest(study, judge, 3)
    assert run.planned == 3
    assert set(run.calls.values_list("left", flat=True)) == {"x"}
    judged = set(JudgeCall.objects.filter(run__kind=RunKind.JUDGING).values_list("pair", flat=True))
    assert set(run.calls.values_list("pair", flat=True)) < judged


def test_repeated_scores_have_their_distance_and_a_weighted_kappa(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url, reader="rating")
    run_judge(study, judge)
    retest(study, judge)
    (found,) = consistency_probes.retests(study, judge)
    assert found.apart is not None
    assert (found.apart.value, found.kappa, found.orders) == (0.0, 1.0, ())


def test_rereading_keeps_probes_out_of_the_votes(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in(tie_width=100.0).url)
    ask(consistency_probes.choose(study, judge, 4, 3, NOW))
    there = verdicts.reread(study, judge.current, READERS["llmfao"], NOW)
    back = verdicts.reread(study, judge.current, READERS["bracketed"], NOW)
    assert (there.changed, back.changed) == (8, 8)
    assert set(Verdict.objects.in_force().values_list("winner", flat=True)) == {"tie"}
    assert not Comparison.objects.exists()


def test_a_pair_that_is_taken_away_is_no_sentinel_any_more(study: Study, stand_in: StandInFixture) -> None:
    judge = make_judge(stand_in().url)
    sentinels = consistency_probes.choose(study, judge, 3, 3, NOW)
    Pair.objects.filter(pk=sentinels.pairs.all()[0].pk).delete()
    assert ask(sentinels).planned == 4
    Pair.objects.filter(study=study, judge_calls=None).delete()
    sentinels.pairs.clear()
    with pytest.raises(NotPossible, match="items were deleted"):
        consistency_probes.begin_round(sentinels, NOW, detach=False)
