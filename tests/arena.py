"""Installations of their own: what runs in other processes, as it is run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.waiting import PATIENCE


class Arena:
    """An installation of its own in `data`: its environment, its database, its worker.

    `like` is the data of one that is there, which it begins with.
    """

    def __init__(self, data: Path, like: Path | None = None, **environment: str) -> None:
        if like is not None:
            shutil.copytree(like, data, dirs_exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        self.environment = {**inherited, "LLMFAO_DATA": str(data), **environment}
        self.log = data / "worker.log"

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def send(self, task: str) -> str:
        return self.run("-c", f"from llmfao_site.celery import app; print(app.send_task({task!r}).id)")

    def worker(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "--app", "llmfao_site"),
                    *("worker", "--pool", "solo", "--loglevel", "INFO"),
                ],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def has_done(self, task: str, number: str) -> bool:
        return f"Task {task}[{number}] succeeded" in self.log.read_text()
