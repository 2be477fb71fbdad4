"""A key that is pasted in the browser is kept encrypted, for one host only, and shown nowhere."""

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from annotation.models import Study
from judges.answers import sources
from judges.judging import judges
from judges.llm import sealed_keys
from judges.llm.api_keys import NoKey
from judges.models import AnswerSource, Judge, JudgeReply, JudgeVersion, StoredKey
from tests.judges.conftest import run_judge
from tests.judges.runs.endpoints import endpoint, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]

KEY = "sk-unmistakable-pasted-4242424242"
URL = "https://api.example.com/v1"


@pytest.fixture
def adder(owner: User) -> User:
    owner.user_permissions.add(Permission.objects.get(codename="add_judge"))
    return User.objects.get(pk=owner.pk)


def form_of(**more: str) -> dict[str, str]:
    values = {
        "name": "pasted",
        "endpoint": URL,
        "model": "m",
        "reader": "bracketed",
        "orders": "both",
        "samples": "1",
        "longest_answer": "30000",
        "temperature": "0",
        "max_tokens": "64",
        "timeout": "5",
        "parallel": "4",
        "price_in": "1",
        "price_out": "2",
    }
    return values | more


def everything_stored() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows.append(repr(cursor.fetchall()))
    return "\n".join(rows)


def test_a_pasted_key_is_sent_to_its_endpoint_and_is_in_no_row_page_or_export(
    study: Study, adder: User, as_user: Any, caplog: pytest.LogCaptureFixture
) -> None:
    Study.objects.filter(pk=study.pk).update(owner=adder)
    client: Client = as_user(adder)
    with endpoint(lambda body, number: said(f"[[A]] {KEY}", number)) as server:
        made = client.post(reverse("judge-new"), form_of(endpoint=server.url, key=KEY), follow=True)
        assert made.status_code == 200
        judge = Judge.objects.get()
        assert judge.current.key_source == f"stored:{StoredKey.objects.get().pk}"
        run = run_judge(study, judge)
        assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    out = StringIO()
    call_command("dumpdata", stdout=out)
    pages = [
        client.get(reverse("judge", args=[judge.pk])),
        client.get(reverse("study-judge-run", args=[study.slug, run.pk])),
        client.get(reverse("study-judge-call", args=[study.slug, JudgeReply.objects.all()[0].call_id])),
    ]
    told = [page.content.decode() for page in [made, *pages]]
    for text in (everything_stored(), out.getvalue(), caplog.text, repr(client.session.items()), *told):
        assert KEY not in text
    assert KEY not in repr(judge.current.connect())


def test_another_key_for_the_same_endpoint_makes_no_new_version(db: None) -> None:
    judge = judges.add_judge("j", settings_of(), key=KEY)
    row = StoredKey.objects.get()
    version = judges.change_judge(judge, {"endpoint": "https://API.example.com:443/v2"})
    assert (version.number, version.key_source) == (2, row.name)
    again = judges.change_judge(judge, {}, key="sk-another-1234567890")
    assert (again.number, StoredKey.objects.get().pk) == (2, row.pk)
    assert again.connect().key == "sk-another-1234567890"


def settings_of(**more: Any) -> dict[str, Any]:
    return {"endpoint": URL, "model": "m", "reader": "bracketed", "template": judges.built_in("pairs"), **more}


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example.com/v1", "http://api.example.com/v1", "https://api.example.com:8443/v1"]
)
def test_another_host_scheme_or_port_drops_the_key(elsewhere: str, db: None) -> None:
    judge = judges.add_judge("j", settings_of(), key=KEY)
    version = judges.change_judge(judge, {"endpoint": elsewhere})
    assert version.key_source == ""
    assert not StoredKey.objects.exists()
    first = judge.versions.get(number=1)
    with pytest.raises(NoKey, match="Paste the key again"):
        first.connect()


def test_a_row_that_is_moved_to_another_host_or_judge_opens_nothing(db: None) -> None:
    judge = judges.add_judge("j", settings_of(), key=KEY)
    JudgeVersion.objects.update(endpoint="https://evil.example.com/v1")
    with pytest.raises(NoKey):
        judge.current.connect()
    StoredKey.objects.update(origin="https://evil.example.com:443")
    with pytest.raises(NoKey):
        judge.current.connect()
    JudgeVersion.objects.update(endpoint=URL)
    other = judges.add_judge("other", settings_of())
    StoredKey.objects.update(origin="https://api.example.com:443", judge=other)
    JudgeVersion.objects.filter(judge=other).update(key_source=StoredKey.objects.get().name)
    with pytest.raises(NoKey):
        other.current.connect()


def test_the_key_of_another_judge_cannot_be_named(db: None) -> None:
    judges.add_judge("j", settings_of(), key=KEY)
    with pytest.raises(ValidationError):
        judges.add_judge("thief", settings_of(key_source=StoredKey.objects.get().name))
    with pytest.raises(NoKey):
        JudgeVersion(judge=Judge(), **settings_of(key_source=StoredKey.objects.get().name)).connect()


def test_a_new_secret_of_the_installation_keeps_keys_with_the_old_one_as_fallback(db: None) -> None:
    judge = judges.add_judge("j", settings_of(), key=KEY)
    before = StoredKey.objects.get().sealed
    from django.conf import settings

    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50):
        with pytest.raises(NoKey, match="Paste the key again"):
            judge.current.connect()
        with override_settings(SECRET_KEY_FALLBACKS=[old]):
            assert judge.current.connect().key == KEY
        # It was encrypted again with the new secret, so the old one can go.
        assert judge.current.connect().key == KEY
    assert StoredKey.objects.get().sealed != before


def test_the_page_of_a_judge_whose_key_cannot_be_read_says_so(adder: User, as_user: Any) -> None:
    judge = judges.add_judge("j", settings_of(), key=KEY)
    StoredKey.objects.update(sealed="broken")
    page = as_user(adder).get(reverse("judge", args=[judge.pk])).content.decode()
    assert "Paste the key again" in page


def test_only_who_may_add_judges_may_paste_a_key(owner: User, as_user: Any) -> None:
    judge = judges.add_judge("j", settings_of())
    client = as_user(owner)
    assert client.post(reverse("judge-new"), form_of(key=KEY)).status_code == 403
    client.post(reverse("judge", args=[judge.pk]), form_of(key=KEY))
    assert not StoredKey.objects.exists()
    assert 'name="key"' not in client.get(reverse("judge", args=[judge.pk])).content.decode()


def test_a_form_with_an_error_does_not_show_the_key_again(adder: User, as_user: Any) -> None:
    page = as_user(adder).post(reverse("judge-new"), form_of(endpoint="ftp://x", key=KEY))
    assert page.status_code == 200
    assert KEY not in page.content.decode()


def test_a_model_that_answers_has_a_pasted_key_too(study: Study) -> None:
    source = sources.keep_source(study, "newcomer", {"endpoint": URL, "api_id": "m"}, key=KEY)
    assert AnswerSource.objects.get().connect().key == KEY
    sources.keep_source(study, "newcomer", {"endpoint": "https://elsewhere.example.com/v1"})
    source.refresh_from_db()
    assert (source.key_source, StoredKey.objects.count()) == ("", 0)


def test_a_sealed_key_says_nothing_about_the_key() -> None:
    sealed = {sealed_keys.seal(KEY, "s" * 50, "judge 1 x") for _time in range(3)}
    assert len(sealed) == 3
    assert sealed_keys.opened(sealed.pop(), ["t" * 50, "s" * 50], "judge 1 x") == (KEY, False)


@pytest.mark.parametrize(
    "fields",
    [{"model": "x"}, {"messages": []}, {"stream": True}, {"n": 2}, {"max_tokens": 9}, {"best_of": 2}, [1], {"a": "\0"}],
)
def test_fields_that_are_ours_are_no_additional_ones(fields: Any, db: None) -> None:
    with pytest.raises(ValidationError):
        judges.add_judge("j", settings_of(extra_body=fields))


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {name: "x"}
            for name in ("Host", "authorization", "Content-Type", "Transfer-Encoding", "connection", "Cookie")
        ),
        {"X-A": "one\r\nHost: two"},
        {"X-A\n": "x"},
        {"api-key": "sk-literal-secret"},
        {"X-A": 7},
        ["x"],
    ],
)
def test_headers_that_are_ours_and_secrets_in_plain_text_are_refused(headers: Any, db: None) -> None:
    with pytest.raises(ValidationError):
        judges.add_judge("j", settings_of(extra_headers=headers))


def test_additional_fields_and_headers_are_sent_and_their_secrets_struck(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_API_KEY", "gw-secret-987654321")
    with endpoint(lambda body, number: said("[[A]] gw-secret-987654321 " + KEY, number)) as server:
        extras = {
            "extra_body": {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 20},
            "extra_headers": {"api-key": "{key}", "X-Gateway-Key": "GATEWAY_API_KEY", "X-Title": "LLMFAO"},
        }
        judge = judges.add_judge("j", settings_of(endpoint=server.url, **extras), key=KEY)
        run_judge(study, judge)
        headers, body = server.headers[0], server.bodies[0]
    assert (headers["api-key"], headers["x-gateway-key"], headers["x-title"]) == (KEY, "gw-secret-987654321", "LLMFAO")
    assert "authorization" not in headers
    assert (body["top_k"], body["chat_template_kwargs"]) == (20, {"enable_thinking": False})
    stored = everything_stored()
    assert KEY not in stored
    assert "gw-secret-987654321" not in stored
    assert judges.change_judge(judge, {"extra_body": {"top_k": 40}}).number == 2


def test_additional_fields_are_settings_of_the_form_and_the_command(adder: User, as_user: Any) -> None:
    given = {"extra_body": '{"top_k": 20}', "extra_headers": '{"X-Title": "LLMFAO"}'}
    as_user(adder).post(reverse("judge-new"), form_of(**given))
    assert Judge.objects.get().current.extra_body == {"top_k": 20}
    call_command("judge-add", "pasted", "--extra-body", json.dumps({"top_k": 30}))
    assert Judge.objects.get().current.extra_body == {"top_k": 30}
    page = as_user(adder).post(reverse("judge-new"), form_of(name="deep", extra_body="[" * 9_000))
    assert page.status_code == 200
    assert "Enter a JSON object" in page.content.decode()
