"""The documentation on the site: every page, every link and picture in it, and the links that lead there."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from llmfao_site.help import pages
from tests.builders import build_study

pytestmark = pytest.mark.once

ADDRESSES = [pages.address(name) for name in pages.names()]
TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
HELP = re.compile(r'\{% help "([\w/-]+)" "([\w-]*)" _\("[^"]+"\) %\}')


class Shown(HTMLParser):
    """The ids, links and pictures of a page, and the text outside of its code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.text = ""
        self._code = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given["href"]))
        if tag == "img":
            self.pictures.append(str(given["src"]))
        self._code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.text += data


def shown(address: str) -> Shown:
    response = Client().get(address)
    assert response.status_code == 200
    return Shown(response.content.decode())


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_link_and_picture_of_a_page_leads_somewhere(address):
    page = shown(address)
    for link in page.links:
        path, anchor = urldefrag(link)
        if not path or path.startswith("/help/"):
            assert (path or address) in ADDRESSES, link
            assert not anchor or anchor in shown(path or address).ids, link
    for picture in page.pictures:
        assert finders.find(picture.removeprefix(settings.STATIC_URL)), picture


@pytest.mark.parametrize("name", pages.names())
def test_every_page_has_a_title_ids_of_its_own_and_no_markup_left_over(name):
    assert pages.page(name).title
    page = shown(pages.address(name))
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"</?[a-z]+[ >]|\]\(|^#+ |\*\*|```", page.text, re.MULTILINE)


@pytest.mark.parametrize(
    "template",
    [path for path in TEMPLATES if "{% help " in path.read_text()],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_every_help_link_of_a_template_leads_to_a_page_and_a_heading_of_it(template):
    text = template.read_text()
    found = HELP.findall(text)
    assert len(found) == text.count("{% help "), "a page, an anchor or nothing, and words are written out"
    for name, anchor in found:
        assert name in pages.names()
        assert not anchor or anchor in {heading.anchor for heading in pages.page(name).headings}, anchor


@pytest.mark.parametrize(
    "name",
    [
        "no-such-page",
        "index",
        "guides",
        "guides/operate.md",
        "guides/../guides/operate",
        "../README",
        "..%2FREADME",
        "/etc/passwd",
        "write_commands",
        "screenshots/vote-390.png",
    ],
)
def test_what_is_no_page_is_not_found(client, name):
    assert client.get(f"/help/{name}/").status_code == 404


@pytest.mark.django_db
def test_a_page_knows_nothing_of_the_data(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/help/reference/exchange/").status_code == 200


def test_a_reader_of_japanese_hears_that_the_page_is_in_english(client):
    with translation.override("ja"):
        notice = gettext("This page is in English.")
    assert f'<p class="notice info">{notice}</p>' in client.get("/help/", headers={"Accept-Language": "ja"}).text
    assert "This page is in English." not in client.get("/help/", headers={"Accept-Language": "en"}).text


@pytest.mark.django_db
def test_help_is_in_the_footer_of_the_site_and_nowhere_before_a_worker(client):
    build_study(public=True)
    assert 'href="/help/"' in client.get("/").text
    assert "/help/" not in client.get("/s/haiku/").text
