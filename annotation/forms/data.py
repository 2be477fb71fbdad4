"""Uploads of files, and whose comparisons they contain."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import FilesField
from annotation.importing.load import Whose
from annotation.interchange.llmfao import RATER_LENGTH, is_reserved, judge_in_name
from annotation.interchange.registry import FORMATS


def _what_can_be_loaded() -> str:
    return " ".join(f"{_(known.label)}: {_(known.help)}" for known in FORMATS.values())


COLUMNS_OFFERED: Final = 20
"""Maximum columns of a file that `WhoseForm` offers."""


class UploadForm(forms.Form):
    """Files to load, and the judge of comparisons that name no rater."""

    exchange_files = FilesField(
        label=gettext_lazy("Files"),
        # An empty file is reported by name with the other errors.
        allow_empty_file=True,
        help_text=lazy(_what_can_be_loaded, str)(),
    )
    rater = forms.CharField(
        label=gettext_lazy("Judge"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "The judge whose comparisons are in a file without a worker or rater column. Leave blank to use the part "
            "of the file name before “-comparisons”."
        ),
    )


class WhoseForm(forms.Form):
    """Asks whose comparisons files contain that have columns with unknown names.

    For each file, they are those of one judge, or of the workers or raters in one of the columns.
    """

    def __init__(self, data: QueryDict | None, unclear: Mapping[str, Sequence[str]]) -> None:
        super().__init__(data)
        self.unclear = unclear
        for place, (file, columns) in enumerate(unclear.items()):
            self.fields[f"whose_{place}"] = forms.ChoiceField(
                label=_("Whose comparisons are in %(file)s?") % {"file": file},
                widget=forms.RadioSelect,
                choices=[
                    *(
                        choice
                        for number, column in enumerate(columns[:COLUMNS_OFFERED])
                        for choice in (
                            (f"worker-{number}", _("People, numbered in column “%(column)s”") % {"column": column}),
                            (f"rater-{number}", _("Several raters, named in column “%(column)s”") % {"column": column}),
                        )
                    ),
                    ("judge", _("One judge, named below")),
                ],
            )
            self.fields[f"judge_{place}"] = forms.CharField(
                label=_("Judge"), max_length=RATER_LENGTH, required=False, initial=judge_in_name(file)
            )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        for place in range(len(self.unclear)):
            judge = found.get(f"judge_{place}", "")
            if found.get(f"whose_{place}") == "judge" and (not judge or is_reserved(judge)):
                self.add_error(
                    f"judge_{place}", _("Enter the judge’s name. The names “people” and “all” are reserved.")
                )
        return found

    def whose(self) -> dict[str, Whose]:
        """Returns the answer for each file."""
        return {
            file: self._answer(self.cleaned_data[f"whose_{place}"], self.cleaned_data[f"judge_{place}"], columns)
            for place, (file, columns) in enumerate(self.unclear.items())
        }

    @staticmethod
    def _answer(chosen: str, judge: str, columns: Sequence[str]) -> Whose:
        known, _dash, number = chosen.partition("-")
        if known == "judge":
            return Whose(judge=judge)
        return Whose(column=columns[int(number)], known="worker" if known == "worker" else "rater")
