"""What stopped a run or a call is stored in English and told in the reader's language."""

import ast

import pytest
from django.utils import translation

from judges.llm import api_keys
from judges.problem_texts import PROBLEMS, told
from tests.places import ROOT

JUDGES = ROOT / "judges"
TELLERS = {"NoKey", "Again", "Permanent", "strike", "Unreadable"}
"""Calls whose first argument ends up as a stored problem, where it is a sentence of ours."""


def sentences() -> list[str]:
    """What may be stored, with an x in every place."""
    found = []
    for path in (
        JUDGES / name for name in ("llm/chat.py", "llm/api_keys.py", "prompting/readers.py", "runs/sender.py")
    ):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            candidates = call.args[:1] if name in TELLERS else call.args[1:2] if name == "stop" else []
            candidates += [keyword.value for keyword in call.keywords if keyword.arg == "problem"]
            for argument in candidates:
                match argument:
                    case ast.Constant(value=str() as text) if text:
                        found.append(text)
                    case ast.JoinedStr(values=parts):
                        found.append("".join(part.value if isinstance(part, ast.Constant) else "x" for part in parts))
    return found


def test_everything_that_may_be_stored_is_told_in_japanese():
    english = sentences()
    assert len(english) > 12
    with translation.override("ja"):
        assert [text for text in english if told(text) == text] == []


def test_every_reason_of_the_readers_of_replies_is_among_them():
    calls = [
        node
        for node in ast.walk(ast.parse((JUDGES / "prompting" / "readers.py").read_text()))
        if isinstance(node, ast.Call)
    ]
    marked = {call.args[0].value for call in calls if getattr(call.func, "id", "") == "gettext_noop"}
    assert marked
    assert marked <= set(PROBLEMS)


def test_the_values_in_a_stored_sentence_are_kept(tmp_path):
    with pytest.raises(api_keys.NoKey) as missing:
        api_keys.read_key("ANY_API_KEY", tmp_path)
    with translation.override("ja"):
        text = told(str(missing.value))
    assert "ANY_API_KEY" in text
    assert text != str(missing.value)


def test_the_words_of_an_endpoint_stay_as_they_came():
    with translation.override("ja"):
        assert told("No such model.") == "No such model."
