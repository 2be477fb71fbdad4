"""Forms of the judges' pages. The services they call do the work."""

from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Study
from judges.forms.endpoints import EndpointForm
from judges.judging import connection_test, judges, lookup, questions
from judges.judging.connection_test import Tested
from judges.judging.planning import Plan
from judges.models import NANOS, Judge, JudgeVersion, Orders, Template
from judges.prompting import fastchat, templates
from judges.prompting.readers import READERS


def _readers() -> list[tuple[str, str]]:
    return [(name, _(reader.label)) for name, reader in READERS.items()]


class JudgeForm(EndpointForm):
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
    everyone = forms.BooleanField(
        label=gettext_lazy("Everyone may use it"),
        required=False,
        help_text=gettext_lazy("Anyone with access to a study may start runs, which spend this judge’s budget."),
    )
    users = forms.CharField(
        label=gettext_lazy("Users who may use it"),
        required=False,
        help_text=gettext_lazy(
            "Usernames, separated by commas. You, and anyone who may add judges, can always use your judges."
        ),
    )

    class Meta(EndpointForm.Meta):
        model = JudgeVersion
        fields = list(JudgeVersion.SETTINGS)

    groups = (
        (gettext_lazy("Endpoint"), ("name", "endpoint", "model", "key")),
        (
            gettext_lazy("Judging"),
            ("reader", "template", "orders", "each_turn", "samples", "longest_answer"),
        ),
        (
            gettext_lazy("Request settings"),
            ("temperature", "top_p", "max_tokens", "token_limit", "reasoning_effort", "seed", "structured"),
        ),
        (
            gettext_lazy("Key on the server, additional fields"),
            ("key_source", "extra_body", "extra_headers", "ignore_returned_model"),
        ),
        (gettext_lazy("Rate limits and timeout"), ("parallel", "requests_per_minute", "tokens_per_minute", "timeout")),
        (
            gettext_lazy("Prices and budget"),
            ("price_in", "price_out", "price_cached", "batch_percent", "reported_cost", "budget"),
        ),
        (gettext_lazy("Who may use it"), ("everyone", "users")),
    )

    def __init__(self, judge: Judge | None, *args: Any, **kwargs: Any) -> None:
        if judge is not None:
            kwargs["instance"] = judge.current
            budget = None if judge.budget is None else Decimal(judge.budget) / NANOS
            names = judge.users.order_by("username").values_list("username", flat=True)
            kwargs["initial"] = {
                "name": judge.name,
                "budget": budget,
                "everyone": judge.everyone,
                "users": ", ".join(names),
            }
        super().__init__(*args, **kwargs)
        self.judge = judge
        judges.keep_built_in()
        template = cast("forms.ModelChoiceField[Template]", self.fields["template"])
        template.queryset = Template.objects.all()
        template.required, template.empty_label = False, _("Default for the reader")
        self.fields["batch_percent"].required = False
        if judge is not None:
            self.fields["name"].disabled = True

    def clean_users(self) -> list[Any]:
        names = {name.strip() for name in self.cleaned_data["users"].split(",") if name.strip()}
        known = list(get_user_model().objects.filter(username__in=names))
        if missing := names - {user.get_username() for user in known}:
            raise ValidationError(_("No user is named “%(name)s”.") % {"name": min(missing)})
        return known

    def _settings(self) -> dict[str, Any]:
        settings = {name: self.cleaned_data[name] for name in JudgeVersion.SETTINGS}
        if settings["batch_percent"] is None:
            settings["batch_percent"] = 100
        settings["template"] = settings["template"] or lookup.templates_named("", settings["reader"])
        return settings

    def test(self, user: Any) -> Tested:
        """Tests the connection with these settings, which are not saved.

        Raises:
            NotPossible: the settings are invalid, or nothing may be sent now.
        """
        version = JudgeVersion(judge=self.judge or Judge(), **self._settings())
        version.tidy_endpoint()
        purse = None if self.judge is None else Judge.objects.filter(pk=self.judge.pk)
        budget = judges.in_nanos(self.cleaned_data["budget"])
        body = questions.request(version, connection_test.MESSAGES)
        key = self.cleaned_data["key"]
        return connection_test.try_out(version, body, f"user-{user.pk}", purse=purse, budget=budget, key=key)

    def keep(self, user: Any) -> Judge | None:
        """Saves the judge and returns it, or adds the errors to the form and returns None."""
        settings, key = self._settings(), self.cleaned_data["key"]
        budget = judges.in_nanos(self.cleaned_data["budget"])
        try:
            judge = self.judge
            if judge is None:
                judge = judges.add_judge(self.cleaned_data["name"], settings, budget=budget, user=user, key=key)
            else:
                judges.change_judge(judge, settings, user=user, key=key)
        except ValidationError as error:
            self.add_errors(error)
            return None
        judges.set_budget(judge, budget)
        judges.share(judge, self.cleaned_data["users"], everyone=self.cleaned_data["everyone"])
        return judge


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

    def __init__(self, study: Study, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = Judge.objects.usable_by(user)
        cast("forms.ModelChoiceField[Judge]", self.fields["judge"]).queryset = usable
        if len(only := list(usable[:2])) == 1:
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
            "Write the templates in TOML, or paste FastChat’s judge_prompts.jsonl. $prompt, $answer_a and $answer_b "
            "(or $answer) are replaced with the texts to judge."
        ),
    )

    def clean_text(self) -> dict[str, templates.TemplateSet]:
        text = self.cleaned_data["text"].replace("\r\n", "\n")
        try:
            # No TOML starts with a brace.
            return (
                fastchat.from_jsonl(text)
                if text.lstrip("\ufeff\n ").startswith("{")
                else {"": templates.from_toml(text)}
            )
        except templates.BadTemplate as error:
            raise ValidationError(_(error.reason) % error.values) from None

    def keep(self, user: Any) -> Template:
        """Saves the set and returns it; a file of several sets saves each, under the name and what it is for."""
        name, sets = self.cleaned_data["name"], self.cleaned_data["text"]
        kept = [
            judges.keep_templates(name if len(sets) == 1 else f"{name[:90]}-{suffix}", content, user)
            for suffix, content in sets.items()
        ]
        return kept[0]


class PreviewForm(forms.Form):
    """The study whose answers are used as the example."""

    study = forms.ModelChoiceField(
        Study.objects.none(), label=gettext_lazy("Example from study"), empty_label=gettext_lazy("Choose one")
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField[Study]", self.fields["study"]).queryset = Study.objects.readable_by(user)
