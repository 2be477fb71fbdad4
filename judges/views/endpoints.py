"""What the pages of endpoints have in common: the connection test, and what is said about a saved endpoint."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from annotation.stored_problems import told
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest
from judges import problems
from judges.forms.answers import SourceForm
from judges.forms.judges import JudgeForm
from judges.llm.api_keys import NoKey, is_stored
from judges.models.work import Access


def tested(request: AdministratorRequest, form: JudgeForm | SourceForm) -> dict[str, Any]:
    """Returns what a page shows of the connection test that was asked for; empty if none was."""
    if "test" not in request.POST:
        return {}
    if not form.is_valid():
        return {"refused": _("Correct the errors in the form first.")}
    try:
        found = form.test(request.user)
    except NotPossible as refusal:
        return {"refused": str(refusal)}
    return {"tested": found, "tested_problem": told(found.problem)}


def show(request: AdministratorRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Shows a page with an endpoint's form; for htmx, only what came of the connection test."""
    only_test = request.htmx and "test" in request.POST
    return render(request, "judges/tested.html" if only_test else template, context)


def say_what_changed(request: AdministratorRequest, given: str, kept: Access, key_before: str) -> None:
    """Tells that an address was shortened, or that a stored key was deleted because it is for another host."""
    if kept.endpoint != given:
        messages.info(request, told(problems.ENDPOINT_SHORTENED(endpoint=kept.endpoint)))
    if is_stored(key_before) and not kept.key_source:
        messages.warning(
            request, _("The stored API key was deleted. It is only for the endpoint it was pasted for: paste it again.")
        )


def key_problem(access: Access) -> str:
    """Returns why the key of `access` is not available, in the reader's language; empty if it is."""
    try:
        access.connect()
    except NoKey as missing:
        return told(missing.problem)
    return ""
