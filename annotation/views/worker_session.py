"""A worker's session: identifying them, sending them to their current stage, and message pages.

A worker is identified by a signed cookie on the study's path, or by the participant ID in the link; the
Django session is never read. Browsers may not cache any page.

An ID may be known to others: whoever comes by it alone can continue voting, but sees nothing that was answered before,
and cannot withdraw it. That takes the browser in which the worker agreed, or a link that the study's people made.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from math import ceil
from typing import Concatenate, Final, Self
from urllib.parse import quote

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from annotation.devices import Device, device_class
from annotation.models import Status, Study, Worker
from annotation.models.voting import Stage
from annotation.voting import assignments, leaving

COOKIE: Final = "llmfao-worker"
TOLD: Final = "llmfao-told"
"""The notice that a page has told, so that a reload does not tell it again."""
REMEMBERED: Final = timedelta(days=180)
MOST_OWN: Final = 20
"""Workers who agreed in one browser, such as a shared one, that it remembers."""

PERSONAL: Final = timedelta(days=7)
"""How long a personal link works."""

PAGES: Final = {
    Stage.CONSENT: "join",
    Stage.INSTRUCTIONS: "worker-instructions",
    Stage.TRAINING: "worker-training",
    Stage.VOTING: "worker-vote",
    Stage.DONE: "worker-done",
}
"""The page of each stage."""

METHODS: Final = ["GET", "HEAD", "POST"]
"""Of workers' pages. Any other is refused before it could change anything."""

type WorkerView = Callable[Concatenate[HttpRequest, Worker, ...], HttpResponse]
type SlugView = Callable[Concatenate[HttpRequest, ...], HttpResponse]


class HttpResponseSeeOther(HttpResponseRedirect):
    """A redirect that the browser follows with GET, whatever the method of the request."""

    status_code = 303


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the cookie says.

    Attributes:
        worker_id: the worker who uses the browser now.
        since: since when it knows them by their ID alone, in seconds of Unix time; None if it is their own browser.
        own: the workers who agreed in this browser, or came by a personal link.
    """

    worker_id: int
    since: int | None = None
    own: tuple[int, ...] = ()

    @classmethod
    def read(cls, value: str) -> Self | None:
        """Parses the cookie `7:1700000000:3,4`; a plain `7` is of an earlier version, which trusted every browser."""
        if value.isdecimal():
            return cls(int(value), None, (int(value),))
        parts = re.fullmatch(r"(\d+):(\d*):([\d,]*)", value)
        if parts is None:
            return None
        own = tuple(int(word) for word in parts[3].split(",") if word)
        return cls(int(parts[1]), int(parts[2]) if parts[2] else None, own)

    def __str__(self) -> str:
        return f"{self.worker_id}:{'' if self.since is None else self.since}:{','.join(map(str, self.own))}"


def recognised(request: HttpRequest, worker: Worker, at: datetime, *, proven: bool) -> Remembered:
    """Returns what the browser remembers of `worker` from now on; with `proven`, it is the worker's own."""
    before = _cookie(request, worker.study.slug) or Remembered(worker.pk, ceil(at.timestamp()))
    if proven or worker.pk in before.own:
        own = (*(each for each in before.own if each != worker.pk), worker.pk)
        return Remembered(worker.pk, None, own[-MOST_OWN:])
    same = before.worker_id == worker.pk and before.since is not None
    return Remembered(worker.pk, before.since if same else ceil(at.timestamp()), before.own)


def known_since(request: HttpRequest, worker: Worker) -> datetime | None:
    """Returns since when this browser knows `worker` by their ID alone; None if it is their own."""
    found = _cookie(request, worker.study.slug)
    return None if found is None or found.since is None else datetime.fromtimestamp(found.since, UTC)


def personal_token(worker: Worker) -> str:
    """Returns the token of a link that makes a browser the worker's own, for `PERSONAL`."""
    return signing.dumps(worker.pk, salt=f"{_salt(worker.study.slug)}.personal")


def of_personal_token(study: Study, token: str) -> Worker | None:
    """Returns the worker of a personal link; None if it has expired or was not made here."""
    try:
        worker_id = signing.loads(token, salt=f"{_salt(study.slug)}.personal", max_age=PERSONAL)
    except signing.BadSignature:
        return None
    return study.workers.select_related("study", "rater").filter(pk=worker_id).first()


def remember(response: HttpResponse, worker: Worker, known: Remembered | None = None) -> HttpResponse:
    """Sets the cookie that identifies the worker, for the pages of this study only; by default as their own browser."""
    slug = worker.study.slug
    response.set_signed_cookie(
        COOKIE,
        str(known or Remembered(worker.pk, None, (worker.pk,))),
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
    found = _cookie(request, slug)
    return None if found is None else found.worker_id


def _cookie(request: HttpRequest, slug: str) -> Remembered | None:
    value = request.get_signed_cookie(COOKIE, None, salt=_salt(slug), max_age=REMEMBERED)
    return Remembered.read(value) if value else None


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


def not_your_browser(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Renders the message that this takes the worker's own browser, or a personal link (403)."""
    text = _(
        "To protect your answers, this only works in the browser in which you agreed to take part. If you no longer "
        "have it, ask the people who run this study for a personal link."
    )
    return my_pair(request, worker, _("Use your first browser"), text, status=403)


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
        @require_http_methods(METHODS)
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
