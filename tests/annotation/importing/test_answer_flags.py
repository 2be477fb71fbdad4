"""Answers with reasoning, empty and identical ones are flagged as they arrive; a study says what becomes of them."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from annotation.importing import load, undo
from annotation.models import Pair, Result, ResultFlag, Study
from annotation.pair_making import make
from annotation.studies import lifecycle
from annotation.views import pair_display

pytestmark = pytest.mark.django_db

ANSWERS = {
    "alder": ["<think>Oak or elm?</think>Oak.", "Yes.", "Same."],
    "birch": ["Elm.", "  ", "<think>Hm.</think>\nSame."],
    "cedar": ["Ash.", "No.", "Other."],
}


def written(folder: Path, answers: dict[str, list[str]] = ANSWERS, first: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    models = [{"id": first + number, "name": name, "org": "Trees"} for number, name in enumerate(answers)]
    prompts = [{"id": number, "text": f"Prompt {number}?"} for number in (1, 2, 3)]
    results = [
        {"id": 10 * model["id"] + prompt["id"], "prompt": prompt["id"], "model": model["id"], "result": text}
        for model, texts in zip(models, answers.values(), strict=True)
        for prompt, text in zip(prompts, texts, strict=True)
    ]
    for name, rows in (("models", models), ("prompts", prompts), ("results", results)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def loaded(folder: Path) -> Study:
    load.load([folder], study_slug="trees")
    return Study.objects.get(slug="trees")


def flags() -> set[tuple[int, str, str]]:
    return set(ResultFlag.objects.values_list("result__number", "kind", "found"))


def test_loaded_answers_are_flagged(tmp_path: Path) -> None:
    loaded(written(tmp_path / "one"))
    assert flags() == {
        (11, "reasoning", "Oak or elm?"),
        (22, "empty", ""),
        (23, "reasoning", "Hm."),
        (13, "identical", "birch"),
        (23, "identical", "alder"),
    }


def test_the_command_says_what_to_review(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("load", str(written(tmp_path / "one")), study="trees", stdout=out)
    assert "answers that contain the model’s reasoning: 2\n" in out.getvalue()
    assert "empty answers: 1\n" in out.getvalue()
    assert "answers identical to another model’s: 2\n" in out.getvalue()


def test_an_answer_that_arrives_later_is_compared_with_those_there_and_no_more_once_it_is_gone(tmp_path: Path) -> None:
    loaded(written(tmp_path / "one"))
    load.load([written(tmp_path / "two", {"dogwood": ["Oak.", "New.", "Odd."]}, first=9)], study_slug="trees")
    assert {(11, "identical", "dogwood"), (91, "identical", "alder")} <= flags()
    undo.undo(Result.objects.get(number=91).upload)
    assert not {flag for flag in flags() if "dogwood" in flag[2]}
    assert (13, "identical", "birch") in flags()


def test_identical_answers_need_not_be_paired(tmp_path: Path) -> None:
    study = loaded(written(tmp_path / "one"))
    assert make.make_pairs(study, "all").found == 9
    Pair.objects.all().delete()
    study = lifecycle.change_settings(study, {"pair_identical": False})
    assert make.make_pairs(study, "all").found == 8
    assert not Pair.objects.filter(result_x__number__in=[13, 23], result_y__number__in=[13, 23]).exists()


def test_conversations_that_differ_in_one_turn_are_not_identical(tmp_path: Path) -> None:
    folder = written(tmp_path / "one", {"alder": ["Oak."] * 3, "birch": ["Elm."] * 3})
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    # The second turn of each begins among its thoughts, as templates with an opening mark leave them.
    later = [row | {"turns": ["So I close.\n</think>\nThe same."]} for row in rows]
    (folder / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in later))
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"id": number, "text": "First?", "turns": ["Then?"]}) + "\n" for number in (1, 2, 3))
    )
    study = lifecycle.change_settings(loaded(folder), {"pair_identical": False})
    assert make.make_pairs(study, "all").found == 3
    assert not {flag for flag in flags() if flag[1] == "identical"}


@pytest.mark.parametrize(("reasoning", "seen"), [("shown", True), ("folded", False), ("cut", False)])
def test_a_study_says_what_is_shown_of_the_reasoning(tmp_path: Path, reasoning: str, seen: bool) -> None:
    study = lifecycle.change_settings(loaded(written(tmp_path / "one")), {"reasoning": reasoning})
    make.make_pairs(study, "all")
    pair = Pair.objects.get(result_x__number__in=[11, 21], result_y__number__in=[11, 21])
    left = "x" if pair.result_x and pair.result_x.number == 11 else "y"
    turn = pair_display.sheet_of(study, pair, left, as_plain=True).panes[0].turns[0]
    assert turn.answer is not None
    assert ("Oak or elm?" in turn.answer.html) is seen
    assert "Oak." in turn.answer.html
    assert (turn.reasoning is not None and "Oak or elm?" in turn.reasoning.html) is (reasoning == "folded")
    assert ("Oak or elm?" in str(pair.texts(without_reasoning=reasoning == "cut"))) is (reasoning != "cut")


def test_an_answer_of_nothing_but_reasoning_is_empty(tmp_path: Path) -> None:
    study = loaded(written(tmp_path / "one", {**ANSWERS, "cedar": ["<think>Never done", "No.", "Other."]}))
    assert {(31, "reasoning", "Never done"), (31, "empty", "")} <= flags()
    make.make_pairs(study, "all")
