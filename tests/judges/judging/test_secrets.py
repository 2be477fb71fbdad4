"""An endpoint's API key appears only in the request's header."""

import io
import logging
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotation.models import Study
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm.api_keys import NoKey, read_key
from judges.llm.endpoints import Endpoint
from judges.models import JudgeCall, JudgeReply, RunState
from tests.judges.conftest import QUICK, Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-unmistakable-4242424242"


@pytest.mark.socket
def test_a_key_is_in_no_row_page_or_log_even_where_the_endpoint_repeats_it(
    study: Study,
    stand_in: Callable[..., Running],
    administrator: User,
    as_user: Callable[[User], Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SECRET_API_KEY", KEY)
    judge = make_judge(stand_in(key="another").url, key_source="SECRET_API_KEY")
    run = run_judge(study, judge, Plan(limit=4))
    assert run.state == RunState.STOPPED
    assert JudgeReply.objects.filter(status=401, raw__contains="***").exists()
    judge.versions.update(endpoint=stand_in(key=KEY, passing=0.3, passing_kinds=("429", "half", "invalid")).url)
    assert judge_life.resume(run, detach=False)
    judge_life.work(run.pk, patience=QUICK)
    browser, shown = as_user(administrator), io.StringIO()
    call_command("dumpdata", "judges", "annotation", stdout=shown)
    pages = [
        reverse("judges"),
        reverse("judge", args=[judge.pk]),
        reverse("study-judges", args=[study.slug]),
        reverse("study-judge-run", args=[study.slug, run.pk]),
        reverse("study", args=[study.slug]),
        *(reverse("study-judge-call", args=[study.slug, call.pk]) for call in JudgeCall.objects.all()),
    ]
    for page in pages:
        shown.write(browser.get(page).content.decode())
    assert "SECRET_API_KEY" in shown.getvalue()
    assert KEY not in shown.getvalue()
    assert KEY not in caplog.text
    assert KEY not in repr(Endpoint("http://x/v1", KEY))


def test_a_key_can_be_in_a_file_of_the_folder_of_keys(tmp_path) -> None:
    (tmp_path / "local").write_text("sk-1\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "odd").write_text("sk-ü")
    assert read_key("file:local", tmp_path) == "sk-1"
    assert read_key("", tmp_path) == ""
    for source in ("file:empty", "file:odd", "file:missing", "file:../local", "NOT_SET_API_KEY", "PATH"):
        with pytest.raises(NoKey) as refusal:
            read_key(source, tmp_path)
        assert "sk-" not in str(refusal.value)
