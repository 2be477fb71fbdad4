"""The pages of a leaderboard. They read snapshots; nothing is computed in a request."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotation.models import Study
from ranking import judging, matches, pages, reports
from ranking.comparisons import ALL, Filters
from ranking.methods.settings import Settings
from ranking.models import Leaderboard, State
from ranking.pages import Asked
from ranking.sheet import csv_lines


def study_for(request: HttpRequest, slug: str) -> tuple[Study, bool]:
    """The study at `slug`, if its results are public or the visitor's to see, and whether they run it."""
    mine = Study.objects.visible_to(request.user).filter(slug=slug).first()
    return mine or get_object_or_404(Study.objects.public(), slug=slug), mine is not None


@require_safe
def leaderboard(request: HttpRequest, slug: str) -> HttpResponse:
    study, runs_it = study_for(request, slug)
    asked = Asked.of(request.GET.dict())
    boards = Leaderboard.objects.of(study, asked.filters(), asked.settings())
    page = pages.page(study, asked, boards.finished().newest(), waiting=boards.unfinished().exists())
    return render(request, "ranking/leaderboard.html", {"study": study, "runs_it": runs_it, "page": page})


def _ready(study: Study, asked: Asked) -> Leaderboard:
    snapshot = Leaderboard.objects.of(study, asked.filters(), asked.settings()).finished().newest()
    if snapshot is None or snapshot.state != State.READY:
        raise Http404
    return snapshot


@require_safe
def as_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    snapshot = _ready(study_for(request, slug)[0], Asked.of(request.GET.dict()))
    headers = {"Content-Disposition": f'attachment; filename="{snapshot.file_name}.csv"'}
    return StreamingHttpResponse(csv_lines(snapshot.sheet), content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
def as_json(request: HttpRequest, slug: str) -> JsonResponse:
    snapshot = _ready(study_for(request, slug)[0], Asked.of(request.GET.dict()))
    headers = {"Content-Disposition": f'attachment; filename="{snapshot.file_name}.json"'}
    return JsonResponse(snapshot.as_json(), headers=headers)


@require_safe
def wins(request: HttpRequest, slug: str) -> HttpResponse:
    """The heat table of win fractions."""
    study, runs_it = study_for(request, slug)
    asked = Asked.of(request.GET.dict())
    snapshot = _ready(study, asked)
    context = {"study": study, "runs_it": runs_it, "snapshot": snapshot, "query": asked.query()}
    switches = pages.switches(study, asked)
    return render(request, "ranking/wins.html", {**context, "heats": matches.heat(snapshot), "switches": switches})


@require_safe
def one_model(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A model against each opponent."""
    study, runs_it = study_for(request, slug)
    asked = Asked.of(request.GET.dict())
    snapshot = _ready(study, asked)
    found = matches.one_model(snapshot, get_object_or_404(study.prompt_set.models, number=number))
    context = {"study": study, "runs_it": runs_it, "snapshot": snapshot, "query": asked.query()}
    return render(request, "ranking/model.html", {**context, "found": found, "switches": pages.switches(study, asked)})


@require_safe
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """People against judges."""
    study, runs_it = study_for(request, slug)
    asked = Filters(raters=ALL), Settings(method=reports.METHOD)
    snapshot = Leaderboard.objects.of(study, *asked).finished().newest()
    context: dict[str, object] = {"study": study, "runs_it": runs_it, "snapshot": snapshot}
    if snapshot is not None:
        context |= {"people": judging.people(snapshot), "judges": judging.judged(snapshot)}
    return render(request, "ranking/agreement.html", context)
