"""Uploads of files, how each of them is read, and whose comparisons they contain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import FilesField
from annotation.importing.load import Whose
from annotation.importing.proposals import Choice
from annotation.importing.registry import LABELS
from annotation.interchange.llmfao import RATER_LENGTH, is_reserved, judge_in_name
from annotation.interchange.reading import encodings
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


SEPARATORS: Final = {
    ",": gettext_lazy("Comma"),
    ";": gettext_lazy("Semicolon"),
    "\t": gettext_lazy("Tab"),
    "|": gettext_lazy("Vertical bar"),
}
"""The separators that are offered for CSV files, besides the one that was found."""


def kind_label(kind: str) -> str:
    """Returns what files of a kind hold, in words; a format's own kinds have none and go by their names."""
    return _(LABELS[kind]) if kind in LABELS else kind


class ProposalForm(forms.Form):
    """How each file of an upload is read: proposed by what is in it, and changed by a person.

    What a person leaves as it was proposed is not stored as their choice, except a proposed encoding, which has to be
    confirmed.
    """

    def __init__(self, data: QueryDict | None, report: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.proposals: list[dict[str, Any]] = report.get("proposals", [])
        self.proposed_format = str(report.get("format", ""))
        formats = [("", _("Find out from the files")), *((name, _(known.label)) for name, known in FORMATS.items())]
        chosen = next((told["choice"]["format"] for told in self.proposals if told["choice"]["format"]), "")
        self.fields["format"] = forms.ChoiceField(
            label=_("Format"), choices=formats, required=False, initial=chosen or self.proposed_format
        )
        for place, told in enumerate(self.proposals):
            for name, field in self._fields_of(told):
                self.fields[f"{name}_{place}"] = field

    def _fields_of(self, told: Mapping[str, Any]) -> Iterator[tuple[str, forms.Field]]:
        known = FORMATS.get(self.proposed_format)
        fit = self._fit(told)
        choice, reading = told["choice"], told["reading"]
        if known is not None and len(known.kinds) > 1:
            kinds = [("", _("Find out")), *((kind, kind_label(kind)) for kind in known.kinds)]
            initial = choice["kind"] or fit.get("kind", "")
            yield "kind", forms.ChoiceField(label=_("What it holds"), choices=kinds, required=False, initial=initial)
        if told["layout"] in {"csv", "json", "jsonl"} or told["fault"]:
            names = [("", _("Find out")), *((name, name) for name in encodings.NAMES)]
            yield (
                "encoding",
                forms.ChoiceField(label=_("Encoding"), choices=names, required=False, initial=reading["encoding"]),
            )
        if told["layout"] == "csv":
            found = reading["separator"]
            marks = [("", _("Find out")), *SEPARATORS.items()]
            if found and found not in SEPARATORS:
                marks.append((found, found))
            yield (
                "separator",
                # Not stripped: a tab is one.
                forms.ChoiceField(label=_("Separator"), choices=marks, required=False, initial=found),
            )
        if len(told["sheets"]) > 1:
            sheets = [(name, name) for name in told["sheets"]]
            yield (
                "sheet",
                forms.ChoiceField(label=_("Sheet"), choices=sheets, required=False, initial=reading["sheet"]),
            )
        yield from self._mapping(known, told, fit)
        asked = set(fit.get("asks", ()))
        if "model" in asked or choice["model"]:
            yield (
                "model",
                forms.CharField(
                    label=_("Model"),
                    max_length=500,
                    required=False,
                    initial=choice["model"],
                    help_text=_("The model whose answers this file contains."),
                ),
            )
        if "rater" in asked or choice["rater"] or fit.get("judge"):
            yield (
                "rater",
                forms.CharField(
                    label=_("Rater"),
                    max_length=RATER_LENGTH,
                    required=False,
                    initial=choice["rater"] or fit.get("judge", ""),
                    help_text=_("The judge whose comparisons these are, or “crowd” for people who are not known."),
                ),
            )

    def _mapping(self, known: Any, told: Mapping[str, Any], fit: Mapping[str, Any]) -> Iterator[tuple[str, forms.Field]]:
        """Yields a field for each field of the format, in which the columns of the file are offered."""
        mapping = told["choice"]["reading"]["columns"] or fit.get("mapping", {})
        # After a choice, the first rows have the new names.
        columns = [*dict.fromkeys([*_original(told), *mapping])]
        for number, field in enumerate(known.fields if known else ()):
            chosen = [column for column, ours in mapping.items() if ours == field.name]
            if not chosen and field.name in columns:
                chosen = [field.name]
            texts: dict[str, Any] = {"label": _(field.label), "help_text": _(field.help) if field.help else ""}
            offered = [(column, column) for column in columns]
            if field.several:
                yield (
                    f"column{number}",
                    forms.MultipleChoiceField(choices=offered, required=False, initial=chosen, **texts),
                )
            else:
                empty = [("", _("No column"))]
                yield (
                    f"column{number}",
                    forms.ChoiceField(choices=empty + offered, required=field.needed, initial="".join(chosen[:1]), **texts),
                )

    def _fit(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the format of the upload makes of a file."""
        return next((fit for fit in told["fits"] if fit["format"] == self.proposed_format), {})

    def files(self) -> Iterator[tuple[dict[str, Any], list[forms.BoundField]]]:
        """Yields each file with the fields about it."""
        for place, told in enumerate(self.proposals):
            yield told, [self[name] for name in self.fields if name.endswith(f"_{place}")]

    def format_name(self) -> str:
        """Returns the format that was chosen; empty if it is the one that was found out."""
        chosen = str(self.cleaned_data["format"])
        kept = any(told["choice"]["format"] for told in self.proposals)
        return "" if chosen == self.proposed_format and not kept else chosen

    def choices(self) -> dict[str, Choice]:
        """Returns what was said of each file, by its name."""
        return {told["file"]: self._choice(place, told) for place, told in enumerate(self.proposals)}

    def _choice(self, place: int, told: Mapping[str, Any]) -> Choice:
        said = {name: self.cleaned_data.get(f"{name}_{place}") for name in (
            *("kind", "encoding", "separator", "sheet", "model", "rater"),
        )}  # fmt: skip
        before, fit = Choice.from_json(told["choice"]), self._fit(told)
        same_format = self.cleaned_data["format"] in {"", self.proposed_format}

        def news(name: str, proposed: str, kept: str) -> str:
            """Returns what was chosen; empty if it is what was found out."""
            found = said[name]
            return kept if found is None else "" if found == proposed and not kept else found

        reading = told["reading"]
        encoding = said["encoding"] if told["changed"] else news("encoding", reading["encoding"], before.reading.encoding)
        chosen = replace(
            before.reading,
            encoding=encoding or "",
            separator=news("separator", reading["separator"], before.reading.separator),
            sheet=news("sheet", reading["sheet"], before.reading.sheet),
            columns=self._columns(place, told, fit) if same_format else {},
        )
        return replace(
            before,
            kind=news("kind", fit.get("kind", ""), before.kind) if same_format else "",
            reading=chosen,
            model=said["model"] if said["model"] is not None else before.model,
            rater=news("rater", fit.get("judge", ""), before.rater),
        )

    def _columns(self, place: int, told: Mapping[str, Any], fit: Mapping[str, Any]) -> dict[str, str]:
        """Returns the columns that were mapped, by their names in the file."""
        known = FORMATS.get(self.proposed_format)
        if known is None or not known.fields:
            return dict(told["choice"]["reading"]["columns"])
        found: dict[str, str] = {}
        for number, field in enumerate(known.fields):
            chosen = self.cleaned_data.get(f"column{number}_{place}") or []
            found |= dict.fromkeys([chosen] if isinstance(chosen, str) else chosen, field.name)
        same = {column: ours for column, ours in found.items() if column != ours}
        return {} if not told["choice"]["reading"]["columns"] and found == dict(fit.get("mapping", {})) else same

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        known = FORMATS.get(self.proposed_format)
        if found.get("format") in {"", self.proposed_format} and known is not None:
            for place in range(len(self.proposals)):
                self._check_columns(place, known.fields, found)
        else:
            # The columns are those of the other format, and are asked about again.
            for name in [name for name in self.errors if name.startswith("column")]:
                del self.errors[name]
        return found

    def _check_columns(self, place: int, fields: Sequence[Any], found: Mapping[str, Any]) -> None:
        """Adds an error to each field that has a column which another field has, too."""
        taken: dict[str, str] = {}
        for number, field in enumerate(fields):
            name = f"column{number}_{place}"
            value = found.get(name) or []
            for column in [value] if isinstance(value, str) else value:
                if column in taken:
                    told = _("Column “%(column)s” is already chosen for “%(field)s”.")
                    self.add_error(name, told % {"column": column, "field": taken[column]})
                taken[column] = _(field.label)


def _original(told: Mapping[str, Any]) -> list[str]:
    """Returns the columns of a file by their own names, where a person has chosen others for them."""
    chosen = {ours: column for column, ours in told["choice"]["reading"]["columns"].items()}
    return [chosen.get(column, column) for column in told["columns"]]
