"""The list of studies, a new study, its overview, its state, and its deletion."""

import pytest

from annotation import study_sections
from annotation.models import Assignment, Pair, PromptSet, Result, Status, Study
from annotation.studies import lifecycle
from annotation.study_sections import Section, SectionState, Step
from judges.models import JudgeCall, JudgeRun
from tests.annotation.study_pages import give_votes, study_of, text_of
from tests.builders import NOW, add_golden_pairs, build_study
from tests.judges.conftest import make_judge

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


def make(client, **fields):
    return client.post(
        "/new-study/", {"name": "Haiku by machines", "slug": "", "language": "en", "offering": "fixed"} | fields
    )


def test_the_empty_list_says_what_to_do(client):
    page = text_of(client.get("/studies/"))
    assert "No studies yet." in page
    assert 'href="/new-study/"' in page


def test_the_list_says_how_each_study_stands(client, owner):
    study = study_of(owner, overlap=2)
    give_votes(study, 6)
    page = text_of(client.get("/studies/"))
    # 4 prompts with 3 pairs each and 2 votes per pair.
    assert "12 pairs, 25% covered, 6 votes, 1 worker" in page


def test_the_list_counts_only_what_the_filters_let_through(client, owner):
    study_of(owner, exclude_types=["code"])
    assert "6 pairs, 0% covered" in text_of(client.get("/studies/"))


def test_the_list_takes_as_many_queries_for_five_studies_as_for_one(client, owner, django_assert_max_num_queries):
    for number in range(5):
        study_of(owner, slug=f"study-{number}", prompts=1)
    with django_assert_max_num_queries(12):
        client.get("/studies/")


def test_a_new_study_is_a_draft_with_wording_codes_and_a_prompt_set_of_its_own(client, owner):
    response = make(client)
    study = Study.objects.get()
    assert response.headers["Location"] == "/studies/haiku-by-machines/"
    assert (study.owner, study.status, study.prompt_set.slug) == (owner, Status.DRAFT, "haiku-by-machines")
    assert study.consent
    assert study.exits.count() == 6


@pytest.mark.parametrize("offering", ["fixed", "adaptive"])
def test_how_pairs_are_chosen_can_be_said_when_a_study_is_made(client, offering):
    assert "How pairs are chosen" in text_of(client.get("/new-study/"))
    make(client, offering=offering)
    assert Study.objects.get().offering == offering


def test_a_way_of_choosing_pairs_that_does_not_exist_is_refused(client):
    make(client, offering="magic")
    assert not Study.objects.exists()


def test_an_address_that_is_suggested_is_one_that_is_free(client):
    for _again in range(3):
        assert make(client).status_code == 302
    assert sorted(Study.objects.values_list("slug", flat=True)) == [
        "haiku-by-machines",
        "haiku-by-machines-2",
        "haiku-by-machines-3",
    ]


def test_a_name_without_latin_letters_gets_an_address_too(client):
    make(client, name="俳句")
    assert Study.objects.get().slug == "study"


def test_an_address_that_is_taken_is_a_fault_of_its_field(client):
    make(client, slug="mine")
    page = text_of(make(client, slug="mine"))
    assert "Another study already uses this address. Choose a different one." in page
    assert Study.objects.count() == 1


@pytest.mark.parametrize("language", ["english please", "e", "en_US", ""])
def test_a_language_has_to_be_a_tag(client, language):
    make(client, language=language)
    assert not Study.objects.exists()


def test_a_prompt_set_can_be_shared_with_another_of_ones_studies(client, owner):
    study = study_of(owner)
    make(client, prompt_set=study.prompt_set.pk)
    assert Study.objects.get(slug="haiku-by-machines").prompt_set == study.prompt_set


def test_the_prompt_set_of_a_stranger_cannot_be_taken(client):
    study = build_study()
    page = text_of(make(client, prompt_set=study.prompt_set.pk))
    assert Study.objects.count() == 1
    assert study.prompt_set.slug not in page


def test_a_new_study_is_told_to_upload_first(client):
    make(client)
    page = text_of(client.get("/studies/haiku-by-machines/"))
    assert "This study has no answers yet" in page
    assert "nothing uploaded yet" in page


def test_results_without_pairs_ask_for_pairs(client, owner):
    study = study_of(owner, opened=False)
    study.pairs.all().delete()
    assert "no pairs to vote on yet" in text_of(client.get("/studies/haiku/"))


def test_filters_that_leave_nothing_are_pointed_out(client, owner):
    study_of(owner, opened=False, only_types=["poetry"])
    assert "No pairs match the filters." in text_of(client.get("/studies/haiku/"))


def test_training_without_pairs_is_pointed_out_before_the_start(client, owner):
    study = study_of(owner, opened=False)
    page = text_of(client.get("/studies/haiku/"))
    assert page.index("There are no training pairs yet") < page.index("You can start the study without them.")
    assert "Ready to start" not in page
    add_golden_pairs(study, ["x", "y"])
    page = text_of(client.get("/studies/haiku/"))
    assert "There are no training pairs yet" not in page
    assert "Ready to start" in page


def test_an_open_study_nobody_has_come_to_shows_its_link(client, owner):
    study_of(owner)
    page = text_of(client.get("/studies/haiku/"))
    assert "no one has joined yet" in page
    assert 'value="http://testserver/s/haiku/"' in page


def test_an_open_study_s_page_keeps_itself_up_to_date(client, owner):
    study_of(owner)
    assert 'hx-trigger="every 30s, refresh"' in text_of(client.get("/studies/haiku/"))
    part = text_of(client.get("/studies/haiku/", headers={"HX-Request": "true"}))
    assert part.lstrip().startswith('<ol class="overview"')


def test_a_covered_study_is_told_to_close(client, owner):
    study = study_of(owner, overlap=1, models=2, prompts=2)
    give_votes(study, 2)
    page = text_of(client.get("/studies/haiku/"))
    assert "2 pairs, 100% covered" in page
    assert "All pairs have their votes." in page


def test_a_reserved_pair_is_not_yet_covered(client, owner):
    study = study_of(owner, overlap=1, models=2, prompts=2)
    give_votes(study, 1)
    assert Assignment.objects.filter(state="open").count() == 1
    assert "50% covered" in text_of(client.get("/studies/haiku/"))


def test_another_app_puts_its_section_on_the_page(client, owner, monkeypatch):
    study_of(owner)
    monkeypatch.setattr(study_sections, "_sections", dict(study_sections._sections))
    step = Step(0, "The oracle has run out of money.", "Add some", "study-settings")
    state = SectionState("3 oracles, 40 % asked", "busy", (step,), share=0.4)
    study_sections.register(Section("oracles", "Oracles", 35, "study-export", lambda study, at: state))
    page = text_of(client.get("/studies/haiku/"))
    assert page.index(">Workers</a></h2>") < page.index(">Oracles</a></h2>") < page.index(">Export</a></h2>")
    assert "3 oracles, 40 % asked" in page
    assert "The oracle has run out of money." in page


def test_a_section_is_registered_once():
    known = study_sections.registered()[0]
    study_sections.register(known)
    with pytest.raises(ValueError, match=known.key):
        study_sections.register(Section(known.key, "Another", 1, "study", lambda study, at: SectionState("")))


@pytest.mark.parametrize(("change", "before", "after"), [
    ("start", "draft", "open"),
    ("pause", "open", "paused"),
    ("start", "paused", "open"),
    ("close", "paused", "closed"),
    ("start", "closed", "open"),
])  # fmt: skip
def test_a_study_is_started_paused_and_closed(client, owner, change, before, after):
    study = study_of(owner)
    Study.objects.update(status=before)
    assert client.get(f"/studies/haiku/{change}/").status_code == 200
    study.refresh_from_db()
    assert study.status == before, "looking changes nothing"
    client.post(f"/studies/haiku/{change}/")
    study.refresh_from_db()
    assert study.status == after


def test_the_start_says_what_it_means(client, owner):
    study = study_of(owner, opened=False, overlap=4)
    add_golden_pairs(study, ["x", "y", "tie"])
    page = text_of(client.get("/studies/haiku/start/"))
    assert "12 pairs are offered until each has 4 votes." in page
    assert "Each worker must first pass training with 2 pairs." in page
    assert "Workers’ attention is not checked" in page


def test_a_pause_says_whose_hands_are_full(client, owner):
    study = study_of(owner)
    give_votes(study, 1)
    page = text_of(client.get("/studies/haiku/pause/"))
    assert "1 pair is with a worker now. Their vote still counts." in page


def test_a_study_without_pairs_does_not_start(client, owner):
    study = study_of(owner, opened=False)
    study.pairs.all().delete()
    assert "cannot start" in text_of(client.get("/studies/haiku/start/"))
    page = text_of(client.post("/studies/haiku/start/", follow=True))
    study.refresh_from_db()
    assert study.status == Status.DRAFT
    assert "no pairs to vote on yet" in page


def test_starting_twice_is_calm(client, owner):
    study_of(owner)
    assert "This study is already open." in text_of(client.post("/studies/haiku/start/", follow=True))


def test_simulated_votes_are_marked_on_every_page_of_the_study(client, owner):
    study = study_of(owner)
    assert "Simulated votes" not in text_of(client.get("/studies/haiku/"))
    study.raters.create(kind="worker", simulated=True)
    for page in ("", "data/", "pairs/", "workers/", "settings/", "export/"):
        assert "Simulated votes" in text_of(client.get(f"/studies/haiku/{page}")), page


def test_a_draft_is_deleted_with_what_it_names(client, owner):
    study_of(owner, opened=False)
    page = text_of(client.get("/studies/haiku/delete/"))
    assert "its 12 pairs" in page
    assert "models: 3, prompts: 4, answers: 12" in page
    client.post("/studies/haiku/delete/", {"with_prompt_set": "on"})
    assert not Study.objects.exists()
    assert not Pair.objects.exists()
    assert not PromptSet.objects.exists()


def test_a_draft_goes_with_what_an_app_hung_on_its_pairs(client, owner):
    study = study_of(owner, opened=False)
    version = make_judge("http://127.0.0.1:9/v1").current
    run = JudgeRun.objects.create(study=study, version=version, created_at=NOW)
    JudgeCall.objects.create(run=run, version=version, pair=study.pairs.all()[0], left="x")
    client.post("/studies/haiku/delete/", {"with_prompt_set": "on"})
    assert not Study.objects.exists()
    assert not PromptSet.objects.exists()


def test_a_deleted_draft_leaves_its_prompt_set_unless_told(client, owner):
    study_of(owner, opened=False)
    client.post("/studies/haiku/delete/")
    assert not Study.objects.exists()
    assert Result.objects.count() == 12


def test_a_prompt_set_that_another_study_uses_is_not_deleted(client, owner):
    study = study_of(owner, opened=False)
    lifecycle.create_study("second", study.prompt_set)
    page = text_of(client.get("/studies/haiku/delete/"))
    assert "other studies use it" in page
    client.post("/studies/haiku/delete/", {"with_prompt_set": "on"})
    assert Study.objects.count() == 2
    assert Result.objects.count() == 12


def test_a_study_that_was_started_is_not_deleted(client, owner):
    study_of(owner)
    page = text_of(client.post("/studies/haiku/delete/", {"name": "The haiku study"}, follow=True))
    assert Study.objects.exists()
    assert "Close it first." in page


def test_a_draft_with_votes_is_not_deleted(client, owner):
    study = study_of(owner)
    give_votes(study, 1)
    Study.objects.update(status=Status.DRAFT)
    client.post("/studies/haiku/delete/")
    assert Study.objects.exists()
