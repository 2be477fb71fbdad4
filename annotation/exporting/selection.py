"""Which comparisons of a study are exported, and how they are read: the filters of a leaderboard."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from django.utils.translation import gettext as _

from annotation.exporting.comparisons import PEOPLE, chosen
from annotation.models import Study
from annotation.models.voting import ComparisonQuerySet
from annotation.studies.lifecycle import NotPossible

type Reading = Literal["forced", "tie-allowed"]

READINGS: Final[tuple[Reading, ...]] = ("forced", "tie-allowed")
"""How the scale from 1 to 8 is read. `forced`: 4 counts as left, 5 as right; `tie-allowed`: both are ties."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which comparisons of a study are exported.

    Attributes:
        raters: people, all, or the name of a judge.
        category: that of the prompts; empty for all.
        reading: how the scale from 1 to 8 is read.
        simulated: whether simulated comparisons are included, by layouts that mark them.
    """

    raters: str = PEOPLE
    category: str = ""
    reading: Reading = "forced"
    simulated: bool = False

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Reverses `as_json`."""
        return cls(**stored)

    def as_json(self) -> dict[str, Any]:
        """Returns the fields that differ from their defaults."""
        return {name: value for name, value in asdict(self).items() if value != getattr(type(self)(), name)}

    def stored(self, study: Study) -> ComparisonQuerySet:
        """Returns every stored comparison that the filters select, also those that are not counted.

        Raises:
            NotPossible: no judge has that name, or no prompt that category.
        """
        found = chosen(study, self.raters)
        if not self.category:
            return found
        if self.category not in categories(study):
            raise NotPossible(
                _("No prompt of study “%(study)s” is in the category “%(name)s”.")
                % {"study": study.slug, "name": self.category}
            )
        return found.filter(pair__prompt__type=self.category)

    def counted(self, study: Study) -> ComparisonQuerySet:
        """Returns the counted comparisons that the filters select.

        Raises:
            NotPossible: no judge has that name, or no prompt that category.
        """
        return self.stored(study).counted()

    def real(self, study: Study) -> ComparisonQuerySet:
        """Returns the counted comparisons that are not simulated."""
        return self.counted(study).real()


def categories(study: Study) -> list[str]:
    """Returns the categories of the prompts of the pairs in `study`."""
    found = study.pairs.votable().order_by("prompt__type").values_list("prompt__type", flat=True).distinct()
    return [name for name in found if name is not None]
