"""A row that begins to be used while somebody changes it is not changed."""

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from annotation.editing import corpus
from annotation.editing.references import InUse, seen
from annotation.models import Prompt, Result, Study
from annotation.studies.prompt_sets import hold
from tests.annotation.study_pages import study_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study(owner: Any) -> Study:
    return study_of(owner, models=1, prompts=1, opened=False)


def in_a_thread(act: Any) -> tuple[threading.Thread, list[BaseException]]:
    """Starts `act` with a connection of its own; returns the thread, and what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  the test looks at it
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def test_a_prompt_that_is_being_answered_is_not_changed(study: Study, owner: Any) -> None:
    prompt = corpus.add_prompt(study.prompt_set, owner, {"text": "Why?"})
    before = seen(prompt)
    with transaction.atomic():
        # An answer that is not committed yet, as an upload stores it.
        hold(study.prompt_set)
        Result.objects.create(
            prompt_set=study.prompt_set, number=1, prompt=prompt, model=study.prompt_set.models.get(), text="Because."
        )
        thread, raised = in_a_thread(lambda: corpus.change_prompt(prompt, owner, {"text": "How?"}, before))
        thread.join(0.5)
        assert thread.is_alive(), "it waits for the answer"
    thread.join(60)
    (error,) = raised
    assert isinstance(error, InUse | OperationalError), error
    assert Prompt.objects.get(pk=prompt.pk).text == "Why?"


def test_two_answers_at_once_are_two_samples(study: Study, owner: Any) -> None:
    prompt, model = study.prompt_set.prompts.get(), study.prompt_set.models.get()
    threads = [
        in_a_thread(lambda: corpus.add_answer(prompt, model, owner, {"text": "So.", "turns": []})) for _time in range(4)
    ]
    for thread, _raised in threads:
        thread.join(60)
    assert [raised for _thread, raised in threads] == [[]] * 4
    assert sorted(Result.objects.values_list("sample", flat=True)) == [0, 1, 2, 3, 4]
