"""Files for paying a study's workers: the CSV for payments, and the lists that Prolific takes."""

from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.exporting.rows import chunks, seconds
from annotation.interchange import llmfao
from annotation.interchange.tables import csv_line
from annotation.models import Assignment, AssignmentState, Outcome, Study, Worker


def payments(study: Study) -> Iterator[str]:
    """Yields the CSV for payments, with a row for each worker, without simulated ones.

    `minutes` run from joining to leaving, or to the latest vote of a worker who has not left. `votes` and `skips`
    show what a completion code was given for: a worker who skips until no pair is left gets one too. `votes` are
    those of the workers' page, without checks.
    """
    codes = dict(study.exits.values_list("outcome", "code"))
    skipped = Assignment.objects.filter(worker=OuterRef("pk"), state=AssignmentState.SKIPPED).order_by()
    skips = skipped.values("worker").annotate(count=Count("pk")).values("count")
    workers = (
        Worker.objects.filter(study=study, joined_at__isnull=False, rater__simulated=False)
        .annotate(
            latest=Max("rater__comparisons__answered_at"),
            skips=Coalesce(Subquery(skips), 0),
            given=F("votes") - F("checks"),
        )
        .order_by("number")
        .values_list("external_id", "outcome", "joined_at", "left_at", "latest", "given", "skips")
    )
    return chunks(_payment_lines(codes, workers.iterator()))


def prolific_approvals(study: Study) -> Iterator[str]:
    """Yields the participant IDs of workers who completed the study, as Prolific's bulk approval takes them."""
    for external_id in _of_platform(study).values_list("external_id", flat=True).iterator():
        yield f"{external_id}\n"


def prolific_bonuses(study: Study, per_vote: Decimal) -> Iterator[str]:
    """Yields a line `ID,amount` for everybody who did more pairs than required, as Prolific's bulk bonuses take them.

    The bonus is `per_vote`, in the study's currency, for each pair above the minimum; excluded workers get none.
    """
    workers = _of_platform(study).filter(votes__gt=study.least_votes, rater__excluded_at=None)
    for external_id, votes in workers.values_list("external_id", "votes").iterator():
        amount = (per_vote * (votes - study.least_votes)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if amount:
            yield f"{external_id},{amount}\n"


def _of_platform(study: Study) -> QuerySet[Worker]:
    """Returns the people who completed the study and have a participant ID that Prolific could have given."""
    workers = Worker.objects.filter(study=study, rater__simulated=False, outcome=Outcome.COMPLETED)
    return workers.filter(external_id__regex=r"^[A-Za-z0-9_-]+$").order_by("number")


def _payment_lines(codes: dict[str, str], workers: Iterable[Any]) -> Iterator[str]:
    yield csv_line(llmfao.PAYMENT_COLUMNS)
    for external_id, outcome, joined_at, left_at, latest, votes, skips in workers:
        taken = seconds(joined_at, left_at or latest)
        minutes = round(taken / 60, 1) if taken is not None else None
        yield csv_line((external_id, outcome, codes.get(outcome), minutes, votes, skips))
