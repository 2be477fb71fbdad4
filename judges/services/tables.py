"""What judges said in a study as tables: for the page, for files, for the command."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from annotation.models import LanguageModel, Study
from judges import grades
from judges.grades import Interval, ModelScores, ModelStandings, Score, Standing
from judges.services import said

SCORE_COLUMNS: Final = (
    *("judge", "model", "name", "scope", "of", "mean", "low", "high", "deviation", "grades", "without_number"),
)
PAIR_COLUMNS: Final = (
    *("judge", "model", "name", "against", "against_name", "matches", "wins", "ties", "losses"),
    *("inconsistent", "unreadable", "win_rate", "adjusted_win_rate", "low", "high"),
)


@dataclass
class Tables:
    """The scores and standings of a study, by judge; with `judge` those of that one alone.

    Models are told by their primary keys.
    """

    study: Study
    judge: str | None = None

    @cached_property
    def models(self) -> dict[int, LanguageModel]:
        return {model.pk: model for model in self.study.prompt_set.models.all()}

    @cached_property
    def scores(self) -> Mapping[str, list[ModelScores]]:
        found = (row for row in said.grades(self.study) if self.judge in {None, row.judge})
        return grades.scores(found, said.categories(self.study))

    @cached_property
    def standings(self) -> Mapping[str, list[ModelStandings]]:
        found = (row for row in said.games(self.study) if self.judge in {None, row.judge})
        return grades.standings(found)

    @property
    def judges(self) -> list[str]:
        return sorted({*self.scores, *self.standings})

    def score_rows(self) -> Iterator[dict[str, Any]]:
        """A row for each score: of a model overall, by turn (0 for the whole), by category."""
        for judge, models in self.scores.items():
            for model in models:
                yield self._score_row(judge, model.model, "overall", "", model.overall)
                for turn, score in model.turns.items():
                    yield self._score_row(judge, model.model, "turn", turn, score)
                for category, score in model.categories.items():
                    yield self._score_row(judge, model.model, "category", category, score)

    def _score_row(self, judge: str, model: int, scope: str, of: str | int, score: Score) -> dict[str, Any]:
        return {
            "judge": judge,
            **self._named(model, "model", "name"),
            "scope": scope,
            "of": of,
            "mean": score.mean,
            **_ends(score.interval),
            "deviation": score.deviation,
            "grades": score.number,
            "without_number": score.without,
        }

    def pair_rows(self) -> Iterator[dict[str, Any]]:
        """A row for each model against all others, where `against` is empty, and against each."""
        for judge, models in self.standings.items():
            for model in models:
                yield self._pair_row(judge, model.model, None, model.overall)
                for other, standing in model.against.items():
                    yield self._pair_row(judge, model.model, other, standing)

    def _pair_row(self, judge: str, model: int, other: int | None, standing: Standing) -> dict[str, Any]:
        against = {"against": None, "against_name": None}
        return {
            "judge": judge,
            **self._named(model, "model", "name"),
            **(against if other is None else self._named(other, "against", "against_name")),
            "matches": standing.matches,
            "wins": standing.wins,
            "ties": standing.ties,
            "losses": standing.losses,
            "inconsistent": standing.inconsistent,
            "unreadable": standing.unreadable,
            "win_rate": standing.win_rate,
            "adjusted_win_rate": standing.adjusted,
            **_ends(standing.interval),
        }

    def _named(self, model: int, number: str, name: str) -> dict[str, Any]:
        return {number: self.models[model].number, name: self.models[model].name}


def _ends(interval: Interval | None) -> dict[str, float | None]:
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}
