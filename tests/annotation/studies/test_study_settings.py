"""The settings of a study, group by group."""

import pytest

from annotation.models import Pair, Study, TextKind
from tests.annotation.study_pages import study_of, text_of
from tests.builders import build_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(owner, colleague):
    return study_of(owner, colleague)


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


def fields_of(client, group):
    """Returns what a browser sends for a group's form without changes."""
    form = client.get(f"/studies/haiku/settings/{group}/").context["form"]
    values = {field.html_name: field.value() for field in form}
    return {name: value for name, value in values.items() if value not in (None, False)}


def change(client, group, **fields):
    return client.post(f"/studies/haiku/settings/{group}/", fields_of(client, group) | fields, follow=True)


@pytest.mark.parametrize(
    "group", ["wording", "screen", "pairs", "votes", "training", "checks", "platform", "public", "access"]
)
def test_a_form_sent_back_as_it_came_changes_nothing(client, study, group):
    before = Study.objects.values().get()
    page = text_of(change(client, group))
    assert "Saved." in page
    assert Study.objects.values().get() == before
    assert study.texts.count() == len(TextKind), "one version of each text"


@pytest.mark.parametrize(("group", "field", "sent", "stored"), [
    ("wording", "name", "Another name", "Another name"),
    ("wording", "question", "Which one is funnier?", "Which one is funnier?"),
    ("screen", "scale_name", "eight", "eight"),
    ("screen", "reasons", "clearer\n\n shorter \n", ["clearer", "shorter"]),
    ("screen", "devices", "computers", "computers"),
    ("votes", "overlap", "5", 5),
    ("votes", "most_votes", "99", 99),
    ("training", "training_size", "0", 0),
    ("training", "training_pass", "75", 0.75),
    ("checks", "check_rate", "12.5", 0.125),
    ("platform", "id_parameter", "workerId", "workerId"),
    ("platform", "id_required", "on", True),
    ("public", "public", "on", True),
])  # fmt: skip
def test_a_setting_is_saved(client, study, group, field, sent, stored):
    change(client, group, **{field: sent})
    study.refresh_from_db()
    assert getattr(study, field) == stored


@pytest.mark.parametrize(("group", "fields", "complaint"), [
    ("votes", {"overlap": "0"}, "greater than or equal to 1"),
    ("votes", {"least_votes": "50"}, "The minimum votes for completion cannot exceed the maximum votes per worker."),
    ("training", {"training_pass": "101"}, "Enter a percentage from 0 to 100."),
    ("checks", {"check_rate": "51"}, "Enter a percentage from 0 to 50."),
    ("screen", {"scale_name": "nine"}, "not one of the available choices"),
    ("wording", {"language": "klingon!"}, "Enter a language tag"),
    ("wording", {"consent": " \n "}, "This field is required."),
    ("pairs", {"only_types": ["poetry"]}, "not one of the available choices"),
    ("access", {"colleagues": "colin\nnobody"}, "No account is named “nobody”."),
    ("platform", {"url_completed": "javascript:alert(1)"}, "Enter a valid URL."),
])  # fmt: skip
def test_a_wrong_setting_is_a_fault_of_the_form_and_changes_nothing(client, study, group, fields, complaint):
    before = Study.objects.values().get()
    page = text_of(change(client, group, **fields))
    assert complaint in page
    assert Study.objects.values().get() == before


def test_a_new_wording_is_a_new_version(client, study):
    change(client, "wording", instruction="Say which one is **funnier**.")
    study.refresh_from_db()
    assert (study.instruction_version, study.consent_version) == (2, 1)
    assert study.texts.get(kind="instruction", version=2).text == "Say which one is **funnier**."


def test_the_line_ends_of_a_browser_are_no_new_version(client, study):
    change(client, "wording", consent=study.consent.replace("\n", "\r\n"), question="Which one?")
    study.refresh_from_db()
    assert (study.consent_version, study.question) == (1, "Which one?")


def test_a_preview_shows_the_markdown_and_saves_nothing(client, study):
    page = text_of(change(client, "wording", instruction="Be **fair** <script>alert(1)</script>", preview="1"))
    assert "<strong>fair</strong>" in page
    assert "<script>alert" not in page
    study.refresh_from_db()
    assert study.instruction_version == 1


@pytest.mark.parametrize("group", ["pairs", "access", "votes"])
def test_a_preview_of_a_form_without_markdown_is_empty(client, study, group):
    page = text_of(change(client, group, preview="1"))
    assert "Saved." not in page
    assert 'class="card preview"' not in page


def test_htmx_gets_the_preview_alone(client, study):
    fields = fields_of(client, "wording") | {"preview": "1"}
    response = client.post("/studies/haiku/settings/wording/", fields, headers={"HX-Request": "true"})
    assert text_of(response).lstrip().startswith('<div id="previews"')


def test_two_people_saving_the_same_page_do_not_undo_each_other(client, study):
    as_it_was = fields_of(client, "votes")
    change(client, "votes", overlap="7")
    client.post("/studies/haiku/settings/votes/", as_it_was | {"most_votes": "50"} | {"overlap": "7"})
    study.refresh_from_db()
    assert (study.overlap, study.most_votes) == (7, 50)


def test_filters_close_the_pairs_they_leave_out(client, study):
    change(client, "pairs", exclude_types=["code"])
    assert set(Pair.objects.filter(prompt__type="code").values_list("wanted", flat=True)) == {0}
    assert set(Pair.objects.filter(prompt__type="prose").values_list("wanted", flat=True)) == {3}


def test_a_filter_can_be_taken_back(client, study):
    change(client, "pairs", exclude_types=["code"], language_models=[study.prompt_set.models.all()[0].pk])
    fields = fields_of(client, "pairs")
    del fields["exclude_types"], fields["language_models"]
    client.post("/studies/haiku/settings/pairs/", fields)
    study.refresh_from_db()
    assert study.exclude_types == []
    assert study.language_models.count() == 0
    assert set(Pair.objects.values_list("wanted", flat=True)) == {3}


def test_the_models_of_another_prompt_set_cannot_be_chosen(client, study):
    other = build_study("other")
    page = text_of(change(client, "pairs", language_models=[other.prompt_set.models.all()[0].pk]))
    assert "not one of the available choices" in page


def test_codes_and_return_links_are_saved_by_outcome(client, study):
    change(client, "platform", code_completed="CABC123", url_completed="https://app.prolific.com/submissions/complete")
    done = study.exits.get(outcome="completed")
    assert (done.code, done.url) == ("CABC123", "https://app.prolific.com/submissions/complete")


def test_a_link_without_its_scheme_is_taken_for_https(client, study):
    change(client, "platform", url_completed="example.org/done")
    assert study.exits.get(outcome="completed").url == "https://example.org/done"


def test_no_other_outcome_may_have_the_code_of_completion(client, study):
    page = text_of(change(client, "platform", code_completed="SAME", **{"code_failed-training": "same"}))
    assert "would be paid as completed" in page
    assert not study.exits.filter(code__iexact="same").exists()


def test_an_outcome_cannot_be_left_without_a_code(client, study):
    assert "This field is required." in text_of(change(client, "platform", code_withdrawn=""))


def test_the_owner_shares_the_study(client, study, outsider, as_user):
    assert as_user(outsider).get("/studies/haiku/").status_code == 404
    change(client, "access", colleagues="colin\notto")
    assert as_user(outsider).get("/studies/haiku/").status_code == 200
    change(client, "access", colleagues="")
    assert study.colleagues.count() == 0
    assert as_user(outsider).get("/studies/haiku/").status_code == 404


def test_a_colleague_neither_sees_nor_changes_who_has_access(study, colleague, outsider, as_user):
    client = as_user(colleague)
    assert "settings/access/" not in text_of(client.get("/studies/haiku/settings/"))
    assert client.post("/studies/haiku/settings/access/", {"colleagues": "otto"}).status_code == 403
    assert list(study.colleagues.all()) == [colleague]


def test_an_account_that_was_closed_cannot_be_let_in(client, study, outsider):
    outsider.is_active = False
    outsider.save()
    assert "No account is named “otto”." in text_of(change(client, "access", colleagues="otto"))


def test_a_group_that_does_not_exist_is_not_found(client, study):
    assert client.get("/studies/haiku/settings/nonsense/").status_code == 404
