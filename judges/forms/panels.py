"""The form that makes a panel. What it means is done by the service it calls."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Study
from judges.models import Panel
from judges.panels import panels
from judges.panels.panels import Charter


class PanelForm(forms.Form):
    """Who sits in a panel, and how it decides."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, help_text=gettext_lazy("Leaderboards and files call it this.")
    )
    judges = forms.MultipleChoiceField(
        label=gettext_lazy("Members"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Two or more. One that has not judged yet joins when it has."),
    )
    rule = forms.ChoiceField(
        label=gettext_lazy("The panel says"),
        choices=Panel.Rule.choices,
        help_text=gettext_lazy("A probability is 1, ½ or 0 where a judge gives a verdict and none."),
    )
    splits = forms.ChoiceField(label=gettext_lazy("Splits"), choices=Panel.Splits.choices)
    senior = forms.ChoiceField(label=gettext_lazy("Senior judge"), required=False)
    contradictions = forms.ChoiceField(
        label=gettext_lazy("Members who contradict themselves over both orders"),
        choices=Panel.Contradictions.choices,
        help_text=gettext_lazy("Where what more than half say counts; the mean takes both orders as they are."),
    )
    least = forms.IntegerField(
        label=gettext_lazy("So many members must have answered"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Empty: all who may judge the pair."),
    )
    margin = forms.FloatField(
        label=gettext_lazy("Margin of the mean"),
        required=False,
        min_value=0,
        max_value=0.49,
        help_text=gettext_lazy("A mean no further than this from one half is a split."),
    )
    spares_own = forms.BooleanField(label=gettext_lazy("Members judge no models of their own maker"), required=False)
    makers = forms.CharField(
        label=gettext_lazy("Makers of the members"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "A line each, such as gpt4 = OpenAI, where the study’s models do not tell it by the judge’s name."
        ),
    )

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.study = study
        names = [(name, name) for name in panels.candidates(study)]
        cast(forms.MultipleChoiceField, self.fields["judges"]).choices = names
        cast(forms.ChoiceField, self.fields["senior"]).choices = [("", _("none")), *names]

    def clean_makers(self) -> dict[str, str]:
        found = {}
        for line in self.cleaned_data["makers"].splitlines():
            judge, equals, maker = (part.strip() for part in line.rpartition("="))
            if not line.strip():
                continue
            if not (judge and equals and maker):
                raise ValidationError(
                    _("%(line)s: a judge, an equals sign and a maker were expected.") % {"line": line}
                )
            found[judge] = maker
        return found

    def charter(self) -> Charter:
        data = self.cleaned_data
        return Charter(
            data["judges"],
            data["rule"],
            data["splits"],
            data["senior"],
            data["contradictions"],
            data["least"],
            data["margin"] or 0.0,
            data["spares_own"],
            data["makers"],
        )
