"""What a board's words mean, in sentences for people."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NOTICES: dict[str, str | Promise] = {
    "groups": _(
        "The models fall into groups that were never compared with one another. Each is ranked by itself: "
        "nothing can be said across them until pairs join them."
    ),
    "prior": _(
        "Some models have only wins or only losses against the rest, so no finite ratings exist without an "
        "assumption: every model was given half a tie against the mean of the board."
    ),
    "mixed-raters": _("People and judges are mixed here. No interval describes raters like this mix."),
    "one-rater": _("All these comparisons come from one rater, so nothing is said about raters like these."),
    "few-prompts": _("With fewer than 10 prompts nothing is said about prompts like these, only about exactly these."),
    "correction-fell-back": _(
        "A part of this board hangs on a single prompt or rater that cannot be left out, so the intervals use the "
        "simpler correction CR1 and are likely too narrow."
    ),
    "replicates-with-prior": _(
        "Some replicates of the bootstrap had no finite ratings: in them every model got half a tie against the mean."
    ),
    "file-order": _("The comparisons carry no times, so Elo took them in the order in which they were stored."),
    "uneven": _(
        "Some models were compared far more often than others, and this method follows the counts: "
        "its order is partly that of how often models were shown."
    ),
}

QUESTIONS: dict[str | None, str | Promise] = {
    "both": _("95 %% intervals for prompts and raters like these (%(prompts)s prompts, %(raters)s raters)."),
    "prompt": _("95 %% intervals for prompts like these (%(prompts)s prompts)."),
    "worker": _("95 %% intervals for raters like these on exactly these prompts (%(raters)s raters)."),
    "none": _("95 %% intervals as if every vote were independent of every other."),
}


def notice(word: str) -> str:
    return str(NOTICES[word])


def question(group: dict[str, Any]) -> str:
    """Which question the intervals of a group answer; empty where there are none."""
    text = QUESTIONS.get(group["clusters"])
    return "" if text is None else str(text) % {"prompts": group["prompts"], "raters": group["raters"]}
