"""Models, prompts, answers, training and check pairs, entered by hand."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import LanguageField, MarkdownField, model_choice
from annotation.models import LanguageModel, Pair, Prompt, PromptSet, Result, Study

MORE_TURNS: Final = 2
"""Empty follow-up turns that the form of a prompt offers."""

MOST_LISTED: Final = 300
"""Prompts that are offered as a list; of more, the number is entered."""


class RowForm(forms.Form):
    """A row of a prompt set or a study. `seen` is the digest of the row as the page showed it."""

    seen = forms.CharField(max_length=32, required=False, widget=forms.HiddenInput)

    def values(self) -> dict[str, Any]:
        """Returns the values of the row's fields; empty texts of optional ones are None."""
        return {
            name: None if value == "" and not self.fields[name].required else value
            for name, value in self.cleaned_data.items()
            if name != "seen"
        }


def _text(label: Any, help_text: Any = "", *, required: bool = False) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=500)


class ModelForm(RowForm):
    """A language model."""

    name = _text(gettext_lazy("Name"), gettext_lazy("Unique in the prompt set. Leaderboards show it."), required=True)
    org = _text(gettext_lazy("Organisation"), gettext_lazy("Who makes the model."))
    api_id = _text(gettext_lazy("API ID"))
    api = _text(gettext_lazy("API"))
    type = _text(gettext_lazy("Type"))
    licence = _text(gettext_lazy("Licence"))
    price = forms.FloatField(label=gettext_lazy("Price (US dollars per million output tokens)"), required=False)
    released = forms.DateField(
        label=gettext_lazy("Release date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    @staticmethod
    def initial_of(model: LanguageModel) -> dict[str, Any]:
        names = ("name", "org", "api_id", "api", "type", "licence", "price", "released")
        return {name: getattr(model, name) for name in names}


class PromptForm(RowForm):
    """A prompt with its follow-up turns, and a reference answer for each turn."""

    text = MarkdownField(rows=5, label=gettext_lazy("Prompt"))
    type = _text(gettext_lazy("Category"))
    slug = _text(gettext_lazy("Short name"))
    lang = LanguageField(
        label=gettext_lazy("Language"),
        required=False,
        help_text=gettext_lazy("A tag such as en, ja or ar. Leave blank if unknown."),
    )
    note = MarkdownField(rows=2, label=gettext_lazy("Note"), required=False)
    stop = _text(gettext_lazy("Stop sequence"))
    reference_1 = MarkdownField(rows=3, label=gettext_lazy("Reference answer"), required=False)

    def __init__(self, data: QueryDict | None = None, *, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        sent = [name for name in data or () if name.startswith("turn_")]
        known = len((initial or {}).get("turns", []))
        self.turns = range(2, 2 + (len(sent) if data else known + MORE_TURNS))
        for turn in self.turns:
            self.fields[f"turn_{turn}"] = MarkdownField(
                rows=3, label=_("Follow-up turn %(turn)s") % {"turn": turn}, required=False
            )
            self.fields[f"reference_{turn}"] = MarkdownField(
                rows=2, label=_("Reference answer to turn %(turn)s") % {"turn": turn}, required=False
            )

    @staticmethod
    def initial_of(prompt: Prompt) -> dict[str, Any]:
        names = ("text", "type", "slug", "lang", "note", "stop", "turns")
        return {
            **{name: getattr(prompt, name) for name in names},
            **{f"turn_{number}": text for number, text in enumerate(prompt.turns, 2)},
            **{f"reference_{number}": text for number, text in enumerate(prompt.references, 1)},
        }

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        for turn in self.turns:
            if found.get(f"reference_{turn}") and not (found.get(f"turn_{turn}") or "").strip():
                self.add_error(f"turn_{turn}", _("Enter the text of the turn, or remove its reference answer."))
        return found

    def values(self) -> dict[str, Any]:
        """Returns the values of the row's fields. Turns that are left blank are left out, with their references."""
        kept = [turn for turn in self.turns if self.cleaned_data[f"turn_{turn}"].strip()]
        references = [self.cleaned_data[f"reference_{turn}"] for turn in (1, *kept)]
        while references and not references[-1].strip():
            references.pop()
        plain = {name: self.cleaned_data[name] or None for name in ("type", "slug", "note", "stop")}
        return {
            "text": self.cleaned_data["text"],
            **plain,
            "lang": self.cleaned_data["lang"],
            "turns": [self.cleaned_data[f"turn_{turn}"] for turn in kept],
            "references": references,
        }


def _prompt_field(prompt_set: PromptSet) -> "forms.ModelChoiceField[Prompt]":
    """Returns the field for a prompt by its number: a list, or a number if there are too many."""
    prompts = prompt_set.prompts.order_by("pk")
    number = prompts.count() > MOST_LISTED
    return _PromptChoice(
        prompts,
        to_field_name="number",
        label=_("Prompt number") if number else _("Prompt"),
        widget=forms.NumberInput if number else forms.Select,
        error_messages={"invalid_choice": _("This prompt set has no prompt with this number.")},
    )


class _PromptChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Prompt) -> str:
        text = " ".join(obj.text.split())
        return f"{obj.number}: {text[:80]}{'…' if len(text) > 80 else ''}"


def _model_field(prompt_set: PromptSet, label: str) -> "forms.ModelChoiceField[LanguageModel]":
    return forms.ModelChoiceField(prompt_set.models.order_by("name"), to_field_name="number", label=label)


class AnswerForm(RowForm):
    """An answer. Its prompt and model are chosen when it is added."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        prompt_set: PromptSet,
        result: Result | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        if result is None:
            self.fields["prompt"] = _prompt_field(prompt_set)
            self.fields["model"] = _model_field(prompt_set, _("Model"))
        # A model may answer nothing: an empty answer is a finding, not an error.
        self.fields["text"] = MarkdownField(rows=10, label=_("Answer"), required=False)
        turns = len((initial or {}).get("turns", []))
        if result is not None:
            turns = max(turns, len(result.prompt.turns))
        elif data:
            turns = sum(name.startswith("turn_") for name in data)
        self.turns = range(2, 2 + (turns if result is not None or data else _most_turns(prompt_set)))
        for turn in self.turns:
            label = _("Answer to turn %(turn)s") % {"turn": turn}
            self.fields[f"turn_{turn}"] = MarkdownField(rows=6, label=label, required=False)
        self.fields["duration"] = forms.FloatField(label=_("Duration (milliseconds)"), required=False)
        self.fields["rate"] = forms.FloatField(label=_("Rate (characters per second)"), required=False)

    @staticmethod
    def initial_of(result: Result) -> dict[str, Any]:
        names = ("text", "turns", "duration", "rate")
        turns = {f"turn_{number}": text for number, text in enumerate(result.turns, 2)}
        return {name: getattr(result, name) for name in names} | turns

    def values(self) -> dict[str, Any]:
        turns = [self.cleaned_data[f"turn_{turn}"] for turn in self.turns]
        while turns and not turns[-1].strip():
            turns.pop()
        known = ("text", "duration", "rate")
        return {name: self.cleaned_data[name] for name in known} | {"turns": turns}


def _most_turns(prompt_set: PromptSet) -> int:
    """Returns the number of follow-up turns of the set's prompts that have most, as far as a form shows them."""
    listed = prompt_set.prompts.exclude(turns=[]).values_list("turns", flat=True)[:MOST_LISTED]
    return max(map(len, listed), default=0)


class GoldenPairForm(RowForm):
    """A training or check pair, with texts of its own and a golden answer."""

    own_text = MarkdownField(
        rows=4, label=gettext_lazy("Prompt as shown"), help_text=gettext_lazy("The text that workers read.")
    )
    own_x = MarkdownField(rows=8, label=gettext_lazy("Answer x"))
    own_y = MarkdownField(rows=8, label=gettext_lazy("Answer y"))
    golden = forms.ChoiceField(
        label=gettext_lazy("Golden answer"),
        choices=[("x", gettext_lazy("x is better")), ("y", gettext_lazy("y is better")), ("tie", gettext_lazy("Tie"))],
    )
    reason = MarkdownField(
        rows=3,
        label=gettext_lazy("Reason"),
        required=False,
        help_text=gettext_lazy(
            "Shown after the answer to a training pair. Write {x} or {y} for the answers: they become A and B as shown."
        ),
    )

    def __init__(
        self, data: QueryDict | None = None, *, study: Study, initial: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        prompt_set = study.prompt_set
        self.fields["prompt"] = _prompt_field(prompt_set)
        self.fields["prompt"].help_text = _("The prompt of the set that the pair is about.")
        self.fields["model_x"] = _model_field(prompt_set, _("Model of answer x"))
        self.fields["model_y"] = _model_field(prompt_set, _("Model of answer y"))
        self.order_fields(["prompt", "own_text", "model_x", "own_x", "model_y", "own_y", "golden", "reason"])

    @staticmethod
    def initial_of(pair: Pair) -> dict[str, Any]:
        names = ("own_text", "own_x", "own_y", "golden", "reason")
        rows = {name: getattr(pair, name).number for name in ("prompt", "model_x", "model_y")}
        return {name: getattr(pair, name) for name in names} | rows


class SearchForm(forms.Form):
    """Narrows a list of rows down."""

    q = forms.CharField(label=gettext_lazy("Search"), max_length=200, required=False)


class AnswerSearchForm(SearchForm):
    """Narrows the list of answers down."""

    model = forms.ModelChoiceField(
        LanguageModel.objects.none(),
        to_field_name="number",
        label=gettext_lazy("Model"),
        required=False,
        empty_label=gettext_lazy("All models"),
    )
    prompt = forms.IntegerField(label=gettext_lazy("Prompt number"), required=False)

    def __init__(self, data: QueryDict | None = None, *, prompt_set: PromptSet) -> None:
        super().__init__(data)
        model_choice(self, "model").queryset = prompt_set.models.order_by("name")
