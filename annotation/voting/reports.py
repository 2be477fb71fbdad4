"""Settling what workers reported."""

from datetime import datetime

from annotation.models import Report


def settle(report: Report, at: datetime) -> bool:
    """Marks the report as dealt with; False where it was before."""
    return bool(Report.objects.filter(pk=report.pk, settled_at=None).update(settled_at=at))


def reopen(report: Report) -> bool:
    """The inverse of `settle`."""
    return bool(Report.objects.filter(pk=report.pk, settled_at__isnull=False).update(settled_at=None))
