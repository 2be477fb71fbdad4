"""Pages of a judge's benchmarks: start, progress, results and calls."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from annotation.interchange.faults import Fault
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted
from annotation.views.downloads import csv_download
from annotation.views.paging import paged
from judges.benchmarks import calls as benchmark_calls
from judges.benchmarks import planning, reports, runs
from judges.benchmarks.calls import FOUND, CallFilter
from judges.benchmarks.runs import benchmark_life
from judges.benchmarks.sets import Faulty
from judges.forms.benchmarks import BenchmarkForm
from judges.models import BenchmarkRun, CallState, Judge
from judges.results import reply_text
from judges.views.judges import may_add
from judges.views.runs import RunPages

PAGES: Final = RunPages(benchmark_life, "judges/benchmark.html", "judge-benchmark", "judge-benchmark-calls")


@login_required
@require_safe
def benchmarks(request: AdministratorRequest, number: int) -> HttpResponse:
    """Lists a judge's benchmarks, newest first, with their accuracy per set."""
    judge = get_object_or_404(Judge, pk=number)
    page = paged(request, runs.runs_of(judge), 10)
    context = {
        "section": "judges",
        "judge": judge,
        "runs": page,
        "found": [(run, reports.report(run)) for run in page],
    }
    return render(request, "judges/benchmarks.html", context)


@login_required
@may_add
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: AdministratorRequest, number: int) -> HttpResponse:
    """Estimates a benchmark and stores uploaded files as sets; starts it on a second submit."""
    judge = get_object_or_404(Judge, pk=number)
    form = BenchmarkForm(posted(request), request.FILES if request.method == "POST" else None)
    context: dict[str, Any] = {"section": "judges", "judge": judge, "form": form}
    if form.is_valid():
        try:
            sets = form.keep(request.user)
            if not sets:
                form.add_error(None, _("Choose a preference set or upload a preference file."))
            elif "start" in request.POST:
                run = runs.start(judge.current, sets, form.terms(), timezone.now(), user=request.user)
                return redirect("judge-benchmark", number, run.pk)
            else:
                context["estimate"] = planning.estimate(judge.current, sets, form.terms())
                context["form"] = BenchmarkForm(_chosen(request, sets))
        except NotPossible as refusal:
            messages.error(request, str(refusal))
        except Faulty as faulty:
            context |= {"faults": list(_told(faulty.faults)), "count": faulty.count}
    return render(request, "judges/benchmark_new.html", context)


def _chosen(request: AdministratorRequest, sets: Iterable[Any]) -> Any:
    """Returns the posted data with uploaded files replaced by their sets, because browsers do not resend files."""
    data = request.POST.copy()
    data.setlist("sets", [str(each.pk) for each in sets])
    return data


def _told(faults: Iterable[Fault]) -> Iterator[tuple[Fault, str]]:
    for fault in faults:
        yield fault, _(fault.reason) % fault.values


def _run(number: int, run: int) -> BenchmarkRun:
    # Look up the judge first: Django handles primary keys of any size, but a foreign key of 30 digits overflows.
    return get_object_or_404(runs.runs_of(get_object_or_404(Judge, pk=number)), pk=run)


@login_required
@require_safe
def benchmark(request: AdministratorRequest, number: int, run: int) -> HttpResponse:
    """Shows a benchmark: progress, and accuracy per set and overall."""
    found = _run(number, run)
    if request.htmx:
        # The partial has no results table, so htmx reloads the whole page when the benchmark has ended.
        return PAGES.show(request, found, number, run) if found.live else HttpResponseClientRefresh()
    more = {"section": "judges", "judge": found.version.judge, "report": reports.report(found)}
    more["some_wrong"] = benchmark_calls.chosen(found, CallFilter(found="wrong")).exists()
    return PAGES.show(request, found, number, run, **more)


@login_required
@may_add
@require_POST
def change_benchmark(request: AdministratorRequest, number: int, run: int, change: str) -> HttpResponse:
    """Pauses, resumes or cancels a benchmark."""
    return PAGES.change(request, _run(number, run), change, number, run)


@login_required
@require_safe
def benchmark_csv(request: AdministratorRequest, number: int, run: int) -> HttpResponseBase:
    """Downloads a benchmark's accuracy per set as CSV."""
    rows = reports.lines(reports.report(_run(number, run)))
    return csv_download(reports.COLUMNS, rows, f"judge-{number}-benchmark-{run}.csv")


@login_required
@require_safe
def benchmark_json(request: AdministratorRequest, number: int, run: int) -> HttpResponse:
    """Downloads a benchmark and its accuracy per set as JSON."""
    found = _run(number, run)
    return JsonResponse(reports.as_json(found, reports.report(found)))


@login_required
@require_safe
def calls(request: AdministratorRequest, number: int, run: int) -> HttpResponse:
    """Lists the calls that count for a benchmark."""
    found = _run(number, run)
    sets = list(found.sets.all())
    asked = request.GET
    filters = CallFilter.of(sets, asked.get("state", ""), asked.get("set", ""), asked.get("found", ""))
    page = paged(request, benchmark_calls.chosen(found, filters))
    context = {
        "section": "judges",
        "judge": found.version.judge,
        "run": found,
        "filters": filters,
        "sets": sets,
        "states": CallState.choices,
        "founds": FOUND,
        "page": page,
        "calls": [(call, benchmark_calls.found(found, call)) for call in page],
    }
    return render(request, "judges/benchmark_calls.html", context)


CALL_COLUMNS: Final = (
    *("call", "preference", "shown", "state", "says", "score", "found", "benchmark", "tokens_in", "tokens_out"),
    *("cost_nanos", "seconds", "model", "received_at"),
)


@login_required
@require_safe
def calls_csv(request: AdministratorRequest, number: int, run: int) -> HttpResponseBase:
    """Downloads the calls that count for a benchmark as CSV; costs are in nanos."""
    found = _run(number, run)

    def line(call: Any) -> tuple[Any, ...]:
        reply = call.reply
        named = (call.pk, str(call.preference), call.shown, call.state)
        said = (reply.says, reply.score) if reply else ("", None)
        took = (reply.tokens_in, reply.tokens_out) if reply else (None, None)
        came = (reply.seconds, reply.model, reply.received_at.isoformat()) if reply else (None, "", None)
        outcome = benchmark_calls.found(found, call)
        return (*named, *said, outcome, call.run_id, *took, call.cost, *came)

    rows = (line(call) for call in benchmark_calls.chosen(found, CallFilter()).iterator(500))
    return csv_download(CALL_COLUMNS, rows, f"judge-{number}-benchmark-{run}-calls.csv")


@login_required
@require_safe
def call(request: AdministratorRequest, number: int, run: int, call: int) -> HttpResponse:
    """Shows a call: the preference, requests, replies and the verdict read."""
    found = _run(number, run)
    asked = get_object_or_404(benchmark_calls.chosen(found, CallFilter()), pk=call)
    replies = [
        (reply, reply_text.words(reply.raw), json.loads(reply.request).get("messages", []))
        for reply in asked.replies.order_by("-pk")
    ]
    context = {
        "section": "judges",
        "judge": found.version.judge,
        "run": found,
        "call": asked,
        "outcome": benchmark_calls.found(found, asked),
        "entries": asked.preference.entries.filter(preferences__in=found.sets.all()).select_related("preferences"),
        "replies": replies,
    }
    return render(request, "judges/benchmark_call.html", context)
