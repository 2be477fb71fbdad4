"""The form of an export: layout, file format and rows."""

from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.exporting import layouts
from annotation.exporting.comparisons import ALL, PEOPLE
from annotation.exporting.file_formats import FILE_FORMATS
from annotation.exporting.layouts import LAYOUTS, Layout, Request
from annotation.exporting.selection import Selection, categories
from annotation.models import RaterKind, Study
from annotation.studies.lifecycle import NotPossible

READINGS: Final = (
    ("forced", gettext_lazy("4 counts as left, 5 as right")),
    ("tie-allowed", gettext_lazy("4 and 5 count as ties")),
)


class ExportForm(forms.Form):
    """What to export. `reads` says whether the person may read the prompt set; without, layouts with texts are left
    out."""

    layout = forms.ChoiceField(label=gettext_lazy("Layout"))
    format = forms.ChoiceField(
        label=gettext_lazy("File format"),
        required=False,
        choices=[
            ("", gettext_lazy("Usual for the layout")),
            *((name, one.label) for name, one in FILE_FORMATS.items()),
        ],
    )
    raters = forms.ChoiceField(label=gettext_lazy("Raters"), required=False)
    category = forms.ChoiceField(label=gettext_lazy("Prompt category"), required=False)
    reading = forms.ChoiceField(label=gettext_lazy("Scale of 1 to 8"), required=False, choices=READINGS)
    simulated = forms.BooleanField(label=gettext_lazy("Include simulated votes, marked in a column"), required=False)

    def __init__(self, study: Study, data: QueryDict | None = None, *, reads: bool) -> None:
        super().__init__(data)
        self._study = study
        judges = study.raters.filter(kind=RaterKind.JUDGE).order_by("name").values_list("name", flat=True)
        everybody = [(ALL, _("People and judges"))] if judges else []
        kinds = categories(study)
        self._choose("layout", [(layout.name, _(layout.label)) for layout in offered(reads)])
        self._choose("raters", [(PEOPLE, _("People")), *((name, name) for name in judges if name), *everybody])
        self._choose("category", [("", _("All prompts")), *((name, name) for name in kinds)])
        if not kinds:
            del self.fields["category"]
        if study.scale_name != Study.ScaleName.EIGHT:
            del self.fields["reading"]
        if not study.raters.filter(simulated=True).exists():
            del self.fields["simulated"]

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  as the class declares it
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                found["request"] = self._request(found)
            except NotPossible as refusal:
                self.add_error("format", str(refusal))
        return found

    def _request(self, found: dict[str, Any]) -> Request:
        layout = LAYOUTS[found["layout"]]
        # Fields that the layout does not follow are left as they are on the page.
        given = {name: found[name] for name in layout.filters if found.get(name)}
        return layouts.request(layout.name, found["format"], Selection.of(given))

    def request(self) -> Request:
        """Returns what the form asks for."""
        asked = self.cleaned_data["request"]
        assert isinstance(asked, Request)  # noqa: S101  `clean` put it there
        return asked


def offered(reads: bool) -> list[Layout]:
    """Returns the layouts that a person may export in; `reads` says whether they may read the prompt set."""
    return [layout for layout in LAYOUTS.values() if reads or not layout.with_texts]
