"""The pages on which rows are browsed, added and changed by hand."""

import pytest

from annotation.models import LanguageModel, Pair, Prompt, PromptSet, PromptSetReader, Result
from tests.annotation.study_pages import study_of, text_of
from tests.builders import add_golden_pairs

pytestmark = pytest.mark.django_db

SET = "/prompt-sets/haiku/"


@pytest.fixture
def study(owner):
    return study_of(owner, models=2, prompts=2)


@pytest.fixture
def client(study, owner, as_user):
    return as_user(owner)


def test_rows_are_listed_and_searched(client):
    page = text_of(client.get(f"{SET}models/?q=finch-1"))
    assert "Quillfinch-1" in page
    assert "Quillfinch-0" not in page
    assert "Prompt 1?" in text_of(client.get(f"{SET}prompts/"))
    model = LanguageModel.objects.get(name="Quillfinch-0")
    page = text_of(client.get(f"{SET}answers/?model={model.number}"))
    assert "Answer 0 to prompt 0." in page
    assert "Answer 1 to prompt 0." not in page


@pytest.mark.parametrize(
    "query", ["?q=%00", "?prompt=99999999999999999999999", "?model=x", "?page=nine", "?q=9" + "9" * 90]
)
def test_a_search_for_nonsense_finds_nothing_and_breaks_nothing(client, query):
    for kind in ("models", "prompts", "answers"):
        assert client.get(f"{SET}{kind}/{query}").status_code == 200


def test_a_prompt_of_several_turns_is_added_and_changed(client):
    sent = {"text": "Why?", "turn_2": "Really?", "turn_3": "", "reference_1": "", "reference_2": "No.", "lang": ""}
    client.post(f"{SET}prompts/new/", sent)
    prompt = Prompt.objects.latest("pk")
    assert (prompt.text, prompt.turns, prompt.references, prompt.type) == ("Why?", ["Really?"], ["", "No."], None)
    address = f"{SET}prompts/{prompt.number}/"
    page = client.get(address)
    seen = page.context["form"].initial["seen"]
    client.post(address, sent | {"text": "Why\r\nnot?", "turn_2": "", "reference_2": "", "seen": seen})
    prompt.refresh_from_db()
    assert (prompt.text, prompt.turns, prompt.references) == ("Why\nnot?", [], [])


def test_a_reference_answer_to_no_turn_is_an_error(client):
    page = client.post(f"{SET}prompts/new/", {"text": "Why?", "turn_2": " ", "reference_2": "No."})
    assert "remove its reference answer" in text_of(page)
    assert Prompt.objects.count() == 2


def test_an_answer_that_is_in_use_is_saved_as_the_next_sample(client):
    result = Result.objects.order_by("pk")[0]
    address = f"{SET}answers/{result.number}/"
    page = text_of(client.get(address))
    assert "cannot be changed" in page
    assert "Save as the next sample" in page
    client.post(address, {"text": "Better.", "copy": "1"})
    copy = Result.objects.latest("pk")
    assert (copy.sample, copy.text, copy.prompt, copy.model) == (1, "Better.", result.prompt, result.model)
    result.refresh_from_db()
    assert result.text == "Answer 0 to prompt 0."


def test_a_post_that_changes_what_is_in_use_is_told_so(client):
    result = Result.objects.order_by("pk")[0]
    address = f"{SET}answers/{result.number}/"
    seen = client.get(address).context["form"].initial["seen"]
    page = client.post(address, {"text": "Better.", "seen": seen})
    assert page.status_code == 200
    assert "Other data depends on this row" in text_of(page)
    assert not Result.objects.filter(text="Better.").exists()


def test_a_preview_saves_nothing_and_shows_the_answer_beside_anothers(client):
    result = Result.objects.order_by("pk")[0]
    page = text_of(client.post(f"{SET}answers/{result.number}/", {"text": "**Bold.**", "preview": "1"}))
    assert "<strong>Bold.</strong>" in page
    assert "Answer 1 to prompt 0." in page
    assert not Result.objects.filter(text="**Bold.**").exists()


def test_a_script_in_an_answer_is_shown_as_text(client):
    result = Result.objects.order_by("pk")[0]
    page = text_of(client.post(f"{SET}answers/{result.number}/", {"text": "<script>alert(1)</script>", "preview": "1"}))
    assert "<script>alert(1)</script>" not in page


def test_a_row_that_nothing_refers_to_is_deleted(client):
    client.post(f"{SET}models/new/", {"name": "Ptarmigan"})
    model = LanguageModel.objects.get(name="Ptarmigan")
    address = f"{SET}models/{model.number}/"
    seen = client.get(address).context["form"].initial["seen"]
    client.post(address, {"delete": "1", "seen": "old"})
    assert LanguageModel.objects.filter(pk=model.pk).exists()
    client.post(address, {"delete": "1", "seen": seen})
    assert not LanguageModel.objects.filter(pk=model.pk).exists()


def test_readers_see_rows_and_change_none(study, outsider, as_user):
    PromptSetReader.objects.create(prompt_set=study.prompt_set, user=outsider)
    reader = as_user(outsider)
    result = Result.objects.order_by("pk")[0]
    page = text_of(reader.get(f"{SET}answers/{result.number}/"))
    assert "Answer 0 to prompt 0." in page
    assert "Save as the next sample" not in page
    assert "Add answer" not in text_of(reader.get(f"{SET}answers/"))
    for address, sent in (
        (f"{SET}answers/{result.number}/", {"text": "Mine.", "copy": "1"}),
        (f"{SET}models/new/", {"name": "Mine"}),
    ):
        assert reader.post(address, sent).status_code == 403
    assert not LanguageModel.objects.filter(name="Mine").exists()


def test_people_of_a_study_who_may_not_read_the_set_see_no_rows(study, outsider, as_user):
    study.colleagues.add(outsider)
    study.owner = outsider
    study.save()
    for rest in (f"{SET}models/", f"{SET}prompts/", f"{SET}answers/", "/studies/haiku/data/training/"):
        assert as_user(outsider).get(rest).status_code == 403


def golden(study, **changed):
    model_x, model_y = study.prompt_set.models.order_by("pk")
    return {
        "prompt": study.prompt_set.prompts.order_by("pk")[0].number,
        "model_x": model_x.number,
        "model_y": model_y.number,
        "own_text": "Which is shorter?",
        "own_x": "Long.",
        "own_y": "S.",
        "golden": "y",
        "reason": "{y} has one letter.",
    } | changed


@pytest.mark.parametrize("purpose", ["training", "check"])
def test_a_golden_pair_is_previewed_added_changed_and_listed(client, study, purpose):
    address = f"/studies/haiku/data/{purpose}/"
    page = text_of(client.post(f"{address}new/", golden(study) | {"preview": "1"}))
    assert "What workers see" in page
    assert "B has one letter." in page, "the reason names the answers as shown"
    assert not Pair.objects.filter(purpose=purpose).exists()
    client.post(f"{address}new/", golden(study))
    pair = Pair.objects.get(purpose=purpose)
    assert (pair.own_y, pair.golden, pair.upload) == ("S.", "y", None)
    page = client.get(f"{address}{pair.number}/")
    client.post(f"{address}{pair.number}/", golden(study, golden="tie", seen=page.context["form"].initial["seen"]))
    pair.refresh_from_db()
    assert pair.golden == "tie"
    assert "Which is shorter?" in text_of(client.get(address))


def test_a_golden_pair_of_one_purpose_is_no_page_of_the_other(client, study):
    (pair,) = add_golden_pairs(study, ["x"])
    assert client.get(f"/studies/haiku/data/check/{pair.number}/").status_code == 404
    assert client.get(f"/studies/haiku/data/training/{pair.number}/").status_code == 200


def test_the_same_model_on_both_sides_is_an_error(client, study):
    sent = golden(study)
    page = client.post("/studies/haiku/data/training/new/", sent | {"model_y": sent["model_x"]})
    assert "Choose two different models." in text_of(page)


def test_a_set_without_texts_has_no_pages_of_prompts_and_answers(client, study):
    PromptSet.objects.update(textless=True)
    assert client.get(f"{SET}models/").status_code == 200
    for rest in ("prompts/", "answers/", "prompts/new/", f"answers/{Result.objects.order_by('pk')[0].number}/"):
        assert client.get(f"{SET}{rest}").status_code == 404
    for page in (SET, "/studies/haiku/data/"):
        assert f'href="{SET}answers/"' not in text_of(client.get(page))
