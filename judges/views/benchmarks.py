"""Pages of a judge's benchmarks."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotation.views.access import AdministratorRequest
from annotation.views.paging import paged
from annotation.views.tables import csv_download
from judges.models import BenchmarkRun, Judge
from judges.services import benchmarking


@login_required
@require_safe
def benchmarks(request: AdministratorRequest, number: int) -> HttpResponse:
    """A judge's benchmarks, the latest first, each with its accuracy over sets."""
    judge = get_object_or_404(Judge, pk=number)
    runs = paged(request, benchmarking.runs_of(judge), 10)
    context = {
        "section": "judges",
        "judge": judge,
        "runs": runs,
        "found": [(run, benchmarking.report(run)) for run in runs],
    }
    return render(request, "judges/benchmarks.html", context)


def _run(number: int, run: int) -> BenchmarkRun:
    found = BenchmarkRun.objects.select_related("version__judge", "user")
    return get_object_or_404(found, pk=run, version__judge=number)


@login_required
@require_safe
def benchmark(request: AdministratorRequest, number: int, run: int) -> HttpResponse:
    """One benchmark: accuracy of each set, and over them."""
    found = _run(number, run)
    context = {"section": "judges", "judge": found.version.judge, "run": found, "report": benchmarking.report(found)}
    return render(request, "judges/benchmark.html", context)


@login_required
@require_safe
def benchmark_csv(request: AdministratorRequest, number: int, run: int) -> HttpResponseBase:
    rows = benchmarking.lines(benchmarking.report(_run(number, run)))
    return csv_download(benchmarking.COLUMNS, rows, f"judge-{number}-benchmark-{run}.csv")


@login_required
@require_safe
def benchmark_json(request: AdministratorRequest, number: int, run: int) -> HttpResponse:
    found = _run(number, run)
    return JsonResponse(benchmarking.as_json(found, benchmarking.report(found)))
