"""Client of OpenAI-compatible embeddings endpoints: texts in, a vector for each out."""

import base64
import binascii
import json
from typing import Any, Final

import httpx
import numpy as np
from numpy.typing import NDArray

from judges import problems
from judges.llm import errors, replies, transport
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.llm.errors import Again, Unfit
from judges.prompting.readers import Reply

SUFFIX: Final = "/embeddings"
DTYPE: Final = np.dtype("<f4")

type Vectors = NDArray[np.float32]


def url(base: str) -> str:
    """Returns the URL of embeddings under the base URL of an endpoint, which may be that URL itself."""
    return base.rstrip("/").removesuffix(SUFFIX).rstrip("/") + SUFFIX


async def ask(client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> Answer:
    """Sends one request and returns the answer, whose text is that of `written`.

    Raises:
        errors.Trouble: there is no answer.
    """
    found = await transport.post(client, endpoint, url(endpoint.url), body)
    number = len(json.loads(body)["input"])
    return read(found.raw, number, request_id=found.request_id, seconds=found.seconds)


def read(raw: str, number: int, *, request_id: str = "", seconds: float = 0.0) -> Answer:
    """Returns the answer in a reply's body to a request with `number` texts. Its `raw` leaves the vectors out.

    Raises:
        Again: it is broken or reports an error.
        Unfit: it does not have a vector for each text, or one of them is zero or not finite.
    """
    try:
        found = replies.parse(raw)
    except (ValueError, RecursionError):
        raise Again(problems.NOT_JSON(), 200, raw[: errors.WORDS], perhaps_paid=True) from None
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, list) or not data or not all(isinstance(each, dict) for each in data):
        words = errors.words_of(raw) if isinstance(found, dict) and "error" in found else ""
        raise Again(words or problems.NO_VECTORS(), 200, raw[: errors.WORDS], perhaps_paid=True)
    vectors = _vectors(data, number)
    if vectors is None:
        raise Unfit(problems.NO_VECTORS(), 200, raw[: errors.WORDS])
    told = {**found, "data": [{**each, "embedding": "…"} for each in data]}
    return Answer(
        reply=Reply(written(vectors)),
        refusal="",
        finish_reason="stop",
        model=replies.plain(found.get("model") or "", 200),
        fingerprint="",
        response_id=replies.plain(found.get("id") or "", 200),
        request_id=request_id,
        usage=replies.usage_of(found.get("usage"), text=False),
        raw=json.dumps(told),
        status=200,
        seconds=seconds,
    )


def _vectors(data: list[dict[str, Any]], number: int) -> Vectors | None:
    """Returns (number, d) the vectors in the order of the texts; None if they are not what was asked for."""
    order = [index for each in data if isinstance(index := each.get("index"), int)]
    if len(order) == len(data):
        if sorted(order) != list(range(number)):
            return None
        data = sorted(data, key=lambda each: each["index"])
    rows = [row for each in data if (row := _row(each.get("embedding"))) is not None]
    if len(rows) != number or len({row.size for row in rows}) > 1:
        return None
    vectors = np.array(rows, DTYPE)
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return vectors if vectors.size and np.isfinite(norms).all() and norms.all() else None


def _row(found: Any) -> NDArray[np.float32] | None:
    """Returns a vector, given as a list of numbers or as base64 of float32."""
    if isinstance(found, str):
        try:
            return np.frombuffer(base64.b64decode(found, validate=True), DTYPE)
        except (ValueError, binascii.Error):
            return None
    if not isinstance(found, list) or not found:
        return None
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30 for value in found):
        return None
    return np.array(found, DTYPE)


def written(vectors: Vectors) -> str:
    """Returns `vectors` (n, d) as text: n, a colon, and the numbers as base64 of float32."""
    return f"{len(vectors)}:{base64.b64encode(vectors.astype(DTYPE).tobytes()).decode()}"


def from_text(text: str) -> Vectors:
    """Returns the vectors that `written` wrote."""
    number, _colon, packed = text.partition(":")
    return np.frombuffer(base64.b64decode(packed), DTYPE).reshape(int(number), -1)
