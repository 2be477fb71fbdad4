"""Views of leaderboards. They read snapshots and compute nothing during a request."""

from collections.abc import Mapping

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from annotation.models import Study
from annotation.snapshots import State
from annotation.studies.prompt_sets import why_private
from annotation.views.access import results_for, sees_pairs
from annotation.views.downloads import download
from ranking.board_data import csv_lines
from ranking.boards import requests
from ranking.methods.registry import METHODS
from ranking.models import Leaderboard
from ranking.pages import citation, heat_table, leaderboard
from ranking.pages.leaderboard import Found
from ranking.pages.model import beside, opponents
from ranking.pages.options import Asked, Names, switches
from ranking.pairs import search


@require_safe
def board_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the leaderboard that the URL describes. A waiting page polls it with HTMX."""
    study, runs_it = results_for(request, slug)
    found = leaderboard.find(study, Asked.of(request.GET.dict()))
    if request.headers.get("HX-Request"):
        # A waiting page polls until the board is ready.
        return HttpResponse(status=204) if found.under_way else HttpResponseClientRefresh()
    return _page(request, study, found, {"runs_it": runs_it, "tab": "board"})


def _page(
    request: HttpRequest, study: Study, found: Found, context: Mapping[str, object], status: int = 200
) -> HttpResponse:
    """Renders the page of a board, or of the reason why there is none."""
    names = Names.of(study)
    if found.snapshot is None and not names.hold(found.asked):
        raise Http404
    page = leaderboard.page(study, found, names, timezone.now())
    cited = page.board and citation.citation(page.board.snapshot, page.switches, request.build_absolute_uri)
    context = {"study": study, "page": page, "citation": cited, **context}
    return render(request, "ranking/leaderboard.html", context, status=status)


@require_POST
def compute(request: HttpRequest, slug: str) -> HttpResponse:
    """Requests the board that the URL describes, to be computed in the background."""
    study, runs_it = results_for(request, slug)
    asked = Asked.of(request.GET.dict())
    filters, settings = asked.filters(), asked.settings()
    if not Names.of(study).hold(asked):
        raise Http404
    try:
        requests.ask_for(study, filters, settings, timezone.now(), runs_it=runs_it)
    except requests.TooMany:
        context = {"runs_it": runs_it, "tab": "board", "too_many": True}
        return _page(request, study, leaderboard.find(study, asked), context, status=429)
    return HttpResponseRedirect(reverse("leaderboard", args=[study.slug]) + asked.query())


def _stored(study: Study, number: int) -> Leaderboard:
    """Returns the board `number` of `study`. Raises Http404 if it does not exist or belongs to another study."""
    ready = study.leaderboards.filter(state=State.READY, method__in=METHODS)
    return get_object_or_404(ready.select_related("study"), pk=number)


@require_safe
def one_board(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Shows a stored board at its permanent address."""
    study, runs_it = results_for(request, slug)
    snapshot = _stored(study, number)
    asked = Asked.about(snapshot)
    made = switches(asked, Names.of(study), snapshot)
    context = {
        "study": study,
        "runs_it": runs_it,
        "snapshot": snapshot,
        "made": made.all_words,
        "board": leaderboard.shown(snapshot) if snapshot.sheet else None,
        "query": asked.query(),
        "citation": citation.citation(snapshot, made, request.build_absolute_uri),
    }
    return render(request, "ranking/one_board.html", context)


def _ready(study: Study, asked: Asked) -> Leaderboard:
    snapshot = leaderboard.find(study, asked).snapshot
    if snapshot is None or snapshot.state != State.READY:
        raise Http404
    return snapshot


@require_safe
def as_csv(request: HttpRequest, slug: str, number: int | None = None) -> StreamingHttpResponse:
    """Downloads a board as CSV: the one with `number`, or the newest that the URL describes."""
    snapshot = _asked_or_stored(request, slug, number)
    return download(csv_lines(snapshot.sheet), f"{snapshot.file_name}.csv")


@require_safe
def as_json(request: HttpRequest, slug: str, number: int | None = None) -> JsonResponse:
    """Downloads a board as JSON: the one with `number`, or the newest that the URL describes."""
    snapshot = _asked_or_stored(request, slug, number)
    headers = {"Content-Disposition": f'attachment; filename="{snapshot.file_name}.json"'}
    return JsonResponse(snapshot.as_json(), headers=headers)


def _asked_or_stored(request: HttpRequest, slug: str, number: int | None) -> Leaderboard:
    """Returns a board whose results are stored: the one with `number`, or the newest that the URL describes."""
    study, _runs_it = results_for(request, slug)
    snapshot = _ready(study, Asked.of(request.GET.dict())) if number is None else _stored(study, number)
    if not snapshot.sheet:
        raise Http404
    return snapshot


@require_safe
def wins(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the heat table of win rates."""
    study, runs_it = results_for(request, slug)
    found = leaderboard.find(study, Asked.of(request.GET.dict()))
    if found.snapshot is None or found.stand != "board":
        return _page(request, study, found, {"runs_it": runs_it, "tab": "wins"})
    context = {"study": study, "runs_it": runs_it, "tab": "wins", "snapshot": found.snapshot}
    context |= {"query": found.asked.query(), "heats": heat_table.heat(found.snapshot)}
    context |= {"switches": switches(found.asked, Names.of(study), found.snapshot)}
    return render(request, "ranking/wins.html", context)


@require_safe
def wins_csv(request: HttpRequest, slug: str, number: int | None = None) -> StreamingHttpResponse:
    """Downloads the head-to-head results, of all models or of the model `number`."""
    snapshot = _asked_or_stored(request, slug, None)
    model = None if number is None else get_object_or_404(snapshot.study.prompt_set.models, number=number).name
    name = "-".join([snapshot.file_name, "wins", *([] if number is None else [str(number)])])
    return download(heat_table.csv_lines(snapshot, model), f"{name}.csv")


@require_safe
def one_model(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Shows one model: its results against each opponent, by each kind of rater, and sample pairs."""
    study, runs_it = results_for(request, slug)
    found = leaderboard.find(study, Asked.of(request.GET.dict()))
    model = get_object_or_404(study.prompt_set.models, number=number)
    if found.snapshot is None or found.stand != "board":
        return _page(request, study, found, {"runs_it": runs_it, "tab": "model"})
    context = {"study": study, "runs_it": runs_it, "snapshot": found.snapshot, "query": found.asked.query()}
    reads, public = sees_pairs(request.user, study)
    samples = search.shown(study, timezone.now(), to_all=not reads)
    shown = samples if reads or public else samples.none()
    private = "" if reads and not study.prompt_set.textless else why_private(request.user, study)
    one = heat_table.one_model(found.snapshot, model)
    context |= {
        "found": one,
        "opponents": opponents(study, model, one.opponents, found.asked.query(), all_pairs=not private),
    }
    context |= {"private": private, "beside": beside(study, shown, model, found.asked.raters)}
    context |= {"switches": switches(found.asked, Names.of(study), found.snapshot)}
    return render(request, "ranking/model.html", context)
