"""Filters for money, times and states on the judges' pages."""

from collections.abc import Mapping

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from judges import models
from judges.similarity import measure as similarity
from judges.similarity.filters import FILTERS
from judges.similarity.registry import MEASURES

register = template.Library()


@register.filter
def dollars(nanos: float | str | None) -> str:
    """Formats an amount in nanos; a dash for None or for the empty text of an undefined template variable."""
    return "–" if nanos is None or isinstance(nanos, str) else models.dollars(round(nanos))


@register.filter
def in_percent(share: float) -> str:
    """Formats a share in [0, 1] as a percentage with one decimal."""
    return _("%(share)s%%") % {"share": number_format(round(100 * share, 1), 1)}


@register.filter
def alike(told: Mapping[str, int]) -> float:
    """Returns the share of a member's verdicts that equal the panel's."""
    return told["alike"] / told["compared"]


@register.filter
def ballot(word: str) -> str:
    """Names a member's ballot in a panel decision."""
    return {
        "contradicts": _("contradictory"),
        "absent": _("no verdict"),
        "spared": _("own organisation"),
        "tie": _("tie"),
    }.get(word, word)


@register.filter
def call_state(state: str) -> str:
    """Names a state of calls in the reader's language."""
    return str(models.CallState(state).label)


@register.filter
def measure(name: str) -> str:
    """Names a measure of similarity in the reader's language."""
    return _(MEASURES[name].label)


@register.filter
def said(text: str) -> str:
    """Translates a text that a registry has in English."""
    return _(text) if text else ""


@register.filter
def filter_label(name: str) -> str:
    """Names a filter of answers in the reader's language."""
    return _(FILTERS[name].label)


@register.filter
def score_column(name: str) -> str:
    """Names a number of a measure of similarity in the reader's language."""
    return {
        "similarity": _("Similarity"),
        "f1": "F1",
        "precision": _("Precision"),
        "recall": _("Recall"),
        "first order": _("First order"),
        "second order": _("Second order"),
    }.get(name, name)


@register.filter
def score_state(state: str) -> str:
    """Names the state of a score of similarity in the reader's language."""
    own = {
        similarity.SCORED: _("scored"),
        similarity.DROPPED: _("dropped by a filter"),
        similarity.NO_ANSWER: _("no answer"),
        similarity.NOT_ASKED: _("not asked"),
    }
    return own[state] if state in own else call_state(state)


@register.filter
def found_word(found: str) -> str:
    """Names a benchmark result (right, wrong or tie) in the reader's language."""
    return {"right": _("correct"), "wrong": _("wrong"), "tie": _("undecided")}[found]


@register.filter
def time_left(seconds: float | None) -> str:
    """Formats remaining time, such as “about 3 minutes left”; empty if unknown."""
    if seconds is None:
        return ""
    if seconds < 60:
        return _("less than a minute left")
    if seconds < 5400:
        minutes = round(seconds / 60)
        return ngettext("about %(number)d minute left", "about %(number)d minutes left", minutes) % {"number": minutes}
    hours = round(seconds / 3600)
    return ngettext("about %(number)d hour left", "about %(number)d hours left", hours) % {"number": hours}
