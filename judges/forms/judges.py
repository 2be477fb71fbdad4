"""Forms of the judges' pages. The services they call do the work."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Study
from judges.judging import judges, lookup
from judges.judging.planning import Plan
from judges.models import NANOS, Judge, JudgeVersion, Orders, Template
from judges.prompting import templates
from judges.prompting.readers import READERS

if TYPE_CHECKING:
    _VersionForm = forms.ModelForm[JudgeVersion]
else:
    # Generic only in the type stubs.
    _VersionForm = forms.ModelForm


def _readers() -> list[tuple[str, str]]:
    return [(name, _(reader.label)) for name, reader in READERS.items()]


class JudgeForm(_VersionForm):
    """A judge's settings; saving creates a new version."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Used on leaderboards and in files.")
    )
    budget = forms.DecimalField(
        label=gettext_lazy("Budget (US dollars)"),
        required=False,
        min_value=0,
        decimal_places=2,
        help_text=gettext_lazy("Total across all studies. Requests that could exceed it are not sent."),
    )
    reader = forms.ChoiceField(label=gettext_lazy("Reply reader"), choices=_readers)

    class Meta:
        model = JudgeVersion
        fields = list(JudgeVersion.SETTINGS)

    groups = (
        (gettext_lazy("Endpoint"), ("name", "endpoint", "model", "key_source")),
        (
            gettext_lazy("Judging"),
            ("reader", "template", "orders", "each_turn", "samples", "longest_answer"),
        ),
        (
            gettext_lazy("Request settings"),
            ("temperature", "top_p", "max_tokens", "reasoning_effort", "seed", "structured"),
        ),
        (gettext_lazy("Rate limits and timeout"), ("parallel", "requests_per_minute", "tokens_per_minute", "timeout")),
        (gettext_lazy("Prices and budget"), ("price_in", "price_out", "budget")),
    )

    def __init__(self, judge: Judge | None, *args: Any, **kwargs: Any) -> None:
        if judge is not None:
            kwargs["instance"] = judge.current
            budget = None if judge.budget is None else Decimal(judge.budget) / NANOS
            kwargs["initial"] = {"name": judge.name, "budget": budget}
        super().__init__(*args, **kwargs)
        self.judge = judge
        judges.keep_built_in()
        template = cast("forms.ModelChoiceField[Template]", self.fields["template"])
        template.queryset = Template.objects.all()
        template.required, template.empty_label = False, _("Default for the reader")
        if judge is not None:
            self.fields["name"].disabled = True

    def grouped(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Returns the fields grouped by heading."""
        return [(title, [self[name] for name in names]) for title, names in self.groups]

    def _post_clean(self) -> None:
        """Does nothing: the service creates and validates the rows."""

    def keep(self, user: Any) -> Judge | None:
        """Saves the judge and returns it, or adds the errors to the form and returns None."""
        settings = {name: self.cleaned_data[name] for name in JudgeVersion.SETTINGS}
        settings["template"] = settings["template"] or lookup.templates_named("", settings["reader"])
        budget = judges.in_nanos(self.cleaned_data["budget"])
        try:
            if self.judge is None:
                return judges.add_judge(self.cleaned_data["name"], settings, budget=budget, user=user)
            judges.change_judge(self.judge, settings, user=user)
        except ValidationError as error:
            known = hasattr(error, "error_dict") and error.error_dict.keys() <= self.fields.keys()
            self.add_error(None, error if known else ValidationError(error.messages))
            return None
        judges.set_budget(self.judge, budget)
        return self.judge


class RunForm(forms.Form):
    """What a run covers."""

    judge = forms.ModelChoiceField(
        Judge.objects.all(), label=gettext_lazy("Judge"), empty_label=gettext_lazy("Choose one")
    )
    limit = forms.IntegerField(
        label=gettext_lazy("Maximum pairs or answers"),
        required=False,
        min_value=1,
        help_text=gettext_lazy(
            "Number of pairs, or of answers if the judge grades single answers. The selection is random but "
            "always the same."
        ),
    )
    orders = forms.ChoiceField(
        label=gettext_lazy("Answer orders"),
        required=False,
        choices=[("", gettext_lazy("Judge default")), *Orders.choices],
    )
    baseline = forms.ChoiceField(label=gettext_lazy("Only pairs with model"), required=False)
    everything = forms.BooleanField(label=gettext_lazy("Include pairs outside the study’s filters"), required=False)

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(only := list(Judge.objects.all()[:2])) == 1:
            self.fields["judge"].initial = only[0].pk
        names = study.models_compared().order_by("name").values_list("name", flat=True)
        self.fields["baseline"] = forms.ChoiceField(
            label=gettext_lazy("Only pairs with model"),
            required=False,
            choices=[("", gettext_lazy("Any model")), *((name, name) for name in names)],
        )

    def plan(self) -> Plan:
        data = self.cleaned_data
        return Plan(data["limit"], data["orders"], data["baseline"], data["everything"])


class TemplateForm(forms.Form):
    """A template set as TOML."""

    name = forms.SlugField(label=gettext_lazy("Name"), max_length=100)
    text = forms.CharField(
        label=gettext_lazy("Templates"),
        max_length=2 * templates.LONGEST_TEMPLATE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false", "class": "code"}),
        help_text=gettext_lazy(
            "Write the templates in TOML. $prompt, $answer_a and $answer_b (or $answer) are replaced with the "
            "texts to judge."
        ),
    )

    def clean_text(self) -> templates.TemplateSet:
        try:
            return templates.from_toml(self.cleaned_data["text"].replace("\r\n", "\n"))
        except templates.BadTemplate as error:
            raise ValidationError(_(error.reason) % error.values) from None

    def keep(self, user: Any) -> Template:
        return judges.keep_templates(self.cleaned_data["name"], self.cleaned_data["text"], user)


class PreviewForm(forms.Form):
    """The study whose answers are used as the example."""

    study = forms.ModelChoiceField(
        Study.objects.none(), label=gettext_lazy("Example from study"), empty_label=gettext_lazy("Choose one")
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField[Study]", self.fields["study"]).queryset = Study.objects.readable_by(user)
