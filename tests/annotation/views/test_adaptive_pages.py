"""The pages of an adaptive study say what was drawn, what is open, and what to do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import overview
from annotation.models import DrawBatch, LanguageModel, Pair, PairRun, Result, Study
from annotation.studies import lifecycle
from annotation.voting import assignments, coverage
from tests.annotation.adaptive import adaptive_study, draw, vote
from tests.annotation.study_pages import text_of
from tests.builders import MARK, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


def owned(study: Study, owner) -> Study:
    Study.objects.filter(pk=study.pk).update(owner=owner)
    study.prompt_set.owner = owner
    study.prompt_set.save()
    return study


@pytest.fixture
def study(owner) -> Study:
    return owned(adaptive_study("haiku"), owner)


def phrase(study: Study) -> str:
    return overview.pairs(study, timezone.now()).phrase


def steps(study: Study) -> list[str]:
    return [step.text for step in overview.look(study, timezone.now()).steps]


def some_votes(study: Study, number: int = 3) -> None:
    now = timezone.now()
    worker = build_worker(study)
    for _vote in range(number):
        draw(study, now)
        vote(worker, now)


def new_model(study: Study) -> LanguageModel:
    model = LanguageModel.objects.create(prompt_set=study.prompt_set, number=MARK + 900, name="Newt")
    for number, prompt in enumerate(study.prompt_set.prompts.all(), MARK + 80_000):
        Result.objects.create(prompt_set=study.prompt_set, number=number, prompt=prompt, model=model, text="N")
    return model


def test_the_choice_is_made_on_a_page_of_the_settings(client, owner):
    study = owned(build_study(), owner)
    page = text_of(client.get("/studies/haiku/settings/choice/"))
    assert "Adaptive: pairs are drawn while votes come in" in page
    assert 'value="20"' in page
    sent = {"offering": "adaptive", "floor": 5, "draw_seed": 3, "share_uniform": "30", "share_gap": "70"}
    sent |= {"share_d-optimal": "0", "share_newcomer": "0"}
    assert client.post("/studies/haiku/settings/choice/", sent).status_code == 302
    study.refresh_from_db()
    assert (study.offering, study.floor, study.draw_seed) == ("adaptive", 5, 3)
    assert study.mix == {"uniform": 0.3, "gap": 0.7}


def test_the_default_shares_stay_the_default(client, study):
    sent = {"offering": "adaptive", "floor": 10, "draw_seed": 1, "share_uniform": "20", "share_gap": "50"}
    client.post("/studies/haiku/settings/choice/", sent | {"share_d-optimal": "30", "share_newcomer": "0"})
    study.refresh_from_db()
    assert (study.mix, study.draw_seed) == ({}, 1)


def test_shares_that_do_not_add_up_are_explained(client, study):
    sent = {"offering": "adaptive", "floor": 10, "draw_seed": 0, "share_uniform": "20", "share_gap": "50"}
    sent |= {"share_d-optimal": "0", "share_newcomer": "0"}
    page = text_of(client.post("/studies/haiku/settings/choice/", sent))
    assert "The shares add up to 70%. Change them so that they add up to 100%." in page


def test_the_pairs_page_shows_draws_places_and_strategies(client, study):
    some_votes(study)
    page = text_of(client.get("/studies/haiku/pairs/"))
    assert "Draws by strategy" in page
    assert "First pairs" in page or "Random" in page
    assert "Votes planned</dt>" not in page, "nobody knows how many votes there will be"
    assert "Possible pairs</dt><dd>36" in page


def test_a_draft_says_that_pairs_come_later(client, owner):
    study = owned(adaptive_study("haiku", opened=False), owner)
    assert phrase(study) == "drawn while votes come in, from 36 pairs"
    assert "You can start the study without them." in " ".join(steps(study))
    assert "from 36 possible pairs. Each gets at most 2 votes" in text_of(client.get("/studies/haiku/start/"))
    assert client.post("/studies/haiku/start/").status_code == 302
    study.refresh_from_db()
    assert study.status == "open"


def test_the_overview_tells_draws_votes_and_places_and_never_that_all_is_done(study):
    some_votes(study)
    found = coverage.totals(study)
    assert found.received == 3
    assert phrase(study).startswith(f"{found.pairs} pairs drawn, 3 votes, ")
    assert "All pairs have their votes" not in " ".join(steps(study))
    assert coverage.pace(study, timezone.now()).days_left is None


def test_a_study_whose_every_pair_has_its_votes_can_be_closed(owner):
    study = owned(adaptive_study("haiku", models=2, prompts=2, overlap=1), owner)
    some_votes(study, 2)
    assert "All pairs have their votes. Close the study and read the results." in steps(study)


def test_a_background_that_sleeps_is_said_and_what_it_means(client, study):
    vote(build_worker(study), timezone.now())
    assert DrawBatch.objects.filter(late=True).exists()
    assert any("has not drawn the next pairs" in step for step in steps(study))
    assert "Until it does, each worker gets a random pair." in text_of(client.get("/studies/haiku/pairs/"))
    draw(study, timezone.now())
    assert not any("has not drawn the next pairs" in step for step in steps(study))
    DrawBatch.objects.filter(late=False).delete()
    DrawBatch.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert not any("has not drawn the next pairs" in step for step in steps(study)), "nobody asked since"


def test_a_new_model_is_added_by_one_click(client, study):
    study.language_models.set(study.prompt_set.models.all())
    some_votes(study)
    model = new_model(study)
    assert any("New models have answers but are not part of the study: Newt." in step for step in steps(study))
    assert "Add model" in text_of(client.get("/studies/haiku/pairs/"))
    client.post("/studies/haiku/pairs/add-models/")
    assert model in study.language_models.all()
    assert study.comparisons.count() == 3
    assert "Add model" not in text_of(client.get("/studies/haiku/pairs/"))


def test_in_a_fixed_study_the_click_makes_the_new_models_pairs_too(client, owner):
    study = owned(build_study(), owner)
    study.language_models.set(study.prompt_set.models.all())
    PairRun.objects.create(study=study, strategy="all", options={"neighbours": 3, "seed": 4})
    new_model(study)
    response = client.post("/studies/haiku/pairs/add-models/")
    run = PairRun.objects.first()
    assert response.headers["Location"].endswith(f"/pairs/runs/{run.pk}/")
    assert (run.strategy, run.options) == ("all", {"neighbours": 3, "seed": 4})


def test_the_list_of_studies_tells_an_adaptive_one(client, study):
    some_votes(study)
    assert "pairs drawn" in text_of(client.get("/studies/"))
    Pair.objects.update(wanted=0, taken=0)
    assert "0 pairs drawn" in text_of(client.get("/studies/"))


def test_a_worker_is_done_only_when_no_pair_is_left_to_draw(study):
    worker, given = build_worker(study), 0
    while assignments.current(worker, timezone.now(), rng()) is not None:
        vote(worker, timezone.now())
        given += 1
        worker.refresh_from_db()
    assert given == 36


def test_closing_says_how_many_votes_there_are(client, study):
    some_votes(study)
    assert "3 votes on drawn pairs are received." in text_of(client.get("/studies/haiku/close/"))
    study = lifecycle.close(study)
    assert client.get("/studies/haiku/pairs/").status_code == 200
