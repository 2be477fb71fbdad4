"""The overview of a study: the state of each section, and sensible next steps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Count, prefetch_related_objects
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from annotation import study_sections
from annotation.drawing import progress
from annotation.models import (
    Pair,
    Purpose,
    Rater,
    RaterKind,
    ResultFlag,
    Status,
    Study,
    UploadState,
    Worker,
)
from annotation.studies import lifecycle
from annotation.study_sections import Section, SectionState, Step
from annotation.voting import coverage
from annotation.voting.coverage import Pace, Totals


@dataclass(frozen=True, slots=True)
class Overview:
    """The sections of a study's overview, each with its state, and the next steps."""

    sections: list[tuple[Section, SectionState]]
    steps: list[Step]
    """Sensible next steps, the most urgent first."""


def look(study: Study, at: datetime) -> Overview:
    """Returns the overview from every registered section."""
    states = [(section, section.look(study, at)) for section in study_sections.registered()]
    steps = [step for _section, state in states for step in state.steps]
    steps += _state_steps(study, steps)
    return Overview(states, sorted(steps, key=lambda step: step.urgency))


MISSING: Final = 36
"""The urgency of the last of the steps that say what a draft lacks."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers that matter for a change of the study's state."""

    totals: Totals
    open_assignments: int
    workers_under_way: int
    training_pairs: int
    training_draw: int
    check_pairs: int
    overlap: int
    possible: int | None
    """The pairs that an adaptive study can draw; None for a fixed one."""

    @property
    def offered(self) -> int:
        """The pairs offered; in a draft, those that starting it would offer; in an adaptive study, those to draw."""
        return self.totals.pairs if self.possible is None else self.possible


def facts(study: Study, at: datetime) -> Facts:
    """Returns the numbers of `study` at the time `at`; for a draft, the pairs that starting it would offer."""
    # Training and check pairs have an index of their own.
    golden = Pair.objects.filter(study=study).exclude(purpose=Purpose.VOTE).order_by().values_list("purpose")
    numbers: Counter[str] = Counter(dict(golden.annotate(number=Count("pk"))))
    return Facts(
        totals=coverage.totals(study),
        open_assignments=study.assignments.filter(state="open", slot__isnull=False).count(),
        workers_under_way=coverage.worker_counts(study, at).under_way,
        training_pairs=numbers[Purpose.TRAINING],
        training_draw=study.training_draw(numbers[Purpose.TRAINING]),
        check_pairs=numbers[Purpose.CHECK],
        overlap=study.overlap,
        possible=progress.possible(study) if study.is_adaptive else None,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A study in the list."""

    study: Study
    phrase: str


def rows(listed: Sequence[Study]) -> list[Row]:
    """Returns the studies of a list page with a phrase on their state, in at most nine queries."""
    if not listed:
        return []
    prefetch_related_objects(listed, "language_models")
    pairs = coverage.totals_by_study(reduce(or_, (coverage.offered_in(study) for study in listed)))
    votes: Counter[int] = Counter()
    voting = Rater.objects.filter(study__in=listed, simulated=False).exclude(kind=RaterKind.JUDGE)
    for rater in coverage.counts_by_rater(voting):
        votes[rater.study] += rater.number
    people = Worker.objects.filter(study__in=listed, rater__simulated=False).order_by()
    workers = dict(people.values_list("study").annotate(Count("pk")))
    return [
        Row(
            study,
            _row_phrase(
                study,
                pairs.get(study.pk),
                votes=votes[study.pk],
                workers=workers.get(study.pk, 0),
            ),
        )
        for study in listed
    ]


def _row_phrase(study: Study, pairs: Totals | None, *, votes: int, workers: int) -> str:
    if study.is_adaptive:
        drawn = _("%(pairs)s drawn") % {"pairs": count(pairs.pairs if pairs else 0, "pair")}
        phrases = [_("pairs are drawn while votes come in") if study.status == Status.DRAFT else drawn]
    elif pairs is None:
        return _("no pairs yet")
    else:
        phrases = [count(pairs.pairs, "pair")]
        if study.status != Status.DRAFT:
            phrases.append(covered(pairs.share))
    if votes:
        phrases.append(count(votes, "vote"))
    if workers:
        phrases.append(count(workers, "worker"))
    return listed(phrases)


def count(number: int, of: str) -> str:
    """Returns `number` with its noun in the reader's language, such as "2,139 pairs"."""
    words = {
        "model": ngettext("%(number)s model", "%(number)s models", number),
        "prompt": ngettext("%(number)s prompt", "%(number)s prompts", number),
        "result": ngettext("%(number)s answer", "%(number)s answers", number),
        "pair": ngettext("%(number)s pair", "%(number)s pairs", number),
        "vote": ngettext("%(number)s vote", "%(number)s votes", number),
        "worker": ngettext("%(number)s worker", "%(number)s workers", number),
        "fault": ngettext("%(number)s error", "%(number)s errors", number),
        "day": ngettext("about %(number)s day left", "about %(number)s days left", number),
        "hour": ngettext("about %(number)s hour left", "about %(number)s hours left", number),
    }
    return words[of] % {"number": number_format(number, force_grouping=True)}


def listed(phrases: list[str]) -> str:
    """Joins phrases: "160 pairs, 61% covered"."""
    return pgettext("between phrases", ", ").join(phrases)


def covered(share: float) -> str:
    """Returns "61% covered"; 100 only if no vote is missing, 0 only if there is none."""
    percent = coverage.percent(share)
    if share > 0 and not percent:
        # xgettext:no-python-format
        return _("less than 1% covered")
    return _("%(percent)d%% covered") % {"percent": percent}


def time_left(pace: Pace) -> str:
    """Returns "about 3 days left", in hours below a day; empty if unknown."""
    if not pace.days_left:
        return ""
    if pace.days_left >= 1:
        return count(round(pace.days_left), "day")
    return count(max(1, round(24 * pace.days_left)), "hour")


def data(study: Study, at: datetime) -> SectionState:
    """The state of the data: models, prompts, results, and the latest upload."""
    prompt_set = study.prompt_set
    numbers = (prompt_set.models.count(), prompt_set.prompts.count(), prompt_set.results.count())
    latest = study.uploads.first()
    steps = []
    if latest is not None and latest.state == UploadState.FAULTY:
        text = _("The latest upload has errors. Nothing was saved.")
        steps.append(Step(5, text, _("View errors"), "study-data"))
    if latest is not None and latest.state == UploadState.PROPOSED:
        text = _("The latest upload is checked. Nothing is saved until you confirm it.")
        steps.append(Step(5, text, _("Review upload"), "study-data"))
    if not numbers[2]:
        text = _("This study has no answers yet. Upload models, prompts and answers.")
        steps.append(Step(10, text, _("Upload files"), "study-data"))
    if study.status == Status.DRAFT:
        flags = ResultFlag.objects.filter(result__prompt_set=prompt_set)
        if named := flags.filter(kind=ResultFlag.Kind.NAMES_ITSELF).count():
            text = ngettext(
                "%(number)d answer names its own model or organisation. Check it before you start the study.",
                "%(number)d answers name their own model or organisation. Check them before you start the study.",
                named,
            )
            steps.append(Step(33, text % {"number": named}, _("Review answers"), "study-flags"))
        if cut := flags.filter(kind=ResultFlag.Kind.CUT).count():
            text = ngettext(
                "%(number)d answer was cut off at the token limit. Check it before you start the study.",
                "%(number)d answers were cut off at the token limit. Check them before you start the study.",
                cut,
            )
            steps.append(Step(34, text % {"number": cut}, _("Review answers"), "study-flags"))
        if study.reasoning == Study.Reasoning.SHOWN and (
            thinking := flags.filter(kind=ResultFlag.Kind.REASONING).count()
        ):
            text = ngettext(
                "%(number)d answer contains the model’s reasoning. Choose in the settings whether people see it.",
                "%(number)d answers contain the model’s reasoning. Choose in the settings whether people see it.",
                thinking,
            )
            steps.append(Step(34, text % {"number": thinking}, _("Review answers"), "study-flags"))
        if empty := flags.filter(kind=ResultFlag.Kind.EMPTY).count():
            text = ngettext(
                "%(number)d answer is empty. Check it before you start the study.",
                "%(number)d answers are empty. Check them before you start the study.",
                empty,
            )
            steps.append(Step(34, text % {"number": empty}, _("Review answers"), "study-flags"))
        if study.pair_identical and (same := flags.filter(kind=ResultFlag.Kind.IDENTICAL).count()):
            text = ngettext(
                "%(number)d answer is identical to another model’s answer. Choose whether to pair it.",
                "%(number)d answers are identical to another model’s answer. Choose whether to pair them.",
                same,
            )
            steps.append(Step(35, text % {"number": same}, _("Review answers"), "study-flags"))
    phrase = listed([count(number, of) for number, of in zip(numbers, ("model", "prompt", "result"), strict=True)])
    if latest is not None and latest.state in {UploadState.WAITING, UploadState.CHECKING}:
        return SectionState(_("%(phrase)s; reading files") % {"phrase": phrase}, "busy", tuple(steps))
    if not any(numbers):
        return SectionState(_("nothing uploaded yet"), "empty", tuple(steps))
    return SectionState(phrase, "attention" if steps else "ready", tuple(steps))


def pairs(study: Study, at: datetime) -> SectionState:
    """The state of the pairs: how many are offered, and their coverage."""
    if study.is_adaptive:
        return _drawn_pairs(study, at)
    numbers = facts(study, at)
    steps = []
    has_results = study.prompt_set.results.exists()
    if not numbers.offered:
        if not has_results:
            return SectionState(_("none yet; upload answers first"), "empty")
        if study.pairs.filter(purpose=Purpose.VOTE).exists():
            text = _("No pairs match the filters.")
            return SectionState(
                _("none match the filters"), "attention", (Step(20, text, _("Change filters"), "study-offer"),)
            )
        text = _("There are answers, but no pairs to vote on yet.")
        return SectionState(_("none yet"), "empty", (Step(20, text, _("Make pairs"), "study-pairs"),))
    if study.status == Status.DRAFT:
        steps = _golden_steps(study, numbers)
        phrase = _("%(pairs)s, %(votes)s planned") % {
            "pairs": count(numbers.offered, "pair"),
            "votes": count(numbers.totals.planned, "vote"),
        }
        return SectionState(phrase, "ready", tuple(steps))
    phrases = [count(numbers.offered, "pair"), covered(numbers.totals.share)]
    if left := time_left(coverage.pace(study, at, numbers.totals)):
        phrases.append(left)
    if (
        study.status == Status.OPEN
        and numbers.totals.received >= numbers.totals.planned
        and not numbers.open_assignments
    ):
        text = _("All pairs have their votes. Close the study and read the results.")
        steps.append(Step(50, text, _("Close study"), "study-close"))
    return SectionState(listed(phrases), "ready", tuple(steps), share=numbers.totals.share)


def _golden_steps(study: Study, numbers: Facts) -> list[Step]:
    """What a draft lacks of training and check pairs."""
    steps = []
    if not numbers.training_pairs and study.training_size != 0:
        text = _("There are no training pairs yet. Upload some, or set training pairs per attempt to 0.")
        steps.append(Step(30, text, _("Add training pairs"), "study-data"))
    if not numbers.check_pairs and study.check_rate > 0:
        text = _("There are no check pairs, so nothing tests workers’ attention while they vote.")
        steps.append(Step(36, text, _("Add check pairs"), "study-data"))
    return steps


def _drawn_pairs(study: Study, at: datetime) -> SectionState:
    """The state of the pairs of an adaptive study: how many were drawn, their votes, and the open places."""
    numbers = facts(study, at)
    if not numbers.offered:
        if not study.prompt_set.results.exists():
            return SectionState(_("none yet; upload answers first"), "empty")
        text = _("Within the filters, no prompt has answers from two models, so no pairs can be drawn.")
        return SectionState(_("none to draw"), "attention", (Step(20, text, _("Change filters"), "study-offer"),))
    if study.status == Status.DRAFT:
        phrase = _("drawn while votes come in, from %(pairs)s") % {"pairs": count(numbers.offered, "pair")}
        return SectionState(phrase, "ready", tuple(_golden_steps(study, numbers)))
    steps = []
    open_ = numbers.totals.planned - numbers.totals.received - numbers.open_assignments
    phrases = [
        _("%(pairs)s drawn") % {"pairs": count(numbers.totals.pairs, "pair")},
        count(numbers.totals.received, "vote"),
        _("%(number)s open") % {"number": number_format(max(0, open_), force_grouping=True)},
    ]
    if study.status == Status.OPEN:
        if progress.is_sleeping(study, at):
            text = _(
                "The background worker has not drawn the next pairs, so they are drawn at random. Votes count, but the "
                "study needs more of them. Check that the worker runs."
            )
            steps.append(Step(6, text, _("View draws"), "study-pairs"))
        if new := progress.new_models(study):
            text = _("New models have answers but are not part of the study: %(names)s.")
            names = listed([model.name for model in new])
            steps.append(Step(21, text % {"names": names}, _("Add models"), "study-pairs"))
        if not numbers.open_assignments and progress.is_exhausted(study):
            text = _("All pairs have their votes. Close the study and read the results.")
            steps.append(Step(50, text, _("Close study"), "study-close"))
    return SectionState(listed(phrases), "attention" if steps else "ready", tuple(steps))


def workers(study: Study, at: datetime) -> SectionState:
    """The state of the workers: how many joined, how many are voting, and open reports."""
    numbers = coverage.worker_counts(study, at)
    steps = []
    reports = study.reports.filter(settled_at=None).count()
    if reports:
        text = ngettext(
            "%(number)d worker report needs attention.",
            "%(number)d worker reports need attention.",
            reports,
        )
        steps.append(Step(7, text % {"number": reports}, _("View reports"), "study-reports"))
    if not numbers.all:
        if study.status == Status.OPEN:
            text = _("The study is open, but no one has joined yet. Send people its link.")
            steps.append(Step(40, text, _("Link for workers"), "study-workers"))
        return SectionState(_("no workers yet"), "empty", tuple(steps))
    phrases = [count(numbers.all, "worker")]
    if numbers.voting:
        phrases.append(_("%(number)d voting now") % {"number": numbers.voting})
    if numbers.excluded:
        phrases.append(_("%(number)d excluded") % {"number": numbers.excluded})
    return SectionState(listed(phrases), "attention" if reports else "ready", tuple(steps))


def export(study: Study, at: datetime) -> SectionState:
    """The state of the export: the number of comparisons."""
    raters = coverage.counts_by_rater(study.raters.all())
    real = [rater for rater in raters if not rater.simulated]
    people = sum(rater.number for rater in real if rater.kind != RaterKind.JUDGE)
    judges = sum(rater.number for rater in real if rater.kind == RaterKind.JUDGE and not rater.derived)
    simulated = sum(rater.number for rater in raters if rater.simulated)
    if not (people or judges or simulated):
        return SectionState(_("no comparisons yet; other data can be downloaded"), "empty")
    phrases = [
        _("%(number)s by people") % {"number": number_format(people, force_grouping=True)},
        _("%(number)s by judges") % {"number": number_format(judges, force_grouping=True)},
    ]
    if simulated:
        phrases.append(_("%(number)s simulated") % {"number": number_format(simulated, force_grouping=True)})
    return SectionState(_("comparisons: %(phrases)s") % {"phrases": listed(phrases)})


def _state_steps(study: Study, others: Sequence[Step]) -> list[Step]:
    if not Study.objects.with_leave().filter(pk=study.pk).exists():
        text = _("This study may no longer use its prompt set, so it cannot run.")
        return [Step(1, text, _("View prompt set"), "study-data")]
    ready = lifecycle.has_candidates(study) if study.is_adaptive else Pair.objects.within(study).exists()
    if study.status == Status.DRAFT and ready:
        # What is missing comes first, and while anything is, the study is not ready.
        missing = any(step.urgency <= MISSING for step in others)
        text = _("You can start the study without them.") if missing else _("Ready to start.")
        return [Step(MISSING + 1, text, _("Start study"), "study-start")]
    if study.status == Status.PAUSED:
        return [Step(45, _("The study is paused, so no new pairs are offered."), _("Resume study"), "study-start")]
    return []
