"""Forms of the model answers pages. The services they call do the work."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import model_choice
from annotation.models import LanguageModel, Study
from judges.answers import sources
from judges.answers.planning import AGAIN, MOST_SAMPLES, AnswerPlan
from judges.answers.sources import NAME_LENGTH
from judges.forms.endpoints import EndpointForm
from judges.judging import connection_test, judges
from judges.judging.connection_test import Tested
from judges.llm import temperatures
from judges.models import NANOS, AnswerSource, AnswerState
from judges.models.work import GIVEN_UP
from judges.runs import chat_request


class SourceForm(EndpointForm):
    """A model's endpoint; for a new model, also its name and organisation."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LENGTH,
        help_text=gettext_lazy(
            "Used on leaderboards and in files. To add an endpoint to an existing model, enter that model’s name."
        ),
    )
    org = forms.CharField(label=gettext_lazy("Organisation"), max_length=200, required=False)
    budget = forms.DecimalField(
        label=gettext_lazy("Budget (US dollars)"),
        required=False,
        min_value=0,
        decimal_places=2,
        help_text=gettext_lazy("Total for all answers from this model. Requests that could exceed it are not sent."),
    )

    class Meta(EndpointForm.Meta):
        model = AnswerSource
        fields = list(AnswerSource.SETTINGS)

    groups = (
        (gettext_lazy("Endpoint"), ("name", "endpoint", "api_id", "key")),
        (gettext_lazy("Model"), ("org",)),
        (gettext_lazy("Key on the server, additional fields"), ("key_source", "extra_body", "extra_headers")),
        (gettext_lazy("Request settings"), ("top_p", "max_tokens", "token_limit", "reasoning_effort", "seed")),
        (gettext_lazy("Rate limits and timeout"), ("parallel", "requests_per_minute", "tokens_per_minute", "timeout")),
        (gettext_lazy("Prices and budget"), ("price_in", "price_out", "price_cached", "reported_cost", "budget")),
    )

    def __init__(self, study: Study, model: LanguageModel | None, *args: Any, **kwargs: Any) -> None:
        source = AnswerSource.objects.filter(model=model).first() if model is not None else None
        if model is not None:
            budget = None if source is None or source.budget is None else Decimal(source.budget) / NANOS
            kwargs["initial"] = {"name": model.name, "org": model.org or "", "budget": budget}
            kwargs["instance"] = source or AnswerSource(api_id=model.api_id or "")
        super().__init__(*args, **kwargs)
        self.study, self.known = study, model
        if model is not None:
            self.fields["name"].disabled = self.fields["org"].disabled = True

    def test(self, user: Any) -> Tested:
        """Tests the connection with these settings, which are not saved.

        Raises:
            NotPossible: the settings are invalid, or nothing may be sent now.
        """
        data = self.cleaned_data
        saved = AnswerSource.objects.filter(model=self.known).first() if self.known is not None else None
        source = AnswerSource(
            pk=None if saved is None else saved.pk,
            model=self.known,
            **{name: data[name] for name in AnswerSource.SETTINGS},
        )
        source.tidy_endpoint()
        purse = None if saved is None else AnswerSource.objects.filter(pk=saved.pk)
        body = chat_request.request(source, source.api_id, connection_test.MESSAGES, temperature=None)
        budget = judges.in_nanos(data["budget"])
        return connection_test.try_out(source, body, f"user-{user.pk}", purse=purse, budget=budget, key=data["key"])

    def keep(self, user: Any) -> AnswerSource | None:
        """Saves the endpoint and returns it, or adds the errors to the form and returns None."""
        data = self.cleaned_data
        settings = {name: data[name] for name in AnswerSource.SETTINGS}
        try:
            source = sources.keep_source(
                self.study, data["name"], settings, org=data["org"], user=user, key=data["key"]
            )
        except ValidationError as error:
            self.add_errors(error)
            return None
        sources.set_budget(source, judges.in_nanos(data["budget"]))
        return source


class AnswersForm(forms.Form):
    """Which models to ask, and with which options."""

    models = forms.ModelMultipleChoiceField(
        AnswerSource.objects.none(), label=gettext_lazy("Models"), widget=forms.CheckboxSelectMultiple
    )
    samples = forms.IntegerField(
        label=gettext_lazy("Answers per prompt"), initial=1, min_value=1, max_value=MOST_SAMPLES
    )
    temperature = forms.FloatField(
        label=gettext_lazy("Temperature"),
        required=False,
        min_value=0,
        max_value=temperatures.MOST,
        help_text=gettext_lazy(
            "Leave blank to set it by category: 0 for extraction, maths, coding and reasoning; 0.1 for "
            "humanities and STEM; 0.7 for everything else."
        ),
    )
    categories = forms.CharField(
        label=gettext_lazy("Temperatures by category"),
        required=False,
        help_text=gettext_lazy("For example: coding=0.2, roleplay=1. These override the temperature above."),
    )
    silent = forms.BooleanField(
        label=gettext_lazy("Do not send a temperature (the endpoint does not accept one)"), required=False
    )
    limit = forms.IntegerField(
        label=gettext_lazy("Maximum prompts"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("The first prompts of the set are used. Leave blank to include all."),
    )
    everything = forms.BooleanField(label=gettext_lazy("Include prompts outside the study’s filters"), required=False)
    again = forms.MultipleChoiceField(
        label=gettext_lazy("States to retry"),
        required=False,
        choices=[
            *((state.value, state.label) for state in AnswerState if state in AGAIN),
            (GIVEN_UP, gettext_lazy("failed in three runs")),
        ],
        initial=[AnswerState.FAILED],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Answers already used in pairs, verdicts or grades are kept."),
    )

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = AnswerSource.objects.filter(model__prompt_set=study.prompt_set_id).select_related("model")
        model_choice(self, "models").queryset = asked

    def clean_categories(self) -> dict[str, float]:
        words = [word for word in re.split(r"[,\n]", self.cleaned_data["categories"]) if word.strip()]
        try:
            return temperatures.read(words)
        except ValueError as word:
            raise ValidationError(
                _("“%(word)s”: enter a category and a number from 0 to 2, such as coding=0.2.") % {"word": word}
            ) from None

    def plan(self) -> AnswerPlan:
        data = self.cleaned_data
        return AnswerPlan(
            samples=data["samples"],
            limit=data["limit"],
            everything=data["everything"],
            temperature=data["temperature"],
            temperatures=data["categories"],
            silent=data["silent"],
            again=tuple(data["again"]),
        )


class SystemMessageForm(forms.Form):
    """The system message sent to every model before each prompt of the set."""

    system = forms.CharField(
        label=gettext_lazy("System message"),
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Sent to every model before each prompt of the set. Leave blank for none."),
    )
