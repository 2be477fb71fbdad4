"""A worker's session: identifying them, sending them to their current stage, and message pages.

A worker is identified by a signed cookie on the study's path, or by the participant ID in the link; the
Django session is never read. Browsers may not cache any page.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, Final
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect

from annotation.devices import Device, device_class
from annotation.models import Status, Study, Worker
from annotation.models.voting import Stage
from annotation.voting import assignments, leaving

COOKIE: Final = "llmfao-worker"
TOLD: Final = "llmfao-told"
"""The notice that a page has told, so that a reload does not tell it again."""
REMEMBERED: Final = timedelta(days=180)

PAGES: Final = {
    Stage.CONSENT: "join",
    Stage.INSTRUCTIONS: "worker-instructions",
    Stage.TRAINING: "worker-training",
    Stage.VOTING: "worker-vote",
    Stage.DONE: "worker-done",
}
"""The page of each stage."""

type WorkerView = Callable[Concatenate[HttpRequest, Worker, ...], HttpResponse]
type SlugView = Callable[Concatenate[HttpRequest, ...], HttpResponse]


class HttpResponseSeeOther(HttpResponseRedirect):
    """A redirect that the browser follows with GET, whatever the method of the request."""

    status_code = 303


def remember(response: HttpResponse, worker: Worker) -> HttpResponse:
    """Sets the cookie that identifies the worker, for the pages of this study only."""
    slug = worker.study.slug
    response.set_signed_cookie(
        COOKIE,
        str(worker.pk),
        salt=_salt(slug),
        max_age=REMEMBERED,
        path=reverse("join", args=[slug]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def remembered(request: HttpRequest, slug: str) -> int | None:
    """Returns the worker's primary key from the cookie; None if it is missing or its signature is invalid."""
    value = request.get_signed_cookie(COOKIE, None, salt=_salt(slug), max_age=REMEMBERED)
    return int(value) if value and value.isdecimal() else None


def _salt(slug: str) -> str:
    return f"annotation.worker.{slug}"


def device_of(request: HttpRequest) -> Device:
    """Returns the device class from the request headers and the touch points that the page's script sent."""
    touch = request.POST.get("touch", "")
    return device_class(request.headers, int(touch) if touch.isdecimal() and len(touch) < 4 else 0)


def is_htmx(request: HttpRequest) -> bool:
    """Returns whether htmx sent the request and will replace only a part of the page."""
    return "HX-Request" in request.headers


def go(request: HttpRequest, name: str, worker: Worker, notice: str = "") -> HttpResponse:
    """Redirects to a page of the worker's study, which shows `notice` once; htmx is told to load the whole page."""
    url = reverse(name, args=[worker.study.slug]) + (f"?notice={notice}" if notice else "")
    response = HttpResponseClientRedirect(url) if is_htmx(request) else HttpResponseSeeOther(url)
    if notice and TOLD in request.COOKIES:
        response.delete_cookie(TOLD, path=reverse("join", args=[worker.study.slug]), samesite="Lax")
    return response


def notice(request: HttpRequest) -> str:
    """Returns the notice in the page's address; empty if it was told before, and the page is only reloaded."""
    word = request.GET.get("notice", "")
    return "" if word == request.COOKIES.get(TOLD) else word


def tell_once(request: HttpRequest, response: HttpResponse, study: Study) -> HttpResponse:
    """Remembers in the browser that the notice of this page was told."""
    if word := notice(request):
        path = reverse("join", args=[study.slug])
        response.set_cookie(TOLD, quote(word[:20]), path=path, httponly=True, samesite="Lax")
    return response


def go_on(request: HttpRequest, worker: Worker, notice: str = "") -> HttpResponse:
    """Redirects to the page of the worker's stage."""
    return go(request, PAGES[Stage(worker.stage)], worker, notice)


def calm(
    request: HttpRequest, study: Study, title: str, text: str, *, action: str = "", url: str = "", status: int = 200
) -> HttpResponse:
    """Renders a message page: what happened, and one thing to do."""
    context = {"study": study, "heading": title, "text": text, "action": action, "url": url}
    return render(request, "annotation/worker/calm.html", context, status=status)


def my_pair(request: HttpRequest, worker: Worker, title: str, text: str, *, status: int) -> HttpResponse:
    """Renders a message page that links to the page of the worker's stage."""
    url = reverse(PAGES[Stage(worker.stage)], args=[worker.study.slug])
    return calm(request, worker.study, title, text, action=_("Continue"), url=url, status=status)


def not_yours(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Renders the message that the pair was not assigned to this worker (404)."""
    text = _("This pair wasn’t assigned to you, so nothing was saved. Please go back to your own pair.")
    return my_pair(request, worker, _("This isn’t your pair"), text, status=404)


def no_answer(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Renders the message that what the page sent could not be read (400)."""
    text = _("We couldn’t read what this page sent. Please try again.")
    return my_pair(request, worker, _("Nothing was saved"), text, status=400)


def _unknown(request: HttpRequest, slug: str) -> HttpResponse:
    study = get_object_or_404(Study, slug=slug)
    text = _(
        "Cookies may have been deleted or blocked. If you came from a link, please open that link again. "
        "Everything you have done so far is saved."
    )
    url = reverse("join", args=[slug])
    title = _("We don’t recognise this browser")
    return calm(request, study, title, text, action=_("Go to the first page"), url=url, status=403)


def by_post(view: WorkerView) -> WorkerView:
    """Decorates a view that changes data: a GET, by the back button or a bookmark, redirects to the worker's stage."""

    @wraps(view)
    def wrapped(request: HttpRequest, worker: Worker) -> HttpResponse:
        return view(request, worker) if request.method == "POST" else go_on(request, worker)

    return wrapped


def for_worker(*stages: Stage) -> Callable[[WorkerView], SlugView]:
    """Decorates a view for workers at one of `stages` (any, if none is given); others are redirected to theirs."""

    def decorate(view: WorkerView) -> SlugView:
        @wraps(view)
        @never_cache
        def wrapped(request: HttpRequest, slug: str, **more: str) -> HttpResponse:
            worker_id = remembered(request, slug)
            worker = None if worker_id is None else assignments.known(worker_id, slug)
            if worker is None:
                return _unknown(request, slug)
            if worker.stage in (Stage.INSTRUCTIONS, Stage.TRAINING) and worker.study.status != Status.OPEN:
                worker = leaving.complete(worker, timezone.now())
            if stages and worker.stage not in stages:
                return go_on(request, worker)
            return view(request, worker, **more)

        return wrapped

    return decorate
