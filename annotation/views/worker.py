"""Instructions, training, voting, leaving: the pages of who has joined a study."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotation.models import Assignment, Report, Study, TrainingAnswer, Worker
from annotation.models.voting import Stage
from annotation.scales import NotOnScale
from annotation.views import pair_display, worker_session
from annotation.views.worker_session import WorkerView, by_post, for_worker, go, go_on, known_since
from annotation.voting import assignments, joining, leaving, training, votes

PLAIN_COOKIE: Final = "llmfao-plain"
"""Set where a worker reads answers as they were written, Markdown and all."""

NOTICES: Final = {
    "expired": gettext_lazy("Your time for that pair ran out, so it went to someone else. Here is another one."),
    "again": gettext_lazy("You already answered that pair. We kept your first answer."),
    "undone": gettext_lazy("Undone. Here is that pair again."),
    "nothing": gettext_lazy("There is no answer to undo."),
    "reported": gettext_lazy("Thank you. We sent your report to the people who run this study."),
    "skipped": gettext_lazy("Skipped. Here is another pair."),
    "passed": gettext_lazy("You passed the training. From now on, your answers count."),
    "retry": gettext_lazy("Too few of your answers were right. Please try again with different pairs."),
    "changed": gettext_lazy("The answer choices changed, so your answer wasn’t saved. Please answer again."),
    "resumed": gettext_lazy("Welcome back. Here is your next pair."),
    "late": gettext_lazy("The study closed before your last answer arrived, so that answer was not saved."),
}
"""What a page can say on top, by the word in its address: it needs no session."""

SKIP_REASONS: Final = {
    "subject": gettext_lazy("I don’t know enough about this topic"),
    "language": gettext_lazy("I don’t read this language"),
    "unreadable": gettext_lazy("I can’t read one of the answers"),
    "unpleasant": gettext_lazy("I’d rather not read this"),
    "other": gettext_lazy("Another reason"),
}

GOLDEN: Final = {
    "left": gettext_lazy("A is better"),
    "right": gettext_lazy("B is better"),
    "tie": gettext_lazy("Neither is better"),
}


def _rng() -> np.random.Generator:
    return np.random.default_rng()


def _number(request: HttpRequest, name: str) -> int:
    """A whole number that a form of ours sent; 0, which is nobody's, where it is none."""
    value = request.POST.get(name, "")
    return int(value) if value.isdecimal() and value.isascii() and len(value) < 19 else 0


# Refusals


def _back(notice: str = "") -> Callable[[HttpRequest, Worker], HttpResponse]:
    """Sends a worker to where they belong, which a word of `NOTICES` explains."""
    return lambda request, worker: go_on(request, worker, notice)


def _closed(request: HttpRequest, worker: Worker) -> HttpResponse:
    """The study is over, or the worker has left in another tab: they have done nothing wrong."""
    return go(request, "worker-done", leaving.complete(worker, timezone.now()))


def _too_late(request: HttpRequest, worker: Worker) -> HttpResponse:
    """As `_closed`, but their last answer is missing, and they should know."""
    return go(request, "worker-done", leaving.complete(worker, timezone.now()), "late")


REFUSALS: Final[dict[type[Exception], Callable[[HttpRequest, Worker], HttpResponse]]] = {
    assignments.NotYours: worker_session.not_yours,
    assignments.ScaleChanged: _back("changed"),
    NotOnScale: worker_session.no_answer,
    votes.Replayed: _back("again"),
    votes.Gone: _back("expired"),
    votes.NotInHand: _back(),
    votes.NothingToUndo: _back("nothing"),
    votes.NoSuchKind: worker_session.no_answer,
    votes.Closed: _closed,
    votes.TooLate: _too_late,
    training.Gone: _back(),
    leaving.NotYet: _back(),
}
"""The page for whoever sent something that could not be done."""


def refusable(view: WorkerView) -> WorkerView:
    """For a view that acts: a refusal of `REFUSALS` is answered by its page."""

    @wraps(view)
    def wrapped(request: HttpRequest, worker: Worker) -> HttpResponse:
        try:
            return view(request, worker)
        except tuple(REFUSALS) as refusal:
            return REFUSALS[type(refusal)](request, worker)

    return wrapped


# Instructions and training


@require_safe
@for_worker(Stage.INSTRUCTIONS, Stage.TRAINING, Stage.VOTING)
def instructions(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Before the first pair, and as help beside every later one."""
    study, is_new = worker.study, worker.stage == Stage.INSTRUCTIONS
    context = {
        "study": study,
        "worker": worker,
        "text": pair_display.of_study(study, study.instruction),
        "example": pair_display.of_study(study, study.worked_example) if study.worked_example else None,
        "choices": pair_display.choices(study.scale_name),
        "question": pair_display.question(study),
        "training": is_new and training.offered(study),
        "back": "" if is_new else reverse(worker_session.PAGES[Stage(worker.stage)], args=[study.slug]),
    }
    return render(request, "annotation/worker/instructions.html", context)


@for_worker()
@by_post
def begin(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Moves the worker from the instructions to training or voting."""
    return go_on(request, joining.begin(worker, timezone.now()))


@require_safe
@for_worker(Stage.TRAINING)
def train(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Shows the current training pair, or the explanation of an answered one."""
    given = training.current(worker, timezone.now(), _rng())
    return go_on(request, worker) if given is None else _training_page(request, worker, given)


@for_worker()
@by_post
@refusable
def train_answer(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Stores the answer to a training pair and shows its explanation."""
    given = training.answer(
        worker,
        _number(request, "pair"),
        _number(request, "value"),
        timezone.now(),
        scale_name=request.POST.get("scale", ""),
    )
    return (
        _training_page(request, worker, given)
        if worker_session.is_htmx(request)
        else go(request, "worker-training", worker)
    )


@for_worker()
@by_post
@refusable
def train_proceed(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Goes on from an explanation: to the next training pair, another attempt, voting, or the end."""
    attempt, rng, at = worker.attempt, _rng(), timezone.now()
    worker = training.proceed(worker, _number(request, "pair"), at, rng)
    if worker.stage == Stage.VOTING:
        return go_on(request, worker, "passed")
    if worker.stage == Stage.TRAINING and worker.attempt > attempt:
        return go_on(request, worker, "retry")
    given = training.current(worker, at, rng)
    if given is None or not worker_session.is_htmx(request):
        return go_on(request, worker)
    return _training_page(request, worker, given)


def _training_page(request: HttpRequest, worker: Worker, given: TrainingAnswer) -> HttpResponse:
    study, since = worker.study, known_since(request, worker)
    own = since is None or given.answered_at is None or given.answered_at >= since
    context = _arena(request, worker, given) | {
        "training": given,
        "step": given.position + 1,
        "size": worker.training_answers.filter(attempt=given.attempt).count(),
        "own": own,
        "chosen": _chosen(study, given.value) if own else "",
        "golden": "" if given.value is None else GOLDEN[given.golden],
        "reason": None if given.value is None else pair_display.reason(study, given.pair, given.shown_left),
        "reason_is_swapped": given.shown_left == "y" and given.pair.reason_names_sides(),
    }
    return _page(request, context)


def _chosen(study: Study, value: int | None) -> str:
    """What was answered; nothing where the study asks on a shorter scale since."""
    return "" if value is None or value not in study.scale.values else pair_display.label(study.scale_name, value)


# Voting


@require_safe
@for_worker(Stage.VOTING)
def arena(request: HttpRequest, worker: Worker) -> HttpResponse:
    """The pair in hand, or a new one."""
    now = timezone.now()
    following = assignments.current(worker, now, _rng())
    last = votes.last_vote(worker, now, known_since(request, worker))
    undo = "" if last is None or last.value is None else pair_display.label(last.scale_name, last.value)
    return _voting_page(request, worker, following, undo=undo)


@for_worker()
@by_post
@refusable
def vote(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Stores the vote; the reply carries the next pair."""
    ballot = _ballot(request, worker)
    worker, following = votes.vote(worker, _number(request, "pair"), ballot, timezone.now(), _rng())
    if not worker_session.is_htmx(request):
        return go_on(request, worker)
    return _voting_page(request, worker, following, undo=pair_display.label(worker.study.scale_name, ballot.value))


def _ballot(request: HttpRequest, worker: Worker) -> votes.Ballot:
    try:
        visible = float(request.POST.get("visible", ""))
    except ValueError:
        visible = math.nan
    method = request.POST.get("method", "")
    return votes.Ballot(
        value=_number(request, "value"),
        reasons=[reason for reason in worker.study.reasons if reason in request.POST.getlist("reasons")],
        visible_seconds=visible if math.isfinite(visible) else None,
        input_method=method if method in {"key", "mouse", "touch"} else "",
        device=worker_session.device_of(request),
        scale_name=request.POST.get("scale", ""),
    )


@for_worker(Stage.VOTING)
@by_post
@refusable
def skip(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Skips the worker's pair, with the reason if a known one is given, and shows the next pair."""
    reason = request.POST.get("reason", "")
    votes.skip(worker, _number(request, "pair"), reason if reason in SKIP_REASONS else "", timezone.now())
    if not worker_session.is_htmx(request):
        return go_on(request, worker, "skipped")
    following = assignments.current(worker, timezone.now(), _rng())
    return _voting_page(request, worker, following, notice="skipped")


@for_worker(Stage.VOTING)
@by_post
@refusable
def undo(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Undoes the worker's last vote and shows its pair again."""
    assignment = votes.undo(worker, timezone.now(), known_since(request, worker))
    if not worker_session.is_htmx(request):
        return go_on(request, worker, "undone")
    return _voting_page(request, Worker.objects.select_related("study").get(pk=worker.pk), assignment, notice="undone")


@for_worker(Stage.VOTING)
@by_post
def extend(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Keeps the pair for a page that is open and looked at; 409 where it has gone."""
    kept = assignments.extend(worker, _number(request, "pair"), timezone.now())
    return HttpResponse(status=204 if kept else 409)


@for_worker(Stage.VOTING)
@refusable
def report(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Something is wrong with the pair in hand; it stays there, unless the worker skips it as well."""
    if request.method == "POST":
        return _send_report(request, worker)
    assignment = assignments.current(worker, timezone.now(), _rng())
    if assignment is None:
        return go_on(request, worker)
    context = {"study": worker.study, "token": str(assignment.pk), "kinds": Report.Kind.choices}
    return render(request, f"annotation/worker/{'_' if worker_session.is_htmx(request) else ''}report.html", context)


def _send_report(request: HttpRequest, worker: Worker) -> HttpResponse:
    pair = _number(request, "pair")
    votes.report(worker, pair, request.POST.get("kind", ""), request.POST.get("comment", "").replace("\0", ""))
    if "skip" in request.POST:
        votes.skip(worker, pair, "reported", timezone.now())
    return go_on(request, worker, "reported")


def _voting_page(
    request: HttpRequest, worker: Worker, assignment: Assignment | None, *, undo: str = "", notice: str = ""
) -> HttpResponse:
    if assignment is None:
        return go(request, "worker-done", leaving.complete(worker, timezone.now()))
    study = worker.study
    context = _arena(request, worker, assignments.shown(assignment.pk)) | {
        "progress": assignments.progress(worker),
        "undo": undo,
        "reasons": study.reasons,
        "skip_reasons": SKIP_REASONS.items(),
        "extend_seconds": study.reservation_minutes * 20,
    }
    if notice:
        context["notice"] = NOTICES[notice]
    return _page(request, context)


def _arena(request: HttpRequest, worker: Worker, shown: Assignment | TrainingAnswer) -> dict[str, Any]:
    """What training and voting have in common: the pair as this worker sees it, and how to answer."""
    study, as_plain = worker.study, request.COOKIES.get(PLAIN_COOKIE) == "1"
    return {
        "study": study,
        "token": str(shown.pk),
        "sheet": pair_display.sheet_of(study, shown.pair, shown.shown_left, as_plain=as_plain),
        "choices": pair_display.choices(study.scale_name),
        "scale": study.scale_name,
        "question": pair_display.question(study),
        "as_plain": as_plain,
        "notice": NOTICES.get(worker_session.notice(request), ""),
    }


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or to htmx the fragment that changes."""
    template = f"annotation/worker/{'_reply' if worker_session.is_htmx(request) else 'arena'}.html"
    return worker_session.tell_once(request, render(request, template, context), context["study"])


@require_safe
@for_worker(Stage.TRAINING, Stage.VOTING)
def view_as(request: HttpRequest, worker: Worker, form: str) -> HttpResponse:
    """Shows answers `formatted` or `plain` from now on."""
    response, path = go_on(request, worker), reverse("join", args=[worker.study.slug])
    if form == "plain":
        response.set_cookie(
            PLAIN_COOKIE, "1", max_age=worker_session.REMEMBERED, path=path, httponly=True, samesite="Lax"
        )
    else:
        response.delete_cookie(PLAIN_COOKIE, path=path, samesite="Lax")
    return response


# Leaving


@require_safe
@for_worker(Stage.DONE)
def done(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Shows a worker who has left their completion code, and whether they may continue."""
    exit_ = leaving.exit_of(worker.study, worker.outcome)
    context = {
        "study": worker.study,
        "worker": worker,
        "exit": exit_,
        "link": leaving.return_link_of(Worker.objects.select_related("study").get(pk=worker.pk), exit_),
        "may_resume": leaving.may_resume(worker),
        # Only this one is about the end.
        "notice": NOTICES["late"] if request.GET.get("notice") == "late" else "",
    }
    return render(request, "annotation/worker/done.html", context)


@for_worker()
@by_post
@refusable
def finish(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Completes a worker who has voted enough and wants to stop."""
    return go_on(request, leaving.finish(worker, timezone.now()))


@for_worker(Stage.DONE)
@by_post
def resume(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Lets a completed worker continue if the study is open and they have votes left."""
    worker = leaving.resume(worker)
    return go_on(request, worker, "resumed" if worker.stage == Stage.VOTING else "")


@for_worker()
def withdraw(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Asks by saying what will happen, then does it; only in the worker's own browser."""
    if known_since(request, worker) is not None:
        return worker_session.not_your_browser(request, worker)
    if request.method == "POST":
        return go_on(request, leaving.withdraw(worker, timezone.now()))
    return render(request, "annotation/worker/withdraw.html", {"study": worker.study, "worker": worker})
