"""The pages of model answers, for users who can see the study."""

import csv
import io
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from annotation.models import Prompt, Result, Study
from judges.answers import runs
from judges.answers.planning import AnswerPlan
from judges.models import AnswerCall, AnswerReply, AnswerRun, AnswerSource, RunState
from tests.builders import NOW, build_study
from tests.judges.answering import NEW, ask, go_on, source, talking_study, turns
from tests.judges.conftest import Running

pytestmark = pytest.mark.django_db(transaction=True)

type SignIn = Callable[[User], Client]
Start = Callable[..., Running]

KEY = "sk-unmistakable-4242424242"


@pytest.fixture
def study(db: None, owner: User, colleague: User) -> Study:
    study = talking_study()
    study.owner = owner
    study.save()
    study.colleagues.add(colleague)
    return study


def page(study: Study) -> str:
    return reverse("study-answers", args=[study.slug])


def test_a_model_is_asked_from_the_page_and_the_next_step_is_offered(
    study: Study, stand_in: Start, as_user: SignIn, colleague: User
) -> None:
    asked = source(study, stand_in().url, price_out=1)
    client = as_user(colleague)
    form = {"models": asked.pk, "samples": 1, "again": "failed", "categories": "code = 0.3", "temperature": ""}
    told = client.post(page(study), form | {"estimate": ""}).content.decode()
    assert "Estimate" in told
    assert not AnswerRun.objects.exists()
    started = client.post(page(study), form | {"start": ""})
    run = AnswerRun.objects.get()
    assert started.headers["Location"] == reverse("study-answer-run", args=[study.slug, run.pk])
    assert AnswerPlan.from_json(run.options).temperatures == {"code": 0.3}
    assert run.user == colleague
    go_on(run)
    shown = client.get(started.headers["Location"]).content.decode()
    assert "4 answers saved" in shown
    assert reverse("study-pairs", args=[study.slug]) in shown
    assert "4 answers from models" in client.get(reverse("study", args=[study.slug])).content.decode()


def test_several_models_are_started_together(study: Study, stand_in: Start, as_user: SignIn, owner: User) -> None:
    url = stand_in().url
    both = [source(study, url, name).pk for name in ("One", "Two")]
    started = as_user(owner).post(page(study), {"models": both, "samples": 1, "start": ""})
    assert started.headers["Location"] == page(study)
    assert AnswerRun.objects.count() == 2
    again = as_user(owner).post(page(study), {"models": both, "samples": 1, "start": ""})
    assert "is already answering" in again.content.decode()
    assert AnswerRun.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [{"samples": 0}, {"samples": 101}, {"temperature": 3}, {"categories": "coding"}, {"limit": 0}, {"again": "sent"}],
)
def test_what_makes_no_sense_is_said_on_the_form(
    study: Study, stand_in: Start, as_user: SignIn, owner: User, wrong: dict[str, object]
) -> None:
    asked = source(study, stand_in().url)
    told = as_user(owner).post(page(study), {"models": asked.pk, "samples": 1, "start": ""} | wrong)
    assert told.status_code == 200
    assert "errorlist" in told.content.decode()
    assert not AnswerRun.objects.exists()


def test_models_of_another_prompt_set_cannot_be_asked(
    study: Study, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    other = source(build_study("other"), stand_in().url)
    as_user(owner).post(page(study), {"models": other.pk, "samples": 1, "start": ""})
    assert not AnswerRun.objects.exists()


def test_only_who_may_add_judges_says_where_a_model_is_asked(
    study: Study, as_user: SignIn, owner: User, administrator: User
) -> None:
    new = reverse("answer-source-new", args=[study.slug])
    form = {
        "name": NEW,
        "org": "Heronwood",
        "endpoint": "http://127.0.0.1:9/v1",
        "api_id": "heron",
        "key_source": "HERON_API_KEY",
        "max_tokens": 500,
        "timeout": 60,
        "parallel": 4,
        "price_in": "0.5",
        "price_out": "1.5",
        "budget": "2.50",
    }
    assert as_user(owner).post(new, form).status_code == 403
    assert not AnswerSource.objects.exists()
    assert as_user(administrator).post(new, form).headers["Location"] == page(study)
    kept = AnswerSource.objects.get()
    assert (kept.model.name, kept.model.org, kept.budget, kept.max_tokens) == (NEW, "Heronwood", 2_500_000_000, 500)
    own = reverse("answer-source", args=[study.slug, kept.model_id])
    assert as_user(administrator).post(own, form | {"endpoint": "file:///etc/passwd"}).status_code == 200
    assert as_user(administrator).post(own, form | {"key_source": "HOME"}).status_code == 200
    kept.refresh_from_db()
    assert (kept.endpoint, kept.key_source) == ("http://127.0.0.1:9/v1", "HERON_API_KEY")
    assert as_user(administrator).post(own, form | {"budget": ""}).status_code == 302
    kept.refresh_from_db()
    assert kept.budget is None
    owner.user_permissions.add(Permission.objects.get(codename="add_judge"))
    assert as_user(User.objects.get(pk=owner.pk)).get(own).status_code == 200


def test_the_pages_are_for_those_who_see_the_study(
    study: Study,
    stand_in: Start,
    as_user: SignIn,
    owner: User,
    colleague: User,
    outsider: User,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HERON_API_KEY", KEY)
    asked = source(study, stand_in(lasting=0.5, key=KEY).url, key_source="HERON_API_KEY")
    run = ask(study, asked)
    call = AnswerCall.objects.filter(run=run)[0]
    pages = [
        page(study),
        reverse("study-answer-run", args=[study.slug, run.pk]),
        reverse("study-answer-turns", args=[study.slug, run.pk]),
        reverse("study-answer-turns-csv", args=[study.slug, run.pk]),
        reverse("study-answer-talk", args=[study.slug, call.pk]),
    ]
    for address in pages:
        assert Client().get(address).status_code == 302
        assert as_user(outsider).get(address).status_code == 404
        for user in (owner, colleague, administrator):
            shown = as_user(user).get(address)
            assert shown.status_code == 200
            assert KEY not in shown.getvalue().decode()
    other = build_study("other")
    other.owner = owner
    other.save()
    for address in pages[1:]:
        assert as_user(owner).get(address.replace(study.slug, "other")).status_code == 404
    kept = [str(list(model._default_manager.values())) for model in (AnswerSource, AnswerRun, AnswerReply, Result)]
    assert KEY not in "".join(kept)


def test_a_run_is_paused_resumed_and_cancelled_from_its_page(
    study: Study, stand_in: Start, as_user: SignIn, owner: User, outsider: User
) -> None:
    asked = source(study, stand_in().url)
    run = runs.start(study, asked, AnswerPlan(), NOW, detach=False)

    def post(user: User, change: str) -> int:
        status = as_user(user).post(reverse(f"study-answer-run-{change}", args=[study.slug, run.pk])).status_code
        run.refresh_from_db()
        return status

    assert post(outsider, "cancel") == 404
    assert run.state == RunState.WAITING
    assert post(owner, "pause") == 302
    assert run.state == RunState.PAUSED
    assert post(owner, "resume") == 302
    assert run.state == RunState.RUNNING
    assert post(owner, "cancel") == 302
    assert run.state == RunState.CANCELLED
    assert not AnswerCall.objects.exists()


def test_a_conversation_is_shown_with_every_reply_and_its_thoughts(
    study: Study, stand_in: Start, as_user: SignIn, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Prompt.objects.filter(slug="prompt-1").update(text="<script>alert(1)</script> and {{ settings.SECRET_KEY }}")
    server = stand_in()
    answer = server.server._reply

    def thinking(*args: object) -> dict[str, object]:
        reply = answer(*args)  # type: ignore[arg-type]
        reply["choices"][0]["message"]["reasoning_content"] = "A thought aside."
        return reply

    monkeypatch.setattr(server.server, "_reply", thinking)
    asked = source(study, server.url)
    ask(study, asked)
    call = turns(asked, "prompt-1")[1]
    shown = as_user(owner).get(reverse("study-answer-talk", args=[study.slug, call.pk])).content.decode()
    assert shown.count("A thought aside.") >= 2
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    assert "Turn 2" in shown
    told = as_user(owner).get(reverse("study-answer-turns-csv", args=[study.slug, call.run_id])).getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(told)))
    assert len(rows) == 6
    assert {row["state"] for row in rows} == {"ok"}
    assert "A thought aside." not in Result.objects.get(model=asked.model, prompt=call.prompt).text


def test_the_system_message_is_set_from_the_page_until_there_are_answers(
    study: Study, stand_in: Start, as_user: SignIn, owner: User, outsider: User
) -> None:
    address = reverse("study-system-message", args=[study.slug])
    assert as_user(outsider).post(address, {"system": "No."}).status_code == 404
    as_user(owner).post(address, {"system": "Be brief."})
    assert "Be brief." in as_user(owner).get(page(study)).content.decode()
    ask(study, source(study, stand_in().url), AnswerPlan(limit=1))
    told = as_user(owner).post(address, {"system": "Be long."}, follow=True).content.decode()
    assert "Models have already answered with a different system message" in told
    assert "Be brief." in told


def test_a_run_that_was_stopped_is_the_first_thing_on_the_study_s_page(
    study: Study, stand_in: Start, as_user: SignIn, owner: User
) -> None:
    ask(study, source(study, stand_in(key="another").url))
    shown = as_user(owner).get(reverse("study", args=[study.slug])).content.decode()
    assert "A model’s run stopped: Incorrect API key provided" in shown


def test_a_study_with_prompts_alone_is_told_that_models_can_be_asked(
    study: Study, as_user: SignIn, owner: User
) -> None:
    home = reverse("study", args=[study.slug])
    offer = "You can ask models for answers to these prompts."
    assert offer not in as_user(owner).get(home).content.decode()
    study.pairs.all().delete()
    Result.objects.all().delete()
    assert offer in as_user(owner).get(home).content.decode()


def test_a_cut_answer_is_marked_in_the_question_browser(
    study: Study, stand_in: Start, as_user: SignIn, colleague: User
) -> None:
    asked = source(study, stand_in(lasting=1.0, lasting_kinds=("cut",)).url)
    ask(study, asked)
    prompt, numbers = Prompt.objects.get(slug="prompt-1"), dict(study.prompt_set.models.values_list("name", "number"))
    address = reverse("question", args=[study.slug, prompt.number])
    client = as_user(colleague)
    with_cut = {"a": numbers["Quillfinch-0"], "b": numbers[NEW]}
    without = {"a": numbers["Quillfinch-0"], "b": numbers["Quillfinch-1"]}
    assert client.get(address, with_cut).content.decode().count("cut off at the token limit") == 1
    assert "cut off at the token limit" not in client.get(address, without).content.decode()
