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
from annotation.interchange.format import Field
from annotation.interchange.formats import arena_hard
from annotation.interchange.llmfao import KINDS, RATER_LENGTH, is_reserved, judge_in_name
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


EXCHANGE: Final = "llmfao"
"""The format whose columns can be mapped by their own names."""

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
        yield from self._mapping(told, fit)
        if self.proposed_format == arena_hard.NAME:
            yield (
                "strong",
                forms.FloatField(
                    label=_("Weight of a strong verdict"),
                    required=False,
                    min_value=0.001,
                    max_value=1000,
                    initial=reading["strong_weight"],
                    help_text=_("How many times a verdict such as A>>B counts."),
                ),
            )
        asked = set(fit.get("asks", ()))
        named = "model" in {*fit.get("mapping", {}).values(), *told["columns"]}
        if (
            "model" in asked
            or choice["model"]
            or (not named and "model" in {each.name for each in self._mappable(told)})
        ):
            yield (
                "model",
                forms.CharField(
                    label=_("Model"),
                    max_length=500,
                    required=False,
                    initial=choice["model"],
                    help_text=_("The model whose answers this file contains. Leave blank to use the file’s name."),
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

    def _mappable(self, told: Mapping[str, Any]) -> Sequence[Field]:
        """Returns what the columns of a file can be: the format's fields, or the columns of its kind of files."""
        known, kind = FORMATS.get(self.proposed_format), told["choice"]["kind"] or self._fit(told).get("kind", "")
        if known is None:
            return ()
        if known.name == EXCHANGE and kind in KINDS:
            return [Field(column.name, column.name) for column in KINDS[kind].columns]
        return known.fields

    def _mapping(self, told: Mapping[str, Any], fit: Mapping[str, Any]) -> Iterator[tuple[str, forms.Field]]:
        """Yields a field for each field of the format, in which the columns of the file are offered."""
        mapping = told["choice"]["reading"]["columns"] or fit.get("mapping", {})
        columns = [*dict.fromkeys([*_original(told), *mapping])]
        offered = [(column, column) for column in columns]
        for number, field in enumerate(self._mappable(told)):
            chosen = [column for column, ours in mapping.items() if _is_of(ours, field)]
            if not chosen and field.name in columns:
                chosen = [field.name]
            texts: dict[str, Any] = {
                "label": _(field.label) if field.label else field.name,
                "help_text": _(field.help) if field.help else "",
                "required": False,
            }
            if field.several:
                yield f"column{number}", forms.MultipleChoiceField(choices=offered, initial=chosen, **texts)
            else:
                empty = [("", _("No column"))]
                yield (
                    f"column{number}",
                    forms.ChoiceField(choices=empty + offered, initial="".join(chosen[:1]), **texts),
                )

    def _fit(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the format of the upload makes of a file."""
        return next((fit for fit in told["fits"] if fit["format"] == self.proposed_format), {})

    def by_file(self) -> Iterator[tuple[dict[str, Any], tuple[list[forms.BoundField], list[forms.BoundField]]]]:
        """Yields each file with the fields about it: those about the whole of it, and those for its columns."""
        for place, told in enumerate(self.proposals):
            fields: tuple[list[forms.BoundField], list[forms.BoundField]] = ([], [])
            for name in self.fields:
                if name.endswith(f"_{place}"):
                    fields[name.startswith("column")].append(self[name])
            missing = not self._fit(told).get("matched", 0) or any(field.errors for field in fields[1])
            yield told | {"open": missing or bool(told["choice"]["reading"]["columns"])}, fields

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
        encoding = (
            said["encoding"] if told["changed"] else news("encoding", reading["encoding"], before.reading.encoding)
        )
        chosen = replace(
            before.reading,
            encoding=encoding or "",
            separator=news("separator", reading["separator"], before.reading.separator),
            sheet=news("sheet", reading["sheet"], before.reading.sheet),
            columns=self._columns(place, told, fit) if same_format else {},
            strong_weight=self.cleaned_data.get(f"strong_{place}") or before.reading.strong_weight,
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
        before = dict(told["choice"]["reading"]["columns"])
        fields = self._mappable(told)
        if not fields:
            return before
        found: dict[str, str] = {}
        proposed = dict(fit.get("mapping", {}))
        for number, field in enumerate(fields):
            chosen = _listed(self.cleaned_data.get(f"column{number}_{place}"))
            for column in chosen:
                ours = (before or proposed).get(column, "")
                # Of several columns, each keeps its own name behind that of the field, such as whose winners it has.
                named = f"{field.name}:{column}" if field.several and not (field.needed and len(chosen) == 1) else ""
                found[column] = ours if field.several and _is_of(ours, field) else named or field.name
        same = {column: ours for column, ours in found.items() if column != ours}
        kept = {column: ours for column, ours in proposed.items() if column != ours}
        return {} if not before and same == kept else same

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("format") in {"", self.proposed_format}:
            for place, told in enumerate(self.proposals):
                self._check_columns(place, self._mappable(told), found)
        return found

    def _check_columns(self, place: int, fields: Sequence[Field], found: Mapping[str, Any]) -> None:
        """Adds an error to each field that has a column which another field has, too."""
        taken: dict[str, str] = {}
        for number, field in enumerate(fields):
            for column in _listed(found.get(f"column{number}_{place}")):
                if column in taken:
                    told = _("Column “%(column)s” is already chosen for “%(field)s”.")
                    self.add_error(f"column{number}_{place}", told % {"column": column, "field": taken[column]})
                taken[column] = _(field.label) if field.label else field.name


def _is_of(ours: str, field: Field) -> bool:
    """Returns whether a column was mapped to a field, of several columns with a name of its own behind a colon."""
    return ours == field.name or (field.several and ours.startswith(f"{field.name}:"))


def _listed(chosen: Any) -> list[str]:
    """Returns the columns that were chosen for a field that takes one or several."""
    return ([chosen] if chosen else []) if isinstance(chosen, str) else list(chosen or ())


def _original(told: Mapping[str, Any]) -> list[str]:
    """Returns the columns of a file by their own names, where a person has chosen others for them."""
    chosen = {ours: column for column, ours in told["choice"]["reading"]["columns"].items()}
    return [chosen.get(column, column) for column in told["columns"]]
