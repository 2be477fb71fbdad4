"""Start-up imports, whose cost every command, web server and worker pays."""

import subprocess
import sys

import pytest
from django.conf import settings

LATER = ("pandas", "evalica", "scipy.stats", "scipy.special", "scipy.linalg", "scipy.sparse", "matplotlib")


@pytest.mark.once
def test_a_process_starts_without_the_libraries_that_few_boards_need(tmp_path):
    start = "import sys, django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns"
    program = f"{start}; print([name for name in {LATER} if name in sys.modules])"
    environment = {"DJANGO_SETTINGS_MODULE": "llmfao_site.settings", "LLMFAO_DATA": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "[]"
