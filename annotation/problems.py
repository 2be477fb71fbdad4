"""What can go wrong, as a code and the parameters of its sentence, so that it is told in any reader's language.

An app lists the kinds of its problems in one module, each with an English sentence. Whoever meets a problem raises
it or stores it; whoever shows it translates it (`annotation.stored_problems`). Pure modules know no Django.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

type Value = str | int | Problem | Sequence[Problem]
"""What fills a place in a sentence: a word or a number, another problem, or several, each on a line of its own."""

SENTENCES: Final[dict[str, str]] = {}
"""The English sentence of each code, with %(name)s places for its parameters."""


def gettext_noop(message: str) -> str:
    """Marks `message` for translation; whoever shows it translates it."""
    return message


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. Without a `code` its text is not ours, such as an endpoint's words, or is from before codes.

    A problem without a text is none, and false.
    """

    text: str = ""
    code: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def data(self) -> dict[str, Any] | None:
        """Code and parameters as JSON; None without a code."""
        if not self.code:
            return None
        return {"code": self.code, "params": {name: _as_json(value) for name, value in self.params.items()}}

    @classmethod
    def stored(cls, text: str, data: Mapping[str, Any] | None) -> Self:
        """The problem whose `text` and `data` were stored."""
        if not data:
            return cls(text)
        return cls(text, data["code"], {name: _from_json(value) for name, value in data["params"].items()})

    def told(self, translate: Callable[[str], str]) -> str:
        """Its sentence as `translate` says it; its text where it has no code, or one that is not known here."""
        try:
            return self._told(translate)
        except KeyError:
            # Stored by another version, which had other codes, or other parameters for this one.
            return self.text

    def _told(self, translate: Callable[[str], str]) -> str:
        if not self.code:
            return self.text
        return translate(SENTENCES[self.code]) % {name: _word(value, translate) for name, value in self.params.items()}


NO_PROBLEM: Final = Problem()


@dataclass(frozen=True, slots=True)
class Kind:
    """Problems of one code. Called with the parameters of its sentence it gives one of them."""

    code: str
    sentence: str

    def __call__(self, **params: Value) -> Problem:
        words = {name: _word(value, lambda sentence: sentence) for name, value in params.items()}
        return Problem(self.sentence % words, self.code, params)


def kind(code: str, sentence: str) -> Kind:
    """The kind `code`, which is said in `sentence` from now on.

    Raises:
        ValueError: another kind has the code.
    """
    if code in SENTENCES:
        raise ValueError(code)
    SENTENCES[code] = sentence
    return Kind(code, sentence)


class Failure(Exception):
    """Ends what was under way for the reason in `problem`; its message is the problem's text."""

    def __init__(self, problem: Problem | str) -> None:
        super().__init__(str(problem))
        self.problem = problem if isinstance(problem, Problem) else Problem(problem)


def _word(value: Value, translate: Callable[[str], str]) -> str | int:
    if isinstance(value, str | int):
        return value
    if isinstance(value, Problem):
        return value._told(translate)
    return "\n".join(each._told(translate) for each in value)


def _as_json(value: Value) -> Any:
    if isinstance(value, str | int):
        return value
    if isinstance(value, Problem):
        return value.data or value.text
    return [each.data or each.text for each in value]


def _from_json(value: Any) -> Value:
    if isinstance(value, list):
        return [_problem(each) for each in value]
    return _problem(value) if isinstance(value, dict) else value


def _problem(stored: Any) -> Problem:
    return Problem(stored) if isinstance(stored, str) else Problem.stored("", stored)
