"""The status of model answers and judging on the study's page, and of evolved prompts on the prompt set's."""

from datetime import datetime

from django.db.models import Count
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Pair, PromptSet, Rater, RaterKind, Study
from annotation.overview import listed
from annotation.study_sections import SectionState, Step
from annotation.voting import coverage
from judges.answers.runs import answer_life
from judges.judging.runs import judge_life
from judges.models import (
    ANSWERED,
    AnswerCall,
    AnswerRun,
    AnswerState,
    EvolvedPrompt,
    JudgeRun,
    Review,
    RunState,
)


def look_at_judging(study: Study, at: datetime) -> SectionState:
    """Returns the status of judging: a stopped or active run, or how many judges made how many comparisons."""
    stopped = study.judge_runs.filter(state=RunState.STOPPED).first()
    if stopped is not None:
        text = _("A judge’s run stopped: %(problem)s") % {"problem": stopped.told_problem[:200]}
        return SectionState(_("a run stopped"), "attention", (Step(6, text, _("View run"), "study-judges"),))
    compared = study.similarity_runs.filter(state=RunState.STOPPED).first()
    if compared is not None:
        text = _("Comparing answers stopped: %(problem)s") % {"problem": compared.told_problem[:200]}
        return SectionState(_("a run stopped"), "attention", (Step(6, text, _("View run"), "study-mad"),))
    running = study.judge_runs.filter(state__in=[RunState.WAITING, RunState.RUNNING], offline=False).first()
    if running is not None:
        return _judging(running, at)
    judges = study.raters.filter(kind=RaterKind.JUDGE, simulated=False, derived=False)
    found = [rater.number for rater in coverage.counts_by_rater(judges)]
    if not found:
        steps: tuple[Step, ...] = ()
        if Pair.objects.within(study).exists() and not Rater.objects.filter(study=study, kind="judge").exists():
            text = _("You can have a judge vote on the same pairs as people and compare the two.")
            steps = (Step(55, text, _("Ask a judge"), "study-judges"),)
        return SectionState(_("none yet"), "empty", steps)
    phrase = ngettext("%(number)s judge", "%(number)s judges", len(found)) % {
        "number": number_format(len(found), force_grouping=True)
    }
    votes = ngettext("%(number)s comparison", "%(number)s comparisons", sum(found)) % {
        "number": number_format(sum(found), force_grouping=True)
    }
    return SectionState(listed([phrase, votes]))


def _judging(run: JudgeRun, at: datetime) -> SectionState:
    progress = judge_life.progress(run, at)
    phrase = _("%(judge)s is running: %(done)s of %(planned)s calls") % {
        "judge": run.version.rater_name,
        "done": number_format(progress.over, force_grouping=True),
        "planned": number_format(progress.planned, force_grouping=True),
    }
    return SectionState(phrase, "busy", share=progress.share)


def look_at_answers(study: Study, at: datetime) -> SectionState:
    """Returns the status of model answers: a stopped or active run, or the numbers of answers and failed calls."""
    live = list(study.answer_runs.filter(state__in=[RunState.WAITING, RunState.RUNNING, RunState.STOPPED])[:20])
    stopped = next((run for run in live if run.state == RunState.STOPPED), None)
    if stopped is not None:
        text = _("A model’s run stopped: %(problem)s") % {"problem": stopped.told_problem[:200]}
        step = Step(6, text, _("View run"), "study-answers")
        return SectionState(_("a run stopped"), "attention", (step,))
    if live:
        return _answering(live[0], at)
    asked = AnswerCall.objects.filter(run__study=study)
    conversations = asked.filter(last=True, state__in=ANSWERED).count()
    if not conversations:
        steps: tuple[Step, ...] = ()
        prompt_set = study.prompt_set
        if prompt_set.prompts.exists() and not prompt_set.results.exists():
            text = _("You can ask models for answers to these prompts.")
            steps = (Step(11, text, _("Ask models"), "study-answers"),)
        return SectionState(_("none requested yet"), "empty", steps)
    phrase = ngettext("%(number)s answer from a model", "%(number)s answers from models", conversations) % {
        "number": number_format(conversations, force_grouping=True)
    }
    failed = asked.filter(state__in=[AnswerState.FAILED, AnswerState.EMPTY, AnswerState.REFUSED]).count()
    if failed:
        phrase += ", " + ngettext("%(number)s failed", "%(number)s failed", failed) % {
            "number": number_format(failed, force_grouping=True)
        }
    return SectionState(phrase)


def _answering(run: AnswerRun, at: datetime) -> SectionState:
    progress = answer_life.progress(run, at)
    phrase = _("Asking %(model)s: %(done)s of %(planned)s turns") % {
        "model": run.source.model.name,
        "done": number_format(progress.over, force_grouping=True),
        "planned": number_format(progress.planned, force_grouping=True),
    }
    return SectionState(phrase, "busy", share=progress.share)


def look_at_evolved(prompt_set: PromptSet) -> str:
    """Returns the status of evolved prompts: a stopped or active run, or how many wait for review."""
    states = set(prompt_set.evolve_runs.order_by().values_list("state", flat=True).distinct())
    if RunState.STOPPED in states:
        return _("a run stopped")
    if states & {RunState.WAITING, RunState.RUNNING}:
        return _("a model is writing prompts")
    counts = dict(
        EvolvedPrompt.objects.filter(prompt_set=prompt_set).order_by().values_list("review").annotate(Count("pk"))
    )
    if not counts:
        return _("none yet")
    waiting, accepted = counts.get(Review.WAITING, 0), counts.get(Review.ACCEPTED, 0)
    phrases = [
        ngettext("%(number)s prompt to review", "%(number)s prompts to review", waiting)
        % {"number": number_format(waiting, force_grouping=True)},
        ngettext("%(number)s accepted", "%(number)s accepted", accepted)
        % {"number": number_format(accepted, force_grouping=True)},
    ]
    return listed(phrases)
