"""Chooses what the intervals of a board generalise to, as far as its votes allow."""

from dataclasses import dataclass

import numpy as np

from ranking.methods.intervals import LEAST_PROMPTS, Clusters
from ranking.methods.settings import Source
from ranking.methods.tally import Codes, Votes


@dataclass(frozen=True, slots=True)
class Question:
    """Attributes:

    clusters: what the intervals generalise to; None if there can be none.
    notices: keys of the reasons why it is less than was asked for.
    """

    clusters: Clusters | None
    notices: tuple[str, ...] = ()


def question(votes: Votes, asked: Clusters | None, source: Source) -> Question:
    """Chooses the clusters. By default: prompts and raters for people, prompts for a single judge, none for a mix.

    With fewer than 10 prompts, intervals do not generalise to prompts. With one rater, or raters who are
    not known one by one, not to raters. Where nothing is known of either, votes are assumed independent, unless other
    clusters were asked for.
    """
    if source == "all":
        return Question(None, ("mixed-raters",))
    clusters: Clusters = asked or ("prompt" if source == "judge" else "both")
    if clusters == "none":
        return Question("none")
    notices: list[str] = []
    if clusters in {"worker", "both"} and distinct(votes.rater) < 2:
        notices.append("unknown-raters" if votes.rater is None else "one-rater")
        if clusters == "worker":
            return Question(None, tuple(notices))
        clusters = "prompt"
    if clusters in {"prompt", "both"} and votes.prompt is None:
        notices.append("own-prompts")
        if clusters == "prompt":
            return Question(None if asked else "none", tuple(notices))
        clusters = "worker"
    if clusters in {"prompt", "both"} and distinct(votes.prompt) < LEAST_PROMPTS:
        notices.append("few-prompts")
        if clusters == "prompt":
            return Question(None, tuple(notices))
        clusters = "worker"
    return Question(clusters, tuple(notices))


def distinct(codes: Codes | None) -> int:
    """Counts the distinct codes; 0 if they are unknown."""
    return 0 if codes is None or not len(codes) else int(np.count_nonzero(np.bincount(codes)))
