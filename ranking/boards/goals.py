"""Acts on goals: records once that a study has reached its goal, and pauses it if it is set to."""

from datetime import datetime

from django.db import transaction

from annotation.models import Status, Study
from annotation.studies import lifecycle
from ranking.models import GoalReached, Leaderboard
from ranking.reports import goal
from ranking.reports.goal import Report


def newest(study: Study) -> Leaderboard | None:
    """Returns the newest look at the present goal of `study`; None if there was none since the goal was set."""
    wanted = goal.goal_of(study)
    look = Leaderboard.objects.newest_report(study, goal.METHOD) if wanted else None
    return look if look is not None and look.sheet and _is_about(study, look.sheet) else None


def _is_about(study: Study, report: Report) -> bool:
    return goal.stored_goal(report) == goal.goal_of(study)


def reached(study: Study) -> GoalReached | None:
    """Returns when and by how many votes `study` first reached its present goal; None if it has not."""
    wanted = goal.goal_of(study)
    if wanted is None:
        return None
    return GoalReached.objects.filter(study=study, goal=wanted.kind, number=wanted.number).first()


def settle_all(at: datetime) -> None:
    """Settles every study with a goal. A worker may have died between a look and acting on it."""
    for study in Study.objects.exclude(goal=""):
        settle(study, at)


@transaction.atomic
def settle(study: Study, at: datetime) -> GoalReached | None:
    """Records that the newest look found the goal reached, and pauses the study if it is open and set to pause.

    Each happens once for a goal: who resumes a study that has paused wants more votes. Returns the record, if any.
    """
    # Changes of the settings, and other workers, wait here.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    found = reached(study)
    if found is None:
        look = newest(study)
        if look is None or not look.sheet["reached"]:
            return None
        found = GoalReached.objects.create(
            study=study,
            goal=look.sheet["kind"],
            number=look.sheet["number"],
            snapshot=look,
            votes=look.sheet["votes"],
            reached_at=look.finished_at or at,
        )
    if study.goal_pauses and found.paused_at is None and study.status == Status.OPEN:
        lifecycle.pause(study)
        found.paused_at = at
        found.save(update_fields=["paused_at"])
    return found
