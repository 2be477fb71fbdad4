"""Every vote reads what it needs in the few queries written by hand: none of it is fetched later, by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.db.models.fetch_modes import FetchOne
from django.db.models.query_utils import DeferredAttribute
from django.test import Client

from annotation.models import Assignment, Comparison, Pair, Prompt, Purpose, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.voting import assignments
from annotation.voting.fast_sql import Columns
from tests.annotation.worker_pages import join, vote
from tests.builders import add_golden_pairs, build_study

pytestmark = pytest.mark.django_db

READ = (
    *("slug", "name", "status", "language", "question", "scale_name", "reasons", "show_note", "show_reference"),
    *("least_votes", "most_votes", "reservation_minutes", "check_rate", "check_least", "check_pass"),
    *("instruction_version", "prompt_set", "only_types", "only_slugs", "exclude_types", "exclude_slugs"),
)
"""What the pages of a vote and what stores it ask of the study."""


@pytest.fixture
def study() -> Study:
    settings = {"reasons": ["clearer"], "show_note": True, "show_reference": True, "check_rate": 0.5, "check_least": 1}
    study = build_study(models=4, prompts=6, **settings)
    Prompt.objects.update(note="A note.", references=["A reference."])
    # Whichever side they stand on, a tie is the answer.
    add_golden_pairs(study, ["tie"] * 8, Purpose.CHECK)
    return lifecycle.change_settings(study, {"check_pass": 0.1})


@contextmanager
def late_reads_refused() -> Iterator[None]:
    """A value that a query left out is an error where it is asked for; related rows are fetched as ever."""
    fetch = FetchOne.fetch

    def strict(mode: FetchOne, fetcher: Any, instance: Model) -> None:
        if isinstance(fetcher, DeferredAttribute):
            raise AssertionError(f"late: {type(instance).__name__}.{fetcher.field.name}")
        fetch(mode, fetcher, instance)

    with patch.object(FetchOne, "fetch", strict):
        yield


def voter(study: Study) -> Client:
    """The browser of somebody who is about to see the first pair."""
    client = Client()
    join(client, study)
    client.post(f"/s/{study.slug}/begin/")
    return client


def in_hand() -> int:
    """The open assignment of the worker who joined last."""
    return Assignment.objects.filter(state="open").latest("pk").pk


def everything(client: Client, study: Study) -> None:
    """All that a worker can do with pairs: votes with and without htmx, a skip, an undo, a report, the end."""
    htmx = {"HTTP_HX_REQUEST": "true"}
    at = f"/s/{study.slug}"
    client.get(f"{at}/vote/")
    # So many that a check is among them, whatever is drawn.
    for number in range(12):
        sent = {"pair": in_hand(), "value": 2, "reasons": ["clearer"], "visible": "1.5"}
        client.post(f"{at}/vote/send/", sent, **(htmx if number % 2 else {}))
        client.get(f"{at}/vote/")
    client.post(f"{at}/undo/", **htmx)
    client.post(f"{at}/extend/", {"pair": in_hand()})
    # One more than there are check pairs: a skipped check gives no place back.
    for _number in range(9):
        client.post(f"{at}/skip/", {"pair": in_hand(), "reason": "other"}, **htmx)
    client.get(f"{at}/report/")
    client.post(f"{at}/report/", {"pair": in_hand(), "kind": "other", "comment": "", "skip": "1"})
    client.get(f"{at}/vote/")
    vote(client, study, 2, in_hand())
    client.post(f"{at}/finish/")


def test_nothing_is_fetched_late_on_the_way_from_pair_to_pair(study: Study) -> None:
    client = voter(study)
    with late_reads_refused():
        everything(client, study)
    worker = Worker.objects.get()
    assert (worker.stage, worker.outcome) == (Stage.DONE, "completed")
    assert Comparison.objects.filter(pair__purpose=Purpose.CHECK).exists()
    assert Comparison.objects.filter(pair__purpose=Purpose.VOTE).exists()


def test_a_setting_that_the_queries_forget_is_found(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {field.name for field in Study._meta.concrete_fields}
    left_out = named - {field.name for field in assignments._STUDY.fields}
    for name in READ:
        client = voter(study)
        with monkeypatch.context() as patched:
            patched.setattr(assignments, "_STUDY", Columns.all_but(Study, "study", *left_out, name))
            with late_reads_refused(), pytest.raises(AssertionError, match=f"late: Study.{name}$"):
                everything(client, study)


def test_a_field_is_read_unless_it_is_named() -> None:
    columns = Columns.all_but(Pair, "pair", "own_text", "own_x")
    left_out = {field.name for field in Pair._meta.concrete_fields} - {field.name for field in columns.fields}
    assert left_out == {"own_text", "own_x"}
    with pytest.raises(FieldDoesNotExist, match="Pair has no wording"):
        Columns.all_but(Pair, "pair", "wording")
