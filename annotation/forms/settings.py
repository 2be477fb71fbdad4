"""The groups of a study's settings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import draw_strategies
from annotation.forms.fields import (
    LanguageField,
    LinesField,
    MarkdownField,
    PercentField,
    accounts_named,
    model_choice,
    saved,
)
from annotation.models import Outcome, Study
from annotation.studies.completion_codes import Way, change_platform
from annotation.studies.lifecycle import change_settings, warning_of
from annotation.studies.sharing import share

if TYPE_CHECKING:
    _StudyForm = forms.ModelForm[Study]
else:
    # Only the stubs are generic.
    _StudyForm = forms.ModelForm


class SettingsForm(_StudyForm):
    """One group of a study's settings; saves only changed fields, so that colleagues do not overwrite each other."""

    def changes(self) -> dict[str, Any]:
        """Returns the settings that were changed, by field of the study. Call it on a valid form."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def warning(self) -> str:
        """Returns what saving means for votes that the study has; empty if nothing. Call it on a valid form."""
        # The instance holds what was sent, since it was validated.
        return warning_of(Study.objects.get(pk=self.instance.pk), self.changes())

    def apply(self) -> Study:
        """Stores the changes.

        Raises:
            ValidationError: a value is not valid.
        """
        return change_settings(self.instance, self.changes())

    # ModelForm promises a row. Here the study's rules are asked while saving, and None says that they refuse.
    def save(self, commit: bool = True) -> Study | None:  # type: ignore[override]
        """Returns the study as it is stored, or None with errors on the form."""
        return saved(self, self.apply)


class WordingForm(SettingsForm):
    """The study's name, language and the texts that workers read."""

    language = LanguageField(label=gettext_lazy("Language"), help_text=gettext_lazy("Language of the texts below."))
    consent = MarkdownField(label=gettext_lazy("Consent"), rows=8, help_text=gettext_lazy("You can use Markdown."))
    instruction = MarkdownField(
        label=gettext_lazy("Instruction"), rows=12, help_text=gettext_lazy("You can use Markdown.")
    )
    worked_example = MarkdownField(
        label=gettext_lazy("Worked example"),
        rows=8,
        required=False,
        help_text=gettext_lazy("You can use Markdown. Leave blank to show a general example in the worker’s language."),
    )

    class Meta:
        model = Study
        fields = [
            *("name", "language", "organiser", "contact", "expected_minutes"),
            *("consent", "instruction", "worked_example", "question"),
        ]


class ScreenForm(SettingsForm):
    """What workers see and answer with each pair, and the devices they may use."""

    reasons = LinesField(
        label=gettext_lazy("Reasons"),
        required=False,
        help_text=gettext_lazy("One per line. Workers see them after choosing. Leave blank to skip this question."),
    )

    class Meta:
        model = Study
        fields = ["scale_name", "reasons", "show_note", "show_reference", "reasoning", "devices"]


class ChoiceForm(SettingsForm):
    """Whether pairs are fixed or drawn while votes come in, and the shares of the strategies that draw them."""

    class Meta:
        model = Study
        fields = ["offering", "floor", "draw_seed"]
        widgets = {"offering": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drawer = draw_strategies.registered()
        self.strategies = [each for each in self.drawer.strategies if each.mixed] if self.drawer else []
        mix = self.drawer.mix_of(self.instance) if self.drawer else {}
        for strategy in self.strategies:
            self.fields[f"share_{strategy.name}"] = PercentField(
                label=_("%(strategy)s (%% of draws)") % {"strategy": _(strategy.label)},
                help_text=_(strategy.help),
                initial=mix.get(strategy.name, 0.0),
            )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        shares = {each.name: found.get(f"share_{each.name}") for each in self.strategies}
        if None in shares.values():
            return found
        given = {name: float(share) for name, share in shares.items() if share}
        if abs(sum(given.values()) - 1) > 1e-6:
            text = _("The shares add up to %(sum)g%%. Change them so that they add up to 100%%.")
            raise forms.ValidationError(text % {"sum": round(100 * sum(given.values()), 4)})
        found["mix"] = {} if self.drawer and given == dict(self.drawer.default) else given
        return found

    def changes(self) -> dict[str, Any]:
        found = super().changes()
        shares = [name for name in found if name.startswith("share_")]
        changed = {name: value for name, value in found.items() if name not in shares}
        return changed | {"mix": self.cleaned_data["mix"]} if shares else changed


class VotesForm(SettingsForm):
    """Votes per pair and per worker, and how long a pair stays reserved."""

    class Meta:
        model = Study
        fields = ["overlap", "least_votes", "most_votes", "reservation_minutes", "pair_identical", "fast_seconds"]


class GoalForm(SettingsForm):
    """What the study is to find out, and what happens then."""

    class Meta:
        model = Study
        fields = ["goal", "goal_number", "goal_pauses"]
        widgets = {"goal": forms.RadioSelect}


class OfferForm(SettingsForm):
    """The filters for the pairs that people are offered."""

    labels: Final = {
        "only_types": gettext_lazy("Only prompts in these categories"),
        "exclude_types": gettext_lazy("Exclude prompts in these categories"),
        "only_slugs": gettext_lazy("Only prompts with these slugs"),
        "exclude_slugs": gettext_lazy("Exclude prompts with these slugs"),
    }

    class Meta:
        model = Study
        fields = ["only_types", "exclude_types", "only_slugs", "exclude_slugs", "language_models"]
        widgets = {"language_models": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prompts = self.instance.prompt_set.prompts
        types = list(prompts.exclude(type=None).order_by("type").values_list("type", flat=True).distinct())
        slugs = list(prompts.exclude(slug=None).order_by("slug").values_list("slug", flat=True).distinct())
        for name, label in self.labels.items():
            known = types if name.endswith("types") else slugs
            # A filter may name a type or slug of a later upload, or of one that was undone.
            words = [*known, *(word for word in getattr(self.instance, name) if word not in known)]
            self.fields[name] = forms.MultipleChoiceField(
                label=label,
                required=False,
                choices=[(word, word) for word in words],
                widget=forms.CheckboxSelectMultiple,
            )
        model_choice(self, "language_models").queryset = self.instance.prompt_set.models.order_by("name")


class TrainingForm(SettingsForm):
    """The size, pass mark and number of attempts of the training."""

    training_pass = PercentField(label=gettext_lazy("Pass mark for training (%)"))

    class Meta:
        model = Study
        fields = ["training_size", "training_pass", "training_attempts"]


class ChecksForm(SettingsForm):
    """How often check pairs come up, and how workers pass them."""

    check_rate = PercentField(label=gettext_lazy("Share of check pairs (%)"), most=50)
    check_pass = PercentField(label=gettext_lazy("Pass mark for checks (%)"))

    class Meta:
        model = Study
        fields = ["check_rate", "check_least", "check_pass"]


class PlatformForm(SettingsForm):
    """The recruiting platform, the completion codes and the return links."""

    class Meta:
        model = Study
        fields = ["id_parameter", "id_required", "id_signed", "id_keys", "platform_study", "erase_after_days"]
        widgets = {"id_keys": forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        exits = {exit_.outcome: exit_ for exit_ in self.instance.exits.all()}
        for outcome in Outcome:
            way = exits.get(outcome)
            self.fields[f"code_{outcome}"] = forms.CharField(
                label=_("Code: %(outcome)s") % {"outcome": outcome.label}, max_length=100, initial=way and way.code
            )
            self.fields[f"url_{outcome}"] = forms.URLField(
                label=_("Return link: %(outcome)s") % {"outcome": outcome.label},
                required=False,
                assume_scheme="https",
                initial=way and way.url,
            )

    def ways(self) -> Iterator[tuple[str, forms.BoundField, forms.BoundField]]:
        """Returns (label, code field, link field) for each outcome, for a table."""
        for outcome in Outcome:
            yield str(outcome.label), self[f"code_{outcome}"], self[f"url_{outcome}"]

    def changes(self) -> dict[str, Any]:
        return {name: value for name, value in super().changes().items() if name in (self._meta.fields or ())}

    def apply(self) -> Study:
        changed, data = set(self.changed_data), self.cleaned_data
        ways = {
            outcome: Way(data[f"code_{outcome}"], data[f"url_{outcome}"])
            for outcome in Outcome
            if {f"code_{outcome}", f"url_{outcome}"} & changed
        }
        return change_platform(self.instance, self.changes(), ways)


class PublicForm(SettingsForm):
    """Whether anyone may view the study's leaderboards."""

    class Meta:
        model = Study
        fields = ["public"]
        help_texts = {
            "public": gettext_lazy(
                "Anyone can view the leaderboards without signing in. Prompts, answers and pairs are shown only "
                "while no study that uses the prompt set is open or paused."
            )
        }


class AccessForm(forms.Form):
    """The colleagues who share a study, by account name."""

    colleagues = LinesField(
        label=gettext_lazy("Colleagues"),
        required=False,
        help_text=gettext_lazy(
            "One account name per line. Colleagues can view and change everything in this study, but cannot edit "
            "this list or delete the study. If you own its prompt set, they can view and change that too, and start "
            "runs that spend its budgets, until you remove them here."
        ),
    )

    def __init__(self, data: QueryDict | None = None, *, instance: Study) -> None:
        names = list(instance.colleagues.order_by("username").values_list("username", flat=True))
        super().__init__(data, initial={"colleagues": names})
        self.instance = instance

    def clean_colleagues(self) -> list[User]:
        return accounts_named(self.cleaned_data["colleagues"])

    def save(self) -> Study:
        share(self.instance, self.cleaned_data["colleagues"])
        return self.instance
