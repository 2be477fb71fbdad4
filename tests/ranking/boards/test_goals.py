"""A study's goal is looked at whenever its board is; it is reached once, says so, and pauses the study if set to."""

from datetime import timedelta

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from annotation.models import Assignment, Comparison, Draw, DrawBatch, GoalKind, Status, Study
from annotation.snapshots import State
from annotation.studies import lifecycle, settings
from ranking import tasks
from ranking.boards import goals, recompute, snapshots
from ranking.methods import board
from ranking.methods.settings import Settings
from ranking.models import GoalReached, Leaderboard
from ranking.pages import goal as goal_page
from ranking.reports import goal
from ranking.votes import reader
from tests.builders import NOW, build_study
from tests.ranking.casting import aim, voted_study, voting_study
from tests.together import together

LATER = NOW + timedelta(minutes=5)


def look(study, at=NOW):
    """Computes whatever is due, and returns the newest look at the goal."""
    for pk in snapshots.recompute_changed(at):
        snapshots.fill(pk, at)
    return goals.newest(study)


def measured(study):
    return goal.report(study, reader.cut(study))


@pytest.mark.django_db
class TestLooking:
    def test_a_clear_top_is_reached_and_named(self):
        study = aim(voting_study(), "top", 1)
        report = look(study).sheet
        assert (report["reached"], report["share"], report["scope"]) == (True, 1.0, "both")
        assert report["models"][0] == "Quillfinch-0"
        assert (report["lacks"], report["open"], report["forecast"]) == ([], [], None)

    def test_equal_models_are_open_and_what_is_missing_is_named_and_forecast(self):
        study = aim(voting_study(lead=0.5, votes=300), "top", 1)
        report = look(study).sheet
        assert not report["reached"]
        assert 0 <= report["share"] < 1
        assert {better for better, _other in report["open"]} == {report["models"][0]}
        forecast = report["forecast"]
        assert forecast["simulations"] >= 100
        assert 0 <= forecast["reached"] <= 1
        assert forecast["horizon"] > 300

    def test_13_prompts_speak_about_exactly_these(self):
        study = aim(voting_study(prompts=13), "top", 1)
        report = look(study).sheet
        assert (report["reached"], report["scope"], report["prompts"]) == (True, "worker", 13)
        votes = reader.read(study, reader.Filters(), reader.cut(study)).votes
        (group,) = board.rate(votes, Settings(clusters="worker"), "people").groups
        assert group.ratings.uncertainty.least is not None, "and no difference is surer than that of independent votes"

    @pytest.mark.parametrize(
        ("shape", "wanted", "code"),
        [
            ({"raters": 29}, ("top", 1), "few-raters"),
            ({"votes": 12}, ("top", 1), "few-votes"),
            ({}, ("top", 3), "too-few-models"),
        ],
    )
    def test_too_little_to_speak_from_says_why(self, shape, wanted, code):
        report = measured(aim(voting_study(**shape), *wanted))
        assert code in {lack["code"] for lack in report["lacks"]}
        assert (report["reached"], report["share"], report["scope"]) == (False, 0.0, None)
        for lack in report["lacks"]:
            assert "%(" not in goal_page._lack(lack)

    def test_no_votes_at_all_are_too_few(self):
        report = measured(aim(build_study(), "ranks", 1))
        assert {lack["code"] for lack in report["lacks"]} == {"few-raters", "few-votes"}

    def test_every_lack_has_a_sentence(self):
        of_votes = {"unknown-raters", "few-raters", "uneven-raters", "few-votes", "not-connected", "not-converged"}
        assert goal_page.LACKS.keys() == of_votes | {"too-few-models", "not-every-pair"}

    def test_a_few_workers_with_most_of_the_votes_are_too_few(self):
        study = aim(voting_study(), "top", 1)
        busiest = study.raters.order_by("pk")[0]
        others = study.comparisons.exclude(pair__in=busiest.comparisons.values("pair")).order_by("pk")
        once = {row.pair_id: row.pk for row in others}
        study.comparisons.filter(pk__in=once.values()).update(rater=busiest)
        report = measured(study)
        assert report["raters"] == 30
        assert [lack["code"] for lack in report["lacks"]] == ["uneven-raters"]
        assert "worth" in goal_page._lack(report["lacks"][0])

    def test_a_model_without_votes_keeps_the_study_from_its_goal(self):
        study = aim(voting_study(models=4), "top", 1)
        lonely = study.prompt_set.models.order_by("pk").last()
        study.comparisons.filter(pair__model_y=lonely).delete()
        assert "few-votes" in {lack["code"] for lack in measured(study)["lacks"]}
        # A study that compares only the others may reach it.
        rest = study.prompt_set.models.exclude(pk=lonely.pk)
        assert measured(lifecycle.change_settings(study, {"language_models": rest}))["reached"]

    def test_a_budget_counts_votes_and_claims_nothing(self):
        study = aim(voting_study(votes=300), "budget", 400)
        assert measured(study)["share"] == 0.75
        report = measured(aim(study, "budget", 300))
        assert report["reached"]
        assert "models" not in report

    def test_a_design_that_leaves_pairs_out_makes_no_statement(self):
        study = aim(voting_study(), "top", 1)
        draw_all(study, {"mad": 1.0})
        assert [lack["code"] for lack in measured(study)["lacks"]] == ["not-every-pair"]
        study.draw_batches.update(mix={"uniform": 0.2, "gap": 0.8})
        assert measured(study)["reached"]

    def test_the_goal_is_looked_at_again_when_it_changes_and_not_otherwise(self):
        study = aim(voting_study(), "top", 1)
        look(study)
        assert snapshots.recompute_changed(LATER) == []
        study = aim(study, "top", 2)
        assert goals.newest(study) is None, "the look was about another goal"
        assert look(study, LATER).sheet["number"] == 2

    def test_a_study_without_a_goal_is_not_looked_at(self):
        study = voting_study()
        assert look(study) is None
        assert not Leaderboard.objects.filter(method=goal.METHOD).exists()
        goals.settle_all(NOW)

    def test_a_goal_removed_before_its_look_is_no_error(self):
        study = aim(voting_study(), "top", 1)
        due = snapshots.recompute_changed(NOW)
        study = aim(study, "", None)
        for pk in due:
            snapshots.fill(pk, NOW)
        assert Leaderboard.objects.get(method=goal.METHOD).state == State.IMPOSSIBLE
        assert goals.newest(study) is None

    def test_a_look_is_recomputed_with_the_goal_it_had(self):
        study = aim(voting_study(), "top", 1)
        stored = look(study)
        aim(study, "ranks", 0)
        found = recompute.recompute_report(stored)
        assert found == stored.sheet


@pytest.mark.django_db
class TestReaching:
    def test_reaching_the_goal_is_recorded_once_and_pauses_once(self):
        study = aim(voting_study(), "top", 1, goal_pauses=True)
        look(study)
        study.refresh_from_db()
        assert study.status == Status.PAUSED
        record = GoalReached.objects.get()
        assert (record.votes, record.paused_at) == (600, NOW)
        study = lifecycle.start(study)
        goals.settle_all(LATER)
        study.refresh_from_db()
        assert study.status == Status.OPEN, "who resumes it wants more votes"
        assert GoalReached.objects.get().paused_at == NOW

    def test_telling_does_not_pause(self):
        study = aim(voting_study(), "top", 1)
        look(study)
        study.refresh_from_db()
        assert study.status == Status.OPEN
        assert GoalReached.objects.get().paused_at is None
        aim(study, "top", 1, goal_pauses=True)
        goals.settle_all(LATER)
        study.refresh_from_db()
        assert study.status == Status.PAUSED, "pausing was chosen after the goal was reached"

    def test_a_worker_that_dies_after_the_look_leaves_it_to_the_sweep(self, monkeypatch):
        study = aim(voting_study(), "top", 1, goal_pauses=True)
        with monkeypatch.context() as patch:
            patch.setattr(goals, "settle", lambda *_: None)
            look(study)
        assert not GoalReached.objects.exists()
        tasks.recompute_changed()
        study.refresh_from_db()
        assert study.status == Status.PAUSED

    def test_a_closed_study_is_not_paused(self):
        study = aim(voting_study(), "top", 1, goal_pauses=True)
        lifecycle.close(study)
        look(study)
        study.refresh_from_db()
        assert study.status == Status.CLOSED
        assert GoalReached.objects.get().paused_at is None

    def test_a_later_look_does_not_take_it_back(self):
        study = aim(voting_study(), "budget", 600)
        look(study)
        study.comparisons.filter(pk__in=study.comparisons.values("pk")[:100]).delete()
        assert not look(study, LATER).sheet["reached"]
        assert goal_page.progress(study).state == "reached"


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_settle_at_once_record_and_pause_once():
    study = aim(voting_study(), "budget", 500, goal_pauses=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    GoalReached.objects.all().delete()
    study = lifecycle.start(study)
    together(4, lambda _index: goals.settle(study, LATER))
    assert GoalReached.objects.count() == 1
    study.refresh_from_db()
    assert study.status == Status.PAUSED


@pytest.mark.django_db
class TestSettings:
    @pytest.mark.parametrize(
        ("kind", "number", "field"),
        [("top", None, "goal_number"), ("", 3, "goal_number"), ("top", 0, "goal_number"), ("best", 1, "goal")],
    )
    def test_a_goal_and_its_number_belong_together(self, kind, number, field):
        with pytest.raises(ValidationError) as wrong:
            aim(build_study(), kind, number)
        assert field in wrong.value.message_dict

    def test_ranks_may_be_asked_for_exactly(self):
        assert aim(build_study(), "ranks", 0).goal_number == 0

    def test_a_command_sets_them(self):
        study = settings.apply(build_study(), {"goal": "top", "goal_number": "2", "goal_pauses": "yes"})
        assert (study.goal, study.goal_number, study.goal_pauses) == (GoalKind.TOP, 2, True)
        assert dict(settings.shown(study))["goal"] == "top"
        study = settings.apply(study, {"goal": "", "goal_number": ""})
        assert (study.goal, study.goal_number) == ("", None)


def draw_all(study, mix, probability=None):
    """Has every vote of `study` come from a draw of one batch."""
    batch = DrawBatch.objects.create(study=study, number=1, before=0, mix=mix, created_at=NOW)
    slots: dict[int, int] = {}
    draws = []
    for comparison in study.comparisons.select_related("rater__worker").order_by("pk"):
        slot = slots[comparison.pair_id] = slots.get(comparison.pair_id, 0) + 1
        given = Assignment.objects.create(
            study=study,
            pair_id=comparison.pair_id,
            worker=comparison.rater.worker,
            slot=slot,
            state="voted",
            trial=1,
            left="x",
            created_at=NOW,
            expires_at=NOW,
        )
        Comparison.objects.filter(pk=comparison.pk).update(assignment=given)
        draws.append(
            Draw(
                batch=batch,
                position=len(draws),
                pair_id=comparison.pair_id,
                slot=slot,
                strategy="gap",
                probability=probability,
            )
        )
    Draw.objects.bulk_create(draws)


@pytest.mark.django_db
class TestBoardsOfDrawnPairs:
    def test_probabilities_are_found_by_pair_and_slot(self):
        study = voted_study(models=3, prompts=2)
        draw_all(study, {"uniform": 0.2, "gap": 0.8}, 0.25)
        missing = Draw.objects.order_by("pk").first()
        missing.delete()
        votes = reader.read(study, reader.Filters(), reader.cut(study)).votes
        assert votes.adaptive
        assert votes.every_pair
        assert np.isnan(votes.chance).sum() == 1
        assert set(votes.chance[~np.isnan(votes.chance)]) == {0.25}
        everyone = reader.read(study, reader.Filters(raters="all"), reader.cut(study)).votes
        assert np.isnan(everyone.chance).all()

    def test_a_fixed_study_has_none(self):
        study = voted_study(models=3, prompts=2)
        assert reader.read(study, reader.Filters(), reader.cut(study)).votes.chance is None

    def test_its_boards_are_fitted_with_a_prior_and_recomputed_to_the_same(self):
        study = voted_study(models=3)
        draw_all(study, {"uniform": 0.2, "gap": 0.8}, 0.25)
        for pk in snapshots.recompute_changed(NOW):
            snapshots.fill(pk, NOW)
        board = Leaderboard.objects.get(study=study, method="bradley-terry", raters="people")
        assert board.sheet["groups"][0]["prior_deviation"] > 0
        assert recompute.recompute(board).sheet["groups"] == board.sheet["groups"]
        elo = Leaderboard.objects.get(study=study, method="elo", raters="people")
        assert "adaptive" in elo.sheet["groups"][0]["notices"]


@pytest.mark.django_db
class TestThePage:
    def page(self, as_user, owner, study):
        study.owner = owner
        study.save()
        client = as_user(owner)
        return client.get(reverse("study-goal", args=[study.slug])), client

    def test_without_a_goal_it_offers_to_choose_one(self, as_user, owner):
        response, client = self.page(as_user, owner, voting_study())
        assert "This study has no goal." in response.text
        assert reverse("study-settings-group", args=["haiku", "goal"]) in response.text
        assert "No goal" in client.get(reverse("study", args=["haiku"])).text

    def test_a_goal_reached_is_told_with_what_it_claims(self, as_user, owner):
        study = aim(voting_study(), "top", 1, goal_pauses=True)
        look(study)
        response, client = self.page(as_user, owner, Leaderboard.objects.first().study)
        assert "Reached after 600 votes." in response.text
        assert "Quillfinch-0" in response.text
        assert "for prompts and raters like these" in response.text
        assert "paused the study" in response.text
        assert "The study has reached its goal" in client.get(reverse("study", args=["haiku"])).text

    def test_a_goal_not_reached_tells_how_far_it_is_and_what_it_takes(self, as_user, owner):
        study = aim(voting_study(lead=0.4, votes=300), "top", 1)
        report = look(study).sheet
        assert not report["reached"]
        assert report["forecast"]["median"] is not None
        response, client = self.page(as_user, owner, study)
        assert "more votes are needed" in response.text
        assert "pairs of a top model and another model are separated" in response.text
        assert "Reached" not in response.text
        assert "more votes are needed" in client.get(reverse("study", args=["haiku"])).text

    def test_too_few_planned_votes_are_told(self, as_user, owner):
        study = aim(voting_study(lead=0.4, votes=300, overlap=50), "top", 1)
        look(study)
        response, client = self.page(as_user, owner, study)
        assert "more votes are planned" not in response.text
        Study.objects.update(overlap=1)
        study.pairs.update(wanted=1)
        assert "Raise the votes per pair" in client.get(reverse("study-goal", args=["haiku"])).text

    def test_a_goal_out_of_reach_is_told(self, as_user, owner):
        study = aim(voting_study(lead=0.0, votes=1500), "ranks", 0)
        assert look(study).sheet["forecast"]["out_of_reach"]
        response, client = self.page(as_user, owner, study)
        assert "Probably out of reach." in response.text
        assert "will probably not reach its goal" in client.get(reverse("study", args=["haiku"])).text

    def test_too_early_tells_what_is_lacking(self, as_user, owner):
        study = aim(voting_study(raters=29), "top", 1)
        look(study)
        response, _client = self.page(as_user, owner, study)
        assert "Too early to say." in response.text
        assert "29 workers have voted. The method needs at least 30." in response.text

    def test_exactly_these_prompts_are_named(self, as_user, owner):
        study = aim(voting_study(prompts=13), "top", 1)
        look(study)
        response, _client = self.page(as_user, owner, study)
        assert "for raters like these on exactly these prompts" in response.text

    def test_a_check_can_be_requested(self, as_user, owner):
        study = aim(voting_study(), "top", 1)
        response, client = self.page(as_user, owner, study)
        assert "Not checked yet" in response.text
        client.post(reverse("study-goal", args=["haiku"]))
        waiting = Leaderboard.objects.get(method=goal.METHOD)
        assert waiting.state == State.WAITING
        snapshots.fill(waiting.pk, NOW)
        assert goals.newest(study).sheet["reached"]

    def test_strangers_get_nothing(self, as_user, outsider):
        voting_study()
        assert as_user(outsider).get(reverse("study-goal", args=["haiku"])).status_code == 404
