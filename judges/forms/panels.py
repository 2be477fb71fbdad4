"""The form that creates a panel. The service it calls does the work."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Study
from judges.models import Panel
from judges.panels import panels
from judges.panels.panels import PanelSpec


class PanelForm(forms.Form):
    """The members and rules of a panel."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, help_text=gettext_lazy("Used on leaderboards and in files.")
    )
    judges = forms.MultipleChoiceField(
        label=gettext_lazy("Members"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Choose at least two. A judge that has not judged yet takes part once it has verdicts."),
    )
    rule = forms.ChoiceField(
        label=gettext_lazy("Decision rule"),
        choices=Panel.Rule.choices,
        help_text=gettext_lazy("For the mean, a verdict without a probability or level counts as 1, ½ or 0."),
    )
    splits = forms.ChoiceField(label=gettext_lazy("Split decisions"), choices=Panel.Splits.choices)
    senior = forms.ChoiceField(label=gettext_lazy("Senior judge"), required=False)
    contradictions = forms.ChoiceField(
        label=gettext_lazy("Contradictory verdicts"),
        choices=Panel.Contradictions.choices,
        help_text=gettext_lazy("Applies only to the majority rule. The mean uses both orders as they are."),
    )
    least = forms.IntegerField(
        label=gettext_lazy("Minimum members who must reply"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Leave blank to require every member that may judge the pair."),
    )
    margin = forms.FloatField(
        label=gettext_lazy("Split margin"),
        required=False,
        min_value=0,
        max_value=0.49,
        help_text=gettext_lazy("If the mean is within this distance of one half, the decision is a split."),
    )
    spares_own = forms.BooleanField(
        label=gettext_lazy("Members do not judge models from their own organisation"), required=False
    )
    makers = forms.CharField(
        label=gettext_lazy("Members’ organisations"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One per line, such as gpt4 = OpenAI. Needed only if a judge’s organisation cannot be found from "
            "the study’s models."
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
                    _("“%(line)s”: enter a judge, an equals sign and an organisation, such as gpt4 = OpenAI.")
                    % {"line": line}
                )
            found[judge] = maker
        return found

    def spec(self) -> PanelSpec:
        data = self.cleaned_data
        return PanelSpec(
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
