"""Making the pairs of a study."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class PairsForm(forms.Form):
    """The strategy that makes a study's pairs, with its options."""

    strategy = forms.ChoiceField(
        label=gettext_lazy("Strategy"),
        initial="neighbours",
        widget=forms.RadioSelect,
        choices=[
            (
                "neighbours",
                gettext_lazy("Most different: pair each answer with those furthest from it by edit distance"),
            ),
            ("random", gettext_lazy("Random: pair answers at random")),
            ("all", gettext_lazy("All: pair every two answers to a prompt")),
        ],
    )
    neighbours = forms.IntegerField(
        label=gettext_lazy("Neighbours"),
        initial=3,
        min_value=1,
        max_value=1000,
        help_text=gettext_lazy("Number of pairs to make from each answer. Applies to “Most different” and “Random”."),
    )
    per_prompt = forms.IntegerField(
        label=gettext_lazy("Pairs per prompt"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Applies to “Random” only. Leave blank to set it from the number of neighbours."),
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        initial=0,
        min_value=0,
        max_value=2**63 - 1,
        help_text=gettext_lazy("Sets the sides and the random pairs. The same seed gives the same result."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("per_prompt") and data.get("strategy") != "random":
            self.add_error(
                "per_prompt", _("“Pairs per prompt” applies to “Random” only. Leave it blank for other strategies.")
            )
        return data
