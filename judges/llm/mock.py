"""Mock model endpoint for tests and demonstrations: OpenAI-compatible, and deterministic for a seed.

As a judge it has a hidden opinion of every answer, drawn from the hash of its text, and configurable biases towards the
left answer and the longer one. As a model it writes text that looks like an answer but means nothing, or new prompts in
the form that is asked for. It can be made
slow and unreliable in every way that endpoints are.
"""

import asyncio
import hashlib
import json
import math
import random
import re
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from judges.llm import mock_evolving, mock_prose

type Fault = Literal[
    "429", "500", "hang", "half", "invalid", "abort", "refusal", "filter", "long", "empty", "unreadable", "cut"
]

PASSING: Final[tuple[Fault, ...]] = ("429", "500", "hang", "half", "invalid", "abort")
"""Faults that a later attempt may get past."""

LASTING: Final[tuple[Fault, ...]] = ("refusal", "filter", "long", "empty", "unreadable", "cut")
"""Faults that the same request meets every time."""

HANG: Final = 3600.0

REWARDS: Final = ("/pooling", "/classify")
"""Paths at which it acts as a reward model, with the same opinion of an answer."""

EMBEDDINGS: Final = "/embeddings"
"""The path at which it embeds texts: those with many trigrams in common are close to each other."""

WIDTH: Final = 64
"""Numbers of an embedding."""

NAME: Final = "stand-in"
MODELS: Final = (NAME, "stand-in-mini")
"""Its model names. It answers to any name, but a judge with one of these is known not to be a real model."""

_SIDES: Final = {
    side: re.compile(
        rf"^\[(?:Answer|Conversation) {side} (\w+)\]\n(.*?)^\[End of \w+ {side} \1\]", re.DOTALL | re.MULTILINE
    )
    for side in "AB"
}
_SINGLE: Final = re.compile(r"^\[(?:Answer|Conversation) (\w+)\]\n(.*?)^\[End of \w+ \1\]", re.DOTALL | re.MULTILINE)
_ONE_WORD: Final = re.compile(r"print only A|one word and nothing else|一語だけ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour of the mock. Times are in seconds, rates in [0, 1], biases in standard deviations of its opinion."""

    seed: int = 0
    latency: float = 0.05
    jitter: float = 0.0
    passing: float = 0.0
    lasting: float = 0.0
    passing_kinds: tuple[Fault, ...] = PASSING
    lasting_kinds: tuple[Fault, ...] = LASTING
    retry_after: float = 1.0
    position_bias: float = 0.0
    length_bias: float = 0.0
    tie_width: float = 0.2
    limit: int | None = None
    """Maximum requests in any sliding minute; beyond it, the mock answers 429."""
    key: str = ""
    """The required key; empty if none is needed."""
    drift_after: int | None = None
    """Number of answers after which it returns another model name."""


@dataclass(slots=True)
class Ledger:
    """What the mock received, as shown at /stats."""

    arrivals: list[float] = field(default_factory=list)
    answered: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    answers_by_request: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0

    def busiest_minute(self, span: float = 60.0) -> int:
        """Returns the maximum number of arrivals in any sliding `span` seconds."""
        window: deque[float] = deque()
        most = 0
        for arrival in self.arrivals:
            window.append(arrival)
            while window[0] <= arrival - span:
                window.popleft()
            most = max(most, len(window))
        return most

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": len(self.arrivals),
            "answered": self.answered,
            "answered_twice": sum(count - 1 for count in self.answers_by_request.values()),
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "busiest_minute": self.busiest_minute(),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
        }


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class StandIn:
    """The mock server. `start` binds it and returns its port; `stop` ends it and every connection."""

    def __init__(self, behaviour: Behaviour = Behaviour()) -> None:
        self.behaviour = behaviour
        self.ledger = Ledger()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        self._server = await asyncio.start_server(self._connected, host, port, limit=2**20, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._connections.add(task)
        try:
            while (request := await _read(reader)) is not None:
                if not await self._serve(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client hung up or does not speak HTTP
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        """Answers one request and returns whether the connection stays open."""
        if request.path == "/stats":
            return await _write(writer, 200, self.ledger.as_json())
        if request.path.endswith("/models"):
            models = [{"id": name, "object": "model", "owned_by": "stand-in"} for name in MODELS]
            return await _write(writer, 200, {"object": "list", "data": models})
        if request.method != "POST" or not request.path.endswith(("/chat/completions", EMBEDDINGS, *REWARDS)):
            return await _write(writer, 404, _error("There is nothing at this address.", "not_found"))
        self.ledger.arrivals.append(time.monotonic())
        self.ledger.in_flight += 1
        self.ledger.most_in_flight = max(self.ledger.most_in_flight, self.ledger.in_flight)
        try:
            return await self._chat(request, writer)
        finally:
            self.ledger.in_flight -= 1

    async def _chat(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        behaviour = self.behaviour
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if behaviour.key and given != behaviour.key:
            return await self._trouble(writer, 401, f"Incorrect API key provided: {given}.", "invalid_api_key")
        try:
            body = json.loads(request.body)
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            embeds = request.path.endswith(EMBEDDINGS)
            messages = _inputs(body) if embeds else [str(message["content"]) for message in body["messages"]]
        except (ValueError, TypeError, KeyError):
            return await self._trouble(writer, 400, "The request holds no texts.", "invalid_request_error")
        self.ledger.attempts[digest] += 1
        attempt = self.ledger.attempts[digest]
        chance = _random(behaviour.seed, "passing", digest, str(attempt))
        await asyncio.sleep(max(0.0, behaviour.latency + behaviour.jitter * (2 * chance.random() - 1)))
        if behaviour.limit is not None and self._beyond(behaviour.limit):
            return await self._trouble(writer, 429, "Too many requests.", "rate_limit_exceeded", retry_after=True)
        if chance.random() < behaviour.passing:
            return await self._fail(writer, chance.choice(behaviour.passing_kinds))
        lasting = _random(behaviour.seed, "lasting", digest)
        fault = lasting.choice(behaviour.lasting_kinds) if lasting.random() < behaviour.lasting else None
        if fault == "filter":
            return await self._trouble(writer, 400, "The text was filtered.", "content_filter")
        if fault == "long":
            words = "This model's maximum context length is 4096 tokens. The messages have more."
            return await self._trouble(writer, 400, words, "context_length_exceeded")
        if embeds:
            reply = self._embed(body, messages)
        elif request.path.endswith(REWARDS):
            reply = self._reward(request.path, body, messages, digest)
        else:
            reply = self._reply(body, messages, digest, fault)
        self.ledger.answered += 1
        self.ledger.answers_by_request[digest] += 1
        self.ledger.by_status[200] += 1
        return await _write(writer, 200, reply, {"x-request-id": f"req-{digest[:12]}-{attempt}"})

    def _beyond(self, limit: int) -> bool:
        now = self.ledger.arrivals[-1]
        return sum(1 for arrival in self.ledger.arrivals[-limit - 1 :] if arrival > now - 60) > limit

    async def _trouble(
        self, writer: asyncio.StreamWriter, status: int, words: str, code: str, *, retry_after: bool = False
    ) -> bool:
        self.ledger.by_status[status] += 1
        headers = {"retry-after": f"{self.behaviour.retry_after:g}"} if retry_after else {}
        return await _write(writer, status, _error(words, code), headers)

    async def _fail(self, writer: asyncio.StreamWriter, fault: Fault) -> bool:
        match fault:
            case "429":
                return await self._trouble(writer, 429, "Slow down, please.", "rate_limit_exceeded", retry_after=True)
            case "500":
                return await self._trouble(writer, 500, "Something broke here.", "server_error")
            case "hang":
                await asyncio.sleep(HANG)
                return False
            case "half":
                writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"id": "x", "choi')
                await writer.drain()
                return False
            case "invalid":
                return await _write(writer, 200, b'{"choices": [{"message": {"content": "[[A]]"')
            case _:
                broken = {"message": {"role": "assistant", "content": "[[A"}, "finish_reason": "error"}
                return await _write(writer, 200, {"id": "x", "object": "chat.completion", "choices": [broken]})

    def _reward(self, path: str, body: Mapping[str, Any], messages: list[str], digest: str) -> dict[str, Any]:
        """Returns a reward model's reply about the last message, as vLLM writes it: a number per token or class."""
        score = _quality(self.behaviour, messages[-1])
        size = sum(map(len, messages)) // 4 + 8
        data: dict[str, Any] = {"index": 0, "object": "pooling", "data": [[0.0], [score / 2], [score]]}
        if path.endswith("/classify"):
            data = {"index": 0, "label": "LABEL_0", "probs": [score], "num_classes": 1}
        return {
            "id": f"pool-{digest[:16]}-{self.ledger.answered}",
            "object": "list",
            "model": str(body.get("model", NAME)),
            "data": [data],
            "usage": {"prompt_tokens": size, "total_tokens": size, "completion_tokens": 0},
        }

    def _embed(self, body: Mapping[str, Any], texts: list[str]) -> dict[str, Any]:
        """Returns an embedding for each text."""
        size = sum(map(len, texts)) // 4 + len(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": embedding(self.behaviour.seed, text)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": size, "total_tokens": size}
        return {"object": "list", "model": str(body.get("model", NAME)), "data": data, "usage": usage}

    def _reply(self, body: Mapping[str, Any], messages: list[str], digest: str, fault: Fault | None) -> dict[str, Any]:
        text, tokens = opinion(self.behaviour, body, messages, self.ledger.answers_by_request[digest] + 1)
        finish, refusal = "stop", None
        if fault == "refusal":
            text, refusal = "", "I cannot help with that."
        elif fault == "unreadable":
            text = "Both answers have their merits, and I would rather not choose."
        elif fault == "cut":
            text, finish = text[: len(text) // 2], "length"
        model = str(body.get("model", NAME))
        if self.behaviour.drift_after is not None and self.ledger.answered >= self.behaviour.drift_after:
            model += "-drifted"
        message: dict[str, Any] | None = {"role": "assistant", "content": text}
        if refusal:
            message = {"role": "assistant", "content": None, "refusal": refusal}
        elif fault == "empty":
            text, message, finish = "", None, "PROHIBITED_CONTENT"
        logprobs = {"content": [{"token": text[:1], "top_logprobs": tokens}]} if body.get("logprobs") else None
        size_in, size_out = sum(map(len, messages)) // 4 + 8, max(1, len(text) // 4)
        return {
            "id": f"chatcmpl-{self.behaviour.seed:x}-{digest[:16]}-{self.ledger.answered}",
            "object": "chat.completion",
            "model": model,
            "system_fingerprint": f"fp_{self.behaviour.seed:08x}",
            "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": size_in,
                "completion_tokens": size_out,
                "total_tokens": size_in + size_out,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        }


def _random(seed: int, *words: str) -> random.Random:
    return random.Random(f"{seed}\0" + "\0".join(words))  # noqa: S311  nothing secret hangs on it


def _quality(behaviour: Behaviour, text: str) -> float:
    hidden = _random(behaviour.seed, "quality", text.strip()).gauss(0, 1)
    return hidden + behaviour.length_bias * math.log(max(1, len(text)))


def opinion(
    behaviour: Behaviour, body: Mapping[str, Any], messages: list[str], attempt: int = 1
) -> tuple[str, list[dict[str, str | float]]]:
    """Returns the mock's reply to `messages`, in the form they ask for, and its likeliest first tokens."""
    asked = "\n".join(messages)
    if mock_evolving.asked_for(asked):
        return mock_evolving.reply(asked, _prose_chance(behaviour, body, messages, attempt)), []
    if '"similarity"' in asked:
        return _likeness(behaviour, asked), []
    if (single := _SINGLE.search(asked)) or "[[5]]" in asked or "[[rating]]" in asked.lower():
        quality = _quality(behaviour, single[2] if single else asked)
        score = max(1, min(10, round(5.5 + 2 * quality)))
        wants_json = "json_schema" in str(body.get("response_format")) or '"score"' in asked
        said = json.dumps({"reason": "It does what was asked.", "score": score})
        return (said if wants_json else f"It does what was asked.\nRating: [[{score}]]"), []
    forms = ("[[A>>B]]", "[[A]]", "[[8,5]]", '"winner"')
    if not any(form in asked for form in forms) and not _ONE_WORD.search(asked):
        return _prose(behaviour, body, messages, attempt), []
    sides = {side: pattern.search(asked) for side, pattern in _SIDES.items()}
    left, right = (found[2] if found else f"{side}{asked}" for side, found in sides.items())
    lead = _quality(behaviour, left) - _quality(behaviour, right) + behaviour.position_bias
    letter = "C" if abs(lead) < behaviour.tie_width else "A" if lead > 0 else "B"
    share = 1 / (1 + math.exp(-2 * lead))
    tokens: list[dict[str, str | float]] = [
        {"token": "A", "logprob": math.log(0.9 * share + 1e-9)},
        {"token": "B", "logprob": math.log(0.9 * (1 - share) + 1e-9)},
        {"token": "C", "logprob": math.log(0.08)},
    ]
    if "[[A>>B]]" in asked:
        much = ">>" if abs(lead) > 1 else ">"
        verdict = "A=B" if letter == "C" else f"A{much}B" if letter == "A" else f"B{much}A"
        return f"One of them is closer to what was asked.\n[[{verdict}]]", tokens
    if "[[8,5]]" in asked:
        first = max(1, min(10, round(5.5 + 2 * _quality(behaviour, left))))
        second = first if letter == "C" else max(1, min(10, first - round(2 * lead)))
        return f"One of them is closer to what was asked.\n[[{first},{second}]]", tokens
    if "[[A]]" in asked:
        return f"One of them is closer to what was asked.\n[[{letter}]]", tokens
    if '"winner"' in asked:
        return json.dumps({"reason": "Closer to what was asked.", "winner": "tie" if letter == "C" else letter}), tokens
    return ("TIE" if letter == "C" and "TIE" in asked else letter), tokens


def _inputs(body: Mapping[str, Any]) -> list[str]:
    """Returns the texts to embed. Raises ValueError if one of them is blank, as real endpoints refuse it."""
    found = body["input"]
    texts = [found] if isinstance(found, str) else [str(text) for text in found]
    if not texts or not all(text.strip() for text in texts):
        raise ValueError(texts)
    return texts


def embedding(seed: int, text: str) -> list[float]:
    """Returns a unit vector of `WIDTH` numbers: the counts of the trigrams of `text`, each at a place that is drawn."""
    plain = f" {' '.join(text.lower().split())} "
    found = [0.0] * WIDTH
    for start in range(max(1, len(plain) - 2)):
        gram = f"{seed}\0{plain[start : start + 3]}".encode("utf-8", "replace")
        drawn = hashlib.blake2b(gram, digest_size=2).digest()
        found[drawn[0] % WIDTH] += 1.0 if drawn[1] % 4 else -1.0
    length = math.sqrt(sum(value * value for value in found))
    return [value / length for value in found] if length else [1.0] + [0.0] * (WIDTH - 1)


def _likeness(behaviour: Behaviour, asked: str) -> str:
    """Returns a judge's score of how alike the two answers are."""
    texts = [found[2] if (found := pattern.search(asked)) else asked for pattern in _SIDES.values()]
    left, right = (embedding(behaviour.seed, text) for text in texts)
    cosine = sum(one * other for one, other in zip(left, right, strict=True))
    return json.dumps({"reason": "They share some of their wording.", "similarity": round(max(0.0, cosine), 3)})


def _prose(behaviour: Behaviour, body: Mapping[str, Any], messages: list[str], attempt: int) -> str:
    """Returns an answer to the conversation."""
    text = mock_prose.answer(messages[-1], _prose_chance(behaviour, body, messages, attempt))
    stops = body.get("stop")
    for stop in stops if isinstance(stops, list) else [stops]:
        if isinstance(stop, str) and stop:
            text = text.partition(stop)[0]
    return text


def _prose_chance(behaviour: Behaviour, body: Mapping[str, Any], messages: list[str], attempt: int) -> random.Random:
    """Returns the generator of a text; with a temperature, every time the same is asked it is another one."""
    warm = str(attempt) if body.get("temperature") else ""
    return _random(behaviour.seed, "prose", str(body.get("model")), str(body.get("seed")), warm, *messages)


def _error(words: str, code: str) -> dict[str, Any]:
    return {"error": {"message": words, "type": code, "code": code}}


async def _read(reader: asyncio.StreamReader) -> _Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _version = [*first.split(" ", 2), "", ""][:3]
    headers = {name.strip().lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "0")
    body = await reader.readexactly(int(length)) if length.isdigit() else b""
    return _Request(method, path, headers, body)


REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


async def _write(
    writer: asyncio.StreamWriter, status: int, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None
) -> bool:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Internal Server Error')}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"content-length: {len(content)}", "", ""]
    writer.write("\r\n".join(lines).encode() + content)
    await writer.drain()
    return True
