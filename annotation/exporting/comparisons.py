"""The rows of a study's comparisons with the columns of the plain exchange files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Case, CharField, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce, Concat
from django.utils.translation import gettext as _

from annotation.exporting.rows import Columns, Table
from annotation.interchange import llmfao
from annotation.interchange.tables import FORMULA, csv_line
from annotation.models import Comparison, Rater, RaterKind, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.scales import SIDES, Winner, answer_of
from annotation.studies.lifecycle import NotPossible

PEOPLE: Final = "people"
ALL: Final = "all"

WINNERS: Final[tuple[Winner, ...]] = ("x", "y", "tie")
EVEN: Final = (4, 5)
"""The values in the middle of the scale from 1 to 8, which can be read as ties."""

ANSWERS: Final = {(winner, left): answer_of(winner, left) for winner in WINNERS for left in SIDES}
"""The side that won, as shown, by the winner and the side on the left."""


def chosen(study: Study, raters: str) -> ComparisonQuerySet:
    """Returns every stored comparison of the selected raters; `all` leaves out derived raters such as panels.

    Raises:
        NotPossible: no judge has that name.
    """
    comparisons = Comparison.objects.filter(study=study)
    if raters == ALL:
        return comparisons.filter(rater__derived=False)
    if raters == PEOPLE:
        return comparisons.by_people()
    # PostgreSQL refuses text with a NUL, even in a query.
    if "\0" in raters or not Rater.objects.filter(study=study, name=raters).exists():
        raise NotPossible(
            _("No judge in study “%(study)s” is named “%(name)s”.") % {"study": study.slug, "name": raters}
        )
    return comparisons.filter(rater__name=raters)


def with_simulated(study: Study) -> set[str]:
    """Returns the choices of `raters` whose plain file has simulated comparisons, which have to be marked."""
    names = (
        Comparison.objects.counted().simulated().filter(study=study).order_by().values_list("rater__name", flat=True)
    )
    found = {PEOPLE if name is None else name for name in names.distinct()}
    return found | {ALL} if found else found


@dataclass(frozen=True, slots=True)
class Names:
    """The columns about models, by their primary keys."""

    numbers: dict[int, int]
    names: dict[int, str]

    @classmethod
    def of(cls, study: Study) -> "Names":
        rows = study.prompt_set.models.values_list("pk", "number", "name")
        return cls({pk: number for pk, number, _name in rows}, {pk: name for pk, _number, name in rows})

    def shown(self, model_x: Sequence[int], model_y: Sequence[int], left: Sequence[str]) -> Columns:
        """Returns the columns of the models as shown, from the primary keys of the models x and y."""
        sides = zip(model_x, model_y, left, strict=True)
        on_left, on_right = zip(*((x, y) if side == "x" else (y, x) for x, y, side in sides), strict=True)
        return {
            "model_x": [self.numbers[model] for model in on_left],
            "model_y": [self.numbers[model] for model in on_right],
            "left": [self.names[model] for model in on_left],
            "right": [self.names[model] for model in on_right],
        }


PLAIN_FIELDS: Final = (
    "pk",
    "pair__number",
    "pair__prompt__number",
    "pair__model_x",
    "pair__model_y",
    "left",
    "winner",
    "rater__worker__number",
    "rater__name",
    "rater__simulated",
    "turn",
    "trial",
    "weight",
    "share",
)


def share_of_left(share: Sequence[float | None], left: Sequence[str]) -> list[float | None]:
    """Returns the part of each soft verdict that the model on the left gets, from that of x."""
    return [part if part is None or side == "x" else 1 - part for part, side in zip(share, left, strict=True)]


def plain_table(study: Study, comparisons: QuerySet[Comparison], *, ties: bool = False) -> Table:
    """Returns `comparisons` of `study` with the columns of the plain files and the rater.

    With `ties`, the two values in the middle of the scale from 1 to 8 are ties.
    """
    names = Names.of(study)
    winner_as_read: str | Case = "winner"
    if ties:
        middle = Q(scale_name=Study.ScaleName.EIGHT, value__in=EVEN)
        winner_as_read = Case(When(middle, then=Value("tie")), default=F("winner"), output_field=CharField())

    def tell(some: Sequence[tuple[Any, ...]]) -> Columns:
        _pk, number, prompt, model_x, model_y, left, winner, worker, rater, simulated, turn, trial, weight, share = zip(
            *some, strict=True
        )
        shown = names.shown(model_x, model_y, left)
        return {
            "id": number,
            "prompt": prompt,
            "model_x": shown["model_x"],
            "model_y": shown["model_y"],
            "worker": worker,
            "winner": list(map(ANSWERS.__getitem__, zip(winner, left, strict=True))),
            "left": shown["left"],
            "right": shown["right"],
            "rater": [PEOPLE if name is None else name for name in rater],
            "simulated": simulated,
            "turn": turn,
            "repetition": trial,
            "weight": weight,
            "share": share_of_left(share, left),
        }

    fields = (winner_as_read if name == "winner" else name for name in PLAIN_FIELDS)
    return Table(comparisons.order_by("pk").values_list(*fields), tell)


def plain_columns(study: Study, counted: ComparisonQuerySet, raters: str, simulated: bool) -> tuple[str, ...]:
    """Returns the columns of a plain file of `counted`: those about special rows only if there are such rows.

    Raises:
        NotPossible: there are simulated comparisons without `simulated`.
    """
    if not simulated and counted.simulated().exists():
        raise NotPossible(
            _(
                "Study “%(study)s” has simulated comparisons. Add --simulated to export them. A “simulated” "
                "column then marks them."
            )
            % {"study": study.slug}
        )
    columns: tuple[str, ...] = llmfao.JUDGE_COLUMNS
    if raters in (PEOPLE, ALL):
        with_names = raters == ALL or counted.filter(rater__kind=RaterKind.CROWD).exists()
        columns = llmfao.ALL_COLUMNS if with_names else llmfao.PEOPLE_COLUMNS
    if counted.exclude(turn=0, trial=0).exists():
        columns = (*columns, *llmfao.REPEATED_COLUMNS)
    if simulated:
        columns = (*columns, "simulated")
    if counted.weighted().exists():
        columns = (*columns, *llmfao.WEIGHT_COLUMNS)
    return columns


def plain(study: Study, chosen: ComparisonQuerySet, raters: str, simulated: bool) -> Iterator[str]:
    """Yields the plain file of the counted comparisons of `chosen` as CSV.

    Raises:
        NotPossible: there are simulated comparisons without `simulated`.
    """
    counted = chosen.counted()
    columns = plain_columns(study, counted, raters, simulated)
    return copied(counted, columns) or plain_table(study, counted).csv(columns)


# PostgreSQL writes a plain file by itself, several times as fast as rows pass through Python.


def _guarded(name: str) -> Case:
    """Returns a text as `tables.guard` does it."""
    formula = FORMULA.pattern
    return Case(
        When(**{f"{name}__regex": f"^{formula}"}, then=Concat(Value("'"), F(name))),
        default=F(name),
        output_field=TextField(),
    )


def _on(side: str, field: str, *, guarded: bool = False) -> Case:
    """Returns a field of the model that was shown on a side."""
    on_left, on_right = ("x", "y") if side == "left" else ("y", "x")
    names = [f"pair__model_{letter}__{field}" for letter in (on_left, on_right)]
    found = [_guarded(name) if guarded else F(name) for name in names]
    return Case(When(left="x", then=found[0]), default=found[1])


def _winner(ties: bool) -> Case:
    read = [When(scale_name=Study.ScaleName.EIGHT, value__in=EVEN, then=Value("tie"))] if ties else []
    return Case(
        *read,
        When(winner="tie", then=Value("tie")),
        When(winner=F("left"), then=Value("left")),
        default=Value("right"),
        output_field=CharField(),
    )


def copied(counted: ComparisonQuerySet, columns: Sequence[str], *, ties: bool = False) -> Iterator[str] | None:
    """Returns the plain file of `counted` as PostgreSQL's COPY writes it, to the byte as `plain_table` does.

    Returns None on other databases, and if a column has numbers or truth values that the two would write differently.
    """
    if connection.vendor != "postgresql":
        return None
    known: dict[str, Any] = {
        "id": F("pair__number"),
        "prompt": F("pair__prompt__number"),
        "model_x": _on("left", "number"),
        "model_y": _on("right", "number"),
        "worker": F("rater__worker__number"),
        "winner": _winner(ties),
        "left": _on("left", "name", guarded=True),
        "right": _on("right", "name", guarded=True),
        "rater": Coalesce(_guarded("rater__name"), Value(PEOPLE), output_field=TextField()),
        "turn": F("turn"),
        "repetition": F("trial"),
    }
    if not known.keys() >= set(columns):
        return None
    rows = counted.order_by("pk").values_list(*(known[name] for name in columns))
    return _copy(rows, columns)


def _copy(rows: QuerySet[Any, Any], columns: Sequence[str]) -> Iterator[str]:
    sql, params = rows.query.sql_with_params()
    yield csv_line(columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)", params) as blocks:
        for block in blocks:
            # A block is one row.
            yield bytes(block).decode()
