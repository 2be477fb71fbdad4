"""What is shown of a pair: turns, note, references, languages, labels."""

import pytest
from django.utils import translation

from annotation.scales import SCALES
from annotation.studies import lifecycle
from annotation.views import pair_display
from tests.builders import build_study


@pytest.fixture
def study(db):
    return build_study()


@pytest.fixture
def pair(study):
    pair = study.pairs.select_related("prompt", "result_x", "result_y").order_by("pk")[0]
    pair.result_x.text, pair.result_y.text = "From x", "From y"
    return pair


def shown(study, pair, left="x", *, as_plain=False):
    return pair_display.sheet_of(study, pair, left, as_plain=as_plain)


@pytest.mark.parametrize(("left", "first"), [("x", "From x"), ("y", "From y")])
def test_a_is_the_side_that_stands_on_the_left(study, pair, left, first):
    panes = shown(study, pair, left).panes
    assert [pane.label for pane in panes] == ["A", "B"]
    assert first in panes[0].turns[0].answer.html
    assert first not in panes[1].turns[0].answer.html


def test_follow_up_prompts_stand_between_the_answers(study, pair):
    pair.prompt.turns = ["And then?", "And after that?"]
    pair.result_x.turns = ["Then this.", "After that, that."]
    pair.result_y.turns = ["Then nothing."]
    first, second = shown(study, pair).panes
    assert first.turns[0].prompt is None
    assert ["And then?" in turn.prompt.html for turn in first.turns[1:]] == [True, False]
    assert "After that" in first.turns[2].answer.html
    assert "And after that?" in second.turns[2].prompt.html, "a turn left unanswered is shown as one"
    assert second.turns[2].answer is None


@pytest.mark.parametrize("text", ["", " \n\t"])
@pytest.mark.parametrize("as_plain", [True, False])
def test_an_empty_answer_is_known_to_be_one(study, pair, text, as_plain):
    pair.result_x.text = text
    first, second = shown(study, pair, as_plain=as_plain).panes
    assert first.turns[0].answer is None
    assert second.turns[0].answer is not None


@pytest.mark.parametrize("setting", ["show_note", "show_reference"])
def test_note_and_reference_are_shown_only_where_the_study_says_so(study, pair, setting):
    pair.prompt.note, pair.prompt.references = "Mind the gap.", ["The gap is minded."]
    hidden = shown(study, pair)
    assert (hidden.note, hidden.references) == ("", [])
    seen = shown(lifecycle.change_settings(study, {setting: True}), pair)
    assert (bool(seen.note), bool(seen.references)) == (setting == "show_note", setting == "show_reference")


@pytest.mark.parametrize(("text", "folds"), [("Short?", False), ("Word " * 100, True), ("\n".join("abcdefgh"), True)])
def test_a_long_prompt_can_be_folded_into_its_first_words(study, pair, text, folds):
    pair.prompt.text = text
    excerpt = shown(study, pair).excerpt
    assert bool(excerpt) == folds
    assert len(excerpt) <= 90
    assert "\n" not in excerpt


def test_each_text_runs_its_own_way(study, pair):
    pair.prompt.text, pair.prompt.lang = "اكتب جملة عن البحر.", "ar"
    pair.result_x.text, pair.result_y.text = "البحر كتاب مفتوح.", "The sea is a book."
    page = shown(study, pair)
    assert page.lang == "ar"
    assert page.prompt.direction == "rtl"
    assert [pane.turns[0].answer.direction for pane in page.panes] == ["rtl", "ltr"]


def test_an_answer_is_never_markup_of_ours(study, pair):
    pair.result_x.text = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    for as_plain in (False, True):
        html = shown(study, pair, as_plain=as_plain).panes[0].turns[0].answer.html
        assert "<script" not in html
        assert "<img" not in html


@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)
def test_every_value_of_a_scale_has_its_own_label_and_key(scale):
    for language in ("en", "ja"):
        with translation.override(language):
            choices = pair_display.choices(scale.name)
        assert [choice.value for choice in choices] == list(scale.values)
        assert len({choice.label for choice in choices}) == scale.top
        assert len({choice.key for choice in choices}) == scale.top
        for choice in choices:
            assert choice.label.startswith({"left": "A", "right": "B"}.get(scale.answer(choice.value), choice.label[0]))
