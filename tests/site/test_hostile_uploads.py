"""Files from visitors who may not upload any."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client

from tests.builders import build_study

pytestmark = pytest.mark.django_db

LARGER_THAN_IS_HELD_IN_MEMORY = b"x" * 4_000_000


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the files that a request wrote to disk."""
    names: list[str] = []
    written = TemporaryFileUploadHandler.new_file

    def new_file(self: TemporaryFileUploadHandler, *args: Any, **kwargs: Any) -> None:
        written(self, *args, **kwargs)
        names.append(self.file.name)

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", new_file)
    return names


def send(client: Client, address: str) -> int:
    file = SimpleUploadedFile("models.jsonl", LARGER_THAN_IS_HELD_IN_MEMORY)
    return int(client.post(address, {"exchange_files": file}).status_code)


@pytest.mark.parametrize(
    "address", ["/sign-in/", "/language/", "/s/haiku/consent/", "/studies/haiku/data/", "/nowhere/"]
)
@pytest.mark.parametrize("checked", [True, False])
def test_no_file_of_a_stranger_reaches_the_disk(kept: list[str], address: str, checked: bool) -> None:
    build_study()
    client = Client(enforce_csrf_checks=checked)
    client.cookies["csrftoken"] = "a" * 32
    assert send(client, address) < 500
    assert kept == []


def test_a_file_of_somebody_signed_in_is_streamed_to_the_disk(
    kept: list[str], owner: User, as_user: Callable[[User], Client], settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    study = build_study()
    study.owner = owner
    study.save()
    assert send(as_user(owner), "/studies/haiku/data/") == 302
    assert len(kept) == 1
