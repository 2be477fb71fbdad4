"""How asking models for answers stands, for the study's page."""

from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Study
from annotation.sections import SectionState, Step
from judges.models import ANSWERED, AnswerCall, AnswerRun, AnswerState, RunState
from judges.services import answers
from judges.telling import told


def look(study: Study, at: datetime) -> SectionState:
    live = list(study.answer_runs.filter(state__in=[RunState.WAITING, RunState.RUNNING, RunState.STOPPED])[:20])
    stopped = next((run for run in live if run.state == RunState.STOPPED), None)
    if stopped is not None:
        text = _("Asking a model was stopped: %(problem)s") % {"problem": told(stopped.problem)[:200]}
        step = Step(6, text, _("See the run"), "study-answers")
        return SectionState(_("a run was stopped"), "attention", (step,))
    if live:
        return _at_work(live[0], at)
    asked = AnswerCall.objects.filter(run__study=study)
    conversations = asked.filter(last=True, state__in=ANSWERED).count()
    if not conversations:
        steps: tuple[Step, ...] = ()
        prompt_set = study.prompt_set
        if prompt_set.prompts.exists() and not prompt_set.results.exists():
            text = _("The prompts could be put to models from here.")
            steps = (Step(11, text, _("Ask models"), "study-answers"),)
        return SectionState(_("none asked for"), "empty", steps)
    phrase = ngettext("%(number)s answer by a model", "%(number)s answers by models", conversations) % {
        "number": number_format(conversations, force_grouping=True)
    }
    failed = asked.filter(state__in=[AnswerState.FAILED, AnswerState.EMPTY, AnswerState.REFUSED]).count()
    if failed:
        phrase += ", " + ngettext("%(number)s failed", "%(number)s failed", failed) % {
            "number": number_format(failed, force_grouping=True)
        }
    return SectionState(phrase)


def _at_work(run: AnswerRun, at: datetime) -> SectionState:
    progress = answers.progress(run, at)
    phrase = _("%(model)s is being asked: %(done)s of %(planned)s turns") % {
        "model": run.source.model.name,
        "done": number_format(progress.over, force_grouping=True),
        "planned": number_format(progress.planned, force_grouping=True),
    }
    return SectionState(phrase, "busy", share=progress.share)
