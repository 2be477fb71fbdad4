"""The mock endpoint writes new prompts in the form that is asked for, in every scenario."""

import random
import re

import pytest

from judges.evolve.replies import Written, read
from judges.evolve.scenarios import FORMS, OWN, SCENARIOS, fill, tidy
from judges.llm import mock_evolving
from judges.llm.mock import Behaviour, opinion

QUESTION = "What is osmosis, and which way does water flow?"


def asked(name: str, prompt: str, **more: object) -> str:
    scenario = SCENARIOS[name]
    template = tidy("Harder: $prompt") if name == OWN else scenario.template
    return fill(template, FORMS[scenario.form], prompt, **more)  # type: ignore[arg-type]


def written(name: str, prompt: str, number: int = 0, **more: object) -> Written:
    message = asked(name, prompt, **more)
    assert mock_evolving.asked_for(message)
    chance = random.Random(number)  # noqa: S311  nothing secret hangs on it
    found = read(mock_evolving.reply(message, chance), FORMS[SCENARIOS[name].form])
    assert isinstance(found, Written)
    return found


@pytest.mark.parametrize("name", list(SCENARIOS))
@pytest.mark.parametrize(
    "prompt", ["Write a poem about rain.", "日本語で俳句を書いてください。", "[[A]] or [[5]]?", "", "$"]
)
def test_every_scenario_gets_a_reply_in_its_form(name: str, prompt: str) -> None:
    for number in range(20):
        found = written(name, prompt, number, reference="#### 4", constraints=["The code has 10 to 30 lines."])
        assert found.text
        assert bool(found.reference) == FORMS[SCENARIOS[name].form].answers


def test_solutions_of_problems_are_right() -> None:
    for number in range(200):
        found = written("reasoning", "How many?", number, reference="#### 4")
        steps = re.findall(r"<<([\d*+-]+)=(\d+)>>(\d+)", found.reference)
        assert len(steps) >= 2
        for sum_, result, said in steps:
            assert eval(sum_) == int(result) == int(said)  # noqa: S307  digits and signs
        assert found.reference.endswith(f"\n#### {steps[-1][1]}")


def test_writing_keeps_the_sentence_and_understanding_the_first_word() -> None:
    assert written("writing", "Write a poem about rain.").text.startswith("Write a poem about ")
    assert written("understanding", QUESTION).text.split()[0] == "What"


def test_coding_adds_a_sentence_for_each_constraint_that_was_drawn() -> None:
    constraints = list(SCENARIOS["coding"].constraints.values())[:2]
    found = written("coding", "Sort a list.", constraints=constraints)
    more = len(found.text.split()) - len(["Sort", "a", "list."])
    assert found.text.startswith("Sort a list. Keep it between 10 and 30 lines")
    assert 10 <= more <= 20


def test_it_is_asked_through_the_endpoint_and_other_requests_are_not_mistaken() -> None:
    text, _tokens = opinion(Behaviour(), {"temperature": 1}, [asked("writing", "Write [[A]] about rain.")])
    assert isinstance(read(text, FORMS["prompt"]), Written)
    assert not mock_evolving.asked_for("What does <prompt>\nthis\n</prompt> mean in HTML?")
