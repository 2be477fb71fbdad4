"""Builds the request of a call: the judged texts, the messages, and the maximum cost."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from annotation.interchange.reasoning import parted
from annotation.models import Pair, Prompt, Result, Study
from judges.models import JudgeCall, JudgeRun, JudgeVersion, RunKind
from judges.prompting.templates import Filled, Subject, TemplateSet, fill
from judges.runs import chat_request
from judges.runs.chat_request import Question


@lru_cache(maxsize=32)
def _templates(template_id: int, sha256: str) -> TemplateSet:
    from judges.models import Template

    return Template.objects.get(pk=template_id).templates


def templates_of(version: JudgeVersion) -> TemplateSet:
    """Returns the version's template set, cached per process because it is immutable."""
    return _templates(version.template_id, version.template.sha256)


def with_texts(calls: QuerySet[JudgeCall]) -> QuerySet[JudgeCall]:
    """Selects `calls` with everything a request needs."""
    return calls.select_related("pair__prompt", "pair__result_x", "pair__result_y", "pair__study", "result__prompt")


def subject_of_pair(pair: Pair, left: str, turn: int) -> Subject:
    """Builds the subject of a pair, with the side `left` as answer A."""
    texts = pair.texts(without_reasoning=pair.study.reasoning == Study.Reasoning.CUT)
    first, second = ("x", "y") if left == "x" else ("y", "x")
    return _subject(pair.prompt, texts["prompt"], [texts[first], texts[second]], turn, pair.study.question)


def subject_of_result(study: Study, result: Result, turn: int) -> Subject:
    """Builds the subject of a single answer in `study`, to be graded by itself."""
    prompt, answers = result.prompt, [result.text, *result.turns]
    if study.reasoning == Study.Reasoning.CUT:
        answers = [parted(answer)[1] for answer in answers]
    return _subject(prompt, [prompt.text, *prompt.turns], [answers], turn, "")


def _subject(prompt: Prompt, prompts: list[str], answers: list[list[str]], turn: int, question: str) -> Subject:
    return Subject(prompts, answers, list(prompt.references), turn, prompt.type or "", prompt.lang, question)


def subject_of(study: Study, call: JudgeCall) -> Subject:
    """Builds the subject of a call of `study`, which is about a pair or a result."""
    if call.pair is not None:
        return subject_of_pair(call.pair, call.left, call.turn)
    assert call.result is not None  # noqa: S101  judge_call_about_one
    return subject_of_result(study, call.result, call.turn)


def filled(version: JudgeVersion, subject: Subject) -> Filled:
    """Builds the messages that ask the judge about `subject`."""
    return fill(templates_of(version), subject, version.reading.markers, version.longest_answer)


def request(version: JudgeVersion, messages: Sequence[Any], sample: int = 0) -> dict[str, Any]:
    """Builds the body of a chat request, with only the settings that the version has."""
    body = chat_request.request(version, version.model, messages, temperature=version.temperature, sample=sample)
    if version.reading.wants_logprobs:
        body |= {"logprobs": True, "top_logprobs": 20}
    if version.structured and version.reading.schema is not None:
        schema = {"name": "verdict", "strict": True, "schema": dict(version.reading.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def question(version: JudgeVersion, subject: Subject, sample: int = 0) -> Question:
    """Builds the request that asks `version` about `subject`."""
    messages = filled(version, subject)
    body = request(version, messages.messages, sample)
    return chat_request.question(version, body, part=messages.part, cut=messages.cut)


def question_of(run: JudgeRun, version: JudgeVersion, call: JudgeCall) -> Question:
    """Builds the request of a call of `run`.

    Sentinel requests are identical in every round, including the seed, so that differences come from the endpoint.
    Other samples have their own seeds.
    """
    return question(version, subject_of(run.study, call), 0 if run.kind == RunKind.SENTINEL else call.sample)
