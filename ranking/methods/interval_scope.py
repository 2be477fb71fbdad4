"""Which question the intervals of a board answer, and whether its votes can answer it."""

from dataclasses import dataclass

import numpy as np

from ranking.methods.intervals import LEAST_PROMPTS, Clusters
from ranking.methods.settings import Source
from ranking.methods.tally import Codes, Votes


@dataclass(frozen=True, slots=True)
class Question:
    """Attributes:

    clusters: what is answered; None where no interval can be given.
    notices: why it is not what was asked.
    """

    clusters: Clusters | None
    notices: tuple[str, ...] = ()


def question(votes: Votes, asked: Clusters | None, source: Source) -> Question:
    """By default prompts and raters where people voted, prompts for a single judge, nothing for a mix.

    With fewer than 10 prompts nothing is said of prompts like these, with one rater nothing of raters.
    """
    if source == "all":
        return Question(None, ("mixed-raters",))
    clusters: Clusters = asked or ("prompt" if source == "judge" else "both")
    if clusters == "none":
        return Question("none")
    notices: list[str] = []
    if clusters in {"worker", "both"} and distinct(votes.rater) < 2:
        notices.append("one-rater")
        if clusters == "worker":
            return Question(None, tuple(notices))
        clusters = "prompt"
    if clusters in {"prompt", "both"} and distinct(votes.prompt) < LEAST_PROMPTS:
        notices.append("few-prompts")
        if clusters == "prompt":
            return Question(None, tuple(notices))
        clusters = "worker"
    return Question(clusters, tuple(notices))


def distinct(codes: Codes | None) -> int:
    """How many different codes there are; 0 where nothing is known."""
    return 0 if codes is None or not len(codes) else int(np.count_nonzero(np.bincount(codes)))
