"""Readers of replies: what a judge said, from the text of its reply and nothing else.

A reader gives a frozen reading, or says that the reply is unreadable and why; it never guesses a tie.
The last marker of a reply counts, because judges argue before they decide; one that is out of range
is an error and no earlier marker is taken in its place. Each reader has a version: a change of what
it reads is a new version, and kept replies can be read again at no cost.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from annotation.problems import Problem, gettext_noop
from judges import problems

type Verdict = Literal["left", "right", "tie"]
type Gives = Literal["verdict", "level", "score", "share"]
"""What a reader finds: a winner, one of five levels, a score of 1 to 10, a probability."""


@dataclass(frozen=True, slots=True)
class Token:
    """One of the likeliest first tokens of a reply, with the natural logarithm of its probability."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge answered: the text, and the likeliest first tokens where they were asked for."""

    text: str
    first_tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says, as shown: A stood on the left. Only what the reader gives is set.

    `level` runs from 1, A is much better, to 5, B is much better; `score` from 1 to 10; `share` is the
    probability in [0, 1] that A is better, a tie counted half.
    """

    verdict: Verdict | None = None
    level: int | None = None
    score: float | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No verdict can be read, and why."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read replies.

    `label` says what people choose it by, in English, and is translated where it is shown. `templates` is the
    built-in set that asks for such replies, taken where no other is named. `markers` matches what a verdict looks
    like to it; prompts breaks such text inside judged answers. `reads_cut` readers decide from the start of a reply,
    so one cut at max_tokens is as good as whole.
    """

    name: str
    version: int
    gives: Gives
    read: Callable[[Reply], Reading | Unreadable]
    label: str
    templates: str
    markers: re.Pattern[str] | None = None
    reads_cut: bool = False
    wants_logprobs: bool = False
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply, for endpoints with structured output."""


LONGEST_QUOTE: Final = 60
LEVELS: Final = {"A>>B": 1, "A>B": 2, "A=B": 3, "B=A": 3, "B>A": 4, "B>>A": 5, "A<<B": 5, "A<B": 4, "B<A": 2, "B<<A": 1}
VERDICTS: Final[Mapping[str, Verdict]] = {"A": "left", "B": "right", "C": "tie", "TIE": "tie", "DRAW": "tie"}

_THOUGHT: Final = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_UNFINISHED_THOUGHT: Final = re.compile(r"\A\s*<think(?:ing)?>", re.IGNORECASE)
_BRACKETED: Final = re.compile(r"\[\[\s*([^\[\]\n]{1,40}?)\s*\]\]")
_LABEL: Final = re.compile(
    r"\A(?:(?:the|my|final|overall)\s+)*"
    r"(?:answer|verdict|winner|choice|decision|judg(?:e)?ment|result|better|判定|回答|答え|勝者|結論)"
    r"(?:\s+(?:answer|assistant|response|one))?(?:\s+is\b)?\s*(?:[:=：は]\s*)?",
    re.IGNORECASE,
)
_DRESS: Final = " \t\r\n*_`\"'.,;:!()[]{}<>#。、「」『』“”‘’"


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"


def _spoken(reply: Reply) -> str:
    """The reply without the thinking that some models write in front; empty where it never ended."""
    text = _THOUGHT.sub("", reply.text, count=1)
    return "" if _UNFINISHED_THOUGHT.match(text) else text


def _nothing(reply: Reply) -> Unreadable:
    if not reply.text.strip():
        return Unreadable(problems.EMPTY())
    return Unreadable(problems.NO_VERDICT(end=_quote(reply.text[-200:])))


def _odd(found: str, wanted: str) -> Unreadable:
    return Unreadable(problems.ODD_VERDICT(found=_quote(found), wanted=wanted))


def _last_bracketed(reply: Reply) -> str | None:
    found = None
    for match in _BRACKETED.finditer(_spoken(reply)):
        found = match[1]
    return found


def read_bracketed(reply: Reply) -> Reading | Unreadable:
    """`[[A]]`, `[[B]]`, `[[C]]` or `[[tie]]`."""
    found = _last_bracketed(reply)
    if found is None:
        return _nothing(reply)
    verdict = VERDICTS.get(found.upper())
    return _odd(found, "[[A]], [[B]], [[C]]") if verdict is None else Reading(verdict=verdict)


def read_rating(reply: Reply) -> Reading | Unreadable:
    """`[[7]]` or `[[7.5]]`: a score from 1 to 10."""
    found = _last_bracketed(reply)
    if found is None:
        return _nothing(reply)
    match = re.fullmatch(r"(?:rating\s*[:：]\s*)?(-?[0-9]{1,6}(?:\.[0-9]{1,6})?)(?:\s*/\s*10)?", found, re.IGNORECASE)
    return _odd(found, "[[1]] … [[10]]") if match is None else _score(match[1])


def _score(found: str) -> Reading | Unreadable:
    score = float(found)
    if not 1 <= score <= 10:
        return Unreadable(problems.SCORE_OUT_OF_RANGE(found=_quote(found)))
    return Reading(score=score)


def read_levels(reply: Reply) -> Reading | Unreadable:
    """`[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]`, `[[B>>A]]`."""
    found = _last_bracketed(reply)
    if found is None:
        return _nothing(reply)
    level = LEVELS.get(re.sub(r"\s+", "", found).upper())
    if level is None:
        return _odd(found, "[[A>>B]] … [[B>>A]]")
    return Reading(verdict="tie" if level == 3 else "left" if level < 3 else "right", level=level)


def read_letter(reply: Reply) -> Reading | Unreadable:
    """A, B, C or TIE alone on the last line, with or without "Verdict:" in front."""
    lines = [line for line in _spoken(reply).splitlines() if line.strip(_DRESS)]
    if not lines:
        return _nothing(reply)
    word = _LABEL.sub("", lines[-1].strip(_DRESS), count=1).strip(_DRESS)
    if word in {"引き分け", "同点"}:
        return Reading(verdict="tie")
    # A lone "a" is an article as often as a verdict; words are taken in any case.
    verdict = VERDICTS.get(word if len(word) == 1 else word.upper())
    return _nothing(reply) if verdict is None else Reading(verdict=verdict)


def read_llmfao(reply: Reply) -> Reading | Unreadable:
    """LLMFAO's order: "neither" anywhere is a tie, then the whole word A, then B; then TIE, which it asks for.

    What is left LLMFAO counted as a tie; here it is unreadable. Its models did not think aloud: the thoughts of
    those that do are passed over, as by every reader.
    """
    text = _spoken(reply).strip()
    if "neither" in text.lower():
        return Reading(verdict="tie")
    if re.search(r"\bA\b", text):
        return Reading(verdict="left")
    if re.search(r"\bB\b", text):
        return Reading(verdict="right")
    if re.search(r"\btie\b", text, re.IGNORECASE):
        return Reading(verdict="tie")
    return _nothing(reply)


def _last_object(text: str) -> Any:
    """The last JSON object in `text` that does not stand in another one; None where there is none."""
    decoder = json.JSONDecoder()
    found, at = None, text.find("{")
    # An unfinished object makes the decoder read to the end: a reply of nothing but braces must not
    # take quadratic time.
    for _attempt in range(200):
        if at < 0:
            break
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    return found


def read_json(reply: Reply) -> Reading | Unreadable:
    """`{"winner": "A"}`: A, B or tie."""
    found = _last_object(_spoken(reply))
    if not isinstance(found, dict) or "winner" not in found:
        return _nothing(reply)
    word = found["winner"]
    verdict = VERDICTS.get(word.strip().upper()) if isinstance(word, str) else None
    return _odd(str(word), "A, B, tie") if verdict is None else Reading(verdict=verdict)


def read_json_score(reply: Reply) -> Reading | Unreadable:
    """`{"score": 7}`: a number from 1 to 10."""
    found = _last_object(_spoken(reply))
    if not isinstance(found, dict) or "score" not in found:
        return _nothing(reply)
    score = found["score"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        return _odd(str(score), "1 … 10")
    return _score(str(score))


LEAST_MASS: Final = 0.5
"""Of the probability of the first token that A, B and tie must hold together to be a verdict."""


def read_logprobs(reply: Reply) -> Reading | Unreadable:
    """The probabilities of A, B and tie as the first token; the share of A, a tie counted half."""
    if not reply.first_tokens:
        return Unreadable(problems.NO_LOGPROBS())
    mass: dict[Verdict, float] = {"left": 0.0, "right": 0.0, "tie": 0.0}
    for token in reply.first_tokens:
        word = token.text.strip(_DRESS + "\u2581\u0120")
        verdict = VERDICTS.get(word if len(word) == 1 else word.upper())
        if verdict is not None and token.logprob <= 1e-6:
            mass[verdict] += math.exp(token.logprob)
    total = math.fsum(mass.values())
    # Not more than 1 but for rounding; an endpoint that says otherwise does not give probabilities.
    if not LEAST_MASS <= total <= 1.01:
        return Unreadable(problems.LITTLE_MASS(percent=f"{100 * total:.1f}"))
    share = (mass["left"] + mass["tie"] / 2) / total
    winners = [word for word, weight in mass.items() if weight == max(mass.values())]
    return Reading(verdict=winners[0] if len(winners) == 1 else "tie", share=share)


def _object(name: str, kind: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {"reason": {"type": "string"}, name: kind},
        "required": ["reason", name],
        "additionalProperties": False,
    }


_VERDICT_MARKER: Final = re.compile(r"\[(?=\[\s*(?:A|B|C|tie|draw)\s*\]\])", re.IGNORECASE)
_RATING_MARKER: Final = re.compile(r"\[(?=\[\s*(?:rating\s*[:：]\s*)?-?[0-9.]+(?:\s*/\s*10)?\s*\]\])", re.IGNORECASE)
_LEVEL_MARKER: Final = re.compile(r"\[(?=\[\s*[AB]\s*[<>=]{1,2}\s*[AB]\s*\]\])", re.IGNORECASE)
_JSON_MARKER: Final = re.compile(r"[\"'](?=(?:winner|score)[\"']\s*:)", re.IGNORECASE)

READERS: Final[Mapping[str, Reader]] = {
    reader.name: reader
    for reader in (
        Reader(
            "bracketed",
            1,
            "verdict",
            read_bracketed,
            gettext_noop("Pairs: [[A]], [[B]] or [[C]] after an explanation"),
            "pairs",
            _VERDICT_MARKER,
        ),
        Reader("letter", 1, "verdict", read_letter, gettext_noop("Pairs: a single letter"), "pairs-letter"),
        Reader(
            "json",
            1,
            "verdict",
            read_json,
            gettext_noop("Pairs: JSON"),
            "pairs-json",
            _JSON_MARKER,
            schema=_object("winner", {"type": "string", "enum": ["A", "B", "tie"]}),
        ),
        Reader(
            "levels",
            1,
            "level",
            read_levels,
            gettext_noop("Pairs: five levels, [[A>>B]] to [[B>>A]]"),
            "pairs-levels",
            _LEVEL_MARKER,
        ),
        Reader(
            "logprobs",
            1,
            "share",
            read_logprobs,
            gettext_noop("Pairs: first-token probabilities"),
            "pairs-letter",
            reads_cut=True,
            wants_logprobs=True,
        ),
        Reader(
            "llmfao",
            2,
            "verdict",
            read_llmfao,
            gettext_noop("Pairs: LLMFAO’s original format"),
            "pairs-letter",
            reads_cut=True,
        ),
        Reader(
            "rating",
            1,
            "score",
            read_rating,
            gettext_noop("Single answers: [[1]] to [[10]] after an explanation"),
            "grades",
            _RATING_MARKER,
        ),
        Reader(
            "json-score",
            1,
            "score",
            read_json_score,
            gettext_noop("Single answers: JSON"),
            "grades-json",
            _JSON_MARKER,
            schema=_object("score", {"type": "number", "minimum": 1, "maximum": 10}),
        ),
    )
}
"""By name, in the order in which they are offered. A new way to read is one function and one entry here."""
