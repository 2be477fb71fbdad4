"""The form of a MAD competition: the measure, the filters, and how many prompts are chosen."""

from typing import Any, Final, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.pairing.mad import TOP
from judges.models import Judge
from judges.similarity.registry import MEASURES
from judges.similarity.terms import MOST, Terms

RARE: Final = ("not_empty", "length_ratio", "words", "spread")
"""Fields that are folded away."""


class MadForm(forms.Form):
    """What a similarity run does. A filter whose number is blank is off."""

    measure = forms.ChoiceField(label=gettext_lazy("Measure"), widget=forms.RadioSelect, initial="lexical")
    judge = forms.ModelChoiceField(
        Judge.objects.none(),
        label=gettext_lazy("Judge"),
        required=False,
        empty_label=gettext_lazy("None"),
        help_text=gettext_lazy(
            "Every measure except the lexical one uses this judge’s endpoint and budget. For embeddings, add a judge "
            "whose "
            "model is an embedding model."
        ),
    )
    with_prompt = forms.BooleanField(label=gettext_lazy("Show the prompt to the judge"), required=False)
    not_empty = forms.BooleanField(label=gettext_lazy("Only if neither answer is empty"), required=False)
    length_ratio = forms.FloatField(
        label=gettext_lazy("Only if the length ratio is below"),
        required=False,
        min_value=0,
        max_value=1e8,
        help_text=gettext_lazy("In characters, longer to shorter answer. Leave blank for no filter; 4 is usual."),
    )
    words = forms.FloatField(
        label=gettext_lazy("Only if each answer has more words than"),
        required=False,
        min_value=0,
        max_value=1e8,
        help_text=gettext_lazy(
            "Each Chinese character and each Hiragana letter is a word. Leave blank for no filter; 20 is usual."
        ),
    )
    top = forms.IntegerField(
        label=gettext_lazy("Prompts per pair of models (K)"), initial=TOP, min_value=1, max_value=MOST
    )
    spread = forms.FloatField(
        label=gettext_lazy("Lambda"),
        initial=0.0,
        min_value=0,
        max_value=MOST,
        help_text=gettext_lazy("Above 0, prompts like those already chosen are avoided."),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        measure = cast(forms.ChoiceField, self.fields["measure"])
        measure.choices = [(name, f"{_(each.label)}: {_(each.help)}") for name, each in MEASURES.items()]
        cast("forms.ModelChoiceField[Judge]", self.fields["judge"]).queryset = Judge.objects.usable_by(user)

    @property
    def first(self) -> list[forms.BoundField]:
        """The fields that everybody sets."""
        return [self[name] for name in self.fields if name not in RARE]

    @property
    def rest(self) -> list[forms.BoundField]:
        return [self[name] for name in RARE]

    @property
    def rest_is_open(self) -> bool:
        """Whether one of the other fields is set or wrong, so that it must be seen."""
        return self.is_bound and any(field.errors or field.data not in {None, "", "0", "0.0"} for field in self.rest)

    def terms(self) -> Terms:
        data = self.cleaned_data
        numbers = {"length-ratio": data["length_ratio"], "words": data["words"]}
        filters = {name: limit for name, limit in numbers.items() if limit is not None}
        filters |= {"not-empty": None} if data["not_empty"] else {}
        return Terms(data["measure"], filters, data["top"], data["spread"], data["with_prompt"])

    def payer(self) -> Judge | None:
        """Returns the chosen judge, unless the measure asks nothing."""
        return self.cleaned_data["judge"] if self.terms().how.asks != "nothing" else None
