"""The pages of the documentation."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from llmfao_site.help import pages


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Shows the index of the documentation."""
    return render(request, "site/help.html", {"page": pages.page(pages.INDEX)})


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One page of the documentation, with the way to the others of its section."""
    try:
        shown = pages.page(name)
    except KeyError as unknown:
        raise Http404 from unknown
    if shown.name == pages.INDEX:
        raise Http404
    sections = {heading.anchor for heading in pages.page(pages.INDEX).headings}
    context = {
        "page": shown,
        "section_address": pages.address(pages.INDEX, shown.section if shown.section in sections else ""),
        "siblings": pages.section_pages(shown.section) if shown.section else [],
    }
    return render(request, "site/help.html", context)
