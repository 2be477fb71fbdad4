"""What workers are told before and while they vote, and what leads them back."""

import pytest
from django.http import HttpResponse

from annotation.models import Comparison, Exit, Outcome, Prompt, Study, Worker
from annotation.views import pair_display, worker_session
from annotation.voting import leaving
from tests.annotation.study_pages import give_votes, study_of, text_of
from tests.builders import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(owner):
    return study_of(owner)


@pytest.fixture
def administrator(owner, as_user):
    return as_user(owner)


def as_worker(client, worker):
    kept = worker_session.remember(HttpResponse(), worker).cookies[worker_session.COOKIE]
    client.cookies[worker_session.COOKIE] = kept.value
    return client


def test_the_consent_says_who_asks_how_long_it_takes_and_whom_to_write_to(client, study):
    page = text_of(client.get("/s/haiku/"))
    assert "minutes." not in page
    assert "is run by" not in page
    Study.objects.update(organiser="Haiku University", expected_minutes=15, contact="haiku@example.org")
    page = text_of(client.get("/s/haiku/"))
    assert "about 15 minutes" in page
    assert "This study is run by Haiku University." in page
    assert 'href="mailto:haiku@example.org"' in page


@pytest.mark.parametrize(("contact", "link"), [
    ("a@b.org", "mailto:a@b.org"),
    ("https://b.org/help", "https://b.org/help"),
    ("room 3, ask for Kim", ""),
    ("javascript:alert(1)", ""),
    ("a@b.org?subject=x", ""),
])  # fmt: skip
def test_a_contact_is_a_link_only_if_it_is_an_address(contact, link):
    assert Study(contact=contact).contact_link == link


def test_progress_counts_towards_what_is_required_and_then_offers_to_finish(client, study):
    Study.objects.update(least_votes=3, most_votes=9)
    worker = give_votes(Study.objects.get(), 2)
    page = text_of(as_worker(client, worker).get("/s/haiku/vote/"))
    assert "2 of 3 required" in page
    assert "/finish/" not in page
    Worker.objects.update(votes=3)
    page = text_of(client.get("/s/haiku/vote/"))
    assert "3 of 9 done" in page
    assert '<button class="button primary" type="submit">Finish now</button>' in page


def test_a_language_that_a_worker_does_not_read_is_a_reason_to_skip(client, study):
    worker = give_votes(study, 1)
    page = text_of(as_worker(client, worker).get("/s/haiku/vote/"))
    assert "I don’t read this language" in page
    pair = client.get("/s/haiku/vote/").context["token"]
    client.post("/s/haiku/skip/", {"pair": pair, "reason": "language"})
    assert worker.assignments.get(state="skipped").skip_reason == "language"


def test_references_belong_to_turns(study):
    pair = study.pairs.filter(purpose="vote").first()
    Prompt.objects.filter(pk=pair.prompt_id).update(turns=["And then?"], references=["", "Right."])
    pair = study.pairs.get(pk=pair.pk)
    study.show_reference = True
    sheet = pair_display.sheet_of(study, pair, "x", as_plain=True)
    assert [turn for turn, _text in sheet.references] == [2]
    assert sheet.has_turns


@pytest.mark.parametrize(("url", "expected"), [
    ("https://p.org/done?cc={code}", "https://p.org/done?cc=7KQ2-M9AB"),
    ("https://p.org/{STUDY_ID}?w={worker_id}&c={code}", "https://p.org/s%2F1?w=PAT%261&c=7KQ2-M9AB"),
    ("https://p.org/?p={PROLIFIC_PID}&n={nothing}", "https://p.org/?p=PAT%261&n="),
    ("https://p.org/done?cc=C1", "https://p.org/done?cc=C1"),
])  # fmt: skip
def test_a_return_link_carries_what_the_worker_came_with(client, study, url, expected):
    Exit.objects.filter(outcome=Outcome.COMPLETED).update(url=url, code="7KQ2-M9AB")
    worker = give_votes(study, 1, "PAT&1")
    Worker.objects.update(platform={"STUDY_ID": "s/1"})
    worker = leaving.complete(worker, NOW)
    page = text_of(as_worker(client, worker).get("/s/haiku/done/"))
    assert f'href="{expected.replace("&", "&amp;")}"' in page


def test_who_does_not_consent_returns_with_the_parameters_too(client, study):
    Exit.objects.filter(outcome=Outcome.NO_CONSENT).update(url="https://p.org/?w={worker_id}&s={STUDY_ID}", code="NO")
    sent = client.post("/s/haiku/consent/?PROLIFIC_PID=PAT&STUDY_ID=7", {"answer": "no-consent"})
    assert 'href="https://p.org/?w=PAT&amp;s=7"' in text_of(sent)


def test_a_link_with_placeholders_can_be_set_on_the_page(administrator, study):
    form = administrator.get("/studies/haiku/settings/platform/").context["form"]
    fields = {field.html_name: field.value() for field in form}
    fields = {name: value for name, value in fields.items() if value not in (None, False)}
    fields["url_completed"] = "https://p.org/done?cc={code}&w={worker_id}"
    administrator.post("/studies/haiku/settings/platform/", fields)
    assert study.exits.get(outcome=Outcome.COMPLETED).url == "https://p.org/done?cc={code}&w={worker_id}"


def test_answers_faster_than_the_study_allows_are_flagged(administrator, study):
    give_votes(study, 3, "PAT-1")
    assert Comparison.objects.filter(shown_at__isnull=False).count() == 3
    page = text_of(administrator.get("/studies/haiku/workers/"))
    assert "1 worker answered votes or checks faster than 3 s." in page
    Study.objects.update(fast_seconds=0)
    assert "faster than" not in text_of(administrator.get("/studies/haiku/workers/"))


def test_the_lists_for_prolific_have_its_layout(administrator, study):
    Study.objects.update(least_votes=2)
    for number, name in ((3, "aaa111"), (2, "bbb222"), (5, "ccc333")):
        leaving.complete(give_votes(Study.objects.get(), number, name), NOW)
    give_votes(Study.objects.get(), 3, "ddd444")
    leaving.withdraw(Worker.objects.get(external_id="ccc333"), NOW)
    approvals = administrator.get("/studies/haiku/workers/approvals.txt").getvalue().decode()
    assert approvals == "aaa111\nbbb222\n"
    bonuses = administrator.get("/studies/haiku/workers/bonuses.txt?per_vote=0.125").getvalue().decode()
    assert bonuses == "aaa111,0.13\n"
    for wrong in ("", "NaN", "-1", "x", "Infinity", "1e9"):
        assert administrator.get(f"/studies/haiku/workers/bonuses.txt?per_vote={wrong}").status_code == 302
