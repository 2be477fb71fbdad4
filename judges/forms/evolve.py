"""Forms of the pages on which a model evolves prompts. The services they call do the work."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import model_choice
from annotation.models import PromptSet
from judges.evolve.planning import AGAIN, MOST_CHILDREN, MOST_ITERATIONS, TEMPERATURE, EvolvePlan, Recipe
from judges.evolve.replies import LONGEST
from judges.evolve.scenarios import FORMS, OWN, SCENARIOS
from judges.llm import temperatures
from judges.models import AnswerSource, EvolveState
from judges.models.work import GIVEN_UP
from judges.prompting.templates import LONGEST_TEMPLATE


def _scenarios() -> list[tuple[str, str]]:
    return [(each.name, f"{_(each.label)}: {_(each.help)}") for each in SCENARIOS.values()]


def _forms() -> list[tuple[str, str]]:
    return [(form.name, _(form.label)) for form in FORMS.values()]


class EvolveForm(forms.Form):
    """Which model writes how many prompts, and how."""

    model = forms.ModelChoiceField(AnswerSource.objects.none(), label=gettext_lazy("Model"), empty_label=None)
    scenario = forms.ChoiceField(
        label=gettext_lazy("Scenario"), choices=_scenarios, widget=forms.RadioSelect, initial="writing"
    )
    template = forms.CharField(
        label=gettext_lazy("Own template"),
        required=False,
        max_length=LONGEST_TEMPLATE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "code"}),
        help_text=gettext_lazy(
            "What the model is told. $prompt stands for the parent prompt, $reference for its reference answer. The "
            "form of the reply is added."
        ),
    )
    form = forms.ChoiceField(
        label=gettext_lazy("Reply to the own template"), choices=_forms, required=False, initial="prompt"
    )
    iterations = forms.IntegerField(
        label=gettext_lazy("Iterations"),
        initial=1,
        min_value=1,
        max_value=MOST_ITERATIONS,
        help_text=gettext_lazy("From the second iteration on, prompts are written from those of the iteration before."),
    )
    children = forms.IntegerField(
        label=gettext_lazy("New prompts per seed prompt and iteration"),
        initial=1,
        min_value=1,
        max_value=MOST_CHILDREN,
    )
    limit = forms.IntegerField(
        label=gettext_lazy("Maximum seed prompts"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("The first prompts of the set are used. Leave blank to use all."),
    )
    evolved = forms.BooleanField(label=gettext_lazy("Also start from evolved prompts"), required=False)
    temperature = forms.FloatField(
        label=gettext_lazy("Temperature"),
        required=False,
        initial=TEMPERATURE,
        min_value=0,
        max_value=temperatures.MOST,
        help_text=gettext_lazy("Leave blank to send none."),
    )
    again = forms.MultipleChoiceField(
        label=gettext_lazy("States to retry"),
        required=False,
        choices=[
            *((state.value, state.label) for state in EvolveState if state in AGAIN),
            (GIVEN_UP, gettext_lazy("failed in three runs")),
        ],
        initial=[EvolveState.FAILED],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, prompt_set: PromptSet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = AnswerSource.objects.filter(model__prompt_set=prompt_set).select_related("model")
        model_choice(self, "model").queryset = asked
        types = prompt_set.prompts.exclude(type=None).exclude(type="").order_by("type").values_list("type", flat=True)
        categories = [(name, name) for name in types.distinct()]
        if len(categories) > 1:
            self.fields["categories"] = forms.MultipleChoiceField(
                label=gettext_lazy("Only seed prompts of these categories"),
                required=False,
                choices=categories,
                widget=forms.CheckboxSelectMultiple,
            )

    def shown(self) -> list[forms.BoundField]:
        """Returns the fields that everybody sets."""
        return [self[name] for name in ("model", "scenario", "iterations", "children", "limit")]

    def own(self) -> list[forms.BoundField]:
        """Returns the fields for a template of one's own, which are folded unless it is chosen."""
        return [self[name] for name in ("template", "form")]

    @property
    def own_chosen(self) -> bool:
        return bool(self["scenario"].value() == OWN)

    def more(self) -> list[forms.BoundField]:
        """Returns the other fields, which are folded unless one of them has an error."""
        names = ("categories", "evolved", "temperature", "again")
        return [self[name] for name in names if name in self.fields]

    @property
    def more_open(self) -> bool:
        return any(field.errors for field in self.more())

    def plan(self) -> EvolvePlan:
        data = self.cleaned_data
        return EvolvePlan(
            iterations=data["iterations"],
            children=data["children"],
            limit=data["limit"],
            categories=tuple(data.get("categories", ())),
            evolved=data["evolved"],
            again=tuple(data["again"]),
        )

    def recipe(self) -> Recipe:
        data = self.cleaned_data
        own = data["scenario"] == OWN
        return Recipe(
            data["scenario"],
            data["template"] if own else "",
            data["form"] if own else "",
            data["temperature"],
        )


class AcceptForm(forms.Form):
    """The text and the reference answer with which an evolved prompt is accepted."""

    text = forms.CharField(
        label=gettext_lazy("Prompt"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 6, "dir": "auto"})
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference answer"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 6, "dir": "auto"}),
    )
