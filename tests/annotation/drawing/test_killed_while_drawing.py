"""A process that is killed while it stores a batch leaves nothing of it, and the next one draws it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.arena import Arena
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once

SETUP = "import django; django.setup(); from tests.annotation.adaptive import *; from annotation.models import *; "
PREPARED = SETUP + "print(adaptive_study().pk)"
KILLED = SETUP + (
    "import os; from django.utils import timezone; from annotation.drawing import batches, store; "
    "store._used_slots = lambda pairs: os.kill(os.getpid(), 9) if len(pairs) else None; "
    "batches.draw({study}, timezone.now())"
)
AFTER = SETUP + (
    "from datetime import timedelta; from django.utils import timezone; from annotation.drawing import batches; "
    "now = timezone.now(); later = now + batches.PATIENCE + timedelta(seconds=1); "
    "print(Study.objects.exclude(drawing_at=None).count(), Pair.objects.count(), Draw.objects.count(), "
    "batches.draw({study}, now), batches.draw({study}, later), Draw.objects.count(), "
    "Study.objects.exclude(drawing_at=None).count())"
)


def test_a_kill_between_two_statements_of_a_batch_stores_nothing_and_loses_nothing(tmp_path: Path, migrated: Path):
    arena = Arena(tmp_path, migrated, DJANGO_SETTINGS_MODULE="llmfao_site.settings")
    study = arena.run("-c", PREPARED)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(study=study)],
        cwd=settings.BASE_DIR,
        env=arena.environment,
        check=False,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    # Claimed; no pair, no draw; too early; then a batch of two; and no claim is left.
    assert arena.run("-c", AFTER.format(study=study)).split() == ["1", "0", "0", "0", "2", "2", "0"]
