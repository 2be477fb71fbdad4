"""Resolving workers' reports."""

from datetime import datetime

from annotation.models import Report


def settle(report: Report, at: datetime) -> bool:
    """Marks the report as resolved; returns False if it already was."""
    return bool(Report.objects.filter(pk=report.pk, settled_at=None).update(settled_at=at))


def reopen(report: Report) -> bool:
    """Reverses `settle`; returns False if the report was not resolved."""
    return bool(Report.objects.filter(pk=report.pk, settled_at__isnull=False).update(settled_at=None))
