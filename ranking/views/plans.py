"""Views of plans: the form, and what simulated studies find. The simulation runs in the background."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import Study
from annotation.snapshots import State
from annotation.views.access import AdministratorRequest, posted, study_for
from annotation.views.downloads import csv_download, download
from ranking.forms import PlanForm, of_study
from ranking.models import Plan
from ranking.pages import plan as words
from ranking.papers import charts
from ranking.plans import background


def _plan(user: User, number: int) -> Plan:
    """Returns the plan `number` of `user`. Raises Http404 for anybody else's."""
    return get_object_or_404(Plan.objects.filter(owner=user).select_related("study", "pilot__study"), pk=number)


def _ready(user: User, number: int) -> Plan:
    return get_object_or_404(Plan.objects.filter(owner=user, state=State.READY), pk=number)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: AdministratorRequest) -> HttpResponse:
    """Shows the form and the user's plans; a POST asks for a new one. `study` names the draft it is for."""
    slug = request.GET.get("study", "")
    study: Study | None = study_for(request.user, slug) if slug else None
    form = PlanForm(request.user, posted(request), None if study is None else of_study(study))
    status = 200
    if form.is_valid():
        pilot = form.cleaned_data["pilot"]
        try:
            made = background.submit(request.user, form.request(), timezone.now(), study=study, pilot=pilot)
        except background.TooMany:
            form.add_error(None, _("Your other plans are still being simulated. Wait until one is finished."))
            status = 429
        else:
            return redirect("plan", made.pk)
    plans = Plan.objects.filter(owner=request.user).select_related("study").defer("sheet")
    context = {"section": "studies", "form": form, "groups": form.groups(), "study": study, "plans": plans}
    return render(request, "ranking/plans.html", context, status=status)


@login_required
@require_safe
def page(request: AdministratorRequest, number: int) -> HttpResponse:
    """Shows a plan. While it is simulated, htmx polls the part that changes."""
    found = _plan(request.user, number)
    context = {"section": "studies", "plan": found, "interrupted": found.is_interrupted(timezone.now())}
    if found.state == State.READY:
        context["shown"] = words.page(found.sheet)
    template = "ranking/plan.html#plan" if request.htmx else "ranking/plan.html"
    return render(request, template, context)


@login_required
@require_POST
def delete(request: AdministratorRequest, number: int) -> HttpResponse:
    """Deletes a plan; one that is being simulated stops."""
    _plan(request.user, number).delete()
    messages.success(request, _("Plan deleted."))
    return redirect("plans")


@login_required
@require_safe
def as_json(request: AdministratorRequest, number: int) -> JsonResponse:
    """Downloads a plan as JSON."""
    headers = {"Content-Disposition": f'attachment; filename="plan-{number}.json"'}
    return JsonResponse(_ready(request.user, number).sheet, headers=headers)


@login_required
@require_safe
def curve_csv(request: AdministratorRequest, number: int) -> HttpResponseBase:
    """Downloads what studies find by the number of votes as CSV."""
    sheet = _ready(request.user, number).sheet
    return csv_download(words.CURVE, words.curve(sheet), f"plan-{number}-votes.csv")


@login_required
@require_safe
def ranks_csv(request: AdministratorRequest, number: int) -> HttpResponseBase:
    """Downloads the rank ranges of each place as CSV."""
    sheet = _ready(request.user, number).sheet
    return csv_download(words.RANKS, words.ranks(sheet), f"plan-{number}-ranks.csv")


@login_required
@require_safe
def curve_svg(request: AdministratorRequest, number: int) -> HttpResponseBase:
    """Downloads the chart of what studies find by the number of votes."""
    drawing = charts.plan(words.page(_ready(request.user, number).sheet).chart)
    return download([drawing], f"plan-{number}-votes.svg", "image/svg+xml")
