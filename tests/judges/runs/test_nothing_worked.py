"""What stops a run is told at once, by name, and a command in which nothing worked fails."""

import re
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command

from annotation.models import Study
from judges.judging import runs
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm import transport
from judges.management.watching import News
from judges.models import JudgeReply, RunState
from judges.runs.sender import Patience
from tests.builders import NOW
from tests.judges.conftest import make_judge, run_judge
from tests.judges.runs.endpoints import Reply, endpoint, no, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]

LONG = Patience(attempts=8, first=0.2, longest=1.0, jitter=0.0)


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judges.runs.lifecycle.Patience", lambda: Patience(4, 0.4, 0.4, 0.0))


def test_a_command_in_which_nothing_worked_fails_with_the_commonest_problem_and_its_number(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return said("I would rather not choose.", number) if number else said("", number)

    with endpoint(reply) as server:
        make_judge(server.url, "shy", orders="one", parallel=1)
        with pytest.raises(CommandError, match=r"No call gave a usable reply.*\(11 of 12 calls\).*no verdict"):
            call_command("judge", study.slug, "--judge", "shy")
    assert "12 unreadable" in capsys.readouterr().out


def test_one_verdict_is_enough_for_a_command_to_succeed(study: Study) -> None:
    with endpoint(lambda body, number: said("Neither." if number else "[[A]]", number)) as server:
        make_judge(server.url, "shy", orders="one")
        call_command("judge", study.slug, "--judge", "shy")


def test_a_message_role_that_no_request_can_do_without_stops_the_run_at_its_first_call(study: Study) -> None:
    words = "'messages[0].role' does not support 'system' with this model."
    refusal = no(400, words, type="invalid_request_error", param="messages[0].role", code="unsupported_value")
    with endpoint(lambda body, number: refusal) as server:
        run = run_judge(study, make_judge(server.url))
        assert (run.state, run.problem, len(server.bodies)) == (RunState.STOPPED, words, 1)


@pytest.mark.parametrize("words", ["[[A]]", "Neither."])
def test_the_page_of_a_run_promises_results_only_if_there_are_verdicts(
    study: Study, owner: Any, as_user: Any, words: str
) -> None:
    Study.objects.filter(pk=study.pk).update(owner=owner)
    with endpoint(lambda body, number: said(words, number)) as server:
        run = run_judge(study, make_judge(server.url, orders="one"))
    page = as_user(owner).get(f"/studies/{study.slug}/judges/runs/{run.pk}/").content.decode()
    assert ("these verdicts appear" in page) is (words == "[[A]]")
    assert ("No call of this run gave a usable reply." in page) is (words != "[[A]]")


@pytest.mark.usefixtures("short_patience")
def test_while_it_waits_a_command_says_for_what_which_attempt_and_how_long(
    study: Study, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with endpoint(lambda body, number: no(502, "upstream is down")) as server:
        make_judge(server.url, "busy", orders="one", parallel=1)
        with pytest.raises(CommandError):
            call_command("judge", study.slug, "--judge", "busy", "--limit", "1")
    said_so = capsys.readouterr().err
    assert re.search(r"502 upstream is down \(attempt [234] of 4, again in \d+ s, 1 call\)", said_so)
    assert "stamina" not in said_so + caplog.text


def test_the_page_of_a_run_says_what_it_waits_for(study: Study, owner: Any, as_user: Any) -> None:
    Study.objects.filter(pk=study.pk).update(owner=owner)
    with endpoint(lambda body, number: no(502, "upstream is down")) as server:
        run = runs.start(study, make_judge(server.url, parallel=1).current, Plan(), NOW, detach=False)
        judge_life.work(run.pk, patience=Patience(4, 30.0, 30.0, 0.0), seconds=0.5)
    # The sender has ended and waits no more; while it lives, this is what the page shows.
    ended = run.senders.get()
    assert ended.waiting["attempt"] == 2
    run.senders.update(finished_at=None)
    page = as_user(owner).get(f"/studies/{study.slug}/judges/runs/{run.pk}/").content.decode()
    assert "502 upstream is down (attempt 2 of 4, again in" in page


def test_a_reason_is_said_again_only_after_some_seconds() -> None:
    lines: list[str] = []
    news = News(lines.append)
    for second in range(4):
        news.tell([f"502 down (attempt 2 of 8, again in {4 - second} s, 2 calls)"], second)
    news.tell(["502 down (attempt 3 of 8, again in 8 s, 2 calls)"], 4)
    assert lines == [
        "502 down (attempt 2 of 8, again in 4 s, 2 calls)",
        "502 down (attempt 3 of 8, again in 8 s, 2 calls)",
    ]


def test_an_endpoint_that_never_lets_anybody_connect_is_given_up_after_seconds_and_not_minutes(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "NOT_THERE", 0.5)
    judge = make_judge("http://127.0.0.1:9/v1")
    run = runs.start(study, judge.current, Plan(), NOW, detach=False)
    judge_life.work(run.pk, patience=LONG)
    run.refresh_from_db()
    assert (run.state, run.problem.split(":")[0]) == (RunState.STOPPED, "Could not connect")
    reply = JudgeReply.objects.get()
    assert 2 <= reply.attempts <= 4


def test_a_dead_proxy_is_named_by_its_variable_and_not_tried_again(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    run = run_judge(study, make_judge("http://models.test/v1"))
    assert (run.state, JudgeReply.objects.get().attempts) == (RunState.STOPPED, 1)
    assert "HTTP_PROXY" in run.problem


def test_a_connection_that_is_not_secure_is_not_tried_again(study: Study) -> None:
    with endpoint(lambda body, number: said()) as server:
        run = run_judge(study, make_judge(server.url.replace("http:", "https:")))
    assert (run.state, JudgeReply.objects.get().attempts) == (RunState.STOPPED, 1)
    assert "http or https" in run.problem


@pytest.fixture
def own_authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS settings with a certificate that no public authority signed, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "models.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "authority.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    secret = tmp_path / "key.pem"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file, secret)
    return tls, file


def test_a_certificate_that_fails_is_not_tried_again_and_the_message_says_what_helps(
    study: Study, own_authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, file = own_authority
    with endpoint(lambda body, number: said(number=number), tls=tls) as server:
        judge = make_judge(server.url)
        run = run_judge(study, judge)
        assert (run.state, JudgeReply.objects.get().attempts) == (RunState.STOPPED, 1)
        assert "SSL_CERT_FILE" in run.problem
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        judge_life.resume(run, detach=False)
        judge_life.work(run.pk)
        run.refresh_from_db()
        assert run.state == RunState.DONE


def test_an_endpoint_that_is_slower_than_the_timeout_is_asked_once(study: Study) -> None:
    with endpoint(lambda body, number: said(), slow=2.0) as server:
        run = run_judge(study, make_judge(server.url, timeout=0.2))
        assert (run.state, len(server.bodies)) == (RunState.STOPPED, 1)
    assert "within 0.2 seconds" in run.problem
    assert "Increase the timeout" in run.problem


def test_the_first_call_goes_alone_and_the_others_together_once_it_was_answered(study: Study) -> None:
    with endpoint(lambda body, number: no(401, "Wrong key")) as server:
        run_judge(study, make_judge(server.url, "wrong", parallel=16))
        assert len(server.bodies) == 1
    seen: list[int] = []

    def reply(body: dict[str, Any], number: int) -> Reply:
        seen.append(len(server.bodies))
        return said(number=number)

    with endpoint(reply, slow=0.2) as server:
        run_judge(study, make_judge(server.url, "right", parallel=16))
    assert seen[0] == 1
    assert max(seen) == 24
    assert seen[1] >= 8


def test_no_library_writes_lines_of_its_own_about_a_retry() -> None:
    from stamina import instrumentation

    assert list(instrumentation.get_on_retry_hooks()) == []
