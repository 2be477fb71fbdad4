"""Views of what a paper takes from a board: a page, and the files that it links."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from annotation.models import Study
from annotation.snapshots import State
from annotation.views.access import results_for, sees_pairs
from annotation.views.downloads import download
from ranking.boards.recompute import CannotRecompute
from ranking.methods.registry import METHODS
from ranking.models import Leaderboard
from ranking.pages import agreement as agreement_page
from ranking.pages.model import beside
from ranking.pages.options import Asked, Names, switches
from ranking.pairs import search
from ranking.papers import charts, citation, methods_text, tables
from ranking.papers.files import FILES, SCRIPT, can_be_recomputed
from ranking.reports import agreement

SVG = "image/svg+xml"


def _board(study: Study, number: int) -> Leaderboard:
    """Returns the board `number` of `study` with its results. Raises Http404 if they are not stored."""
    ready = study.leaderboards.filter(state=State.READY, method__in=METHODS).select_related("study")
    board = get_object_or_404(ready, pk=number)
    if not board.sheet:
        raise Http404
    return board


def _may_read_votes(board: Leaderboard, study: Study, runs_it: bool) -> bool:
    """Returns whether the visitor may read single votes: as counted comparisons in the API.

    Votes of one background would tell who has it, which is private.
    """
    public = board.asked_filters().background is None and Study.objects.texts_public().filter(pk=study.pk).exists()
    return runs_it or public


@require_safe
def paper(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Shows what a paper takes from a board: citation, methods, tables, charts, and how to recompute it."""
    study, runs_it = results_for(request, slug)
    board = _board(study, number)
    made = switches(Asked.about(board), Names.of(study), board)
    votes = _may_read_votes(board, study, runs_it)
    recomputed = can_be_recomputed(board)
    files = {name: file for name, file in FILES.items() if votes or not file.with_votes}
    if not (recomputed and votes):
        files.pop(SCRIPT.name)
    context = {
        "study": study,
        "runs_it": runs_it,
        "snapshot": board,
        "bibtex": citation.entry(board, made, request.build_absolute_uri),
        "methods": methods_text.paragraph(board),
        "files": files,
        "votes": votes,
        "recomputed": recomputed,
        "report": Leaderboard.objects.newest_report(study, agreement.METHOD),
    }
    return render(request, "ranking/paper.html", context)


@require_safe
def paper_file(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponseBase:
    """Downloads one of the files of a board; votes only for those who may read them, if all are still there."""
    study, runs_it = results_for(request, slug)
    board = _board(study, number)
    file = FILES.get(name)
    if file is None or (file.with_votes and not _may_read_votes(board, study, runs_it)):
        raise Http404
    called = name if name == SCRIPT.name else f"{board.file_name}-{name}"
    try:
        return download(file.chunks(board), called, file.media)
    except CannotRecompute as refusal:
        return HttpResponse(str(refusal), "text/plain; charset=utf-8", HTTPStatus.CONFLICT)


@require_safe
def agreement_table(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    """Downloads the report on agreement as a LaTeX or Markdown table."""
    report = _report(request, slug)
    lines = tables.agreement_latex(report) if form == "tex" else tables.agreement_markdown(report)
    media = {"tex": "application/x-tex", "md": "text/markdown"}[form]
    return download(lines, f"{report.study.slug}-agreement-{report.pk}.{form}", f"{media}; charset=utf-8")


@require_safe
def agreement_chart(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads a chart of the report: scatter, scale or position, of people or of a judge."""
    report = _report(request, slug)
    rater, chart = request.GET.get("rater", "people"), request.GET.get("chart", "")
    judges = {judge.name: judge for judge in agreement_page.judged(report)}
    found = agreement_page.people(report) if rater == "people" else judges.get(rater)
    drawn: dict[str, Callable[..., str]] = {
        "scatter": charts.scatter,
        "scale": charts.histogram,
        "position": charts.position,
    }
    part = getattr(found, {"position": "place"}.get(chart, chart), None) if chart in drawn else None
    if part is None:
        raise Http404
    return _svg(drawn[chart](part, rater), f"{report.study.slug}-{chart}-{report.pk}")


def _report(request: HttpRequest, slug: str) -> Leaderboard:
    report = Leaderboard.objects.newest_report(results_for(request, slug)[0], agreement.METHOD)
    if report is None:
        raise Http404
    return report


@require_safe
def model_chart(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """Downloads the chart of a model's ratings by kind of rater."""
    study, _runs_it = results_for(request, slug)
    model = get_object_or_404(study.prompt_set.models, number=number)
    reads, _public = sees_pairs(request.user, study)
    shown = search.shown(study, timezone.now(), to_all=not reads).none()
    found = beside(study, shown, model, "people")
    if not found.ratings:
        raise Http404
    return _svg(charts.model(model.name, found), f"{study.slug}-model-{number}")


def _svg(drawing: str, name: str) -> HttpResponseBase:
    return download([drawing], f"{name}.svg", SVG)
