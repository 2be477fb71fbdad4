"""Background work: each task calls one service."""

from celery import shared_task
from django.utils import timezone

from annotation.services import assigning


@shared_task(name="annotation.expire_assignments")
def expire_assignments() -> None:
    assigning.expire(timezone.now())
