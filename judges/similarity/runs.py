"""The lifecycle of similarity runs: starting them, sending their calls, and comparing the answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible, check_askable
from judges import problems
from judges.judging import judges
from judges.models import (
    LIVE,
    Judge,
    JudgeVersion,
    RunState,
    SimilarityCall,
    SimilarityReply,
    SimilarityRun,
    SimilaritySender,
)
from judges.runs.lifecycle import Connection, Lifecycle, check_key, enqueue, only_one, to_judge
from judges.runs.sender import Patience
from judges.similarity import planning, tables
from judges.similarity.call_store import SimilarityBooks
from judges.similarity.corpus import Corpus
from judges.similarity.planning import Estimate
from judges.similarity.terms import Terms


def check(study: Study, terms: Terms, judge: Judge | None, user: User | None) -> JudgeVersion | None:
    """Returns the version of `judge` that is asked; None if nothing is.

    Raises:
        NotPossible: the terms are not valid, a judge is missing or superfluous, `user` may not use it, or the study may
            not use its prompt set.
    """
    terms.check()
    check_askable(study)
    label = terms.measure
    if terms.how.asks == "nothing":
        if judge is not None:
            raise NotPossible(problems.NEEDS_NO_JUDGE(measure=label))
        return None
    if judge is None:
        raise NotPossible(problems.NEEDS_JUDGE(measure=label))
    judges.check_use(judge, user)
    return judge.current


def estimate(study: Study, terms: Terms, judge: Judge | None, *, user: User | None = None) -> Estimate:
    """Estimates a run without creating it; see `start`."""
    version = check(study, terms, judge, user)
    return planning.estimate(study, terms, version, tables.plan(Corpus(study), terms, version).fresh)


def start(
    study: Study,
    terms: Terms,
    judge: Judge | None,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
) -> SimilarityRun:
    """Starts a run on the answers of `study`; with `detach`, a background task does it.

    Raises:
        NotPossible: see `check`; or there is nothing to compare, the API key is not available, or the study or the
            judge has an unfinished run.
    """
    version = check(study, terms, judge, user)
    corpus = Corpus(study)
    if not (corpus.answered.sum(axis=1) > 1).any():
        raise NotPossible(problems.NOTHING_TO_COMPARE())
    if version is not None:
        check_key(version)
    with only_one("similarity_run_of", problems.ALREADY_COMPARING()):
        run = SimilarityRun.objects.create(
            study=study,
            measure=terms.measure,
            judge=judge,
            version=version,
            user=user,
            options=terms.as_json(),
            pairs=len(corpus.pairs),
            created_at=at,
        )
        if detach:
            enqueue(run)
    return run


class Halted(Exception):
    """The run was paused or cancelled while answers were being compared."""


class SimilarityLife(Lifecycle[SimilarityRun, SimilaritySender, SimilarityCall]):
    """Lifecycle of similarity runs. One process works on a run: it sends the calls, then compares the answers."""

    runs = SimilarityRun
    senders = SimilaritySender
    asked = SimilarityCall
    replies = SimilarityReply

    def sendable(self) -> QuerySet[SimilarityRun]:
        allowed = Study.objects.with_leave().values("pk")
        found = SimilarityRun.objects.filter(study__in=allowed)
        return found.select_related("study__prompt_set", "judge", "version__judge", "version__template")

    def books(self, run: SimilarityRun, sender: SimilaritySender) -> SimilarityBooks:
        return SimilarityBooks(run, sender)

    def plan_calls(self, run: SimilarityRun, alive: Callable[[], None]) -> int:
        if run.version is None:
            return 0
        terms = Terms.from_json(run.measure, run.options)
        fresh = tables.plan(Corpus(run.study), terms, run.version, run).fresh
        return planning.plan_calls(run, fresh, alive)

    def connect(self, run: SimilarityRun) -> Connection:
        assert run.version is not None  # noqa: S101  only runs that ask are sent
        return to_judge(run.version)

    def _send(
        self, run: SimilarityRun, sender: SimilaritySender, patience: Patience, seconds: float, *, interruptible: bool
    ) -> str:
        if run.version is None:
            self.plan(run, sender)
            why = ""
        else:
            why = super()._send(run, sender, patience, seconds, interruptible=interruptible)
        open_calls = self.calls(run).filter(state__in=self.open_states(run))
        if not why and run.compared_at is None and not open_calls.exists():
            why = self._compare(run, sender)
        return why

    def _compare(self, run: SimilarityRun, sender: SimilaritySender) -> str:
        """Compares all answers; returns nothing, or the state that the run was brought into meanwhile."""
        books = self.books(run, sender)

        def progress(done: int) -> None:
            state = books.alive(timezone.now())
            if state != RunState.RUNNING:
                raise Halted(state)
            SimilarityRun.objects.filter(pk=run.pk).update(compared=done)

        try:
            reused = tables.compare(run, progress)
        except Halted as halted:
            return str(halted)
        SimilarityRun.objects.filter(pk=run.pk).update(reused=reused, compared_at=timezone.now())
        return ""

    def finish(self, run: SimilarityRun, at: datetime) -> bool:
        """Ends the run once its answers have been compared, whether or not calls failed."""
        run.refresh_from_db(fields=["compared_at"])
        return run.compared_at is not None and super().finish(run, at)

    def resume(self, run: SimilarityRun, *, detach: bool = True) -> bool:
        """Resumes the run; raises NotPossible if its study may no longer use the prompt set."""
        check_askable(run.study)
        return super().resume(run, detach=detach)


similarity_life: Final = SimilarityLife()


def live(study: Study) -> SimilarityRun | None:
    """Returns the run of `study` that has not ended; there is at most one."""
    return similarity_life.sendable().filter(study=study, state__in=LIVE).first()


def halt(study: Study) -> None:
    """Pauses the runs of a study that may no longer use its prompt set."""
    for run in study.similarity_runs.filter(state__in=LIVE):
        similarity_life.pause(run)
