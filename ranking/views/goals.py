"""The page of a study's goal, for people who run the study."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.models import Study
from annotation.views.access import AdministratorRequest, study_page
from ranking.boards import requests
from ranking.methods.settings import Settings
from ranking.pages import goal as goal_page
from ranking.reports import goal
from ranking.votes.reader import ALL, Filters


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Shows how far the study is from its goal; a POST requests a check in the background."""
    if request.method == "POST" and goal.goal_of(study) is not None:
        try:
            requests.ask_for(study, Filters(raters=ALL), Settings(method=goal.METHOD), timezone.now(), runs_it=True)
        except requests.TooMany:
            messages.error(request, _("Too many leaderboards are being computed. Try again in a few minutes."))
        else:
            messages.success(request, _("The goal is checked in the background. Reload this page in a moment."))
        return redirect("study-goal", study.slug)
    found = goal_page.progress(study)
    context = {"section": "studies", "study": study, "tab": "goal", "progress": found}
    context["too_few_planned"] = goal_page.too_few_planned(study, found)
    context["simulated"] = study.raters.filter(simulated=True).exists()
    return render(request, "ranking/goal.html", context)
