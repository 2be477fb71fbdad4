"""Pages of panels and benchmarks in a real browser, in every language and size."""

import json
import threading
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from annotation.models import Comparison, Pair, Rater, RaterKind, Study
from judges.benchmarks import runs, sets
from judges.benchmarks.planning import Terms
from judges.benchmarks.runs import benchmark_life
from judges.models import BenchmarkRun, Panel
from judges.panels import panels
from judges.panels.panels import PanelSpec
from tests.annotation.study_pages import study_of
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.builders import NOW
from tests.judges.conftest import QUICK, make_judge, stand_in
from tests.waiting import PATIENCE

__all__ = ["stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study(owner) -> Study:
    study = study_of(owner, prompts=3)
    for name, words in (("ann", "xxy"), ("bob", "xyt")):
        rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name)
        for index, pair in enumerate(Pair.objects.filter(study=study, purpose="vote").order_by("pk")):
            winner = {"t": "tie"}.get(words[index % 3], words[index % 3])
            Comparison.objects.create(study=study, pair=pair, rater=rater, left="x", winner=winner, answered_at=NOW)
    return study


@pytest.fixture
def panel(study: Study) -> Panel:
    made = panels.create(study, "jury", PanelSpec(["ann", "bob"], rule="mean", splits="senior", senior="bob"), NOW)
    panels.make(made.pk)
    return made


@pytest.fixture
def benchmark(stand_in, tmp_path: Path) -> BenchmarkRun:
    rows = [
        {"prompt": f"Q{n}?", "chosen": f"long answer {n} " * 9, "rejected": f"short {n}", "subset": "ab"[n % 2]}
        for n in range(8)
    ]
    file = tmp_path / "known.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    judge = make_judge(stand_in().url, "judy", price_in="1")
    run = runs.start(judge.current, [sets.keep(file)], Terms(), NOW, detach=False)

    def work() -> None:
        try:
            benchmark_life.work(run.pk, patience=QUICK)
        finally:
            connection.close()

    # In its own thread, because Playwright's event loop occupies this one.
    sending = threading.Thread(target=work)
    sending.start()
    sending.join(PATIENCE)
    return run


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("light", PHONE), ("dark", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    page: Page, live_server, complaints, accessible, panel: Panel, benchmark: BenchmarkRun, scheme: str, size
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    sign_in(page, live_server)
    judge = benchmark.version.judge_id
    for path in (
        "/studies/haiku/panels/",
        f"/studies/haiku/panels/{panel.pk}/",
        f"/studies/haiku/panels/{panel.pk}/?state=divided",
        f"/studies/haiku/panels/{panel.pk}/end/",
        f"/judges/{judge}/benchmarks/",
        f"/judges/{judge}/benchmarks/{benchmark.pk}/",
    ):
        page.goto(live_server.url + path)
        accessible(page)
        assert overflow(page) == 0, path


def test_a_panel_is_made_looked_at_and_ended(page: Page, live_server, complaints, study: Study) -> None:
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/judges/")
    page.get_by_role("link", name="Panels").click()
    page.get_by_label("Name", exact=True).fill("jury")
    for name in ("ann", "bob"):
        page.get_by_role("group", name="Members").get_by_label(name).check()
    page.get_by_role("button", name="Create panel").click()
    expect(page.locator("#panel")).to_contain_text("Computing the panel’s verdicts")
    # The page polls until the background has computed the verdicts.
    panels.make(Panel.objects.get().pk)
    expect(page.locator("#panel")).to_contain_text("66.7%")
    page.get_by_role("link", name="End panel").click()
    page.get_by_role("button", name="End panel").click()
    expect(page.get_by_role("status").filter(has_text="has ended")).to_be_visible()
