"""The form that starts a benchmark of a judge."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy, ngettext

from annotation.forms.fields import FilesField
from annotation.interchange.reading import Source
from judges.benchmarks import sets
from judges.benchmarks.planning import Terms
from judges.models import PreferenceSet, Protocol

if TYPE_CHECKING:
    _SetsField = forms.ModelMultipleChoiceField[PreferenceSet]
else:
    # Generic only in the type stubs.
    _SetsField = forms.ModelMultipleChoiceField


class SetsField(_SetsField):
    """Preference sets, labelled with rows and date because names are not unique."""

    def label_from_instance(self, kept: Any) -> str:
        rows = ngettext("%(number)s row", "%(number)s rows", kept.rows) % {
            "number": number_format(kept.rows, force_grouping=True)
        }
        return f"{kept.name} ({rows}, {date_format(localtime(kept.created_at), 'Y-m-d')})"


class BenchmarkForm(forms.Form):
    """The sets and terms of a benchmark. An uploaded file becomes a set that can be chosen later."""

    sets = SetsField(
        PreferenceSet.objects.annotate(rows=Count("entries")),
        label=gettext_lazy("Preference sets"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    preference_files = FilesField(
        label=gettext_lazy("Preference files"),
        required=False,
        help_text=gettext_lazy(
            "JSONL, or JSONL as .gz, with prompt, chosen and rejected. The fields id and subset are "
            "optional. The set is named after the file."
        ),
    )
    protocol = forms.ChoiceField(label=gettext_lazy("Request type"), choices=Protocol.choices, initial=Protocol.CHAT)
    both_orders = forms.BooleanField(
        label=gettext_lazy("Ask each pair twice, with sides swapped"), required=False, initial=True
    )
    limit = forms.IntegerField(
        label=gettext_lazy("Maximum rows per set"),
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text=gettext_lazy("Rows are chosen at random. The same seed always gives the same rows."),
    )
    seed = forms.IntegerField(label=gettext_lazy("Seed"), initial=0, min_value=-(2**63), max_value=2**63 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not PreferenceSet.objects.exists():
            del self.fields["sets"]

    def keep(self, user: Any) -> list[PreferenceSet]:
        """Returns the chosen sets and those stored from the uploaded files.

        Raises:
            Faulty: a row of a file is not a valid preference; that file and later ones are not stored.
        """
        files = [file for file in self.cleaned_data["preference_files"] if file is not None]
        found = [*self.cleaned_data.get("sets", ()), *(_kept(file, user) for file in files)]
        return list({each.pk: each for each in found}.values())

    def terms(self) -> Terms:
        data = self.cleaned_data
        return Terms(data["protocol"], data["both_orders"], data["seed"], data["limit"])


def _kept(file: "UploadedFile[Any]", user: Any) -> PreferenceSet:
    with tempfile.NamedTemporaryFile() as copy:
        for chunk in file.chunks():
            copy.write(chunk)
        copy.flush()
        return sets.keep_from(Source(file.name or "preferences.jsonl", Path(copy.name)), user=user)
