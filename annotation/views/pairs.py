"""The pages of a study's pairs: generation and coverage."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import overview
from annotation.drawing import progress
from annotation.forms.pairs import PairsForm
from annotation.models import PairRunState, Study
from annotation.pair_making import background
from annotation.pair_making.selections import SELECTIONS
from annotation.studies import lifecycle
from annotation.views.access import AdministratorRequest, posted, show, texts_page
from annotation.views.downloads import csv_download
from annotation.voting import coverage

UNDER_WAY = [PairRunState.WAITING, PairRunState.RUNNING]


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Shows the study's coverage and the form that makes pairs; a POST starts a run in the background."""
    form = PairsForm(posted(request))
    if form.is_valid():
        options = {name: form.cleaned_data[name] for name in ("neighbours", "per_prompt", "seed")}
        run = background.submit(study, request.user, form.cleaned_data["strategy"], options)
        return redirect("study-pair-run", study.slug, run.pk)
    context = {
        "form": form,
        "runs": study.pair_runs.all()[:10],
        "selections": SELECTIONS.values(),
        "many_votes": coverage.has_many_votes(study),
        "new_models": progress.new_models(study),
    }
    # Counting a million votes takes seconds: the page opens first, and asks for the figures afterwards.
    if request.htmx or "coverage" in request.GET or not context["many_votes"]:
        votes, pace = coverage.coverage(study), coverage.pace(study, timezone.now())
        phrases = [overview.covered(votes.share), overview.time_left(pace)]
        context |= {"coverage": votes, "pace": pace, "phrases": phrases}
        if study.is_adaptive:
            context["draws"] = progress.progress(study, timezone.now())
    return show(request, study, "pairs.html", "pairs", part="coverage", **context)


@texts_page
@require_safe
def coverage_csv(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Sends the coverage of each prompt as CSV: its pairs, and the votes wanted and given."""
    rows = coverage.coverage(study).prompts
    cells = ((part.number, part.name, part.type, part.pairs, part.wanted, part.votes) for part in rows)
    return csv_download(("prompt", "slug", "type", "pairs", "wanted", "votes"), cells, f"{study.slug}-coverage.csv")


@texts_page
@require_safe
def run(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a run's progress or outcome; htmx polls the part that changes."""
    found = get_object_or_404(study.pair_runs, pk=number)
    under_way = found.state in UNDER_WAY
    context = {"run": found, "under_way": under_way, "interrupted": found.is_interrupted(timezone.now())}
    return show(request, study, "pair_run.html", "pairs", part="run", **context)


@texts_page
@require_POST
def add_models(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Adds the prompt set's new models to the study, and in a fixed one makes their pairs as the last run did."""
    new = progress.new_models(study)
    study = lifecycle.add_models(study, new)
    if new:
        messages.success(request, _("Models added: %(names)s.") % {"names": ", ".join(model.name for model in new)})
    run = background.submit_again(study, request.user) if new and not study.is_adaptive else None
    return redirect("study-pair-run", study.slug, run.pk) if run else redirect("study-pairs", study.slug)


@texts_page
@require_POST
def cancel_run(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Cancels a run that has stored no pairs yet."""
    if background.cancel(get_object_or_404(study.pair_runs, pk=number), timezone.now()):
        messages.success(request, _("Run cancelled. No pairs were saved."))
    else:
        messages.error(request, _("The run finished before it could be cancelled."))
    return redirect("study-pair-run", study.slug, number)
