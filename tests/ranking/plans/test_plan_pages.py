"""Plans in the browser: asked for on a form, simulated in the background, and seen by whoever made them."""

from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from annotation.models import Study
from annotation.snapshots import State
from ranking import tasks
from ranking.boards import snapshots
from ranking.forms import PlanForm
from ranking.methods.settings import Settings
from ranking.models import Leaderboard, Plan
from ranking.plans import background, sheet
from ranking.plans.sheet import Request
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.ranking.casting import voted_study
from tests.together import together

ASKED = {"models": 6, "prompts": 20, "votes": 300, "seed": 0, "tau": 0.7}


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setitem(sheet.plan.__kwdefaults__, "studies", 60)


@pytest.fixture
def sent(monkeypatch):
    """The plans whose messages were sent."""
    found: list[int] = []
    monkeypatch.setattr(background, "_enqueue", found.append)
    return found


@pytest.fixture
def visitor(owner, as_user):
    return as_user(owner)


def asked(owner: User, **more) -> Plan:
    return background.submit(owner, Request(6, 20, votes=300, **more), NOW)


def page(visitor, plan: Plan, **headers) -> str:
    response = visitor.get(reverse("plan", args=[plan.pk]), headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_a_plan_is_asked_for_simulated_and_shown(visitor, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = visitor.post(reverse("plans"), {**ASKED, "pay": 12})
    plan = Plan.objects.get()
    assert response.url == reverse("plan", args=[plan.pk])
    assert sent == [plan.pk]
    html = page(visitor, plan)
    assert "Queued" in html
    assert 'hx-trigger="every 1s"' in html
    assert 'http-equiv="refresh"' in html
    tasks.make_plan(plan.pk)
    html = page(visitor, plan)
    assert "What 300 votes can tell" in html
    assert "2.5 hours, 30.00 in pay" in html
    assert "Kendall’s tau is at least 0.70 on average" in html
    assert "plan-band" in html
    assert "116 points (default)" in html
    assert "hx-get" not in html
    assert "<html" not in page(visitor, plan, HX_Request="true")
    plan.refresh_from_db()
    assert plan.done == plan.size > 0


def test_what_is_shown_can_be_downloaded(visitor, owner):
    plan = asked(owner)
    for name in ("plan-json", "plan-csv", "plan-ranks-csv"):
        assert visitor.get(reverse(name, args=[plan.pk])).status_code == 404
    assert background.fill(plan.pk, NOW)
    plan.refresh_from_db()
    assert visitor.get(reverse("plan-json", args=[plan.pk])).json() == plan.sheet
    curve = b"".join(visitor.get(reverse("plan-csv", args=[plan.pk])).streaming_content).decode().splitlines()
    assert curve[0].startswith("votes,tau,tau_low,tau_high,first,top")
    assert len(curve) == 1 + len(plan.sheet["points"])
    ranks = b"".join(visitor.get(reverse("plan-ranks-csv", args=[plan.pk])).streaming_content).decode().splitlines()
    assert len(ranks) == 7


def test_a_plan_is_seen_by_nobody_else(owner, colleague, administrator, as_user, client):
    plan = asked(owner)
    background.fill(plan.pk, NOW)
    for name in ("plan", "plan-json", "plan-csv", "plan-ranks-csv"):
        address = reverse(name, args=[plan.pk])
        assert as_user(colleague).get(address).status_code == 404
        assert as_user(administrator).get(address).status_code == 404
        assert client.get(address).url.startswith(reverse("sign-in"))
    assert as_user(colleague).post(reverse("plan-delete", args=[plan.pk])).status_code == 404
    assert client.get(reverse("plans")).url.startswith(reverse("sign-in"))
    assert str(reverse("plan", args=[plan.pk])) not in as_user(colleague).get(reverse("plans")).content.decode()


def test_the_list_of_studies_and_a_draft_lead_to_the_form(visitor, owner):
    study = build_study(models=5, prompts=7, opened=False, owner=owner, overlap=2)
    assert f'href="{reverse("plans")}"' in visitor.get(reverse("studies")).content.decode()
    address = f"{reverse('plans')}?{urlencode({'study': study.slug})}"
    assert f'href="{address}"' in visitor.get(reverse("study", args=[study.slug])).content.decode()
    form = visitor.get(address).context["form"]
    assert [form[name].value() for name in ("models", "prompts", "overlap")] == [5, 7, 2]
    response = visitor.post(address, {"models": 5, "prompts": 7, "overlap": 2, "seed": 0})
    assert response.status_code == 302
    plan = Plan.objects.get()
    assert plan.study == study
    background.fill(plan.pk, NOW)
    assert address in page(visitor, plan)


def test_an_open_study_has_no_link(visitor, owner):
    study = build_study(owner=owner)
    assert reverse("plans") not in visitor.get(reverse("study", args=[study.slug])).content.decode()


def test_a_draft_of_others_is_not_there(visitor, outsider):
    study = build_study(opened=False, owner=outsider)
    assert visitor.get(reverse("plans"), {"study": study.slug}).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"votes": ""}, "votes"),
        ({"overlap": 3}, "votes"),
        ({"models": 1}, "models"),
        ({"models": 201}, "models"),
        ({"votes": 5}, "votes"),
        ({"votes": 10**9}, "votes"),
        ({"votes": "", "overlap": 1000, "prompts": 100_000}, "overlap"),
        ({"workers": 301}, "workers"),
        ({"tau": 1}, "tau"),
        ({"first": 100}, "first"),
        ({"found": 80}, "top"),
        ({"found": 80, "top": 6}, "top"),
        ({"separated": 0, "top": 2}, "separated"),
        ({"ties": 90}, "ties"),
        ({"spread": 0}, "spread"),
        ({"spread": "nan"}, "spread"),
        ({"same_models": "on"}, "pilot"),
        ({"pilot": 9999}, "pilot"),
        ({"seconds": -1}, "seconds"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_planned_is_said_at_its_field(visitor, change, field):
    response = visitor.post(reverse("plans"), {**ASKED, **change})
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert not Plan.objects.exists()


def test_every_field_is_on_the_page(owner):
    form = PlanForm(owner)
    shown = [field.name for group in form.groups().values() for field in group]
    assert sorted(shown) == sorted(form.fields)


def test_the_pilot_is_a_leaderboard_of_a_study_one_may_see(visitor, owner, outsider):
    mine, others = voted_study("mine"), voted_study("others")
    Study.objects.filter(pk=mine.pk).update(owner=owner)
    Study.objects.filter(pk=others.pk).update(owner=outsider)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)

    def offered() -> set[str]:
        form = visitor.get(reverse("plans")).context["form"]
        return {board.study.slug for board in form.fields["pilot"].queryset}

    assert offered() == {"mine"}
    Study.objects.filter(pk=others.pk).update(public=True)
    assert offered() == {"mine", "others"}
    boards = Leaderboard.objects.filter(study=mine, method="bradley-terry")
    assert visitor.get(reverse("plans")).context["form"].fields["pilot"].queryset.count() == 2, "one of each"
    board = boards.get()
    same = {**ASKED, "pilot": board.pk, "same_models": "on"}
    assert list(visitor.post(reverse("plans"), same).context["form"].errors) == ["models"]
    visitor.post(reverse("plans"), {**same, "models": 4})
    plan = Plan.objects.get()
    assert plan.pilot == board
    assert background.fill(plan.pk, NOW)
    plan.refresh_from_db()
    assert plan.state == State.READY, plan.problem
    assert plan.sheet["assumed"]["spread"]["from"] == "pilot"
    assert plan.sheet["same_models"]
    html = page(visitor, plan)
    assert "from the pilot’s" in html
    assert reverse("leaderboard-board", args=["mine", board.pk]) in html
    assert "Elo" not in str(plan.sheet)


def test_a_leaderboard_without_its_own_kind_of_intervals_is_no_pilot(visitor, owner):
    study = voted_study()
    Study.objects.update(owner=owner)
    for settings in (Settings(clusters="none"), Settings(method="newman"), Settings(first_place=True)):
        snapshots.ask(study, Filters(), settings, "1", 1, NOW)
    for pk in Leaderboard.objects.values_list("pk", flat=True):
        assert snapshots.fill(pk, NOW)
    assert not visitor.get(reverse("plans")).context["form"].fields["pilot"].queryset.exists()


def test_a_plan_that_the_pilot_does_not_fit_says_why(visitor, owner):
    study = voted_study()
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    board = Leaderboard.objects.get(study=study, method="bradley-terry")
    plan = background.submit(owner, Request(6, 20, votes=300, same_models=True), NOW, pilot=board)
    assert background.fill(plan.pk, NOW)
    plan.refresh_from_db()
    assert plan.state == State.IMPOSSIBLE
    assert "exactly 6 models" in page(visitor, plan)


def test_whoever_has_three_plans_under_way_waits(visitor, owner, colleague, as_user):
    plans = [asked(owner) for _time in range(background.MOST_AT_ONCE)]
    response = visitor.post(reverse("plans"), ASKED)
    assert response.status_code == 429
    assert "Wait until one is finished" in response.content.decode()
    assert as_user(colleague).post(reverse("plans"), ASKED).status_code == 302
    background.fill(plans[0].pk, NOW)
    assert visitor.post(reverse("plans"), ASKED).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_where_plans_are_asked_for_at_once():
    owner = User.objects.create_user("olga")

    def ask(_index: int) -> None:
        with suppress(background.TooMany):
            asked(owner)

    together(8, ask)
    assert Plan.objects.count() == background.MOST_AT_ONCE


def test_the_oldest_plans_make_room(owner, monkeypatch):
    monkeypatch.setattr(background, "MOST_KEPT", 3)
    pks = []
    for _time in range(5):
        plan = asked(owner)
        background.fill(plan.pk, NOW)
        pks.append(plan.pk)
    assert sorted(Plan.objects.values_list("pk", flat=True)) == pks[2:]


def test_a_plan_that_is_deleted_stops(visitor, owner, monkeypatch):
    plan = asked(owner)
    steps = []

    class Progress(background._Progress):
        def __call__(self, done: int, size: int) -> None:
            steps.append(done)
            if len(steps) == 1:
                visitor.post(reverse("plan-delete", args=[plan.pk]))
            self.told = 0.0
            super().__call__(done, size)

    monkeypatch.setattr(background, "_Progress", Progress)
    assert not background.fill(plan.pk, NOW)
    assert len(steps) == 1
    assert not Plan.objects.exists()


def test_a_plan_whose_worker_died_or_whose_message_was_lost_is_taken_up(owner, monkeypatch):
    queued: list[int] = []
    monkeypatch.setattr(tasks.make_plan, "delay", queued.append)
    now = timezone.now()
    plan = background.submit(owner, Request(6, 20, votes=300), now)
    tasks.resume()
    assert queued == [], "its message is on the way"
    Plan.objects.update(created_at=now - timedelta(minutes=1))
    tasks.resume()
    assert queued == [plan.pk]
    Plan.objects.update(state=State.COMPUTING, claimed_at=now - timedelta(minutes=5), beat_at=now)
    tasks.resume()
    assert queued == [plan.pk], "its worker lives"
    Plan.objects.update(beat_at=now - timedelta(minutes=2))
    tasks.resume()
    assert queued == [plan.pk] * 2
    assert background.fill(plan.pk, now)


def test_only_one_worker_simulates_a_plan(owner):
    plan = asked(owner)
    assert background.fill(plan.pk, NOW)
    assert not background.fill(plan.pk, NOW)


def test_a_plan_outlives_its_study_and_its_pilot(visitor, owner):
    study = voted_study()
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    board = Leaderboard.objects.get(study=study, method="bradley-terry")
    plan = background.submit(owner, Request(6, 20, votes=300), NOW, study=study, pilot=board)
    background.fill(plan.pk, NOW)
    Leaderboard.objects.all().delete()
    plan.refresh_from_db()
    assert plan.pilot is None
    assert "What 300 votes can tell" in page(visitor, plan)
