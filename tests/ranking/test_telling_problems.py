"""Why there is no board is stored in English and told in the reader's language."""

import ast
from pathlib import Path

import pytest
from django.utils import translation

from annotation.stored_messages import recognised
from ranking import methods, problems

RAISED = ("Contradiction", "NotConverged")


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (problems.NOBODY_VOTED % {"study": "haiku"}, "haiku"),
        (problems.NOTHING_COUNTS % {"study": "haiku"}, "haiku"),
        (problems.NO_SUCH_JUDGE % {"name": "otto", "known": "people, all"}, "people, all"),
    ],
)
def test_a_stored_problem_is_told_in_japanese_with_its_values(stored, kept):
    with translation.override("ja"):
        told = problems.problem(stored)
    assert not told.isascii()
    assert told != stored
    assert kept in told


def test_a_problem_that_is_not_known_stays_as_it_is():
    with translation.override("ja"):
        assert problems.problem("something else") == "something else"


def messages() -> list[str]:
    """What the numerics raise for people to read, with x where a value goes."""
    found = []
    for path in sorted(Path(methods.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                (text,) = node.exc.args
                if node.exc.func.id in RAISED:
                    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                    found.append("".join(part.value if isinstance(part, ast.Constant) else "x" for part in parts))
    return found


def test_whatever_the_numerics_say_is_told_in_a_sentence():
    said = messages()
    assert len(said) > 15
    for message in said:
        assert recognised(message, problems.PROBLEMS), message
        told = problems.problem(message)
        assert told[0].isupper() or told.startswith(("x", "“"))
        assert told.endswith(".")
        assert "%" not in told
