"""Problems as rows keep them: the English text in one column, code and parameters in another."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models import Case, Count, F, Max, Min, QuerySet, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.problems import SENTENCES, Problem

NOTHING: Final = Value("", models.TextField())

COMMONEST: Final = 5
"""Kinds of problems that a page lists."""


def told(problem: Problem) -> str:
    """`problem` in the reader's language; words that are not ours stay as they came."""
    return problem.told(gettext)


def columns(problem: Problem) -> dict[str, Any]:
    """What a row with a problem keeps of `problem`, by column: for an `update`, or for the row's constructor."""
    return {"problem": problem.text, "problem_data": problem.data}


class StoredProblem(models.Model):
    """A row that says what went wrong with it.

    `problem` is the English text, as exports have it. `problem_data` is its code and what fills the sentence; it is
    NULL where nothing went wrong, where the text is not ours, and in rows from before codes were kept.
    """

    problem = models.TextField(_("problem"), blank=True)
    problem_data = models.JSONField(_("code of the problem"), null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def found_problem(self) -> Problem:
        return Problem.stored(self.problem, self.problem_data)

    @property
    def told_problem(self) -> str:
        """What went wrong, in the reader's language; nothing where nothing did."""
        return told(self.found_problem)

    def set_problem(self, problem: Problem) -> None:
        self.problem, self.problem_data = problem.text, problem.data


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows have one kind of problem, which `text` says in the reader's language."""

    text: str
    number: int


def commonest(rows: QuerySet[Any], most: int = COMMONEST) -> list[Counted]:
    """The `most` kinds of problems that most of `rows` have, counted by code; what has no code, by its text.

    If all rows with a code say the same, it is told as they say it.
    """
    coded = rows.exclude(problem="").order_by().annotate(code=Coalesce(KT("problem_data__code"), NOTHING))
    worded = coded.annotate(words=Case(When(code="", then=F("problem")), default=NOTHING))
    found = worded.values("code", "words").annotate(number=Count("pk"), first=Min("problem"), last=Max("problem"))
    told_of = [(_told_of(rows, row), row["number"]) for row in found.order_by("-number", "code", "words")[:most]]
    return [Counted(text, number) for text, number in told_of]


def _told_of(rows: QuerySet[Any], kind: Mapping[str, str]) -> str:
    if not kind["code"]:
        return kind["words"]
    same = rows.filter(problem=kind["first"]).first() if kind["first"] == kind["last"] else None
    return _any_of(kind["code"]) if same is None else same.told_problem


def _any_of(code: str) -> str:
    """The sentence of `code` with an ellipsis for each parameter; a code that is not known here as it is."""
    return gettext(SENTENCES[code]) % defaultdict(lambda: "…") if code in SENTENCES else code
