"""The pages on which a model evolves prompts, and on which they are reviewed."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Prompt, PromptSet
from annotation.studies import lifecycle, prompt_sets
from judges.evolve import review
from judges.evolve.planning import EvolvePlan, Recipe
from judges.evolve.runs import evolve_life
from judges.models import EvolvedPrompt, EvolveRun, Review, RunState
from tests.builders import NOW
from tests.judges.conftest import Running
from tests.judges.evolving import children, evolve, go_on, prompt_set, writer

pytestmark = pytest.mark.django_db(transaction=True)

type SignIn = Callable[[User], Client]
Start = Callable[..., Running]


@pytest.fixture
def seeds(db: None, owner: User) -> PromptSet:
    made = prompt_set()
    made.owner = owner
    made.save()
    return made


def at(name: str, seeds: PromptSet, *more: int) -> str:
    return reverse(name, args=[seeds.slug, *more])


FORM = {"scenario": "reasoning", "iterations": 2, "children": 1, "temperature": "1", "again": "failed"}


def test_a_run_is_estimated_started_and_watched_from_the_prompt_set(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    source = writer(seeds, stand_in().url, price_out=1)
    client = as_user(owner)
    home = client.get(reverse("prompt-set", args=[seeds.slug])).content.decode()
    assert at("prompt-set-evolve", seeds) in home
    page = at("prompt-set-evolve", seeds)
    shown = client.post(page, FORM | {"model": source.pk, "estimate": ""})
    assert shown.context["estimate"].calls == 6
    assert "Maximum cost" in shown.content.decode()
    assert not EvolveRun.objects.exists()
    started = client.post(page, FORM | {"model": source.pk, "start": ""})
    run = EvolveRun.objects.get()
    assert (run.user, run.recipe.scenario, run.options["iterations"]) == (owner, "reasoning", 2)
    assert started.headers["Location"] == at("prompt-set-evolve-run", seeds, run.pk)
    go_on(run)
    shown = client.get(started.headers["Location"])
    assert "6 prompts written" in shown.content.decode()
    assert at("prompt-set-review", seeds) in shown.content.decode()
    partial = client.get(started.headers["Location"], headers={"HX-Request": "true"}).content.decode()
    assert partial.lstrip().startswith("<section")
    assert "6 prompts to review" in client.get(reverse("prompt-set", args=[seeds.slug])).content.decode()


def test_a_run_is_paused_resumed_and_cancelled(seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User) -> None:
    source = writer(seeds, stand_in().url)
    client = as_user(owner)
    client.post(at("prompt-set-evolve", seeds), FORM | {"model": source.pk, "start": ""})
    run = EvolveRun.objects.get()
    for change, state in (("pause", RunState.PAUSED), ("resume", RunState.RUNNING), ("cancel", RunState.CANCELLED)):
        client.post(at(f"prompt-set-evolve-run-{change}", seeds, run.pk))
        run.refresh_from_db()
        assert run.state == state


def test_an_own_template_with_a_fault_is_refused_with_words(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    source = writer(seeds, stand_in().url)
    sent = FORM | {"model": source.pk, "scenario": "own", "template": "Nothing.", "form": "prompt", "start": ""}
    told = as_user(owner).post(at("prompt-set-evolve", seeds), sent).content.decode()
    assert "The template does not show the parent prompt." in told
    assert not EvolveRun.objects.exists()


def test_calls_and_one_call_with_everything_that_was_sent(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    Prompt.objects.update(text="Write <script>alert(1)</script> about harbours.")
    run = evolve(seeds, writer(seeds, stand_in(lasting=0.4, lasting_kinds=("unreadable",), seed=3).url))
    client = as_user(owner)
    listed = client.get(at("prompt-set-evolve-calls", seeds, run.pk), {"state": "ok"})
    assert listed.status_code == 200
    told = client.get(at("prompt-set-evolve-calls-csv", seeds, run.pk)).getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(told)))
    assert len(rows) == 3
    assert {bool(row["evolved_prompt"]) for row in rows if row["state"] == "ok"} <= {True}
    assert not any(row["evolved_prompt"] for row in rows if row["state"] != "ok")
    for call in run.calls.all():
        shown = client.get(at("prompt-set-evolve-call", seeds, call.pk)).content.decode()
        assert "<script>alert(1)" not in shown
        assert "&lt;script&gt;alert(1)" in shown


def test_a_prompt_is_accepted_edited_rejected_and_undone_on_the_page(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    evolve(seeds, writer(seeds, stand_in().url))
    client = as_user(owner)
    first, second, third = children(seeds)
    page = at("prompt-set-review", seeds)
    assert first.written in client.get(page).content.decode().replace("&#x27;", "'")
    after = client.post(at("evolved-accept", seeds, first.pk))
    assert after.headers["Location"] == f"{page}?last={first.pk}"
    assert at("evolved-undo", seeds, first.pk) in client.get(after.headers["Location"]).content.decode()
    edited = {f"p{second.pk}-text": "Write\r\nabout rope.", f"p{second.pk}-reference": "Rope.", "edited": ""}
    client.post(at("evolved-accept", seeds, second.pk), edited)
    client.post(at("evolved-reject", seeds, third.pk))
    assert [child.review for child in children(seeds)] == ["accepted", "accepted", "rejected"]
    made = Prompt.objects.get(evolved=second)
    assert (made.text, made.references, made.number, made.type, made.lang) == (
        "Write\nabout rope.",
        ["Rope."],
        104,
        "sea",
        "en",
    )
    accepted = client.get(page, {"review": "accepted"}).content.decode()
    assert "prompt 104 of the set" in accepted
    client.post(at("evolved-undo", seeds, second.pk))
    child = EvolvedPrompt.objects.get(pk=second.pk)
    assert (child.review, child.text, child.prompt) == (Review.WAITING, second.written, None)
    assert not Prompt.objects.filter(text__contains="rope").exists()


def test_a_prompt_that_does_not_keep_to_its_scenario_is_marked(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    evolve(seeds, writer(seeds, stand_in().url), Recipe("coding"), EvolvePlan(limit=1))
    page = at("prompt-set-review", seeds)
    assert "The scenario asks for 10 to 20 more." not in as_user(owner).get(page).content.decode()
    EvolvedPrompt.objects.update(written="Write a short one.")
    assert "Difference from its parent: -6 words." in as_user(owner).get(page).content.decode()


def test_what_cannot_be_accepted_stays_in_the_form(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    evolve(seeds, writer(seeds, stand_in().url))
    (child, *_rest) = children(seeds)
    client = as_user(owner)
    for text, words in (("  ", "required"), ("write an entry about HARBOUR 1 in a travel diary.", "number 101")):
        sent = {f"p{child.pk}-text": text, f"p{child.pk}-reference": "Kept words.", "edited": ""}
        told = client.post(at("evolved-accept", seeds, child.pk), sent).content.decode()
        assert words in told
        assert "Kept words." in told
        assert '<details class="edit" open>' in told
    assert Prompt.objects.count() == 3


def test_exact_duplicates_are_rejected_together(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    evolve(seeds, writer(seeds, stand_in().url))
    twin, *_rest = children(seeds)
    EvolvedPrompt.objects.filter(pk=twin.pk).update(duplicate="exact", similarity=1.0, like=children(seeds)[1])
    client = as_user(owner)
    assert "Reject 1 exact duplicate" in client.get(at("prompt-set-review", seeds)).content.decode()
    client.post(at("evolved-reject-duplicates", seeds))
    assert [child.review for child in children(seeds)] == ["rejected", "waiting", "waiting"]


def test_a_reader_sees_and_an_editor_decides(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, colleague: User, outsider: User
) -> None:
    source = writer(seeds, stand_in().url)
    evolve(seeds, source)
    child = children(seeds)[0]
    prompt_sets.change_access(seeds, readers=[colleague], editors=[])
    client = as_user(colleague)
    shown = client.get(at("prompt-set-review", seeds)).content.decode()
    assert child.written in shown.replace("&#x27;", "'")
    assert at("evolved-accept", seeds, child.pk) not in shown
    posts = [
        at("prompt-set-evolve", seeds),
        at("evolved-reject-duplicates", seeds),
        *(at(f"evolved-{act}", seeds, child.pk) for act in ("accept", "reject", "undo")),
    ]
    assert {client.post(page, FORM | {"model": source.pk, "start": ""}).status_code for page in posts} == {403}
    assert {as_user(outsider).post(page).status_code for page in posts} == {404}
    prompt_sets.change_access(seeds, readers=[], editors=[colleague])
    assert client.post(at("evolved-accept", seeds, child.pk)).status_code == 302
    assert Prompt.objects.count() == 4


def test_a_colleague_in_the_owner_s_study_may_decide_and_one_in_another_s_may_not_look(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User, colleague: User, outsider: User
) -> None:
    evolve(seeds, writer(seeds, stand_in().url))
    lifecycle.create_study("one", seeds, name="One", owner=owner).colleagues.add(colleague)
    child = children(seeds)[0]
    assert as_user(colleague).post(at("evolved-reject", seeds, child.pk)).status_code == 302
    lifecycle.create_study("two", seeds, name="Two", owner=outsider)
    client = as_user(outsider)
    assert client.get(reverse("prompt-set", args=[seeds.slug])).status_code == 200
    assert at("prompt-set-evolve", seeds) not in client.get(reverse("prompt-set", args=[seeds.slug])).content.decode()
    assert client.get(at("prompt-set-review", seeds)).status_code == 403
    assert client.get(at("prompt-set-lineage", seeds)).status_code == 403


def test_a_run_is_paused_when_whoever_started_it_may_no_longer_edit(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User, colleague: User
) -> None:
    prompt_sets.change_access(seeds, readers=[], editors=[colleague])
    source = writer(seeds, stand_in().url)
    as_user(colleague).post(at("prompt-set-evolve", seeds), FORM | {"model": source.pk, "start": ""})
    prompt_sets.change_access(seeds, readers=[colleague], editors=[])
    run = EvolveRun.objects.get()
    assert run.state == RunState.PAUSED
    told = as_user(owner).post(at("prompt-set-evolve-run-resume", seeds, run.pk), follow=True).content.decode()
    assert "Only people who can edit the prompt set" in told
    EvolveRun.objects.update(state=RunState.RUNNING)
    assert go_on(run).state == RunState.RUNNING, "nothing is sent for them"
    assert not run.calls.exists()
    evolve_life.sweep(timezone.now())
    run.refresh_from_db()
    assert run.state == RunState.PAUSED


def test_the_lineage_is_downloaded_as_json_lines(
    seeds: PromptSet, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    evolve(seeds, writer(seeds, stand_in().url), plan=EvolvePlan(iterations=2, limit=1))
    first, second = children(seeds)
    review.accept(first, owner, NOW)
    told = as_user(owner).get(at("prompt-set-lineage", seeds)).getvalue().decode()
    rows = [json.loads(line) for line in told.splitlines()]
    assert [(row["number"], row["parent"], row["seed"], row["iteration"], row["scenario"]) for row in rows] == [
        (first.pk, None, 100, 1, "writing"),
        (second.pk, first.pk, 100, 2, "writing"),
    ]
    assert (rows[0]["review"], rows[0]["reviewer"], rows[0]["prompt"]) == ("accepted", owner.get_username(), 103)
    assert rows[0]["settings"]["api_id"] == "heron"
    assert rows[1]["prompt"] is None


def test_without_an_endpoint_the_page_says_where_to_add_one(seeds: PromptSet, as_user: SignIn, owner: User) -> None:
    client = as_user(owner)
    assert "Ask a site administrator" in client.get(at("prompt-set-evolve", seeds)).content.decode()
    study = lifecycle.create_study("one", seeds, name="One", owner=owner)
    owner.user_permissions.add(Permission.objects.get(codename="add_judge"))
    shown = client.get(at("prompt-set-evolve", seeds)).content.decode()
    assert reverse("answer-source-new", args=[study.slug]) in shown
