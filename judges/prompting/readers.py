"""Readers of replies: what a judge said, from the text of its reply and nothing else.

A reader returns a frozen reading, or says that the reply is unreadable and why; it never guesses a tie. Thoughts are
cut before it reads. The last marker of a reply counts, because judges argue before they decide. A marker in a list of
the options is no verdict; one that is out of range is an error, and no earlier marker is used instead. Each reader has
a version: a change of what it reads is a new version, and stored replies can be read again at no cost.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from annotation.interchange.reasoning import parted
from annotation.problems import Problem, gettext_noop
from judges import problems

type Verdict = Literal["left", "right", "tie"]
type Gives = Literal["verdict", "level", "score", "share"]
"""What a reader returns: a winner, one of five levels, a score from 1 to 10, or a probability."""


@dataclass(frozen=True, slots=True)
class Token:
    """One of the likeliest first tokens of a reply, with the natural logarithm of its probability."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge replied: the text, and the likeliest first tokens if they were requested."""

    text: str
    first_tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says, as shown: A is the left answer. Only what the reader gives is set.

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

    `find` reads a reply without thoughts. `label` is what people choose the reader by, in English; it is translated
    when shown. `templates` is the built-in set that asks for such replies, the default. `markers` is a pattern of
    what looks like a verdict to the reader, whatever its case; prompts break such text in judged answers. Compiled when
    first used, because few processes ask a judge. A reader with `reads_cut` decides from the
    start of a reply, so one that was cut off at the token limit is as good as a whole one.
    """

    name: str
    version: int
    gives: Gives
    find: Callable[[Reply], Reading | Unreadable]
    label: str
    templates: str
    markers: str | None = None
    reads_cut: bool = False
    wants_logprobs: bool = False
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply, for endpoints with structured output."""

    def read(self, reply: Reply) -> Reading | Unreadable:
        """Reads what `reply` says after its thoughts."""
        if len(reply.text) > LONGEST_READ:
            return Unreadable(problems.TOO_LONG_TO_READ(limit=LONGEST_READ))
        return self.find(replace(reply, text=parted(reply.text)[1]))


LONGEST_READ: Final = 400_000
"""Characters of a reply that is read; no judge needs as many."""

LONGEST_QUOTE: Final = 60
LEVELS: Final = {"A>>B": 1, "A>B": 2, "A=B": 3, "B=A": 3, "B>A": 4, "B>>A": 5, "A<<B": 5, "A<B": 4, "B<A": 2, "B<<A": 1}
VERDICTS: Final[Mapping[str, Verdict]] = {"A": "left", "B": "right", "C": "tie", "TIE": "tie", "DRAW": "tie"}

_INVISIBLE: Final = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
_HIDDEN: Final = re.compile(f"[{_INVISIBLE}]")
# Brackets as they are, or escaped as in Markdown.
_BRACKETED: Final = re.compile(r"\\?\[\\?\[\s*([^\[\]\n]{1,40}?)\s*\\?\]\\?\]")
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


def _visible(text: str) -> str:
    """Returns `text` without the zero-width characters that some models write."""
    return _HIDDEN.sub("", text)


def _nothing(reply: Reply) -> Unreadable:
    if not reply.text.strip():
        return Unreadable(problems.EMPTY())
    return Unreadable(problems.NO_VERDICT(end=_quote(reply.text[-200:])))


def _odd(found: str, wanted: str) -> Unreadable:
    return Unreadable(problems.ODD_VERDICT(found=_quote(found), wanted=wanted))


def _bare(word: str) -> str:
    """Returns `word` without emphasis, quotes and the noun before it: `**A**` and `Assistant A` are A."""
    return _NOUN.sub("", word.strip(_DRESS), count=1).strip(_DRESS)


def _verdict(word: str) -> Verdict | None:
    return VERDICTS.get(_bare(word).upper())


_NOUN: Final = re.compile(r"\A(?:(?:the|assistant|answer|model|response|option|verdict)[\s:：]+){1,3}", re.IGNORECASE)

_OR: Final = r"\b(?:or|and|vs\.?|versus)\b|または|もしくは|か|と"
_LISTED: Final = re.compile(
    rf"[\s\"'`*“”「」、,，;；/|&・]*(?:{_OR})?[\s\"'`*“”「」、]*",
    re.IGNORECASE,
)
"""What stands between the options of a list: punctuation, and a word such as "or"."""
_EXPLAINED: Final = re.compile(
    r"[\"'`*”」]{0,4}\s*(?:[:：=→]|[-–—](?=\s)|\((?=\w)|\b(?:if|for|when|means?|is|meaning|indicates?)\b|なら)[^.!?。！？\n\[\]]{1,80}"
    r"(?:[,;，；、/)]|\n)[\s\-*•,]*(?:\b(?:or|and)\b)?[\s\"'`*“「]*",
    re.IGNORECASE,
)
"""What stands between the options of a list that says what each of them means."""
_JOINED: Final = re.compile(rf"[/|&]|{_OR}", re.IGNORECASE)
_SCALE: Final = re.compile(r"[\s\"'`*]*(?:\bto\b|\bthrough\b|[-–—~〜～]|から|…|\.\.\.)[\s\"'`*]*", re.IGNORECASE)


def _last_bracketed(
    reply: Reply, read: Callable[[str], object], options: int = 3, scale: Sequence[str] = ()
) -> str | None:
    """Returns the text of the last marker `[[...]]` that is not in a list of the options; None if there is none.

    A list names several `options` side by side, or joins two of them with a word such as "or"; `read` tells what a
    marker means. `scale` has the ends of a scale: [[1]] to [[10]] is no verdict either.
    """
    text = _visible(reply.text)
    found = list(_BRACKETED.finditer(text))
    at = len(found)
    while at > 0:
        start = at - 1
        while start > 0 and _same_list(text[found[start - 1].end() : found[start].start()]):
            start -= 1
        words = [match[1] for match in found[start:at]]
        ends = [_figure(match[1]) for match in found[at - 2 : at]] if at >= 2 else []
        if scale and ends == list(scale) and _SCALE.fullmatch(text, found[at - 2].end(), found[at - 1].start()):
            at -= 2
            continue
        different = {read(word) for word in words}
        gaps = [text[found[each].end() : found[each + 1].start()] for each in range(start, at - 1)]
        joined = any(_JOINED.search(gap) and "\n" not in gap for gap in gaps)
        if len(different) < min(options, 2 if joined else options):
            return found[at - 1][1]
        at = start
    return None


def _same_list(gap: str) -> bool:
    """Returns whether `gap` between two markers joins them in one list."""
    if not gap.strip(" \t\r\n*\"'`"):
        # Two markers one after the other are a change of mind.
        return False
    return len(gap) < 160 and bool(_LISTED.fullmatch(gap) or _EXPLAINED.fullmatch(gap))


def read_bracketed(reply: Reply) -> Reading | Unreadable:
    """Reads `[[A]]`, `[[B]]`, `[[C]]` or `[[tie]]`."""
    found = _last_bracketed(reply, _verdict)
    if found is None:
        return _nothing(reply)
    verdict = _verdict(found)
    return _odd(found, "[[A]], [[B]], [[C]]") if verdict is None else Reading(verdict=verdict)


def _figure(word: str) -> str:
    """Returns `word` without emphasis and quotes. A dot or a sign belongs to a number."""
    return word.strip(" \t*_`\"'“”")


_NUMBER: Final = r"-?[0-9]{1,6}(?:\.[0-9]{1,6})?"
_RATING: Final = re.compile(rf"(?:(?:rating|score)\s*[:：]?\s*)?({_NUMBER})(?:\s*/\s*10)?", re.IGNORECASE)
_TWO_SCORES: Final = re.compile(rf"({_NUMBER})\s*[,，、]\s*({_NUMBER})")


def read_rating(reply: Reply) -> Reading | Unreadable:
    """Reads `[[7]]` or `[[7.5]]`: a score from 1 to 10."""
    found = _last_bracketed(reply, _figure, scale=("1", "10"))
    if found is None:
        return _nothing(reply)
    match = _RATING.fullmatch(_figure(found))
    return _odd(found, "[[1]] … [[10]]") if match is None else _score(match[1])


def read_scores(reply: Reply) -> Reading | Unreadable:
    """Reads `[[8,5]]`: a score from 1 to 10 for each answer; the higher one wins.

    FastChat (https://arxiv.org/abs/2306.05685) counts scores that differ by at most 0.1 as a tie, and so does this.
    """
    found = _last_bracketed(reply, _figure)
    if found is None:
        return _nothing(reply)
    match = _TWO_SCORES.fullmatch(_figure(found))
    if match is None:
        return _odd(found, "[[8,5]]")
    first, second = _score(match[1]), _score(match[2])
    for reading in (first, second):
        if isinstance(reading, Unreadable):
            return reading
    ahead = float(match[1]) - float(match[2])
    # 7.1 - 7.0 is a little more than 0.1.
    return Reading(verdict="tie" if abs(ahead) <= TIE_DELTA + 1e-9 else "left" if ahead > 0 else "right")


TIE_DELTA: Final = 0.1
"""Difference of two scores up to which they are a tie."""


def _score(found: str) -> Reading | Unreadable:
    score = float(found)
    if not 1 <= score <= 10:
        return Unreadable(problems.SCORE_OUT_OF_RANGE(found=_quote(found)))
    return Reading(score=score)


def _level(word: str) -> int | None:
    return LEVELS.get(_ASSISTANT.sub("", re.sub(r"[\s*_`\"']+", "", word)).upper())


_ASSISTANT: Final = re.compile(r"(?:assistant|answer|model|response)(?=[AB])", re.IGNORECASE)


def read_levels(reply: Reply) -> Reading | Unreadable:
    """Reads `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]` or `[[B>>A]]`."""
    found = _last_bracketed(reply, _level, options=5)
    if found is None:
        return _nothing(reply)
    level = _level(found)
    if level is None:
        return _odd(found, "[[A>>B]] … [[B>>A]]")
    return Reading(verdict="tie" if level == 3 else "left" if level < 3 else "right", level=level)


def read_letter(reply: Reply) -> Reading | Unreadable:
    """Reads A, B, C or TIE alone on the last line, with or without "Verdict:" in front."""
    lines = [line for line in _visible(reply.text).splitlines() if line.strip(_DRESS)]
    if not lines:
        return _nothing(reply)
    word = _bare(_LABEL.sub("", lines[-1].strip(_DRESS), count=1))
    if word in {"引き分け", "同点"}:
        return Reading(verdict="tie")
    # A lone "a" is an article as often as a verdict; words are taken in any case.
    verdict = VERDICTS.get(word if len(word) == 1 else word.upper())
    return _nothing(reply) if verdict is None else Reading(verdict=verdict)


def read_llmfao(reply: Reply) -> Reading | Unreadable:
    """Reads in LLMFAO's order: "neither" anywhere is a tie, then the whole word A, then B, then TIE.

    LLMFAO counted everything else as a tie; here it is unreadable.
    """
    text = _visible(reply.text).strip()
    if "neither" in text.lower():
        return Reading(verdict="tie")
    if re.search(r"\bA\b", text):
        return Reading(verdict="left")
    if re.search(r"\bB\b", text):
        return Reading(verdict="right")
    if re.search(r"\btie\b", text, re.IGNORECASE):
        return Reading(verdict="tie")
    return _nothing(reply)


_OBJECT: Final = re.compile(r"\{(?=\s*[\"}])")
_PIECE: Final = re.compile(r"\\.|[\"{}\[\],]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object in a reply, from `start` to `end`; `pairs` is None if it cannot be read, and `error` says why."""

    start: int
    end: int
    pairs: Sequence[tuple[str, Any]] | None
    error: str = ""

    def values(self, key: str) -> list[Any]:
        """Returns the values of `key` at the top level."""
        return [value for name, value in self.pairs or () if name == key]


def _objects(text: str) -> Iterator[_Object]:
    """Yields the JSON objects in `text` that are not part of another one.

    Harmless breakage is read as it was meant: line ends inside strings, and commas before a closing bracket.
    """
    at = 0
    for _attempt in range(MOST_OBJECTS):
        if (opening := _OBJECT.search(text, at)) is None:
            return
        whole, at = _delimited(text, opening.start())
        try:
            yield _Object(opening.start(), at, json.loads(whole, strict=False, object_pairs_hook=list))
        except RecursionError:
            yield _Object(opening.start(), at, None, "nested too deeply")
        except ValueError as error:
            yield _Object(opening.start(), at, None, str(error))


MOST_OBJECTS: Final = 200
"""Objects that are looked at in a reply."""


def _delimited(text: str, start: int) -> tuple[str, int]:
    """Returns the object that opens at `start`, without trailing commas, and where it ends.

    One that is not closed ends with the text, so that nothing inside it is taken for an object of its own.
    """
    depth, quoted = 0, False
    comma: int | None = None
    pieces: list[str] = []
    done = start
    for piece in _PIECE.finditer(text, start):
        mark, at = piece[0], piece.start()
        if mark == '"':
            quoted = not quoted
        elif quoted or mark[0] == "\\":
            continue
        elif mark in "{[":
            depth += 1
        elif mark == ",":
            comma = at
            continue
        else:
            if comma is not None and not text[comma + 1 : at].strip():
                pieces.append(text[done:comma])
                done = comma + 1
            depth -= 1
            if depth == 0:
                return "".join([*pieces, text[done : at + 1]]), at + 1
        comma = None
    return text[start:], len(text)


def _stated(reply: Reply, key: str, read: Callable[[Any], object]) -> tuple[Any, Unreadable | None]:
    """Returns the value of `key` in the last JSON object that has it at its top level, or why there is none.

    Objects that follow each other without words between them are one statement: they must not contradict each other.
    Neither may one object that has the key twice. `read` tells what a value means.
    """
    text = _visible(reply.text)
    objects = list(_objects(text))
    # A key spelled in escapes could come from an answer, where it would not have been broken.
    stated = [each for each in objects if each.values(key) and f'"{key}"' in text[each.start : each.end]]
    # What follows the last statement and cannot be read may take it back.
    after = [each for each in objects if each.pairs is None and not (stated and each.end < stated[-1].start)]
    if not stated or any(f'"{key}"' in text[each.start : each.end] for each in after):
        return None, _no_value(reply, objects, key)
    together = [stated[-1]]
    for before in reversed(stated[:-1]):
        if not _same_statement(text[before.end : together[0].start]):
            break
        together.insert(0, before)
    values = [value for each in together for value in each.values(key)]
    if len({str(read(value)) for value in values}) > 1:
        said = ", ".join(f"“{_quote(str(value))}”" for value in values)
        return None, Unreadable(problems.CONTRADICTION(key=key, values=said))
    return values[-1], None


def _same_statement(gap: str) -> bool:
    """Returns whether nothing but punctuation, code fences or "or" stands between two objects."""
    return bool(re.fullmatch(r"(?:[\s,;/|`\[\]]|json\b|or\b|and\b)*", gap, re.IGNORECASE))


def _no_value(reply: Reply, objects: Sequence[_Object], key: str) -> Unreadable:
    if broken := next((each for each in reversed(objects) if each.pairs is None), None):
        return Unreadable(problems.BROKEN_JSON(error=_quote(broken.error)))
    if objects:
        return Unreadable(problems.NO_KEY_IN_JSON(key=key))
    return _nothing(reply)


def read_json(reply: Reply) -> Reading | Unreadable:
    """Reads `{"winner": "A"}`: A, B or tie."""

    def verdict(value: Any) -> Verdict | str:
        return (_verdict(value) if isinstance(value, str) else None) or repr(value)

    word, problem = _stated(reply, "winner", verdict)
    if problem is not None:
        return problem
    found = _verdict(word) if isinstance(word, str) else None
    return _odd(str(word), "A, B, tie") if found is None else Reading(verdict=found)


def _as_number(value: Any) -> float | None:
    """Returns a number, which may be given as text."""
    if isinstance(value, str) and (match := _RATING.fullmatch(_figure(value))):
        return float(match[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        return None
    return float(value)


def read_json_score(reply: Reply) -> Reading | Unreadable:
    """Reads `{"score": 7}`: a number from 1 to 10."""
    value, problem = _stated(reply, "score", lambda value: _as_number(value) or repr(value))
    if problem is not None:
        return problem
    score = _as_number(value)
    return _odd(str(value), "1 … 10") if score is None else _score(str(score))


def read_similarity(reply: Reply) -> Reading | Unreadable:
    """Reads `{"similarity": 0.7}`: a number from 0 to 1, as the score."""
    if len(reply.text) > LONGEST_READ:
        return Unreadable(problems.TOO_LONG_TO_READ(limit=LONGEST_READ))
    reply = replace(reply, text=parted(reply.text)[1])
    value, problem = _stated(reply, "similarity", lambda value: str(_plain_number(value)))
    if problem is not None:
        return problem
    found = _plain_number(value)
    return _odd(str(value), "0 … 1") if found is None or not 0 <= found <= 1 else Reading(score=found)


def _plain_number(value: Any) -> float | None:
    """Returns a number, which may be given as text; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{0,9}\.?[0-9]{1,20}\s*", value):
        return float(value)
    return None if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9 else float(value)


LEAST_MASS: Final = 0.5
"""Share of the first token's probability that A, B and tie must have together to be a verdict."""


def read_logprobs(reply: Reply) -> Reading | Unreadable:
    """Reads the probabilities of A, B and tie as the first token: the share of A, with a tie counted half."""
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


def _loose(*words: str) -> str:
    """Returns a pattern of any of `words`, with zero-width characters anywhere in them."""
    return "|".join(f"[{_INVISIBLE}]*".join(map(re.escape, word)) for word in words)


def _marker(inside: str) -> str:
    """Returns a pattern of the first character of a marker `[[...]]`, in every spelling that is read."""
    hidden = f"[{_INVISIBLE}]*"
    wrap = rf"[\s{re.escape(_DRESS.replace('[', '').replace(']', ''))}{_INVISIBLE}]*"
    nouns = _loose("the", "assistant", "answer", "model", "response", "option", "verdict", "rating", "score")
    return (
        rf"\[(?={hidden}\\?{hidden}\[{wrap}(?:(?:{nouns}){wrap}){{0,3}}(?:{inside}){wrap}"
        rf"\\?{hidden}\]{hidden}\\?{hidden}\])"
    )


_FIGURE: Final = rf"[-+.0-9{_INVISIBLE}]+"
_GAP: Final = rf"[\s*_`\"'{_INVISIBLE}]*"
_SIDE: Final = rf"(?:(?:{_loose('assistant', 'answer', 'model', 'response')}){_GAP})?[AB]"
_VERDICT_MARKER: Final = _marker(_loose("A", "B", "C", "tie", "draw"))
_RATING_MARKER: Final = _marker(rf"{_FIGURE}(?:\s*/[{_INVISIBLE}\s]*1[{_INVISIBLE}]*0)?")
_SCORES_MARKER: Final = _marker(rf"{_FIGURE}\s*[,，、][{_INVISIBLE}\s]*{_FIGURE}")
_LEVEL_MARKER: Final = _marker(rf"{_SIDE}{_GAP}(?:[<>=]{_GAP}){{1,2}}{_SIDE}")
_JSON_MARKER: Final = rf"[\"'](?=[{_INVISIBLE}]*(?:{_loose('winner', 'score')})[{_INVISIBLE}]*[\"'][\s{_INVISIBLE}]*:)"
SIMILARITY_MARKER: Final = rf"[\"'](?=[{_INVISIBLE}]*(?:{_loose('similarity')})[{_INVISIBLE}]*[\"'][\s{_INVISIBLE}]*:)"
"""What `read_similarity` would read, in an answer."""

READERS: Final[Mapping[str, Reader]] = {
    reader.name: reader
    for reader in (
        Reader(
            "bracketed",
            2,
            "verdict",
            read_bracketed,
            gettext_noop("Pairs: [[A]], [[B]] or [[C]] after an explanation"),
            "pairs",
            _VERDICT_MARKER,
        ),
        Reader("letter", 2, "verdict", read_letter, gettext_noop("Pairs: a single letter"), "pairs-letter"),
        Reader(
            "json",
            2,
            "verdict",
            read_json,
            gettext_noop("Pairs: JSON"),
            "pairs-json",
            _JSON_MARKER,
            schema=_object("winner", {"type": "string", "enum": ["A", "B", "tie"]}),
        ),
        Reader(
            "levels",
            2,
            "level",
            read_levels,
            gettext_noop("Pairs: five levels, [[A>>B]] to [[B>>A]]"),
            "pairs-levels",
            _LEVEL_MARKER,
        ),
        Reader(
            "scores",
            1,
            "verdict",
            read_scores,
            gettext_noop("Pairs: two scores, [[8,5]]"),
            "pairs-scores",
            _SCORES_MARKER,
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
            3,
            "verdict",
            read_llmfao,
            gettext_noop("Pairs: LLMFAO’s original format"),
            "pairs-letter",
            reads_cut=True,
        ),
        Reader(
            "rating",
            2,
            "score",
            read_rating,
            gettext_noop("Single answers: [[1]] to [[10]] after an explanation"),
            "grades",
            _RATING_MARKER,
        ),
        Reader(
            "json-score",
            2,
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
