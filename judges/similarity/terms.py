"""What a similarity run is asked to do, as its row stores it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from annotation.pairing.mad import TOP
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.similarity.filters import BadFilter, Chosen
from judges.similarity.measure import Measure
from judges.similarity.registry import MEASURES

MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """How answers are compared, and which prompts are chosen.

    `filters` maps the names of the filters that are on to their limits. `top` prompts are chosen for each pair of
    models; `spread` is the lambda by which prompts like those already chosen are avoided. `with_prompt` shows the
    prompt to a judge; other measures ignore it.
    """

    measure: str = "lexical"
    filters: Mapping[str, Any] = field(default_factory=dict)
    top: int = TOP
    spread: float = 0.0
    with_prompt: bool = False

    def check(self) -> None:
        """Checks everything.

        Raises:
            NotPossible: the measure or a filter is not known, or a number is out of range.
        """
        if self.measure not in MEASURES:
            raise NotPossible(problems.NO_MEASURE(name=self.measure, known=", ".join(MEASURES)))
        try:
            self.chosen_filters()
        except BadFilter as bad:
            raise NotPossible(problems.BAD_FILTER(name=str(bad))) from None
        if not 1 <= self.top <= MOST:
            raise NotPossible(problems.BAD_TOP())
        if not (math.isfinite(self.spread) and 0 <= self.spread <= MOST):
            raise NotPossible(problems.BAD_SPREAD())

    @property
    def how(self) -> Measure:
        return MEASURES[self.measure]

    def chosen_filters(self) -> Chosen:
        return Chosen.of(self.filters)

    @property
    def embeds_prompts(self) -> bool:
        """Whether the prompts are spread by their embeddings; by their trigrams otherwise."""
        return self.spread > 0 and self.how.asks == "embeddings"

    def as_json(self) -> dict[str, Any]:
        return {
            "filters": dict(self.chosen_filters().limits),
            "top": self.top,
            "spread": self.spread,
            "with_prompt": self.with_prompt and self.how.asks == "chat",
        }

    @classmethod
    def from_json(cls, measure: str, stored: Mapping[str, Any]) -> Self:
        return cls(measure, stored["filters"], stored["top"], stored["spread"], stored["with_prompt"])
