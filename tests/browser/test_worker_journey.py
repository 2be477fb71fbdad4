"""The worker's pages in a real browser: by keyboard, on a phone, without JavaScript."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from annotation.models import Assignment, Comparison, Pair, Report, TrainingAnswer, Worker
from annotation.studies import lifecycle
from tests.browser.conftest import NARROWEST, overflow
from tests.builders import add_golden_pairs, build_study

pytestmark = pytest.mark.django_db(transaction=True)

SETTLED = 350
"""Milliseconds after which a press counts for the pair on the screen, not for the previous one."""


@pytest.fixture(autouse=True)
def sound_scripts(page):
    """Fails on script errors and violations of the Content-Security-Policy; refused requests are allowed."""
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    yield
    assert complaints == []


@pytest.fixture
def study():
    return build_study(prompts=8, least_votes=2, most_votes=4)


def agree(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="I agree").click()
    expect(page.get_by_role("heading", name="Instructions")).to_be_visible()


def start(page: Page, address: str) -> None:
    agree(page, address)
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(re.compile("/(training|vote)/$"))
    # By then the scripts have run and handle events.
    page.wait_for_load_state("load")


def press(page: Page, key: str) -> None:
    page.wait_for_timeout(SETTLED)
    page.keyboard.press(key)


def answer_training(page: Page, *, right: bool) -> None:
    given = TrainingAnswer.objects.filter(seen_at=None, value=None).order_by("attempt", "position")[0]
    is_left = (given.golden == "left") == right
    press(page, "ArrowLeft" if is_left else "ArrowRight")
    expected = "That’s right" if right else "That’s not the expected answer"
    expect(page.get_by_role("heading", name=expected)).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("heading", name=expected)).to_be_hidden()


def test_join_fail_and_pass_training_vote_by_keys_undo_and_finish_with_the_code(
    page, live_server, study, accessible, complaints
):
    add_golden_pairs(study, ["x", "y", "x", "y"])
    page.goto(f"{live_server.url}/s/haiku/?PROLIFIC_PID=p1&STUDY_ID=s1")
    accessible(page)
    page.get_by_role("button", name="I agree").click()
    expect(page.get_by_role("heading", name="Instructions")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_text("Training pair 1 of 2")).to_be_visible()
    accessible(page)
    answer_training(page, right=False)
    expect(page.get_by_text("Training pair 2 of 2")).to_be_visible()
    answer_training(page, right=False)
    expect(page.get_by_text("Too few of your answers were right")).to_be_visible()
    answer_training(page, right=True)
    answer_training(page, right=True)

    expect(page.get_by_text("You passed the training")).to_be_visible()
    expect(page.get_by_text("0 of 2 required")).to_be_visible()
    accessible(page)
    press(page, "ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    expect(page.get_by_role("button", name="Undo “A is better”")).to_be_visible()
    expect(page.get_by_role("heading", name="Prompt")).to_be_focused()
    accessible(page)
    press(page, "t")
    expect(page.get_by_role("button", name="Undo “Tie”")).to_be_visible()
    press(page, "Backspace")
    expect(page.get_by_text("Undone. Here is that pair again")).to_be_visible()
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    press(page, "ArrowRight")
    expect(page.get_by_role("button", name="Undo “B is better”")).to_be_visible()
    page.get_by_role("button", name="Finish now").click()

    expect(page.get_by_text(study.exits.get(outcome="completed").code)).to_be_visible()
    accessible(page)
    votes = Comparison.objects.in_force().order_by("pk")
    assert [vote.value for vote in votes] == [1, 3]
    assert {vote.input_method for vote in votes} == {"key"}
    assert all(0.3 < vote.visible_seconds < 300 for vote in votes)
    worker = Worker.objects.get()
    assert (worker.external_id, worker.attempt, worker.training_score) == ("p1", 2, 1.0)


def test_failing_training_twice_ends_with_the_screen_out_code(page, live_server, study, accessible):
    add_golden_pairs(study, ["x", "y", "x", "y"])
    start(page, f"{live_server.url}/s/haiku/")
    for _pair in range(4):
        answer_training(page, right=False)
    expect(page.get_by_role("heading", name="Thank you for taking part")).to_be_visible()
    expect(page.get_by_text(study.exits.get(outcome="failed-training").code)).to_be_visible()
    accessible(page)


def test_the_explanation_of_a_training_pair_is_accessible(page, live_server, study, accessible):
    add_golden_pairs(study, ["x", "y"])
    start(page, f"{live_server.url}/s/haiku/")
    press(page, "ArrowLeft")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    accessible(page)


def test_one_click_is_one_request(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.wait_for_timeout(SETTLED)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    page.wait_for_timeout(200)
    assert requests == [f"{live_server.url}/s/haiku/vote/send/"]


def test_a_double_click_is_one_vote(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.wait_for_timeout(SETTLED)
    page.get_by_role("button", name="A is better").dblclick(delay=60)
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    page.wait_for_timeout(SETTLED)
    assert Comparison.objects.count() == 1


def test_a_key_held_down_is_one_vote(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.wait_for_timeout(SETTLED)
    for _repeat in range(5):
        page.keyboard.down("ArrowLeft")
        page.wait_for_timeout(120)
    page.keyboard.up("ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    assert Comparison.objects.count() == 1


def test_keys_with_modifiers_and_keys_that_scroll_do_not_vote(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.wait_for_timeout(SETTLED)
    for keys in ("Control+ArrowLeft", "Alt+t", "Shift+ArrowRight", "Meta+t", "ArrowDown", " "):
        page.keyboard.press(keys)
    page.wait_for_timeout(200)
    assert not Comparison.objects.exists()


def test_in_a_pane_that_scrolls_the_arrows_scroll_and_in_one_that_does_not_they_vote(page, live_server, study):
    study.prompt_set.results.update(text="Word. " * 3000)
    start(page, f"{live_server.url}/s/haiku/")
    pane = page.get_by_role("region", name="Answer A")
    pane.focus()
    press(page, "ArrowLeft")
    press(page, "t")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(200)
    assert not Comparison.objects.exists()
    assert pane.evaluate("element => element.scrollTop") > 0
    study.prompt_set.results.update(text="Short.")
    page.reload()
    page.get_by_role("region", name="Answer A").focus()
    press(page, "ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()


def test_typing_a_report_does_not_vote_and_the_report_arrives(page, live_server, study, accessible):
    start(page, f"{live_server.url}/s/haiku/")
    page.get_by_role("link", name="Report this pair").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    accessible(page)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Report this pair").click()
    dialog.get_by_label("An answer is broken").check()
    dialog.get_by_label("Details").fill("")
    dialog.get_by_label("Details").press_sequentially("terribly cut off")
    dialog.get_by_role("button", name="Send report").click()
    expect(page.get_by_text("We sent your report to the people")).to_be_visible()
    assert Report.objects.get().comment == "terribly cut off"
    assert not Comparison.objects.exists()


def test_keys_can_be_switched_off_and_stay_off(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.locator("summary[title=Settings]").click()
    page.get_by_label("Use keyboard shortcuts").uncheck()
    page.keyboard.press("Escape")
    for _load in range(2):
        press(page, "t")
        page.wait_for_timeout(150)
        assert not Comparison.objects.exists()
        page.reload()
    page.locator("summary[title=Settings]").click()
    page.get_by_label("Use keyboard shortcuts").check()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Prompt").click()
    press(page, "t")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()


def test_a_pair_is_skipped_with_a_reason(page, live_server, study, accessible):
    start(page, f"{live_server.url}/s/haiku/")
    page.wait_for_timeout(SETTLED)
    page.get_by_text("Skip", exact=True).click()
    accessible(page)
    page.get_by_role("button", name="I don’t know enough about this topic").click()
    expect(page.get_by_text("Skipped. Here is another pair")).to_be_visible()
    assert Assignment.objects.get(state="skipped").skip_reason == "subject"


def test_reasons_are_asked_after_the_choice_and_sent_with_it(page, live_server, study, accessible):
    lifecycle.change_settings(study, {"reasons": ["Clearer", "More correct", "Better style"]})
    start(page, f"{live_server.url}/s/haiku/")
    expect(page.get_by_label("Clearer")).to_be_hidden()
    press(page, "ArrowLeft")
    expect(page.get_by_label("Clearer")).to_be_focused()
    expect(page.get_by_role("button", name="A is better")).to_have_attribute("aria-pressed", "true")
    accessible(page)
    page.keyboard.press(" ")
    page.get_by_label("Better style").check()
    press(page, "ArrowRight")
    assert not Comparison.objects.exists()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    vote = Comparison.objects.get()
    assert (vote.value, vote.reasons, vote.input_method) == (3, ["Clearer", "Better style"], "key")
    page.wait_for_timeout(SETTLED)
    page.get_by_role("button", name="Tie", exact=True).click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("2 of 4 done")).to_be_visible()
    vote = Comparison.objects.order_by("pk").last()
    assert (vote.value, vote.reasons, vote.input_method) == (2, [], "mouse")


def test_every_scale_has_its_keys(page, live_server, study, accessible):
    start(page, f"{live_server.url}/s/haiku/")
    for done, (scale, key, value) in enumerate([("two", "ArrowRight", 2), ("five", "4", 4), ("eight", "8", 8)], 1):
        lifecycle.change_settings(study, {"scale_name": scale})
        page.reload()
        accessible(page)
        press(page, key)
        progress = f"{done} of 2 required" if done < 2 else f"{done} of 4 done"
        expect(page.get_by_text(progress)).to_be_visible()
        assert Comparison.objects.order_by("pk").last().value == value


def test_a_vote_that_does_not_arrive_is_said_and_can_be_pressed_again(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.context.set_offline(True)
    press(page, "t")
    expect(page.get_by_role("alert")).to_contain_text("couldn’t send your answer")
    page.context.set_offline(False)
    press(page, "t")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    assert Comparison.objects.count() == 1


def test_two_tabs_do_not_vote_twice_on_a_pair(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    other = page.context.new_page()
    other.goto(f"{live_server.url}/s/haiku/vote/")
    press(page, "ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    press(other, "ArrowRight")
    expect(other.get_by_text("We kept your first answer")).to_be_visible()
    assert [vote.value for vote in Comparison.objects.all()] == [1]


def test_the_back_button_leads_to_the_pair_in_hand(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    press(page, "ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Back to your pair").click()
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    assert Comparison.objects.count() == 1


def test_lost_cookies_end_on_a_calm_page(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    page.context.clear_cookies(name="llmfao-worker")
    press(page, "ArrowLeft")
    expect(page.get_by_role("heading", name="We don’t recognise this browser")).to_be_visible()
    assert not Comparison.objects.exists()


def test_a_folded_prompt_stays_folded(page, live_server, study):
    study.prompt_set.prompts.update(text="Consider the following. " * 60)
    start(page, f"{live_server.url}/s/haiku/")
    text = page.locator(".prompt .answer")
    expect(text).to_be_visible()
    page.get_by_text("Hide prompt", exact=True).click()
    expect(text).to_be_hidden()
    press(page, "ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    expect(text).to_be_hidden()
    page.reload()
    expect(text).to_be_hidden()


def test_a_new_pair_is_announced(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/")
    press(page, "t")
    expect(page.locator("#announce")).to_have_text("Sent: Tie. Here is the next pair.")


def test_the_whole_way_works_without_javascript(browser: Browser, live_server, study):
    add_golden_pairs(study, ["x", "y"])
    lifecycle.change_settings(study, {"reasons": ["Clearer"]})
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    start(page, f"{live_server.url}/s/haiku/?PROLIFIC_PID=p1")
    given = TrainingAnswer.objects.get()
    page.get_by_role("button", name={"left": "A is better", "right": "B is better"}[given.golden]).click()
    expect(page.get_by_role("heading", name="That’s right")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("You passed the training")).to_be_visible()
    page.get_by_label("Clearer").check()
    page.get_by_label("Clearer").press("Enter")
    assert not Comparison.objects.exists(), "Enter in a box must not press the first button"
    page.get_by_role("button", name="B is better").click()
    page.get_by_role("button", name="Undo “B is better”").click()
    expect(page.get_by_text("Undone. Here is that pair again")).to_be_visible()
    page.get_by_text("Skip", exact=True).click()
    page.get_by_role("button", name="Another reason").click()
    expect(page.get_by_text("Skipped. Here is another pair")).to_be_visible()
    for _vote in range(4):
        page.get_by_role("button", name="Tie", exact=True).click()
    expect(page.get_by_text(study.exits.get(outcome="completed").code)).to_be_visible()
    assert [vote.value for vote in Comparison.objects.in_force()] == [2, 2, 2, 2]
    context.close()


@pytest.fixture
def phone(browser: Browser):
    context = browser.new_context(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    page = context.new_page()
    yield page
    context.close()


def test_on_a_phone_of_320_pixels_nothing_overflows_and_the_bar_stays_in_reach(phone, live_server, study):
    study.prompt_set.results.update(text="Word. " * 800 + "\n\n```\n" + "wide " * 100 + "\n```")
    start(phone, f"{live_server.url}/s/haiku/")
    expect(phone.get_by_text("0 of 2 required")).to_be_visible()
    assert overflow(phone) == 0
    for name in ("A is better", "Tie", "B is better"):
        box = phone.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= 640
    phone.evaluate("window.scrollTo(0, 2000)")
    phone.wait_for_timeout(SETTLED)
    phone.get_by_role("button", name="A is better").tap()
    expect(phone.get_by_text("1 of 2 required")).to_be_visible()
    assert phone.evaluate("window.scrollY") == 0
    assert Comparison.objects.get().input_method == "touch"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_scale_fits_on_a_narrow_phone(browser, live_server, study, language):
    context = browser.new_context(viewport=NARROWEST, has_touch=True, locale=language)
    page = context.new_page()
    page.goto(f"{live_server.url}/s/haiku/")
    page.locator("button[value=agree]").click()
    page.locator("form.actions button.primary").click()
    for scale in ("three", "two", "five", "eight"):
        lifecycle.change_settings(study, {"scale_name": scale})
        page.reload()
        page.wait_for_selector(f".choices-{scale}")
        assert overflow(page) == 0
        for button in page.locator(".choice").all():
            assert button.evaluate("element => element.scrollWidth <= element.clientWidth"), button.inner_text()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_right_to_left_and_asian_texts_run_their_way(browser, live_server, study, scheme):
    study.prompt_set.prompts.update(text="اكتب جملة عن البحر.", lang="ar")
    study.prompt_set.results.update(text="البحر في الشتاء كتاب مفتوح.")
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    start(page, f"{live_server.url}/s/haiku/")
    answer = page.locator(".pane .answer").first
    assert answer.get_attribute("dir") == "rtl"
    assert answer.get_attribute("lang") == "ar"
    first, second = (page.get_by_role("region", name=f"Answer {name}").bounding_box() for name in "AB")
    assert first["x"] < second["x"], "A stands on the left, as its key does"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_beside_the_way(page, live_server, study, accessible, scheme):
    page.emulate_media(color_scheme=scheme)
    start(page, f"{live_server.url}/s/haiku/")
    press(page, "t")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    page.locator("summary[title=Settings]").click()
    accessible(page)
    for path in ("instructions", "report", "withdraw"):
        page.goto(f"{live_server.url}/s/haiku/{path}/")
        accessible(page)
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("heading", name="You have withdrawn")).to_be_visible()
    accessible(page)
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/s/haiku/vote/")
    accessible(page)
    lifecycle.change_settings(study, {"devices": "computers"})
    page.set_extra_http_headers({"User-Agent": "iPhone", "Sec-CH-UA-Mobile": "?1"})
    page.goto(f"{live_server.url}/s/haiku/")
    expect(page.get_by_role("heading", name="Please use a different device")).to_be_visible()
    accessible(page)
    lifecycle.close(study)
    page.reload()
    accessible(page)


def test_an_open_page_keeps_its_pair_and_one_left_alone_does_not(page, live_server, study):
    page.clock.install()
    start(page, f"{live_server.url}/s/haiku/")
    expect(page.get_by_text("0 of 2 required")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    with page.expect_response("**/extend/"):
        page.clock.fast_forward("06:00")
    assert [url for url in sent if url.endswith("/extend/")] == [f"{live_server.url}/s/haiku/extend/"]
    page.clock.fast_forward("30:00")
    page.wait_for_timeout(300)
    assert len([url for url in sent if url.endswith("/extend/")]) == 1


def test_a_reservation_that_ran_out_under_an_open_page_is_looked_for_again(page, live_server, study):
    page.clock.install()
    start(page, f"{live_server.url}/s/haiku/")
    expect(page.get_by_text("0 of 2 required")).to_be_visible()
    Assignment.objects.update(state="expired", slot=None)
    Pair.objects.update(taken=0)
    with page.expect_navigation():
        page.clock.fast_forward("06:00")
    expect(page.get_by_text("0 of 2 required")).to_be_visible()
    assert Assignment.objects.get().state == "open"


def test_a_server_that_says_nothing_is_given_up_and_the_answer_sent_again(page, live_server, study, accessible):
    start(page, f"{live_server.url}/s/haiku/?PROLIFIC_PID=p1")
    press(page, "ArrowLeft")
    expect(page.get_by_text("1 of 2 required")).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("Sent: A is better.")
    ballot = page.locator("#ballot")
    assert ballot.get_attribute("hx-request") == '{"timeout": 15000}'
    # Not 15 seconds of a test's time.
    ballot.evaluate("form => form.setAttribute('hx-request', '{\"timeout\": 300}')")
    page.route("**/vote/send/", lambda _route: None)
    press(page, "ArrowRight")
    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text("We couldn’t send your answer.")
    expect(page.locator("#announce")).to_be_empty()
    again = page.get_by_role("button", name="Send again")
    expect(again).to_be_focused()
    accessible(page)
    page.unroute("**/vote/send/")
    ballot.evaluate("form => form.setAttribute('hx-request', '{\"timeout\": 60000}')")
    again.click()
    expect(page.get_by_text("2 of 4 done")).to_be_visible()
    expect(trouble).to_be_hidden()
    assert [vote.input_method for vote in Comparison.objects.all()] == ["key", "key"]


def test_an_answer_that_comes_after_the_end_is_told_to_be_missing(page, live_server, study):
    start(page, f"{live_server.url}/s/haiku/?PROLIFIC_PID=p1")
    lifecycle.close(study)
    press(page, "ArrowLeft")
    expect(page.get_by_text("The study closed before your last answer arrived")).to_be_visible()
    expect(page.get_by_text("Your code")).to_be_visible()
    assert not Comparison.objects.exists()
