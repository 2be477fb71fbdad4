"""Every component on one page, for axe and for the eye: `pytest.mark.urls("tests.browser.gallery")`."""

from pathlib import Path

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from annotation.markup import render
from llmfao_site.urls import urlpatterns as site

HERE = Path(__file__).parent


class Sample(forms.Form):
    name = forms.CharField(help_text="As it is shown to workers.")
    note = forms.CharField(widget=forms.Textarea, required=False)
    overlap = forms.IntegerField(initial=3)
    scale = forms.ChoiceField(choices=[("three", "left, tie, right"), ("two", "left, right")])
    strategy = forms.ChoiceField(choices=[("n", "neighbours"), ("r", "random")], widget=forms.RadioSelect)
    public = forms.BooleanField(help_text="Anyone can read the results.", required=False)
    file = forms.FileField(required=False)


def gallery(request: HttpRequest) -> HttpResponse:
    messages.success(request, "A message.")
    form = Sample(data={"note": "Written", "overlap": "x", "scale": "two"})
    template = engines["django"].from_string((HERE / "gallery.html").read_text("utf-8"))
    context = {
        "form": form,
        "rows": range(1, 9),
        "page": Paginator(range(100), 10).get_page(3),
        "answer": render((HERE / "gallery.md").read_text("utf-8")),
        "arabic": render(
            "مرحبا بالعالم، هذا نص باللغة العربية\n\n- واحد\n- Python `import os` اثنان\n\nThis is English.\n\n$x^2$"
        ),
    }
    return HttpResponse(template.render(context, request))


urlpatterns = [path("gallery/", gallery), *site]
