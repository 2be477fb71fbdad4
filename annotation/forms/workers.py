"""Excluding a worker's votes, and erasing a worker's personal data."""

from django import forms
from django.utils.translation import gettext_lazy


class ExclusionForm(forms.Form):
    """The reason for excluding a worker."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("Stored with the worker and included in full exports."),
    )


class ErasureForm(forms.Form):
    """Whether a worker whose data is erased withdraws their votes as well."""

    withdraw = forms.BooleanField(
        label=gettext_lazy("Withdraw their votes as well"),
        required=False,
        help_text=gettext_lazy("Select this if they ask for it. Leaderboards no longer count their votes."),
    )
