"""Models, prompts and answers of a prompt set are added and changed by hand, where nothing refers to them."""

import pytest
from django.core.exceptions import ValidationError

from annotation.editing import corpus
from annotation.editing.references import InUse, Outdated, referring, seen
from annotation.models import LanguageModel, PromptSet, PromptSetReader, Result, ResultFlag
from annotation.studies.lifecycle import NotPossible
from tests.annotation.study_pages import study_of
from tests.builders import MARK

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(owner):
    return study_of(owner, models=2, prompts=2)


@pytest.fixture
def prompt_set(study) -> PromptSet:
    return study.prompt_set


def test_a_model_gets_the_next_number_and_belongs_to_no_upload(prompt_set, owner):
    model = corpus.add_model(prompt_set, owner, {"name": "Ptarmigan", "org": None, "price": 1.5})
    assert (model.number, model.upload, model.price) == (MARK + 2, None, 1.5)


def test_no_two_models_of_a_set_have_one_name(prompt_set, owner):
    with pytest.raises(ValidationError, match="already has this name"):
        corpus.add_model(prompt_set, owner, {"name": "Quillfinch-0"})


@pytest.mark.parametrize(
    "values", [{"name": " "}, {"name": "A", "price": -1.0}, {"name": "A", "released": "2024-02-31"}]
)
def test_values_follow_the_rules_of_the_exchange_files(prompt_set, owner, values):
    with pytest.raises(ValidationError):
        corpus.add_model(prompt_set, owner, values)
    assert prompt_set.models.count() == 2


def test_a_model_that_nothing_refers_to_is_changed(prompt_set, owner):
    model = corpus.add_model(prompt_set, owner, {"name": "Ptarmigan"})
    corpus.change_model(model, owner, {"name": "Rock ptarmigan", "org": "Birds"}, seen(model))
    model.refresh_from_db()
    assert (model.name, model.org) == ("Rock ptarmigan", "Birds")


def test_what_refers_to_a_row_is_named_and_keeps_it_as_it_is(prompt_set, owner):
    model = prompt_set.models.order_by("pk")[0]
    assert {"results", "pairs"} <= set(referring(model))
    with pytest.raises(InUse, match="results"):
        corpus.change_model(model, owner, {"name": "Renamed"}, seen(model))
    with pytest.raises(InUse):
        corpus.delete(model, owner, seen(model))
    model.refresh_from_db()
    assert model.name == "Quillfinch-0"


def test_a_model_that_a_study_chose_is_in_use(study, owner):
    model = corpus.add_model(study.prompt_set, owner, {"name": "Ptarmigan"})
    study.language_models.add(model)
    with pytest.raises(InUse):
        corpus.change_model(model, owner, {"name": "Renamed"}, seen(model))


def test_a_row_that_somebody_else_changed_is_not_overwritten(prompt_set, owner):
    prompt = corpus.add_prompt(prompt_set, owner, {"text": "Why?", "turns": [], "references": [], "lang": "en"})
    before = seen(prompt)
    corpus.change_prompt(prompt, owner, {"text": "Why not?"}, before)
    with pytest.raises(Outdated):
        corpus.change_prompt(prompt, owner, {"text": "What for?"}, before)
    prompt.refresh_from_db()
    assert prompt.text == "Why not?"


def test_a_prompt_needs_a_text_and_a_language_that_is_one(prompt_set, owner):
    for values in ({"text": " \n"}, {"text": "Why?", "lang": "not a tag"}):
        with pytest.raises(ValidationError):
            corpus.add_prompt(prompt_set, owner, values)


def test_an_answer_is_the_next_sample_and_is_flagged_as_uploaded_ones_are(prompt_set, owner):
    prompt, model = prompt_set.prompts.order_by("pk")[0], prompt_set.models.order_by("pk")[0]
    answer = corpus.add_answer(prompt, model, owner, {"text": "I am Quillfinch-0.", "turns": []})
    assert answer.sample == 1
    assert [flag.kind for flag in answer.flags.all()] == [ResultFlag.Kind.NAMES_ITSELF]
    corpus.change_answer(answer, owner, {"text": "", "turns": []}, seen(answer))
    assert [flag.kind for flag in answer.flags.all()] == [ResultFlag.Kind.EMPTY]
    corpus.change_answer(answer, owner, {"text": "A haiku.", "turns": []}, seen(Result.objects.get(pk=answer.pk)))
    assert not answer.flags.exists()


def test_flags_do_not_keep_an_answer_from_being_deleted(prompt_set, owner):
    prompt, model = prompt_set.prompts.order_by("pk")[0], prompt_set.models.order_by("pk")[0]
    answer = corpus.add_answer(prompt, model, owner, {"text": "", "turns": []})
    corpus.delete(answer, owner, seen(answer))
    assert not Result.objects.filter(pk=answer.pk).exists()
    assert not ResultFlag.objects.exists()


def test_an_answer_in_a_pair_is_kept_and_its_copy_is_the_next_sample(prompt_set, owner):
    answer = prompt_set.results.order_by("pk")[0]
    with pytest.raises(InUse, match="pairs"):
        corpus.change_answer(answer, owner, {"text": "Other.", "turns": []}, seen(answer))
    copy = corpus.add_answer(answer.prompt, answer.model, owner, {"text": "Other.", "turns": []})
    assert (copy.sample, copy.text) == (1, "Other.")


def test_a_model_of_another_set_answers_nothing_here(prompt_set, owner):
    other = study_of(owner, slug="other").prompt_set.models.order_by("pk")[0]
    with pytest.raises(ValidationError, match="model of this prompt set"):
        corpus.add_answer(prompt_set.prompts.order_by("pk")[0], other, owner, {"text": "A.", "turns": []})


@pytest.mark.parametrize("reads", [True, False])
def test_only_editors_change_a_prompt_set(prompt_set, outsider, reads):
    if reads:
        PromptSetReader.objects.create(prompt_set=prompt_set, user=outsider)
    model = LanguageModel.objects.create(prompt_set=prompt_set, number=1, name="Ptarmigan")
    for act in (
        lambda: corpus.add_model(prompt_set, outsider, {"name": "A"}),
        lambda: corpus.change_model(model, outsider, {"name": "A"}, seen(model)),
        lambda: corpus.delete(model, outsider, seen(model)),
        lambda: corpus.add_prompt(prompt_set, outsider, {"text": "A"}),
    ):
        with pytest.raises(NotPossible, match="can edit the prompt set"):
            act()
    assert prompt_set.models.count() == 3


def test_a_set_without_texts_takes_models_and_no_prompts(prompt_set, owner):
    PromptSet.objects.update(textless=True)
    corpus.add_model(prompt_set, owner, {"name": "Ptarmigan"})
    with pytest.raises(NotPossible, match="without texts"):
        corpus.add_prompt(prompt_set, owner, {"text": "Why?"})
