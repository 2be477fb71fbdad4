"""The screenshots in docs/screenshots, taken from a demo of its own: `make screenshots`."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
DEVICES = (
    {"viewport": {"width": 1280, "height": 800}},
    {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2},
)
"""A laptop and a phone."""


def manage(*words: str) -> None:
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def started(output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        demo = subprocess.Popen([sys.executable, "manage.py", "demo"], cwd=ROOT, stdout=file, stderr=file)
    while "Ctrl-C" not in output.read_text(encoding="utf-8"):
        if demo.poll() is not None:
            raise SystemExit(output.read_text(encoding="utf-8"))
        time.sleep(0.2)
    return demo


def keep(page: Page, name: str) -> None:
    """Saves what the page shows at its width, with nothing under the pointer and no focus drawn."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement?.blur()")
    file = FOLDER / f"{name}-{page.viewport_size['width']}.png"
    page.screenshot(path=file, animations="disabled")
    print(file.relative_to(ROOT))


def to_the_first_pair(page: Page, address: str) -> None:
    page.goto(f"{address}/s/sample/")
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.locator(".panes")).to_be_visible()


def until_a_pair_shows(page: Page, what: str) -> None:
    """Votes on until both answers hold `what`."""
    for _pair in range(18):
        if page.locator(f".answer:has({what})").count() >= 2:
            return
        before = page.locator("input[name=pair]").input_value()
        # A press that comes at once is taken for the pair before.
        page.wait_for_timeout(500)
        page.locator(".choices button").first.click()
        expect(page.locator("input[name=pair]")).not_to_have_value(before)


def sign_in(page: Page, address: str, password: str) -> None:
    page.goto(f"{address}/sign-in/")
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button[type=submit]").click()
    page.wait_for_url(f"{address}/studies/")


def take(browser: Browser, address: str, password: str) -> None:
    for device in DEVICES:
        visitor = browser.new_page(**device, color_scheme="light", locale="en")
        to_the_first_pair(visitor, address)
        until_a_pair_shows(visitor, "pre code, table, ol, ul")
        keep(visitor, "vote")
        visitor.close()
    manage("simulate", "sample", "--votes", "400", "--seed", "7")
    manage("shell", "--no-imports", "--command", "from ranking.tasks import recompute_changed; recompute_changed()")
    for device in DEVICES:
        owner = browser.new_page(**device, color_scheme="light", locale="en")
        sign_in(owner, address, password)
        owner.goto(f"{address}/studies/sample/")
        keep(owner, "study")
        owner.goto(f"{address}/leaderboard/sample/")
        while not owner.locator("table").count():
            owner.wait_for_timeout(1000)
            owner.reload()
        keep(owner, "leaderboard")
        owner.close()


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is missing; on Debian: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        for name in list(os.environ):
            if name.startswith("LLMFAO_") or name in {"DATABASE_URL", "REDIS_URL"}:
                del os.environ[name]
        os.environ.update(LLMFAO_DATA=data, HOST="127.0.0.1", PORT="0")
        output = Path(data) / "output"
        demo = started(output)
        try:
            # What is shown is voting; the training before it is another page.
            manage("study", "sample", "--set", "training_size=0")
            said = output.read_text(encoding="utf-8")
            address, password = re.search(r"ready: (\S+)/$", said, re.M)[1], re.search(r"password (\S+)", said)[1]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                take(browser, address, password)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(60)


if __name__ == "__main__":
    main()
