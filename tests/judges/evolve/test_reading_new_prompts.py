"""A reply in the form that was asked for is a new prompt; any other is unreadable."""

import pytest

from judges.evolve.replies import LONGEST, Unreadable, Written, read
from judges.evolve.scenarios import FORMS

PROMPT, BOTH, PROBLEM = FORMS["prompt"], FORMS["prompt-answer"], FORMS["question-answer"]


def test_each_form_is_read() -> None:
    assert read("<prompt>\nWrite.\n</prompt>", PROMPT) == Written("Write.")
    assert read(" <prompt>Why?</prompt>\n\n<answer>\r\nSo.\r\nYes.</answer> \n", BOTH) == Written("Why?", "So.\nYes.")
    problem = "<question>How many?</question>\n<answer>2 * 3 = <<2*3=6>>6\n#### 6</answer>"
    assert read(problem, PROBLEM) == Written("How many?", "2 * 3 = <<2*3=6>>6\n#### 6")


def test_other_tags_inside_are_part_of_the_prompt() -> None:
    assert read("<prompt>Fix <b>this</b> & <answer>.</prompt>", PROMPT) == Written("Fix <b>this</b> & <answer>.")


@pytest.mark.parametrize(
    ("reply", "form", "code"),
    [
        ("", PROMPT, "not-one-tag"),
        ("Write.", PROMPT, "not-one-tag"),
        ("<prompt>Write.", PROMPT, "not-one-tag"),
        ("<Prompt>Write.</Prompt>", PROMPT, "not-one-tag"),
        ("<prompt>A</prompt><prompt>B</prompt>", PROMPT, "not-one-tag"),
        ("<prompt>A <prompt> B</prompt>", PROMPT, "not-one-tag"),
        ("<prompt>A</prompt>", BOTH, "not-one-tag"),
        ("<question>A</question><answer>B</answer>", BOTH, "not-one-tag"),
        ("</prompt>A<prompt>", PROMPT, "tags-out-of-order"),
        ("<answer>B</answer><prompt>A</prompt>", BOTH, "text-outside-tags"),
        ("<prompt>A<answer>B</answer></prompt>", BOTH, "tags-out-of-order"),
        ("Here you are: <prompt>A</prompt>", PROMPT, "text-outside-tags"),
        ("<prompt>A</prompt> Enjoy!", PROMPT, "text-outside-tags"),
        ("```\n<prompt>A</prompt>\n```", PROMPT, "text-outside-tags"),
        ("<prompt>A</prompt> and <answer>B</answer>", BOTH, "text-outside-tags"),
        ("<prompt> \n </prompt>", PROMPT, "empty-tag"),
        ("<prompt>A</prompt><answer></answer>", BOTH, "empty-tag"),
        (f"<prompt>{'x' * (LONGEST + 1)}</prompt>", PROMPT, "too-long-to-read"),
    ],
)
def test_every_other_form_is_unreadable_and_says_why(reply: str, form, code: str) -> None:
    found = read(reply, form)
    assert isinstance(found, Unreadable)
    assert found.problem.code == code
