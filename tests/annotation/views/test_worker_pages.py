"""A worker's pages, one by one, in a browser without JavaScript."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Assignment, Comparison, Report, TrainingAnswer, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from tests.annotation.worker_pages import in_hand, join, text_of, vote
from tests.builders import add_golden_pairs, build_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return build_study(least_votes=2, most_votes=4)


@pytest.fixture
def visitor():
    return Client()


@pytest.fixture
def voter(visitor, study):
    join(visitor, study)
    visitor.post("/s/haiku/begin/")
    visitor.get("/s/haiku/vote/")
    return visitor


def code(study, outcome):
    return study.exits.get(outcome=outcome).code


def test_a_stranger_is_asked_for_consent_and_no_get_makes_a_worker(visitor, study):
    page = visitor.get("/s/haiku/?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=z1")
    assert page.status_code == 200
    assert "I agree" in text_of(page)
    assert not Worker.objects.exists()


def test_consent_keeps_the_platforms_ids_and_its_own_version(visitor, study):
    reply = join(visitor, study, "?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=z1")
    assert reply.redirect_chain == [("/s/haiku/instructions/", 303)]
    worker = Worker.objects.get()
    assert (worker.external_id, worker.platform) == ("p1", {"STUDY_ID": "s1", "SESSION_ID": "z1"})
    assert (worker.consent_version, worker.stage) == (study.consent_version, Stage.INSTRUCTIONS)


def test_the_form_carries_the_links_parameters_along(visitor, study):
    assert "/s/haiku/consent/?PROLIFIC_PID=p1&amp;STUDY_ID=s1" in text_of(
        visitor.get("/s/haiku/?PROLIFIC_PID=p1&STUDY_ID=s1")
    )


def test_any_parameter_can_hold_the_id(visitor, study):
    lifecycle.change_settings(study, {"id_parameter": "workerId"})
    join(visitor, study, "?workerId=w7&PROLIFIC_PID=p1")
    worker = Worker.objects.get()
    assert (worker.external_id, worker.platform) == ("w7", {"PROLIFIC_PID": "p1"})


@pytest.mark.parametrize("query", ["", "?PROLIFIC_PID=", "?PROLIFIC_PID=%7B%7B%25PROLIFIC_PID%25%7D%7D"])
def test_a_study_for_people_with_an_id_admits_nobody_without_one(visitor, study, query):
    lifecycle.change_settings(study, {"id_required": True})
    shown = visitor.get(f"/s/haiku/{query}")
    sent = visitor.post(f"/s/haiku/consent/{query}", {"answer": "agree", "version": study.consent_version})
    for page in (shown, sent):
        assert page.status_code == 403
        assert "doesn’t say who you are" in text_of(page)
    assert not Worker.objects.exists()
    join(visitor, study, "?PROLIFIC_PID=p1")
    assert Worker.objects.get().external_id == "p1"
    # A worker who has joined is recognised by the cookie.
    assert visitor.get("/s/haiku/").status_code == 303


def test_a_placeholder_that_the_platform_did_not_fill_in_is_nobodys_id(study):
    for _visit in range(2):
        join(Client(), study, "?PROLIFIC_PID=%7B%7B%25PROLIFIC_PID%25%7D%7D")
    assert list(Worker.objects.values_list("external_id", flat=True)) == [None, None]


@pytest.mark.parametrize(
    "query", ["PROLIFIC_PID=" + "x" * 201, "PROLIFIC_PID=a%00b", "&".join(f"p{n}=1" for n in range(21))]
)
def test_a_damaged_link_is_said_to_be_one(visitor, study, query):
    for page in (visitor.get(f"/s/haiku/?{query}"), join(visitor, study, f"?{query}")):
        assert page.status_code == 400
        assert "This link doesn’t work" in text_of(page)
    assert not Worker.objects.exists()


def test_who_declines_leaves_with_a_code_and_is_not_stored(visitor, study):
    page = visitor.post("/s/haiku/consent/?PROLIFIC_PID=p1", {"answer": "no-consent"})
    assert code(study, "no-consent") in text_of(page)
    assert not Worker.objects.exists()


def test_a_consent_that_has_changed_meanwhile_is_shown_again(visitor, study):
    visitor.get("/s/haiku/")
    lifecycle.change_settings(study, {"consent": "Other words."})
    page = join(visitor, study)
    assert "has changed" in text_of(page)
    assert "Other words." in text_of(page)
    assert not Worker.objects.exists()


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Mobile/15E148"


def test_a_device_that_does_not_suit_is_told_so_and_can_leave_with_a_code(study):
    lifecycle.change_settings(study, {"devices": "computers"})
    phone = Client(headers={"user-agent": PHONE})
    assert "Please use a different device" in text_of(phone.get("/s/haiku/"))
    assert "Please use a different device" in text_of(join(phone, study))
    assert not Worker.objects.exists()
    assert code(study, "unsuitable-device") in text_of(phone.post("/s/haiku/consent/", {"answer": "unsuitable-device"}))


def test_an_ipad_that_calls_itself_a_macintosh_is_found_out_by_its_fingers(study):
    lifecycle.change_settings(study, {"devices": "computers"})
    tablet = Client(headers={"user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15"})
    fields = {"answer": "agree", "version": study.consent_version, "touch": "5"}
    assert "Please use a different device" in text_of(tablet.post("/s/haiku/consent/", fields))
    assert not Worker.objects.exists()


@pytest.mark.parametrize(("change", "words"), [("pause", "is paused"), ("close", "has ended")])
def test_a_study_that_takes_nobody_says_so_to_strangers(visitor, study, change, words):
    getattr(lifecycle, change)(study)
    for page in (visitor.get("/s/haiku/"), join(visitor, study)):
        assert words in text_of(page)
    assert not Worker.objects.exists()


def test_a_draft_says_that_it_has_not_started(visitor):
    build_study("draft", opened=False)
    assert "hasn’t started" in text_of(visitor.get("/s/draft/"))


@pytest.mark.parametrize("change", ["pause", "close"])
@pytest.mark.parametrize("stage", ["instructions", "training"])
def test_who_came_before_the_study_stopped_gets_the_completion_code(visitor, study, change, stage):
    add_golden_pairs(study, ["x", "y"])
    join(visitor, study, "?PROLIFIC_PID=p1")
    if stage == "training":
        visitor.post("/s/haiku/begin/")
    getattr(lifecycle, change)(study)
    page = Client().get("/s/haiku/?PROLIFIC_PID=p1", follow=True)
    assert page.redirect_chain[-1] == ("/s/haiku/done/", 303)
    assert code(study, "completed") in text_of(page)


def test_a_pair_in_hand_can_be_voted_on_while_the_study_is_paused_and_then_the_code_follows(voter, study):
    lifecycle.pause(study)
    page = vote(voter, study, follow=True)
    assert Comparison.objects.count() == 1
    assert code(study, "completed") in text_of(page)


def test_a_study_that_was_closed_meanwhile_takes_no_vote_and_gives_the_code(voter, study):
    lifecycle.close(study)
    page = vote(voter, study, follow=True)
    assert not Comparison.objects.exists()
    assert code(study, "completed") in text_of(page)


def test_the_way_from_consent_to_the_code(visitor, study):
    join(visitor, study)
    page = visitor.post("/s/haiku/begin/", follow=True)
    assert page.redirect_chain == [("/s/haiku/vote/", 303)]
    for done in range(4):
        assert f"{done} of 4" in text_of(page)
        assert ("about 1 min left" in text_of(page)) == (done == 3)
        page = vote(visitor, study, follow=True)
    assert page.redirect_chain[-1] == ("/s/haiku/done/", 303)
    assert code(study, "completed") in text_of(page)
    assert Comparison.objects.count() == 4


def test_who_has_given_the_least_votes_can_finish_and_can_come_back_for_more(voter, study):
    vote(voter, study)
    assert "Finish now" not in text_of(voter.get("/s/haiku/vote/"))
    assert voter.post("/s/haiku/finish/", follow=True).redirect_chain[-1][0] == "/s/haiku/vote/"
    vote(voter, study)
    assert "Finish now" in text_of(voter.get("/s/haiku/vote/"))
    page = voter.post("/s/haiku/finish/", follow=True)
    assert code(study, "completed") in text_of(page)
    page = voter.post("/s/haiku/resume/", follow=True)
    assert page.redirect_chain[-1][0] == "/s/haiku/vote/?notice=resumed"
    assert "2 of 4" in text_of(page)


def test_the_instructions_show_the_studys_example_or_a_general_one(visitor, study):
    join(visitor, study)
    assert "My tea is too hot" in text_of(visitor.get("/s/haiku/instructions/"))
    lifecycle.change_settings(study, {"worked_example": "Look at **this** one."})
    page = text_of(visitor.get("/s/haiku/instructions/"))
    assert "Look at <strong>this</strong> one." in page
    assert "My tea is too hot" not in page


def test_the_instructions_are_at_hand_while_voting(voter, study):
    page = text_of(voter.get("/s/haiku/instructions/"))
    assert "Back to your pair" in page
    assert "Start" not in page


def test_an_empty_answer_is_said_to_be_empty(voter, study):
    assert "This answer is empty." not in text_of(voter.get("/s/haiku/vote/"))
    study.prompt_set.results.update(text=" ")
    assert text_of(voter.get("/s/haiku/vote/")).count("This answer is empty.") == 2


def test_the_question_is_the_studys_own_or_a_general_one(voter, study):
    assert "Which answer is better?" in text_of(voter.get("/s/haiku/vote/"))
    lifecycle.change_settings(study, {"question": "Which one would you send?"})
    assert "Which one would you send?" in text_of(voter.get("/s/haiku/vote/"))


def test_pages_speak_the_readers_language_and_texts_keep_theirs(visitor, study):
    page = text_of(visitor.get("/s/haiku/", headers={"accept-language": "ja"}))
    assert '<html lang="ja"' in page
    assert "同意して参加する" in page
    assert 'lang="en"' in page


def test_a_return_link_is_offered_where_the_study_has_one(voter, study):
    study.exits.filter(outcome="completed").update(url="https://platform.example/done?cc=1")
    lifecycle.pause(study)
    assert 'href="https://platform.example/done?cc=1"' in text_of(vote(voter, study, follow=True))


def test_a_returning_worker_goes_on_where_they_were(visitor, study):
    join(visitor, study, "?PROLIFIC_PID=p1")
    assert visitor.get("/s/haiku/").url == "/s/haiku/instructions/"
    visitor.post("/s/haiku/begin/")
    assert visitor.get("/s/haiku/").url == "/s/haiku/vote/"
    assert Client().get("/s/haiku/?PROLIFIC_PID=p1").url == "/s/haiku/vote/"


def test_a_lost_cookie_is_restored_by_the_platforms_id(visitor, study):
    join(visitor, study, "?PROLIFIC_PID=p1")
    visitor.post("/s/haiku/begin/")
    other = Client()
    assert other.get("/s/haiku/vote/").status_code == 403
    other.get("/s/haiku/?PROLIFIC_PID=p1")
    assert other.get("/s/haiku/vote/").status_code == 200
    assert Worker.objects.count() == 1


def test_without_a_cookie_and_an_id_a_vote_is_not_stored_and_the_page_says_why(voter, study):
    page = vote(Client(), study, pair=in_hand())
    assert page.status_code == 403
    assert "Cookies may have been deleted or blocked" in text_of(page)
    assert not Comparison.objects.exists()


def test_a_cookie_that_we_did_not_sign_is_nobodys(voter, study):
    forged = Client()
    forged.cookies["llmfao-worker"] = str(Worker.objects.get().pk)
    assert forged.get("/s/haiku/vote/").status_code == 403


def test_the_cookie_belongs_to_one_study(voter, study):
    build_study("limerick")
    assert voter.cookies["llmfao-worker"]["path"] == "/s/haiku/"
    assert voter.get("/s/limerick/vote/").status_code == 403


def test_the_cookie_is_hidden_from_scripts_and_other_sites(voter):
    cookie = voter.cookies["llmfao-worker"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_over_tls_the_cookie_is_for_tls_alone(visitor, study, settings):
    settings.SESSION_COOKIE_SECURE = True
    join(visitor, study)
    assert visitor.cookies["llmfao-worker"]["secure"]


def test_two_people_at_one_browser_are_told_apart_by_the_platforms_id(visitor, study):
    join(visitor, study, "?PROLIFIC_PID=p1")
    page = visitor.get("/s/haiku/?PROLIFIC_PID=p2")
    assert "I agree" in text_of(page)
    join(visitor, study, "?PROLIFIC_PID=p2")
    assert set(Worker.objects.values_list("external_id", flat=True)) == {"p1", "p2"}


def test_a_second_consent_makes_no_second_worker(visitor, study):
    for _press in range(2):
        join(visitor, study)
    assert Worker.objects.count() == 1


def test_a_replayed_vote_changes_nothing_and_leads_to_the_pair_in_hand(voter, study):
    pair = in_hand()
    vote(voter, study, 1, pair)
    page = vote(voter, study, 3, pair, follow=True)
    assert page.redirect_chain == [("/s/haiku/vote/?notice=again", 303)]
    assert "We kept your first answer" in text_of(page)
    assert [comparison.value for comparison in Comparison.objects.all()] == [1]


def test_an_expired_reservation_is_voted_on_while_a_place_is_free(voter, study):
    Assignment.objects.update(expires_at="2001-01-01T00:00Z")
    vote(voter, study)
    assert Comparison.objects.count() == 1


def test_an_expired_reservation_whose_place_is_gone_is_explained_calmly(study):
    lifecycle.change_settings(study, {"overlap": 1})
    late, quick = Client(), Client()
    for client in (late, quick):
        join(client, study)
        client.post("/s/haiku/begin/")
    late.get("/s/haiku/vote/")
    mine = Assignment.objects.get()
    Assignment.objects.update(state="expired", slot=None)
    mine.pair.__class__.objects.filter(pk=mine.pair_id).update(taken=1)
    page = vote(late, study, pair=mine.pk, follow=True)
    assert page.redirect_chain[-1][0] == "/s/haiku/vote/?notice=expired"
    assert "went to someone else" in text_of(page)
    assert not Comparison.objects.exists()


def test_somebody_elses_pair_cannot_be_voted_on(voter, study):
    other = Client()
    join(other, study)
    other.post("/s/haiku/begin/")
    page = vote(other, study, pair=in_hand())
    assert page.status_code == 404
    assert "This isn’t your pair" in text_of(page)
    assert not Comparison.objects.exists()


@pytest.mark.parametrize("value", ["0", "4", "-1", "", "x", "1e3", "９", "9" * 30])
def test_what_is_no_answer_is_not_stored(voter, study, value):
    page = vote(voter, study, value)
    assert page.status_code == 400
    assert "Nothing was saved" in text_of(page)
    assert not Comparison.objects.exists()


@pytest.mark.parametrize("visible", ["nan", "inf", "-inf", "x", "", "1e400"])
def test_a_time_that_is_none_is_left_out(voter, study, visible):
    vote(voter, study, visible=visible, method="telepathy")
    stored = Comparison.objects.get()
    assert (stored.visible_seconds, stored.input_method) == (None, "")


def test_a_vote_keeps_what_the_page_says_of_it(voter, study):
    lifecycle.change_settings(study, {"reasons": ["Clearer", "More correct"]})
    voter.post(
        "/s/haiku/vote/send/",
        {"pair": in_hand(), "value": "3", "method": "key", "visible": "0.001", "reasons": ["Clearer", "Made up"]},
        headers={"user-agent": PHONE},
    )
    stored = Comparison.objects.get()
    assert (stored.reasons, stored.input_method, stored.visible_seconds) == (["Clearer"], "key", 0.001)
    assert stored.device == "phone"


def test_undo_names_what_it_takes_back_and_brings_the_pair_again(voter, study):
    pair = in_hand()
    page = vote(voter, study, 3, follow=True)
    assert "Undo “B is better”" in text_of(page)
    page = voter.post("/s/haiku/undo/", follow=True)
    assert "Undone. Here is that pair again" in text_of(page)
    assert in_hand() == pair
    assert not Comparison.objects.in_force().exists()
    assert "nothing" in voter.post("/s/haiku/undo/").url


def test_a_skip_keeps_its_reason_and_brings_another_pair(voter, study):
    pair = in_hand()
    page = voter.post("/s/haiku/skip/", {"pair": pair, "reason": "subject"}, follow=True)
    assert "Skipped. Here is another pair" in text_of(page)
    assert in_hand() != pair
    assert Assignment.objects.get(pk=pair).skip_reason == "subject"


def test_a_report_leaves_the_pair_in_hand_or_skips_it_as_well(voter, study):
    pair = in_hand()
    assert "What’s wrong with this pair?" in text_of(voter.get("/s/haiku/report/"))
    page = voter.post("/s/haiku/report/", {"pair": pair, "kind": "broken", "comment": "half\0a word"}, follow=True)
    assert "We sent your report to the people" in text_of(page)
    assert (Report.objects.get().comment, in_hand()) == ("halfa word", pair)
    voter.post("/s/haiku/report/", {"pair": pair, "kind": "offensive", "skip": "1"})
    assert Assignment.objects.get(pk=pair).state == "skipped"


def test_a_report_of_no_kind_is_not_stored(voter, study):
    assert voter.post("/s/haiku/report/", {"pair": in_hand(), "kind": "boring"}).status_code == 400
    assert not Report.objects.exists()


def test_an_open_page_keeps_its_reservation_and_hears_when_it_is_lost(voter, study):
    pair = in_hand()
    before = Assignment.objects.get(pk=pair).expires_at
    assert voter.post("/s/haiku/extend/", {"pair": pair}).status_code == 204
    assert Assignment.objects.get(pk=pair).expires_at > before
    Assignment.objects.update(state="expired", slot=None)
    assert voter.post("/s/haiku/extend/", {"pair": pair}).status_code == 409


def test_withdrawing_says_what_happens_and_takes_the_votes_back(voter, study):
    vote(voter, study)
    assert "your one answer is no longer counted" in text_of(voter.get("/s/haiku/withdraw/"))
    assert Comparison.objects.counted().count() == 1
    page = voter.post("/s/haiku/withdraw/", follow=True)
    assert code(study, "withdrawn") in text_of(page)
    assert not Comparison.objects.counted().exists()
    assert voter.get("/s/haiku/vote/").url == "/s/haiku/done/"


def test_answers_can_be_read_as_they_were_written(voter, study):
    pair = Assignment.objects.select_related("pair__result_x").get().pair
    pair.result_x.text = "**bold**"
    pair.result_x.save()
    assert "<strong>bold</strong>" in text_of(voter.get("/s/haiku/vote/"))
    assert "**bold**" in text_of(voter.get("/s/haiku/view/plain/", follow=True))
    assert "<strong>bold</strong>" in text_of(voter.get("/s/haiku/view/formatted/", follow=True))


@pytest.mark.parametrize(
    "name", ["begin", "training/answer", "training/proceed", "vote/send", "skip", "undo", "extend", "finish", "resume"]
)
def test_what_acts_by_post_sends_a_get_to_where_the_worker_belongs(voter, study, name):
    assert voter.get(f"/s/haiku/{name}/", follow=True).redirect_chain[-1][0] == "/s/haiku/vote/"


def test_no_page_is_kept_by_the_browser(voter, study):
    for path in ("", "instructions/", "vote/", "report/", "withdraw/"):
        assert "no-store" in voter.get(f"/s/haiku/{path}")["Cache-Control"]


def test_the_post_of_a_foreign_site_is_refused(study):
    guarded = Client(enforce_csrf_checks=True)
    assert join(guarded, study).status_code == 403
    assert not Worker.objects.exists()


# Training


@pytest.fixture
def trainee(visitor, study):
    add_golden_pairs(study, ["x", "x", "x", "x"])
    join(visitor, study)
    visitor.post("/s/haiku/begin/")
    visitor.get("/s/haiku/training/")
    return visitor


def answer(client, *, right):
    given = TrainingAnswer.objects.filter(seen_at=None).order_by("attempt", "position")[0]
    value = 1 if (given.left == "x") == right else 3
    return client.post("/s/haiku/training/answer/", {"pair": given.pk, "value": value}, follow=True), given


def proceed(client, given):
    return client.post("/s/haiku/training/proceed/", {"pair": given.pk}, follow=True)


def test_training_shows_the_expected_answer_and_its_reason_after_each_answer(trainee, study):
    page, given = answer(trainee, right=False)
    assert "That’s not the expected answer" in text_of(page)
    assert given.pair.reason in text_of(page)
    page, given = answer(trainee, right=True)
    assert "That’s not the expected answer" in text_of(page), "the first answer counts"
    proceed(trainee, given)
    page, given = answer(trainee, right=True)
    assert "That’s right" in text_of(page)


def test_the_expected_answer_is_not_in_the_page_before_the_answer(trainee, study):
    page = text_of(trainee.get("/s/haiku/training/"))
    assert "Because" not in page
    assert "xpected" not in page


def test_who_passes_training_votes(trainee, study):
    for _pair in range(2):
        page = proceed(trainee, answer(trainee, right=True)[1])
    assert page.redirect_chain[-1][0] == "/s/haiku/vote/?notice=passed"
    assert "You passed the training" in text_of(page)


def test_who_fails_tries_again_with_new_pairs_and_then_leaves_politely(trainee, study):
    for _pair in range(2):
        page = proceed(trainee, answer(trainee, right=False)[1])
    assert page.redirect_chain[-1][0] == "/s/haiku/training/?notice=retry"
    for _pair in range(2):
        page = proceed(trainee, answer(trainee, right=False)[1])
    assert page.redirect_chain[-1][0] == "/s/haiku/done/"
    assert "Thank you for taking part" in text_of(page)
    assert code(study, "failed-training") in text_of(page)
    assert code(study, "completed") not in text_of(page)


@pytest.mark.parametrize("name", ["vote", "training", "instructions"])
def test_who_failed_training_cannot_come_in_by_another_page(trainee, study, name):
    Worker.objects.update(stage="done", outcome="failed-training")
    assert trainee.get(f"/s/haiku/{name}/").url == reverse("worker-done", args=["haiku"])
    assert trainee.post("/s/haiku/begin/").url == reverse("worker-done", args=["haiku"])


def test_a_trainee_cannot_vote_yet(trainee, study):
    assert trainee.get("/s/haiku/vote/").url == "/s/haiku/training/"
    assert trainee.post("/s/haiku/vote/send/", {"pair": "1", "value": "1"}).status_code == 404
    assert not Comparison.objects.exists()
