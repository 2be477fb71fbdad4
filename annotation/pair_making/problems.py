"""Why pairs cannot be made."""

from typing import Final

from annotation.problems import gettext_noop, kind

CRASHED: Final = kind("pairs-crashed", gettext_noop("Something went wrong. See the log for details."))
NO_STRATEGY: Final = kind("no-strategy", gettext_noop("No strategy is named “%(name)s”. Choose from: %(known)s."))
AT_LEAST_ONE: Final = kind("at-least-one", gettext_noop("Neighbours and pairs per prompt must be at least 1."))
RANDOM_ONLY: Final = kind("random-only", gettext_noop("Pairs per prompt can only be set for the strategy “random”."))
SEED_OUT_OF_RANGE: Final = kind(
    "seed-out-of-range", gettext_noop("The seed must be a whole number from 0 to 2^63 - 1.")
)
NO_TWO_MODELS: Final = kind(
    "no-two-models", gettext_noop("No prompt has answers from two models of this study. Upload answers first.")
)
NONE_SELECTED: Final = kind(
    "none-selected", gettext_noop("No pairs were selected: the answers are identical or no longer exist.")
)

UNCONNECTED: Final = kind("unconnected", "%(lines)s")
"""Of one prompt or several: for each the next line, its groups, and what to do."""

UNCONNECTED_BY_ONE: Final = kind(
    "unconnected-by-one",
    gettext_noop(
        "Prompt %(prompt)s is not connected. With %(count)d neighbour per answer, no pair links these groups "
        "of answers:"
    ),
)
UNCONNECTED_BY_MORE: Final = kind(
    "unconnected-by-more",
    gettext_noop(
        "Prompt %(prompt)s is not connected. With %(count)d neighbours per answer, no pair links these "
        "groups of answers:"
    ),
)
GROUP: Final = kind("group", "  %(names)s")
AND_MORE: Final = kind("and-more", gettext_noop("%(names)s and %(number)d more"))
ASK_FOR_MORE: Final = kind("ask-for-more", gettext_noop("  Increase the number of neighbours, or make all pairs."))
