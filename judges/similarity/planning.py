"""Plans a similarity run: every request whose reply is not stored yet, whoever asked for it."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final

import numpy as np
from django.db import transaction

from annotation.models import Prompt, Result, Study
from judges.models import CallState, JudgeVersion, SimilarityCall, SimilarityRun
from judges.models.work import state_to_ask, states_to_ask
from judges.runs import chat_request
from judges.runs.chat_request import Question
from judges.similarity import judge as by_judge
from judges.similarity.corpus import Corpus, Part, said
from judges.similarity.measure import Ask, Block
from judges.similarity.terms import Terms

BATCH: Final = 500
SAMPLED: Final = 300
USUAL: Final = 60
"""Tokens of a judge's reply: one sentence and a number."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request: its call, unsaved, and the texts that it shows."""

    call: SimilarityCall
    inputs: tuple[str, ...]
    prompt: str


def wanted(
    part: Part, prompts: Sequence[int], terms: Terms, version: JudgeVersion, kept: Block
) -> Iterator[tuple[Ask, Wanted]]:
    """Yields the requests about the pairs of answers `kept` of `part`, unsaved, with what they ask."""
    for ask in terms.how.requests(kept):
        call = SimilarityCall(
            version=version,
            measure=terms.measure,
            prompt_id=prompts[int(part.places[ask.left, 0])],
            result_id=part.results[ask.left],
            other_id=part.results[ask.right] if ask.right >= 0 else None,
            part=ask.part,
            with_prompt=terms.with_prompt,
        )
        prompt = kept.asked[ask.left] if terms.with_prompt else ""
        call.digest = digest(version, terms.how.asks, ask.inputs, prompt)
        yield ask, Wanted(call, ask.inputs, prompt)


def of_prompt(prompt: int, text: str, version: JudgeVersion) -> Wanted:
    """Returns the request for the embedding of a prompt, unsaved."""
    call = SimilarityCall(version=version, measure="embedding", prompt_id=prompt)
    call.digest = digest(version, "embeddings", (text,), "")
    return Wanted(call, (text,), "")


def digest(version: JudgeVersion, asks: str, inputs: Sequence[str], prompt: str) -> str:
    """Returns the digest of everything that the reply depends on.

    Prices, rate limits and time-outs are not part of it, nor is the name under which an endpoint takes its token limit.
    """
    settings: list[Any] = [version.judge_id, version.endpoint.rstrip("/"), version.model, version.extra_body]
    if asks == "chat":
        settings += [version.temperature, version.top_p, version.max_tokens, version.reasoning_effort, version.seed]
        settings += [version.structured, version.longest_answer, by_judge.TEMPLATES[bool(prompt)].sha256]
    words = json.dumps([asks, settings, prompt, list(inputs)], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()


def question(version: JudgeVersion, asks: str, inputs: Sequence[str], prompt: str) -> Question:
    """Builds the request that shows `inputs`, and the prompt if it is not empty."""
    if asks == "embeddings":
        body = {"model": version.model, "input": list(inputs)} | version.extra_body
        likely, most = chat_request.tokens_in(inputs)
        return Question(chat_request.in_bytes(body), likely, likely, version.most(most, 0))
    left, right = inputs
    messages = by_judge.filled(prompt, left, right, with_prompt=bool(prompt), longest=version.longest_answer)
    chat = chat_request.request(version, version.model, messages.messages, temperature=version.temperature)
    if version.structured:
        schema = {"name": "similarity", "strict": True, "schema": by_judge.SCHEMA}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    return chat_request.question(version, chat, cut=messages.cut)


def asked_by(call: SimilarityCall) -> str:
    """Returns what kind of request `call` is: embeddings or chat."""
    return "chat" if call.other_id is not None else "embeddings"


def question_of(call: SimilarityCall) -> Question:
    """Builds the request of a stored call, whose prompt and answers are loaded with it."""
    prompt = _text_of(call.prompt)
    if call.result is None:
        return question(call.version, "embeddings", (prompt,), "")
    answers = tuple(_answer(result) for result in (call.result, call.other) if result is not None)
    if len(answers) == 2:
        return question(call.version, "chat", answers, prompt if call.with_prompt else "")
    one = Block(answers, ("",), np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64))
    asks = Terms(call.measure).how.requests(one)
    inputs = next(ask.inputs for ask in asks if ask.part == call.part)
    return question(call.version, "embeddings", inputs, "")


def _text_of(prompt: Prompt) -> str:
    return "\n".join([prompt.text, *prompt.turns])


def _answer(result: Result) -> str:
    return said([result.text, *result.turns])


def kept_of(part: Part, terms: Terms) -> tuple[Block, Any]:
    """Returns the block with only those pairs of answers that the filters keep, and (pairs,) which filters drop."""
    block, filters = part.block, terms.chosen_filters()
    dropped = filters.dropped(filters.sizes(block.texts), block.left, block.right)
    kept = dropped == 0
    return Block(block.texts, block.asked, block.group, block.left[kept], block.right[kept]), dropped


def requests_of(
    corpus: Corpus, terms: Terms, version: JudgeVersion, pairs: Sequence[tuple[int, int]]
) -> Iterator[Wanted]:
    """Yields every request of a run, unsaved, whether or not it is already stored."""
    for part in corpus.parts(pairs, terms.how.block):
        kept, _dropped = kept_of(part, terms)
        yield from (each for _ask, each in wanted(part, corpus.prompts, terms, version, kept))
        if terms.embeds_prompts:
            keys = corpus.prompts[part.start : part.stop]
            texts = corpus.prompt_texts(keys)
            yield from (of_prompt(key, texts[key], version) for key in keys if texts[key].strip())


def plan_calls(run: SimilarityRun, pairs: Sequence[tuple[int, int]], alive: Callable[[], None]) -> int:
    """Stores the missing calls of `run`, takes over those that failed or were cancelled, and returns their number.

    `alive` is called regularly. Planning can be interrupted and repeated.
    """
    terms, version = Terms.from_json(run.measure, run.options), run.version
    if version is None:
        return 0
    for batch in batched(requests_of(Corpus(run.study), terms, version, pairs), BATCH, strict=False):
        # Two models may have given the same answer.
        asked = {each.call.digest: each for each in batch}
        there = stored(list(asked))
        fresh = [each for digest, each in asked.items() if digest not in there]
        for each in fresh:
            built = question(version, asked_by(each.call), each.inputs, each.prompt)
            each.call.run, each.call.tokens, each.call.bound = run, built.tokens, built.bound
        again = [key for digest, (key, _state) in there.items() if digest in asked]
        with transaction.atomic():
            SimilarityCall.objects.bulk_create([each.call for each in fresh], ignore_conflicts=True)
            takeable = SimilarityCall.objects.filter(states_to_ask([CallState.FAILED]), pk__in=again).exclude(run=run)
            takeable.update(run=run, version=version, state=CallState.PENDING, claim=None)
        alive()
    return SimilarityCall.objects.filter(run=run).count()


def stored(digests: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Returns the primary key and state of the stored calls with these digests, by digest."""
    rows = SimilarityCall.objects.filter(digest__in=digests).values_list("digest", "pk", "state", "failures")
    return {digest: (key, state_to_ask(state, failures)) for digest, key, state, failures in rows}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of a run: pairs of models and of answers, new requests, those already answered, tokens, costs in nanos.

    `reused` pairs of models are taken over from an earlier run. `kept` pairs of answers pass the filters. `cost`
    assumes the usual length of a reply; `bound` is the maximum.
    """

    models: int
    pairs: int
    reused: int
    compared: int
    kept: int
    calls: int
    there: int
    tokens_in: int
    cost: int
    bound: int


def estimate(study: Study, terms: Terms, version: JudgeVersion | None, pairs: Sequence[tuple[int, int]]) -> Estimate:
    """Estimates a run that compares `pairs` of models, without creating it."""
    corpus = Corpus(study)
    compared = kept = calls = there = sampled = tokens_in = bound = 0
    for part in corpus.parts(pairs, terms.how.block):
        block, dropped = kept_of(part, terms)
        compared += len(dropped)
        kept += len(block.left)
    if version is not None:
        for batch in batched(requests_of(corpus, terms, version, pairs), BATCH, strict=False):
            asked = {each.call.digest: each for each in batch}
            known = stored(list(asked))
            there += sum(state not in {CallState.FAILED, CallState.PENDING} for _key, state in known.values())
            new = [each for digest, each in asked.items() if known.get(digest, (0, CallState.FAILED))[1] in _OPEN]
            calls += len(new)
            for each in new[: max(0, SAMPLED - sampled)]:
                built = question(version, asked_by(each.call), each.inputs, each.prompt)
                sampled, tokens_in, bound = sampled + 1, tokens_in + built.tokens_in, bound + built.bound
    share = calls / sampled if sampled else 0.0
    tokens_in, bound = round(share * tokens_in), round(share * bound)
    tokens_out = calls * min(USUAL, version.max_tokens) if version is not None and terms.how.asks == "chat" else 0
    cost = 0 if version is None else version.nanos(tokens_in, tokens_out)
    reused = len(corpus.pairs) - len(pairs)
    return Estimate(len(corpus.models), len(corpus.pairs), reused, compared, kept, calls, there, tokens_in, cost, bound)


_OPEN: Final = frozenset({CallState.FAILED, CallState.PENDING})
