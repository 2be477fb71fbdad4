"""What each kind of error means for a run, as OpenAI, Azure, vLLM, llama.cpp and gateways say them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from judges.llm import chat
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.llm.errors import Again, Permanent, Refused, Trouble, Unfit
from judges.llm.replies import Ending, ending_of, usage_of

KEY = "sk-unmistakable-4242424242"


def asked(status: int, body: Any, headers: dict[str, str] | None = None, key: str = KEY) -> Answer | Trouble:
    """What becomes of a request that is answered so."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def ask() -> Answer:
        transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=content, headers=headers))
        async with httpx.AsyncClient(transport=transport) as client:
            return await chat.ask(client, Endpoint("http://judge.test/v1", key), b"{}")

    try:
        return asyncio.run(ask())
    except Trouble as trouble:
        return trouble


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


VLLM = "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("Too long", type="invalid_request_error", param="messages", code="context_length_exceeded")),
        (400, error("Too long", param="messages[0].content", code="string_above_max_length")),
        (400, error("No such thing in there", type="invalid_request_error", param="messages.[1].content", code=None)),
        (400, {"object": "error", "message": VLLM, "type": "BadRequestError", "param": None, "code": 400}),
        (400, error(VLLM, type="BadRequestError", param=None, code=400)),
        (400, {"object": "error", "message": "max_tokens must be at least 1, got -186.", "code": 400}),
        (400, error("exceeds the available context size", type="exceed_context_size_error", code=400, n_ctx=256)),
        (500, error("exceeds the available context size", type="exceed_context_size_error", code=500, n_ctx=256)),
        (200, error("exceeds the available context size", type="exceed_context_size_error", code=400, n_ctx=256)),
        (413, b"<html>Request Entity Too Large</html>"),
        (400, error("Invalid prompt.", code="invalid_prompt")),
    ],
)
def test_an_error_about_one_request_alone_is_that_request_s(status: int, body: Any) -> None:
    trouble = asked(status, body)
    assert type(trouble) is Unfit
    assert str(trouble)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("Filtered", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (400, error("Filtered", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (400, error("Not this", code="content_policy_violation")),
        (400, error("Invalid prompt: your prompt was flagged as potentially violating", code="invalid_prompt")),
        (403, error("The model requires moderation. Your input was flagged.", code=403, metadata={"reasons": ["x"]})),
        (200, error("Filtered", code="content_filter")),
    ],
)
def test_a_filter_of_contents_refuses(status: int, body: Any) -> None:
    assert type(asked(status, body)) is Refused


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, error("Incorrect API key", code="invalid_api_key")),
        (403, error("You may not use this model", code="permission_denied")),
        (404, error("The model `x` does not exist", code="model_not_found")),
        (429, error("You exceeded your quota", type="insufficient_quota", code="insufficient_quota")),
        (402, error("Payment required")),
        (400, error("Unsupported parameter: max_tokens", param="max_tokens", code="unsupported_parameter")),
        (400, error("Something else", code="what_nobody_knows")),
        (422, {"detail": [{"loc": ["body", "model"], "msg": "field required"}]}),
        (301, b""),
        (204, b""),
    ],
)
def test_everything_else_that_is_not_passing_is_the_run_s(status: int, body: Any) -> None:
    assert type(asked(status, body)) is Permanent


@pytest.mark.parametrize(
    "words",
    [
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "Invalid parameter: max_tokens",
        "max_tokens is not a permitted parameter of this model",
        "max_tokens was replaced. Please use max_completion_tokens.",
        "Additional properties are not allowed ('max_tokens' was unexpected)",
        'Invalid JSON payload received. Unknown name "max_tokens": Cannot find field.',
        "Unrecognized request argument supplied: max_tokens",
        "property 'max_tokens' is unsupported",
        "extraneous key [max_tokens] is not permitted",
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_a_parameter_that_is_not_known_is_named_by_the_words_alone(words: str, status: int) -> None:
    trouble = asked(status, error(words, type="invalid_request_error", param=None))
    assert isinstance(trouble, Permanent)
    assert trouble.parameter == "max_tokens"


@pytest.mark.parametrize("status", [502, 501, 404])
def test_the_page_of_a_proxy_is_told_as_its_text(status: int) -> None:
    page = (
        b"<!DOCTYPE html>\r\n<html><head><title>502 Bad Gateway</title><style>h1 {color: red}</style></head>"
        b"<body><!-- x --><center><h1>Sorry &amp; bye</h1></center>\n<hr></body></html>"
    )
    trouble = asked(status, page)
    assert type(trouble) is (Again if status == 502 else Permanent)
    assert str(trouble) == "502 Bad Gateway Sorry &amp; bye"
    empty = asked(status, b"<html></html>")
    assert isinstance(empty, Trouble)
    assert str(empty).startswith(f"HTTP {status}")


def test_another_address_is_told_and_not_asked() -> None:
    trouble = asked(308, b"", {"location": f"https://elsewhere.test/v1?{KEY}"})
    assert isinstance(trouble, Permanent)
    assert str(trouble) == "HTTP 308 Permanent Redirect: https://elsewhere.test/v1?***"


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        ("1e9", 600, 600),
        ("inf", 600, 600),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
    ],
)
def test_when_to_try_again_is_read_as_seconds_and_as_a_date(value: str, least: float, most: float) -> None:
    trouble = asked(429, error("Slow down"), {"retry-after": value})
    assert isinstance(trouble, Again)
    assert trouble.retry_after is not None
    assert least <= trouble.retry_after <= most


@pytest.mark.parametrize("zone", [" GMT", " -0000", "", " +0000"])
def test_a_date_without_a_zone_is_greenwich_s(zone: str) -> None:
    value = (datetime.now(UTC) + timedelta(seconds=500)).strftime("%a, %d %b %Y %H:%M:%S") + zone
    trouble = asked(429, error("Slow down"), {"retry-after": value})
    assert isinstance(trouble, Again)
    assert trouble.retry_after is not None
    assert 0 < trouble.retry_after <= 500


@pytest.mark.parametrize("value", ["", "nan", "soon", "Thu, 99 Foo 20266 00:00:00 GMT"])
def test_a_time_that_cannot_be_read_is_none(value: str) -> None:
    trouble = asked(503, error("Busy"), {"retry-after": value})
    assert isinstance(trouble, Again)
    assert trouble.retry_after is None


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("34s", 34.0), ("0.25s", 0.25), ("99999s", 600.0), ("soon", None), ("-3s", None), (7, None), (None, None)],
)
@pytest.mark.parametrize("in_a_list", [False, True])
def test_when_to_try_again_is_read_from_a_body_as_google_writes_it(
    delay: Any, seconds: float | None, in_a_list: bool
) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    body = error("Quota exceeded", code=429, status="RESOURCE_EXHAUSTED", details=["odd", {"reason": "x"}, *details])
    found = [body] if in_a_list else body
    for trouble in (asked(429, found), asked(200, found)):
        assert isinstance(trouble, Again)
        assert trouble.retry_after == seconds
    headed = asked(429, found, {"retry-after": "2"})
    assert isinstance(headed, Again)
    assert headed.retry_after == 2


def reply(message: Any, **more: Any) -> dict[str, Any]:
    return {"id": "r1", "model": "m", "choices": [{"message": message, "finish_reason": "stop", **more}]}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (reply({"content": "[[A]]"}), "[[A]]"),
        (reply({"content": [{"type": "text", "text": "[["}, {"type": "text", "text": "A]]"}, 7]}), "[[A]]"),
        (reply({"content": "[[A]]", "reasoning_content": "[[B]]"}), "[[A]]"),
        (reply({"content": [{"type": "text", "text": "[[A]]"}, {"type": "reasoning", "text": "[[B]]"}]}), "[[A]]"),
        (reply({"content": [{"type": "thinking", "thinking": "x", "text": "[[B]]"}]}), ""),
        (reply({"content": None, "reasoning_content": "[[B]]"}), ""),
        (reply({"content": None, "tool_calls": [{"function": {"name": "x", "arguments": "[[A]]"}}]}), ""),
        (reply({"content": "\ud83d\x00 判定"}), "?\N{REPLACEMENT CHARACTER} 判定"),
        (
            {**reply({"content": "[[A]]"}), "choices": [*reply({"content": "[[A]]"})["choices"], {"message": 3}]},
            "[[A]]",
        ),
    ],
)
def test_the_text_of_an_answer_is_found_in_every_shape(body: Any, text: str) -> None:
    answer = asked(200, body)
    assert isinstance(answer, Answer)
    assert answer.reply.text == text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"[[A]]"',
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"choices": 7}',
        b'{"choices": [7]}',
        b'{"choices": null}',
        b'{"object": "chat.completion", "choices": null, "usage": {"prompt_tokens": 0}}',
        b'{"object": "error", "choices": null, "usage": {"prompt_tokens": 10}}',
        b'{"choices": [{"message": "[[A]]"}]}',
        b'{"choices": [{"message": {"content": "[[A]]"}}]',
        b'{"choices": [{"message": {"content": "[[A]]"}, "finish_reason": "error"}]}',
        b'{"choices": [{"message": {"content": "[[A]]"}, "finish_reason": "abort"}]}',
    ],
)
def test_what_is_no_answer_may_be_one_the_next_time(body: bytes) -> None:
    trouble = asked(200, body)
    assert isinstance(trouble, Again)
    assert trouble.perhaps_paid


@pytest.mark.parametrize(
    "more",
    [
        {"model": ["m"], "id": 7, "system_fingerprint": {"\x00": "\ud800"}},
        {"usage": {"prompt_tokens": "many", "completion_tokens": -1, "prompt_tokens_details": 5}},
        {"usage": {"prompt_tokens": 10**30, "completion_tokens": True}},
        {"usage": []},
        {"choices": [{"message": {"content": "x"}, "finish_reason": ["stop\x00"]}]},
        {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"top_logprobs": 7}]}}]},
        {"choices": [{"message": {"content": "x", "refusal": 7}}]},
    ],
)
def test_odd_values_in_an_answer_are_kept_as_every_database_keeps_them(more: dict[str, Any]) -> None:
    answer = asked(200, {**reply({"content": "x"}), **more})
    assert isinstance(answer, Answer)
    told = (answer.model, answer.fingerprint, answer.response_id, answer.finish_reason, answer.raw)
    for text in told:
        assert "\x00" not in text
        text.encode()
    assert not answer.usage.told
    assert (answer.usage.tokens_in, answer.usage.tokens_out) == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"choices": [{"delta": {"content": "[["}}]}\n\ndata: [DONE]\n\n',
        b": OPENROUTER PROCESSING\n\ndata: {}\n\n",
        b"event: message\ndata: {}\n\n",
        b'{"object": "chat.completion.chunk", "choices": [{"delta": {"content": "A"}}]}',
        b'{"object": "chat.completion.chunk", "choices": []}\n{"object": "chat.completion.chunk", "choices": []}\n',
    ],
)
def test_a_reply_that_is_a_stream_is_not_asked_for_again(body: bytes) -> None:
    trouble = asked(200, body)
    assert type(trouble) is Permanent
    assert "stream" in str(trouble)


def test_a_byte_order_mark_does_not_matter() -> None:
    answer = asked(200, b"\xef\xbb\xbf" + json.dumps(reply({"content": "[[A]]"})).encode())
    assert isinstance(answer, Answer)
    assert answer.reply.text == "[[A]]"
    assert chat.read_answer("\ufeff" + answer.raw).reply.text == "[[A]]"
    assert str(asked(400, b"\xef\xbb\xbf" + json.dumps(error("Odd")).encode())) == "Odd"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (error("No key", code=401), Permanent),
        (error("No key", code="invalid_api_key"), Permanent),
        (error("No key", type="authentication_error"), Permanent),
        (error("Slow down", code="429"), Again),
        (error("Slow down", type="rate_limit_error", code=None), Again),
        (error("Busy", code=502), Again),
        ({"object": "error", "message": VLLM, "code": 400}, Unfit),
        ([error("API key not valid", code=400, status="INVALID_ARGUMENT")], Permanent),
        ({**reply({"content": "[[A]]"}), **error("Lost the provider", code=502)}, Again),
        (reply({"content": "[["}, error={"message": "Lost the provider", "code": 502}), Again),
        (error("Nobody knows"), Again),
    ],
)
def test_an_error_in_a_reply_of_status_200_counts_by_its_code(body: Any, kind: type[Trouble]) -> None:
    trouble = asked(200, body)
    assert type(trouble) is kind
    assert str(trouble) in {
        "No key",
        "Slow down",
        "Busy",
        VLLM,
        "API key not valid",
        "Lost the provider",
        "Nobody knows",
    }


def test_the_words_of_an_error_in_a_list_are_found() -> None:
    assert str(asked(400, [error("API key not valid", code=400)])) == "API key not valid"


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        *((reason, Ending.WHOLE) for reason in ("stop", "STOP", "end_turn", "eos", "tool_calls", "", "odd")),
        *((reason, Ending.CUT) for reason in ("length", "MAX_TOKENS", "max_tokens", "model_length")),
        *((reason, Ending.CUT) for reason in ("FinishReason.MAX_TOKENS", "FINISH_REASON_MAX_TOKENS")),
        *(
            (reason, Ending.REFUSED)
            for reason in ("content_filter: SAFETY", "content-filter", "SAFETY", "RECITATION", "SPII")
        ),
        *(
            (reason, Ending.REFUSED)
            for reason in ("BLOCKLIST", "PROHIBITED_CONTENT", "refusal", "guardrail_intervened")
        ),
        *((reason, Ending.BROKEN) for reason in ("error", "abort", "insufficient_system_resource", "network_error")),
    ],
)
def test_finish_reasons_are_read_by_their_meaning(reason: str, ending: Ending) -> None:
    assert ending_of(reason) is ending


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (reply(None, finish_reason="PROHIBITED_CONTENT"), "PROHIBITED_CONTENT"),
        (reply({"content": None}, finish_reason="SAFETY"), "SAFETY"),
        (reply({"content": "I was going to"}, finish_reason="content_filter"), "content_filter"),
        (reply({"content": "", "refusal": "I can't help."}), "I can't help."),
        (reply(None), "The reply contains no text."),
        (
            {"id": "r1", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 0}},
            "The reply contains no text.",
        ),
        ({"object": "chat.completion", "choices": None, "id": "r1"}, "The reply contains no text."),
        ({"object": "chat.completion", "model": "m"}, "The reply contains no text."),
    ],
)
def test_a_whole_reply_without_a_text_is_a_refusal_at_its_price(body: Any, words: str) -> None:
    answer = asked(200, {"usage": {"prompt_tokens": 10, "completion_tokens": 5}, **body})
    assert isinstance(answer, Answer)
    assert (answer.ending, str(answer.why_refused)) == (Ending.REFUSED, words)
    assert answer.usage.told
    assert answer.usage.tokens_in == 10


@pytest.mark.parametrize("message", [None, {"content": None}, {"content": ""}])
@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS"])
def test_a_reply_that_was_cut_before_its_first_word_is_no_refusal(message: Any, reason: str) -> None:
    answer = asked(200, reply(message, finish_reason=reason))
    assert isinstance(answer, Answer)
    assert answer.ending is Ending.CUT


@pytest.mark.parametrize(
    ("usage", "told", "tokens"),
    [
        ({"prompt_tokens": 0, "completion_tokens": 0}, False, (0, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 0}, False, (9, 0)),
        ({"prompt_tokens": 9}, False, (9, 0)),
        ({"prompt_tokens": 100.0, "completion_tokens": 5.0}, True, (100, 5)),
        ({"prompt_tokens": 100.5, "completion_tokens": 5}, False, (0, 5)),
    ],
)
def test_tokens_are_believed_where_a_reply_with_text_can_have_taken_them(
    usage: Any, told: bool, tokens: tuple[int, int]
) -> None:
    answer = asked(200, {**reply({"content": "[[A]]"}), "usage": usage})
    assert isinstance(answer, Answer)
    assert (answer.usage.told, (answer.usage.tokens_in, answer.usage.tokens_out)) == (told, tokens)


def test_cached_tokens_are_some_of_those_in() -> None:
    assert usage_of({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}).cached == 4
    assert usage_of({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4.0}).cached == 4
    assert usage_of({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 400}}).cached == 9


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"cost": 0.25}, 0.25),
        ({"cost": 0}, 0.0),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}, 0.51),
        ({"cost": 0.01, "cost_details": {"upstream_inference_cost": 0.5}}, 0.01),
        ({"cost": -1}, None),
        ({"cost": "0.25"}, None),
        ({"cost": True}, None),
        ({"cost": 1e300}, None),
        ({}, None),
    ],
)
def test_the_cost_that_an_endpoint_reports_is_read(usage: dict[str, Any], dollars: float | None) -> None:
    assert usage_of(usage).dollars == dollars


def test_numbers_that_are_none_are_no_probabilities() -> None:
    wrong = '{"token": "A", "logprob": NaN}, {"token": "B", "logprob": 1' + "0" * 400 + "}"
    listed = wrong + ', {"token": "C", "logprob": true}, {"token": "D", "logprob": -0.5}'
    body = '{"choices": [{"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": [' + listed + "]}]}}]}"
    answer = asked(200, body.encode())
    assert isinstance(answer, Answer)
    assert [(token.text, token.logprob) for token in answer.reply.first_tokens] == [("D", -0.5)]


@pytest.mark.parametrize("odd", ['sk-un"mistakable', "sk-unmistakable\\", 'sk-"\\/"-42424242'])
def test_a_key_with_quotes_and_backslashes_is_struck_out_too(odd: str) -> None:
    body = {**reply({"content": f"Bearer {odd} [[A]]"}), "model": odd, "system_fingerprint": odd, "id": "chat\u0101"}
    answer = asked(200, body, key=odd)
    assert isinstance(answer, Answer)
    assert (answer.reply.text, answer.model, answer.fingerprint) == ("Bearer *** [[A]]", "***", "***")
    assert odd not in answer.raw
    assert json.dumps(odd)[1:-1] not in answer.raw
    trouble = asked(401, error(f"Wrong: {odd}"), key=odd)
    assert isinstance(trouble, Trouble)
    assert str(trouble) == "Wrong: ***"


@pytest.mark.parametrize("word", ["e", "1", "none", "test", "EMPTY"])
def test_a_word_for_servers_that_ask_for_no_key_leaves_replies_as_they_are(word: str) -> None:
    body = reply({"content": "In the latest 11 tests none won. [[A]]"})
    answer = asked(200, body, key=word)
    assert isinstance(answer, Answer)
    assert answer.reply.text == "In the latest 11 tests none won. [[A]]"
    assert json.loads(answer.raw) == body


@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_key_is_struck_out_however_an_endpoint_spells_it(status: int) -> None:
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    body = f'{{"error": {{"message": "Wrong: {spelled}"}}, "id": "{spelled}", "n": "\\/"}}'
    for content in (body, body[:-1]):
        trouble = asked(status, content.encode(), {"x-request-id": KEY})
        assert isinstance(trouble, Trouble)
        for text in (str(trouble), trouble.raw, str(trouble.problem.data)):
            assert KEY not in text
            assert spelled not in text


@pytest.mark.parametrize("name", ["x-cache", "cf-aig-cache-status", "x-portkey-cache-status", "Helicone-Cache"])
def test_a_gateway_that_says_so_had_the_reply_in_its_store(name: str) -> None:
    for value, from_cache in (("HIT", True), ("Hit from cloudfront", True), ("MISS", False), ("", False)):
        answer = asked(200, reply({"content": "x"}), {name: value})
        assert isinstance(answer, Answer)
        assert answer.from_cache is from_cache
