"""Views of the pair browser: search pairs and show the comparisons of each."""

from collections.abc import Iterator
from itertools import islice

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from annotation.models import Study
from annotation.models.pair import PairQuerySet
from annotation.studies.prompt_sets import voting_elsewhere, why_not_all
from annotation.views.access import pairs_for
from annotation.views.downloads import csv_download
from ranking.pages import pairs
from ranking.pairs import search
from ranking.pairs.search import Search, Sought

MOST_ROWS = 100_000
"""Most pairs in a CSV of matches, which is generated while it is sent."""

CHUNK = 500


def _pairs_of(request: HttpRequest, slug: str) -> tuple[Study, bool, PairQuerySet]:
    """Returns the study, whether its answers may be read, and its pairs. Raises Http404 if they have no texts."""
    study, reads = pairs_for(request, slug)
    if study.prompt_set.textless:
        raise Http404
    return study, reads, search.shown(study, timezone.now(), to_all=not reads)


def _number(request: HttpRequest, name: str) -> int | None:
    try:
        return int(request.GET.get(name, ""))
    except ValueError:
        return None


@require_safe
def pair_list(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Shows matching pairs, a page at a time. Empty form fields are removed from the URL."""
    study, reads, shown = _pairs_of(request, slug)
    if not reads and voting_elsewhere(study):
        context = {"study": study, "private": why_not_all(study), "nothing": True}
        return render(request, "ranking/pairs.html", context)
    sought = Sought.of(request.GET.dict())
    if "" in request.GET.values():
        return HttpResponseRedirect(request.path + sought.query())
    found = pairs.listing(study, shown, sought, after=_number(request, "after"), before=_number(request, "before"))
    context = {"study": study, "runs_it": reads, "sought": sought, "query": sought.query(), "found": found}
    context["private"] = "" if reads else why_not_all(study)
    context |= {"form": pairs.form(study, sought), "most_rows": MOST_ROWS}
    context["simulated"] = study.raters.filter(simulated=True).exists()
    return render(request, "ranking/pairs.html", context)


@require_safe
def one_pair(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Shows a pair with both answers and its comparisons. People who run the study can include uncounted ones."""
    study, reads, shown = _pairs_of(request, slug)
    sought = Sought.of(request.GET.dict())
    pair = get_object_or_404(
        shown.select_related("prompt", "model_x", "model_y", "result_x", "result_y"), number=number
    )
    all_rows = reads and request.GET.get("rows") == "all"
    found = pairs.one_pair(study, shown, pair, sought, all_rows=all_rows)
    context = {"study": study, "runs_it": reads, "query": sought.query(), "found": found, "all_rows": all_rows}
    context |= {"query_of_all": sought.query(rows="all"), "query_on": sought.query(after=number)}
    context["simulated"] = any(row.comparison.rater.simulated for row in found.told)
    return render(request, "ranking/pair.html", context)


@require_safe
def pairs_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads all matches as CSV, one row per pair. Raises Http404 while pairs are private."""
    study, reads, shown = _pairs_of(request, slug)
    if not reads and voting_elsewhere(study):
        raise Http404
    judges = pairs.judges_of(study)
    found = Search.of(study, shown, Sought.of(request.GET.dict()))

    def lines() -> Iterator[pairs.Line]:
        for keys in found.all(CHUNK):
            yield from pairs.lines_of(keys, judges)

    rows = pairs.csv_rows(islice(lines(), MOST_ROWS))
    simulated = "-simulated" if study.raters.filter(simulated=True).exists() else ""
    return csv_download((*pairs.COLUMNS, *judges), rows, f"{study.slug}-pairs{simulated}.csv")
