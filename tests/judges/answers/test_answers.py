"""Models answer a study's prompts turn by turn, and their answers become results of the corpus."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from annotation.models import LanguageModel, Pair, Prompt, PromptSet, Result, ResultFlag, Study
from annotation.studies.lifecycle import NotPossible
from judges.answers import call_store as answer_books
from judges.answers import results as answer_results
from judges.answers import runs, sources
from judges.answers.planning import AnswerPlan
from judges.answers.runs import answer_life
from judges.llm import mock
from judges.llm.mock import Fault
from judges.models import AnswerCall, AnswerReply, AnswerRun, AnswerSender, AnswerSource, RunState
from judges.runs import lifecycle
from tests.builders import MARK, NOW
from tests.judges.answering import NEW, ask, go_on, source, states, talking_study, turns
from tests.judges.conftest import QUICK, Running, behind_a_cache
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., Running]


@pytest.fixture
def study(db: None) -> Study:
    return talking_study()


def sent(reply: AnswerReply) -> dict[str, Any]:
    return dict(json.loads(reply.request))


def test_every_prompt_is_answered_turn_by_turn_with_the_conversation_so_far(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url)
    run = ask(study, asked)
    assert run.state == RunState.DONE
    assert states(run) == {"ok": 6}
    first, second = turns(asked, "prompt-1")
    assert first.answer
    assert second.answer
    assert sent(second.answer)["messages"] == [
        {"role": "user", "content": "Prompt 1?"},
        {"role": "assistant", "content": first.answer.text},
        {"role": "user", "content": "And then, of prompt-1?"},
    ]
    result = Result.objects.get(prompt__slug="prompt-1", model__name=NEW)
    assert (result.text, result.turns) == (first.answer.text, [second.answer.text])
    assert first.result == second.result == result


def test_a_result_has_its_number_its_duration_and_its_rate_in_the_units_of_the_files(
    study: Study, stand_in: Start
) -> None:
    before = Result.objects.count()
    asked = source(study, stand_in(latency=0.02).url)
    ask(study, asked)
    results = Result.objects.filter(model__name=NEW)
    assert Result.objects.count() == before + 4
    assert sorted(result.number for result in results) == [MARK + 20_008 + place for place in range(4)]
    for result in results:
        assert result.duration is not None
        assert result.rate is not None
        assert result.duration >= 20
        length = sum(map(len, [result.text, *result.turns]))
        assert result.rate == pytest.approx(1000 * length / result.duration, rel=0.01)
    assert all(reply.tokens_per_second for reply in AnswerReply.objects.all())


def test_models_and_results_are_numbered_behind_the_highest_that_leaves_room(study: Study, stand_in: Start) -> None:
    for rows in (LanguageModel.objects, Result.objects):
        rows.filter(pk=rows.order_by("-number")[0].pk).update(number=2**63 - 1)
    models, results = (set(rows.values_list("number", flat=True)) for rows in (LanguageModel.objects, Result.objects))
    asked = source(study, stand_in().url)
    ask(study, asked)
    assert asked.model.number == max(models - {2**63 - 1}) + 1
    first = max(results - {2**63 - 1}) + 1
    fresh = Result.objects.filter(model=asked.model).order_by("number").values_list("number", flat=True)
    assert list(fresh) == [first, first + 1, first + 2, first + 3]


def test_what_is_there_is_not_asked_again(study: Study, stand_in: Start) -> None:
    server = stand_in()
    asked = source(study, server.url)
    ask(study, asked)
    assert states(ask(study, asked)) == {}
    assert server.ledger["requests"] == 6
    run = ask(study, asked, AnswerPlan(samples=2))
    assert states(run) == {"ok": 6}
    assert sorted(Result.objects.filter(model__name=NEW).values_list("sample", flat=True)) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_result_that_came_from_a_file_is_not_asked_for(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url, "Quillfinch-0")
    assert states(ask(study, asked)) == {}
    assert states(ask(study, asked, AnswerPlan(samples=2, again=("ok", "failed")))) == {"ok": 6}
    assert Result.objects.filter(model=asked.model, sample=0, text__startswith="Answer 0").count() == 4


def test_a_conversation_goes_on_with_the_turn_at_which_it_stopped(study: Study, stand_in: Start) -> None:
    server = stand_in()
    asked = source(study, server.url, parallel=1)
    # Enough for one answer of maximum length, plus one received answer.
    asked.price_out, asked.max_tokens = 1, 100
    asked.save()
    sources.set_budget(asked, 130_000)
    run = ask(study, asked)
    assert run.state == RunState.STOPPED
    assert run.problem == "The budget is used up."
    found = states(run)
    assert 0 < found["ok"] < 6
    asked.refresh_from_db()
    assert asked.bound <= 130_000
    sources.set_budget(asked, None)
    assert answer_life.resume(run, detach=False)
    assert go_on(run).state == RunState.DONE
    assert states(run) == {"ok": 6}
    assert server.ledger["answered_twice"] == 0
    assert Result.objects.filter(model__name=NEW).count() == 4


@pytest.mark.parametrize(
    ("kind", "state", "results"),
    [("refusal", "refused", 0), ("filter", "refused", 0), ("long", "failed", 0), ("cut", "truncated", 4)],
)
def test_what_went_wrong_is_a_state_and_never_a_result(
    study: Study, stand_in: Start, kind: Fault, state: str, results: int
) -> None:
    asked = source(study, stand_in(lasting=1.0, lasting_kinds=(kind,)).url)
    run = ask(study, asked)
    assert run.state == RunState.DONE
    found = states(run)
    assert found.pop("waiting", 0) == (0 if results else 2), "a turn whose first failed is not asked"
    assert set(found) == {state}
    assert Result.objects.filter(model__name=NEW).count() == results
    assert all(reply.problem for reply in AnswerReply.objects.exclude(finish_reason="stop"))


@pytest.mark.socket
def test_what_passes_is_tried_again_until_it_is_answered(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in(passing=0.3, passing_kinds=("429", "500", "half", "invalid"), retry_after=0.01).url)
    run = ask(study, asked)
    assert states(run) == {"ok": 6}
    assert answer_life.progress(run, NOW).retried > 0


def test_what_failed_is_asked_again_on_demand(study: Study, stand_in: Start) -> None:
    broken = stand_in(lasting=1.0, lasting_kinds=("refusal",))
    asked = source(study, broken.url)
    ask(study, asked)
    asked = source(study, stand_in().url)
    assert states(ask(study, asked)) == {}, "refusals are left alone unless they are asked for"
    run = ask(study, asked, AnswerPlan(again=("refused",)))
    assert states(run) == {"ok": 6}
    first = turns(asked, "prompt-0")[0]
    assert [reply.state for reply in first.replies.all()] == ["refused", "ok"]


def test_an_answer_that_is_in_use_stays_and_another_is_asked_for_anew(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url)
    ask(study, asked)
    used, other = Result.objects.filter(model=asked.model).order_by("pk")[:2]
    opponent = Result.objects.filter(prompt=used.prompt).exclude(model=asked.model)[0]
    Pair.objects.create(
        study=study,
        number=1,
        prompt=used.prompt,
        model_x=asked.model,
        model_y=opponent.model,
        result_x=used,
        result_y=opponent,
        key=0.5,
    )
    found = sources.estimate_of(study, NEW, {}, AnswerPlan(again=("ok",)))
    assert (found.again, found.kept, found.new) == (5, 1, 0)
    run = ask(study, asked, AnswerPlan(again=("ok",)))
    assert states(run) == {"ok": 5}
    assert Result.objects.filter(pk=used.pk).exists()
    assert not Result.objects.filter(pk=other.pk).exists()
    assert Result.objects.filter(model=asked.model).count() == 4


def test_the_category_decides_the_temperature_unless_somebody_says_another(study: Study, stand_in: Start) -> None:
    Prompt.objects.filter(slug="prompt-0").update(type="Math")
    Prompt.objects.filter(slug="prompt-2").update(type="stem")
    asked = source(study, stand_in().url)

    def temperatures(plan: AnswerPlan) -> list[float | None]:
        run = ask(study, asked, plan)
        calls = AnswerCall.objects.filter(run=run, turn=1).order_by("prompt")
        return [sent(call.replies.order_by("-pk")[0]).get("temperature") for call in calls]

    assert temperatures(AnswerPlan()) == [0.0, 0.0, 0.1, 0.0]
    again = {"again": ("ok",)}
    assert temperatures(AnswerPlan(temperature=1.0, temperatures={"STEM": 0.4}, **again)) == [1.0, 1.0, 0.4, 1.0]
    assert temperatures(AnswerPlan(silent=True, **again)) == [None] * 4


def test_stop_sequences_the_system_message_and_seeds_are_sent(study: Study, stand_in: Start) -> None:
    Prompt.objects.filter(slug="prompt-0").update(stop="</svg>")
    sources.set_system_message(study.prompt_set, "Answer in one sentence.")
    asked = source(study, stand_in().url, seed=40)
    ask(study, asked, AnswerPlan(samples=2))
    for sample in range(2):
        reply = turns(asked, "prompt-0", sample)[0].answer
        assert reply
        assert sent(reply)["stop"] == ["</svg>"]
        assert sent(reply)["seed"] == 40 + sample
        assert sent(reply)["messages"][0] == {"role": "system", "content": "Answer in one sentence."}
    with pytest.raises(NotPossible, match="different system message"):
        sources.set_system_message(study.prompt_set, "Answer in two.")


def test_answers_with_the_same_id_are_samples_all_the_same(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stand_in()
    answer = server.server._reply
    monkeypatch.setattr(server.server, "_reply", lambda *args: answer(*args) | {"id": "chatcmpl-7"})
    run = ask(study, source(study, server.url), AnswerPlan(samples=2))
    assert states(run) == {"ok": 12}


def test_a_reply_out_of_a_store_with_the_same_text_is_no_new_sample(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind_a_cache(monkeypatch)
    monkeypatch.setattr(mock, "_prose", lambda _behaviour, _body, messages, _attempt: f"About {messages[-1]}")
    run = ask(study, source(study, stand_in().url), AnswerPlan(samples=2))
    assert states(run)["failed"] == 4
    assert Result.objects.filter(model__name=NEW).count() == 4
    assert "repeated an earlier reply" in AnswerReply.objects.filter(state="failed")[0].problem


def test_the_model_is_added_to_the_corpus_and_to_the_models_that_the_study_compares(
    study: Study, stand_in: Start
) -> None:
    study.language_models.set(LanguageModel.objects.filter(prompt_set=study.prompt_set)[:1])
    asked = sources.keep_source(study, NEW, {"endpoint": stand_in().url, "api_id": "heron"}, org="Heronwood")
    assert (asked.model.number, asked.model.api_id, asked.model.org) == (MARK + 2, "heron", "Heronwood")
    assert asked.model in study.models_compared()
    again = sources.keep_source(study, NEW, {"max_tokens": 50})
    assert (again.pk, again.endpoint, again.max_tokens) == (asked.pk, asked.endpoint, 50)


def test_where_a_model_is_asked_has_to_make_sense(study: Study) -> None:
    for settings in (
        {"endpoint": "ftp://example.com", "api_id": "x"},
        {"endpoint": "https://key@example.com/v1", "api_id": "x"},
        {"endpoint": "https://example.com/v1", "api_id": ""},
        {"endpoint": "https://example.com/v1", "api_id": "x", "key_source": "HOME"},
        {"endpoint": "https://example.com/v1", "api_id": "x", "price_in": -1},
    ):
        with pytest.raises(ValidationError):
            sources.keep_source(study, NEW, settings)
    with pytest.raises(ValidationError):
        sources.keep_source(study, "no\0name", {"endpoint": "https://example.com/v1", "api_id": "x"})
    assert not LanguageModel.objects.filter(name=NEW).exists()
    with pytest.raises(NotPossible, match="No model in this study"):
        sources.source_of(study, NEW)
    with pytest.raises(NotPossible, match="No endpoint is set for Quillfinch-0"):
        sources.source_of(study, "Quillfinch-0")


def test_a_model_is_asked_once_at_a_time(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url)
    run = runs.start(study, asked, AnswerPlan(), NOW, detach=False)
    with pytest.raises(NotPossible, match="already"):
        runs.start(study, asked, AnswerPlan(), NOW, detach=False)
    assert answer_life.pause(run)
    assert runs.unfinished(asked) == run
    assert answer_life.resume(run, detach=False)
    assert go_on(run).state == RunState.DONE
    assert runs.unfinished(asked) is None


def test_a_cancelled_run_keeps_its_answers_and_forgets_the_rest(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url, parallel=1, price_out=1, max_tokens=100)
    sources.set_budget(asked, 130_000)
    run = ask(study, asked)
    answered = states(run)["ok"]
    assert answer_life.cancel(run, NOW)
    assert states(run) == {"ok": answered}
    sources.set_budget(asked, None)
    assert states(ask(study, asked)) == {"ok": 6 - answered}
    assert Result.objects.filter(model__name=NEW).count() == 4


def test_wrong_numbers_and_nothing_to_ask_are_refused(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url)
    for plan in (AnswerPlan(samples=0), AnswerPlan(samples=101), AnswerPlan(limit=0), AnswerPlan(temperature=3.0)):
        with pytest.raises(NotPossible):
            runs.start(study, asked, plan, NOW)
    Study.objects.filter(pk=study.pk).update(only_types=["nothing"])
    study.refresh_from_db()
    with pytest.raises(NotPossible, match="no prompts"):
        runs.start(study, asked, AnswerPlan(), NOW)
    assert not AnswerRun.objects.exists()


def test_the_filters_of_the_study_hold_unless_everything_is_asked_for(study: Study, stand_in: Start) -> None:
    Study.objects.filter(pk=study.pk).update(exclude_types=["code"])
    study.refresh_from_db()
    asked = source(study, stand_in().url)
    assert states(ask(study, asked)) == {"ok": 3}
    assert states(ask(study, asked, AnswerPlan(everything=True, limit=2))) == {"ok": 2}


def test_an_endpoint_that_knows_no_such_key_stops_the_run_with_its_words(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-unmistakable-4242424242"
    monkeypatch.setenv("HERON_API_KEY", key)
    asked = source(study, stand_in(key="another").url, key_source="HERON_API_KEY")
    run = ask(study, asked)
    assert run.state == RunState.STOPPED
    assert "Incorrect API key provided: ***" in run.problem
    assert "failed" in states(run)
    for model in (AnswerSource, AnswerRun, AnswerReply):
        assert key not in str(list(model._default_manager.values()))


def test_answers_that_name_their_model_are_flagged_as_those_from_files_are(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stand_in()
    answer = server.server._reply
    body = {"content": f"I am {NEW}, and glad to help."}

    def naming(*args: Any) -> dict[str, Any]:
        reply = answer(*args)
        reply["choices"][0]["message"] |= body
        return reply

    monkeypatch.setattr(server.server, "_reply", naming)
    ask(study, source(study, server.url), AnswerPlan(limit=1))
    assert ResultFlag.objects.get().found == "I am Heronwood"


def test_a_cut_answer_is_flagged_with_its_last_words_and_one_to_its_end_is_not(study: Study, stand_in: Start) -> None:
    cut = source(study, stand_in(lasting=1.0, lasting_kinds=("cut",)).url)
    assert set(states(ask(study, cut))) == {"truncated"}
    results = Result.objects.filter(model=cut.model)
    flags = ResultFlag.objects.filter(kind=ResultFlag.Kind.CUT).select_related("result")
    assert {flag.result_id for flag in flags} == set(results.values_list("pk", flat=True))
    for flag in flags:
        first, *later = [text[-answer_results.LAST_WORDS :] for text in (flag.result.text, *flag.result.turns)]
        assert flag.found == " … ".join([first, *later])
    whole = source(study, stand_in().url, name="Whole")
    ask(study, whole)
    assert Result.objects.filter(model=whole.model).exists()
    assert not ResultFlag.objects.filter(result__model=whole.model, kind=ResultFlag.Kind.CUT).exists()


def test_thoughts_are_kept_apart_and_are_no_part_of_the_answer_or_of_the_conversation(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stand_in()
    answer = server.server._reply

    def thinking(*args: Any) -> dict[str, Any]:
        reply = answer(*args)
        message = reply["choices"][0]["message"]
        message |= {"content": f"<think>\nA secret plan.\n</think>\n\n{message['content']}", "reasoning_content": "Hm."}
        return reply

    monkeypatch.setattr(server.server, "_reply", thinking)
    asked = source(study, server.url)
    ask(study, asked)
    first, second = turns(asked, "prompt-1")
    assert first.answer
    assert second.answer
    assert first.answer.thinking == "Hm.\n\nA secret plan."
    assert "secret" not in sent(second.answer)["messages"][1]["content"]
    assert not Result.objects.filter(text__contains="secret").exists()
    assert Result.objects.filter(model=asked.model).count() == 4


@pytest.mark.parametrize("text", ["", "  \n", "<think>\nstill at it"])
def test_an_empty_answer_is_a_state_of_its_own(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    server = stand_in()
    answer = server.server._reply

    def empty(*args: Any) -> dict[str, Any]:
        reply = answer(*args)
        reply["choices"][0]["message"]["content"] = text
        return reply

    monkeypatch.setattr(server.server, "_reply", empty)
    run = ask(study, source(study, server.url), AnswerPlan(limit=1))
    assert states(run) == {"empty": 1}
    assert not Result.objects.filter(model__name=NEW).exists()


@pytest.mark.socket
def test_hostile_answers_are_stored_safely(study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = stand_in()
    answer = server.server._reply
    hostile = ["NUL \0 here", "half \ud800 a pair", "bell \a and escape \x1b[31m", "x" * 200_000]

    def bad(body: Any, messages: list[str], *rest: Any) -> dict[str, Any]:
        reply = answer(body, messages, *rest)
        at = int(messages[0].removeprefix("Prompt ").removesuffix("?"))
        reply["choices"][0]["message"]["content"] = hostile[at]
        return reply

    monkeypatch.setattr(server.server, "_reply", bad)
    asked = source(study, server.url)
    run = ask(study, asked)
    assert states(run) == {"ok": 6}
    texts = [result.text for result in Result.objects.filter(model=asked.model).order_by("prompt")]
    assert texts == ["NUL \N{REPLACEMENT CHARACTER} here", "half ? a pair", *hostile[2:]]


def test_results_wait_for_whoever_is_loading_into_the_prompt_set(
    study: Study, stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_results, "make_results", lambda source: 0)
    asked = source(study, stand_in().url)
    run = ask(study, asked)
    assert run.state == RunState.DONE
    assert not Result.objects.filter(model=asked.model).exists()
    monkeypatch.undo()
    answer_life.sweep(NOW)
    assert Result.objects.filter(model=asked.model).count() == 4


def test_a_sample_that_was_loaded_meanwhile_is_the_result(study: Study, stand_in: Start) -> None:
    asked = source(study, stand_in().url)
    run = runs.start(study, asked, AnswerPlan(limit=1), NOW, detach=False)
    answer_life.plan(run)
    prompt = Prompt.objects.get(slug="prompt-0")
    loaded = Result.objects.create(
        prompt_set=study.prompt_set, number=5, prompt=prompt, model=asked.model, text="from a file"
    )
    go_on(run)
    assert turns(asked, "prompt-0")[0].result == loaded
    assert Result.objects.get(prompt=prompt, model=asked.model).text == "from a file"


@pytest.mark.socket
def test_what_a_dead_sender_had_in_flight_is_asked_again_and_told(stand_in: Start) -> None:
    study = talking_study()
    server = stand_in()
    asked = source(study, server.url, price_out=1)
    run = runs.start(study, asked, AnswerPlan(), NOW, detach=False)
    answer_life.plan(run)
    AnswerRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    run.refresh_from_db()
    dead = AnswerSender.objects.create(run=run, started_at=NOW, beat_at=NOW)
    books = answer_books.AnswerBooks(run, dead)
    books.admit(books.claim(2), NOW)
    assert answer_life.sweep(NOW + 2 * lifecycle.SILENCE) == 2
    assert go_on(run).state == RunState.DONE
    asked.refresh_from_db()
    assert (run.lost, asked.reserved) == (2, 0)
    assert asked.unsure > 0
    assert states(run) == {"ok": 6}
    assert server.ledger["requests"] == 6


@pytest.mark.socket
def test_two_senders_at_once_ask_nothing_twice(stand_in: Start) -> None:
    study = talking_study()
    server = stand_in(latency=0.05)
    asked = source(study, server.url, parallel=4)
    run = runs.start(study, asked, AnswerPlan(samples=3), NOW, detach=False, senders=2)
    together(2, lambda _sender: answer_life.work(run.pk, patience=QUICK))
    go_on(run)
    assert run.state == RunState.DONE
    assert states(run) == {"ok": 18}
    assert server.ledger["requests"] == AnswerReply.objects.count() == 18
    assert Result.objects.filter(model=asked.model).count() == 12
    numbers = list(Result.objects.filter(prompt_set=study.prompt_set).values_list("number", flat=True))
    assert len(numbers) == len(set(numbers))


@pytest.mark.socket
def test_budgets_are_never_passed_by_two_senders(stand_in: Start) -> None:
    study = talking_study()
    server = stand_in(latency=0.02)
    asked = source(study, server.url, parallel=8, price_out=1, max_tokens=100)
    sources.set_budget(asked, 500_000)
    run = runs.start(study, asked, AnswerPlan(samples=5), NOW, detach=False, senders=2)
    together(2, lambda _sender: answer_life.work(run.pk, patience=QUICK))
    run.refresh_from_db()
    asked.refresh_from_db()
    assert run.state == RunState.STOPPED
    assert asked.reserved == 0
    assert 0 < asked.bound <= 500_000
    assert sum(AnswerReply.objects.values_list("cost", flat=True)) == asked.spent


def test_a_draft_goes_with_its_prompt_set_and_all_that_models_were_asked(stand_in: Start) -> None:
    from annotation.studies.deletion import delete_draft

    study = talking_study(opened=False)
    sources.set_system_message(study.prompt_set, "Be brief.")
    ask(study, source(study, stand_in().url))
    delete_draft(study, with_prompt_set=True)
    assert not PromptSet.objects.exists()
    assert not AnswerReply.objects.exists()
