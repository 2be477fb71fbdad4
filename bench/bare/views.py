"""The floor that a vote is measured against: one transaction, and the same page."""

from functools import cache
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from annotation.models import Pair, Study, Worker
from annotation.views import pair_display
from annotation.views.worker import SKIP_REASONS
from annotation.voting import assignments
from bench.bare.models import Job, Mark


@cache
def context(slug: str) -> dict[str, Any]:
    """What a vote's reply is rendered from, of the study's first pair, made once."""
    study = Study.objects.get(slug=slug)
    pair = Pair.objects.select_related("prompt", "result_x", "result_y").filter(study=study).first()
    assert pair is not None
    worker = Worker(study=study, votes=5, seconds=60.0)
    return {
        "study": study,
        "token": 1,
        "sheet": pair_display.sheet_of(study, pair, "x", as_plain=False),
        "choices": pair_display.choices(study.scale_name),
        "scale": study.scale_name,
        "question": pair_display.question(study),
        "as_plain": False,
        "notice": "",
        "progress": assignments.progress(worker),
        "undo": pair_display.label(study.scale_name, 1),
        "reasons": study.reasons,
        "skip_reasons": SKIP_REASONS.items(),
        "extend_seconds": study.reservation_minutes * 20,
        "now": timezone.now(),
    }


def bare(request: HttpRequest, slug: str) -> HttpResponse:
    """Claims a row with SKIP LOCKED, inserts another, commits, and renders the voting page."""
    with transaction.atomic():
        job = Job.objects.select_for_update(skip_locked=True).filter(done=False).order_by("pk")[0]
        Job.objects.filter(pk=job.pk).update(done=True)
        Mark.objects.create(job=job, value=int(request.POST["value"]))
    return render(request, "annotation/worker/_reply.html", context(slug))
