"""Forms of schedules and stability tests."""

from django import forms
from django.utils.translation import gettext_lazy

from judges.judging.consistency_probes import MOST
from judges.models import Judge
from judges.models.schedules import MOST_HOURS


class EveryForm(forms.Form):
    """How often a judge runs."""

    every = forms.IntegerField(label=gettext_lazy("Hours between runs"), min_value=1, max_value=MOST_HOURS, initial=24)


class ScheduleForm(EveryForm):
    """A judge that judges new items at an interval."""

    judge = forms.ModelChoiceField(
        Judge.objects.all(), label=gettext_lazy("Judge"), empty_label=gettext_lazy("Choose one")
    )
    field_order = ("judge", "every")


class CountForm(forms.Form):
    """The number of pairs or answers to ask about."""

    count = forms.IntegerField(
        label=gettext_lazy("Number of pairs or answers"), min_value=2, max_value=MOST, initial=30
    )
