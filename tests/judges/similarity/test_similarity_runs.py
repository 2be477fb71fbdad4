"""Runs that compare answers: what is asked and paid for once, what a failure is, and what a new model costs."""

from itertools import combinations

import numpy as np
import pytest
from django.contrib.auth.models import User

from annotation.models import Result
from annotation.studies.deletion import delete_draft
from annotation.studies.lifecycle import NotPossible
from judges import study_sections
from judges.models import CallState, Judge, RunState, SimilarityCall, SimilarityReply, SimilarityTable
from judges.similarity import corpus, lexical, reports, runs, tables
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms
from tests.builders import NOW, build_study
from tests.judges.conftest import QUICK, make_judge
from tests.judges.similarity.conftest import add_model, compared
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def scores_of(run):
    """By models and prompt, the similarity of every pair of answers."""
    return {
        (table.model_x.name, table.model_y.name, prompt): value
        for table in run.tables.select_related("model_x", "model_y")
        for prompt, value in zip(table.prompt_keys.tolist(), table.values[0].tolist(), strict=True)
    }


def texts_of(study):
    return {
        (result.model.name, result.prompt_id): result.text
        for result in Result.objects.filter(prompt_set=study.prompt_set, sample=0).select_related("model")
    }


def test_lexical_compares_every_two_models_and_asks_nobody(bare):
    run = compared(bare)
    assert (run.state, run.pairs, run.compared, run.reused) == (RunState.DONE, 3, 3, 0)
    texts, scores = texts_of(bare), scores_of(run)
    assert len(scores) == 3 * 4
    for (x, y, prompt), value in scores.items():
        group = np.zeros(2, int)
        by_itself = lexical.similarities([texts[x, prompt], texts[y, prompt]], group, group[:1], group[:1] + 1)
        assert value == pytest.approx(by_itself[0])
    assert not SimilarityCall.objects.exists()


def test_blocks_of_any_size_score_the_same(bare, monkeypatch):
    at_once = scores_of(compared(bare))
    SimilarityTable.objects.all().delete()
    monkeypatch.setattr(corpus, "CHARACTERS", 1)
    monkeypatch.setattr(corpus, "READ", 1)
    assert scores_of(compared(bare)) == pytest.approx(at_once)


def test_embeddings_are_asked_once_per_answer_and_never_again(bare, stand_in):
    server = stand_in()
    judge = make_judge(server.url, price_in=1)
    first = compared(bare, Terms("embedding"), judge)
    assert (first.state, first.compared) == (RunState.DONE, 3)
    assert server.ledger["requests"] == 3 * 4
    assert all(-1 <= value <= 1 for value in scores_of(first).values())
    judge.refresh_from_db()
    paid = judge.spent
    assert paid > 0
    assert judge.reserved == 0
    again = compared(bare, Terms("embedding", top=2), judge)
    assert scores_of(again) == scores_of(first)
    assert server.ledger["requests"] == 12
    judge.refresh_from_db()
    assert judge.spent == paid


def test_the_same_answer_twice_is_embedded_once(bare, stand_in):
    server = stand_in()
    Result.objects.filter(prompt_set=bare.prompt_set).update(text="All say the same.")
    run = compared(bare, Terms("embedding"), make_judge(server.url))
    assert server.ledger["requests"] == 1
    assert list(scores_of(run).values()) == pytest.approx([1.0] * 12)


def test_another_study_with_the_same_texts_pays_nothing(bare, stand_in):
    server = stand_in()
    judge = make_judge(server.url)
    compared(bare, Terms("embedding"), judge)
    compared(build_study("second"), Terms("embedding"), judge)
    assert server.ledger["requests"] == 12


def test_a_new_price_or_time_out_asks_nothing_again_and_a_new_model_does(bare, stand_in):
    from judges.judging import judges

    server = stand_in()
    judge = make_judge(server.url)
    compared(bare, Terms("embedding"), judge)
    settings = {name: getattr(judge.current, name) for name in judge.current.SETTINGS}
    judges.change_judge(judge, {**settings, "timeout": 7.0, "price_in": 2})
    SimilarityTable.objects.all().delete()
    compared(bare, Terms("embedding"), judge)
    assert server.ledger["requests"] == 12
    judges.change_judge(judge, {**settings, "model": "stand-in-mini"})
    compared(bare, Terms("embedding"), judge)
    assert server.ledger["requests"] == 24


def test_sentences_have_precision_recall_and_f1(bare, stand_in):
    run = compared(bare, Terms("sentences"), make_judge(stand_in().url))
    table = run.tables.first()
    f1, precision, recall = table.values
    assert table.values.shape == (3, 4)
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_judge_is_asked_in_both_orders_and_averaged(bare, stand_in):
    server = stand_in()
    run = compared(bare, Terms("judge", with_prompt=True), make_judge(server.url))
    assert server.ledger["requests"] == 2 * 3 * 4
    for table in run.tables.all():
        mean, first, second = table.values
        assert mean == pytest.approx((first + second) / 2)
    asked = SimilarityReply.objects.first().request
    assert "Prompt 0?" in asked
    compared(bare, Terms("judge"), Judge.objects.get())
    assert server.ledger["requests"] == 2 * 2 * 3 * 4
    assert "Prompt 0?" not in SimilarityReply.objects.last().request


@pytest.mark.parametrize(
    ("kind", "state"), [("filter", "refused"), ("unreadable", "unreadable"), ("cut", "truncated"), ("long", "failed")]
)
def test_a_failed_score_is_a_state_and_never_a_number(bare, stand_in, kind, state):
    server = stand_in(lasting=0.3, lasting_kinds=(kind,), seed=3)
    run = compared(bare, Terms("judge"), make_judge(server.url))
    found = reports.report(run).states
    assert 0 < found[state] < 12
    assert found["scored"] + found[state] == 12
    for table in run.tables.all():
        assert (np.isnan(table.values).all(axis=0) == (table.state_numbers > 0)).all()
        assert len(table.chosen) == (table.state_numbers == 0).sum()


def test_what_failed_is_asked_again_and_nothing_else(bare, stand_in):
    server = stand_in(lasting=0.3, lasting_kinds=("long",), seed=3)
    judge = make_judge(server.url)
    run = compared(bare, Terms("embedding"), judge)
    failed = run.calls.filter(state=CallState.FAILED).count()
    assert 0 < failed < 12
    before = server.ledger["requests"]
    server.server.behaviour = type(server.server.behaviour)(latency=0.001)
    again = compared(bare, Terms("embedding"), judge)
    assert server.ledger["requests"] == before + failed
    assert reports.report(again).states == {"scored": 12}


def test_adding_a_model_scores_only_its_own_pairs(bare, stand_in):
    server = stand_in()
    judge = make_judge(server.url)
    compared(bare, Terms("judge"), judge)
    before = server.ledger["requests"]
    add_model(bare)
    again = compared(bare, Terms("judge", top=1), judge)
    assert (again.pairs, again.reused) == (6, 3)
    assert server.ledger["requests"] == before + 2 * 3 * 4
    assert reports.report(again).states == {"scored": 24}
    assert all(len(table.chosen) == 1 for table in again.tables.all())


def test_lexical_scores_of_other_pairs_are_taken_over(bare, monkeypatch):
    compared(bare)
    add_model(bare)
    seen = []
    real = lexical.similarities

    def counted(texts, group, left, right):
        seen.append(len(left))
        return real(texts, group, left, right)

    monkeypatch.setattr(lexical, "similarities", counted)
    run = compared(bare)
    assert (run.reused, sum(seen)) == (3, 3 * 4)


def test_a_changed_answer_is_compared_anew(bare):
    before = scores_of(compared(bare))
    result = Result.objects.filter(prompt_set=bare.prompt_set).order_by("pk")[0]
    Result.objects.filter(pk=result.pk).update(text="Something else entirely.")
    run = compared(bare)
    assert run.reused == 1
    changed = {key for key, value in scores_of(run).items() if value != before[key]}
    assert changed == {(result.model.name, other, result.prompt_id) for other in ("Quillfinch-1", "Quillfinch-2")}


def test_filters_are_counted_and_what_they_drop_is_not_asked(bare, stand_in):
    server = stand_in()
    models = list(bare.prompt_set.models.order_by("pk"))
    Result.objects.filter(prompt_set=bare.prompt_set, model=models[0]).update(text="")
    prompt = bare.prompt_set.prompts.order_by("pk")[0]
    Result.objects.filter(model=models[1], prompt=prompt).update(text="x" * 500)
    run = compared(bare, Terms("judge", {"not-empty": None, "length-ratio": 4}), make_judge(server.url))
    assert server.ledger["requests"] == 2 * 3
    found = reports.report(run)
    assert found.states == {"scored": 3, "dropped": 9}
    assert {each.filter.name: (each.dropped, each.alone) for each in found.filters} == {
        "not-empty": (8, 0),
        "length-ratio": (9, 1),
    }


def test_a_model_without_an_answer_is_not_compared(bare):
    Result.objects.filter(prompt_set=bare.prompt_set).order_by("pk")[0].delete()
    assert reports.report(compared(bare)).states == {"scored": 10, "no-answer": 2}


def test_an_empty_answer_is_not_sent_to_an_embedder(bare, stand_in):
    model = bare.prompt_set.models.order_by("pk")[0]
    Result.objects.filter(model=model).update(text=" ")
    run = compared(bare, Terms("embedding"), make_judge(stand_in().url))
    assert reports.report(run).states == {"scored": 4, "no-answer": 8}
    assert run.state == RunState.DONE


def test_the_budget_stops_a_run_and_it_goes_on_where_it_was(bare, stand_in):
    from judges.judging import judges

    server = stand_in()
    judge = make_judge(server.url, budget=80_000, price_in=1, parallel=1)
    run = compared(bare, Terms("embedding"), judge)
    assert (run.state, run.compared_at, run.tables.count()) == (RunState.STOPPED, None, 0)
    asked = server.ledger["requests"]
    assert 0 < asked < 12
    judge.refresh_from_db()
    assert judge.bound <= 80_000
    assert study_sections.look_at_judging(bare, NOW).tone == "attention"
    judges.set_budget(judge, None)
    similarity_life.resume(run, detach=False)
    similarity_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    assert (run.state, run.tables.count(), server.ledger["requests"]) == (RunState.DONE, 3, 12)


def test_a_run_that_died_while_comparing_goes_on(bare, monkeypatch):
    monkeypatch.setattr(tables, "ROWS", 1)
    real, calls = tables._concluded, []

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise RuntimeError("power cut")
        return real(*arguments)

    monkeypatch.setattr(tables, "_concluded", dies)
    run = runs.start(bare, Terms(), None, NOW, detach=False)
    with pytest.raises(RuntimeError):
        similarity_life.work(run.pk)
    run.refresh_from_db()
    assert (run.state, run.tables.count()) == (RunState.RUNNING, 2)
    similarity_life.work(run.pk)
    run.refresh_from_db()
    assert (run.state, run.compared, run.tables.count()) == (RunState.DONE, 3, 3)


def test_a_sweep_does_not_end_a_run_before_its_answers_are_compared(bare):
    run = runs.start(bare, Terms(), None, NOW, detach=False)
    run.started_at, run.state = NOW, RunState.RUNNING
    run.save()
    assert not similarity_life.finish(run, NOW)


def test_pausing_stops_the_comparison(bare, monkeypatch):
    monkeypatch.setattr(corpus, "CHARACTERS", 1)
    monkeypatch.setattr(corpus, "READ", 1)
    run = runs.start(bare, Terms(), None, NOW, detach=False)
    real = lexical.similarities

    def paused(*arguments):
        similarity_life.pause(run)
        return real(*arguments)

    monkeypatch.setattr(lexical, "similarities", paused)
    assert similarity_life.work(run.pk) == "paused"
    run.refresh_from_db()
    assert (run.state, run.tables.count()) == (RunState.PAUSED, 0)


def test_one_run_of_a_study_and_of_a_judge_at_a_time(bare, stand_in):
    judge = make_judge(stand_in().url)
    runs.start(bare, Terms("embedding"), judge, NOW, detach=False)
    with pytest.raises(NotPossible, match="already being compared"):
        runs.start(bare, Terms(), None, NOW, detach=False)
    with pytest.raises(NotPossible, match="already being compared"):
        runs.start(build_study("second"), Terms("embedding"), judge, NOW, detach=False)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (Terms("psychic"), "No measure"),
        (Terms(filters={"words": -1}), "filter"),
        (Terms(top=0), "at least 1"),
        (Terms(spread=-1.0), "Lambda"),
        (Terms(spread=float("nan")), "Lambda"),
        (Terms("embedding"), "Choose the judge"),
    ],
)
def test_what_makes_no_sense_is_refused(bare, terms, words):
    with pytest.raises(NotPossible, match=words):
        runs.start(bare, terms, None, NOW)


def test_a_budget_is_only_spent_by_whom_it_belongs_to(bare, stand_in):
    judge = make_judge(stand_in().url)
    Judge.objects.update(everyone=False)
    judge.refresh_from_db()
    stranger = User.objects.create_user("stranger")
    with pytest.raises(NotPossible):
        runs.start(bare, Terms("embedding"), judge, NOW, user=stranger)
    with pytest.raises(NotPossible):
        runs.start(bare, Terms(), judge, NOW)


def test_the_estimate_is_what_is_asked(bare, stand_in):
    server = stand_in()
    judge = make_judge(server.url, price_in=1)
    for terms, calls in ((Terms("embedding"), 12), (Terms("judge"), 24), (Terms("embedding", spread=0.5), 4)):
        found = runs.estimate(bare, terms, judge)
        assert (found.models, found.pairs, found.calls) == (3, 3, calls)
        before, spent = server.ledger["requests"], Judge.objects.get().spent
        compared(bare, terms, judge)
        assert server.ledger["requests"] == before + calls
        assert 0 < Judge.objects.get().spent - spent <= found.bound
    assert runs.estimate(bare, Terms("embedding"), judge).calls == 0


def test_a_cancelled_run_leaves_no_call_behind(bare, stand_in):
    judge = make_judge(stand_in().url)
    run = runs.start(bare, Terms("embedding"), judge, NOW, detach=False)
    similarity_life.plan(run)
    assert SimilarityCall.objects.count() == 12
    assert similarity_life.cancel(run, NOW)
    assert not SimilarityCall.objects.exists()
    assert compared(bare, Terms("embedding"), judge).state == RunState.DONE


def test_the_csv_has_every_pair_of_answers(bare):
    run = compared(bare, Terms(top=1))
    rows = list(reports.csv_rows(run))
    assert len(rows) == 12
    names = sorted(bare.prompt_set.models.values_list("name", flat=True))
    assert {row[:2] for row in rows} == set(combinations(names, 2))
    assert sum(row[5] == 1 for row in rows) == 3
    assert all(len(row) == len(reports.columns_of(run)) for row in rows)


def test_two_processes_do_the_work_of_one_run_once(bare, stand_in):
    server = stand_in()
    run = runs.start(bare, Terms("embedding"), make_judge(server.url), NOW, detach=False)
    together(2, lambda _index: similarity_life.work(run.pk, patience=QUICK))
    similarity_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    assert (run.state, run.tables.count(), run.calls.count()) == (RunState.DONE, 3, 12)
    assert server.ledger["answered_twice"] == 0


def test_a_deleted_study_takes_its_runs_along_and_leaves_what_was_spent(bare, stand_in):
    judge = make_judge(stand_in().url, price_in=1)
    compared(bare, Terms("embedding"), judge)
    delete_draft(bare, with_prompt_set=True)
    assert not SimilarityReply.objects.exists()
    assert not SimilarityTable.objects.exists()
    judge.refresh_from_db()
    assert judge.spent > 0
