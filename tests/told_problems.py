"""What holds for the problems of every app."""

import re
from types import ModuleType
from typing import Final

from django.utils import translation

from annotation.problems import Failure, Kind, Problem
from annotation.stored_problems import told
from annotation.studies.lifecycle import NotPossible

PLACE: Final = re.compile(r"%\((\w+)\)")


def kinds(module: ModuleType) -> list[Kind]:
    return [value for value in vars(module).values() if isinstance(value, Kind)]


def example(found: Kind) -> Problem:
    """One problem of the kind, with a number that is unmistakable for each parameter."""
    return found(**{name: 7_310 + place for place, name in enumerate(sorted(set(PLACE.findall(found.sentence))))})


def assert_told_in_both_languages(found: Kind) -> None:
    problem = example(found)
    assert str(problem)
    with translation.override("en"):
        assert told(problem) == str(problem)
    with translation.override("ja"):
        japanese = told(problem)
    assert japanese != str(problem)
    assert not japanese.isascii()
    for value in problem.params.values():
        assert str(value) in japanese
    again = Problem.stored(problem.text, problem.data)
    with translation.override("ja"):
        assert told(again) == japanese
        assert str(Failure(problem)) == str(problem)
        assert str(NotPossible(problem)) == japanese
