"""How judging stands, for the study's page."""

from datetime import datetime

from django.db.models import Count
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Comparison, Pair, Rater, Study
from annotation.sections import SectionState, Step
from annotation.services.spine import listed
from judges.models import JudgeRun, RunState
from judges.services import runs
from judges.telling import told


def look(study: Study, at: datetime) -> SectionState:
    stopped = study.judge_runs.filter(state=RunState.STOPPED).first()
    if stopped is not None:
        text = _("A judge's run was stopped: %(problem)s") % {"problem": told(stopped.problem)[:200]}
        return SectionState(_("a run was stopped"), "attention", (Step(6, text, _("See the run"), "study-judges"),))
    running = study.judge_runs.filter(state__in=[RunState.WAITING, RunState.RUNNING], offline=False).first()
    if running is not None:
        return _at_work(running, at)
    found = (
        Comparison.objects.counted()
        .filter(study=study, rater__kind="judge", rater__simulated=False, rater__derived=False)
        .aggregate(comparisons=Count("pk"), raters=Count("rater", distinct=True))
    )
    if not found["comparisons"]:
        steps: tuple[Step, ...] = ()
        if Pair.objects.within(study).exists() and not Rater.objects.filter(study=study, kind="judge").exists():
            text = _("A judge could vote on the same pairs as people, to be compared with them.")
            steps = (Step(55, text, _("Ask a judge"), "study-judges"),)
        return SectionState(_("none yet"), "empty", steps)
    phrase = ngettext("%(number)s judge", "%(number)s judges", found["raters"]) % {
        "number": number_format(found["raters"], force_grouping=True)
    }
    votes = ngettext("%(number)s comparison", "%(number)s comparisons", found["comparisons"]) % {
        "number": number_format(found["comparisons"], force_grouping=True)
    }
    return SectionState(listed([phrase, votes]))


def _at_work(run: JudgeRun, at: datetime) -> SectionState:
    progress = runs.progress(run, at)
    phrase = _("%(judge)s is at work: %(done)s of %(planned)s calls") % {
        "judge": run.version.rater_name,
        "done": number_format(progress.over, force_grouping=True),
        "planned": number_format(progress.planned, force_grouping=True),
    }
    return SectionState(phrase, "busy", share=progress.share)
