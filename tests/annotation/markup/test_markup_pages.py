"""Pages of the documentation: titles, ids, links and pictures as the site needs them, and still nothing that runs."""

import pytest

from annotation.markup import Heading, render_page

pytestmark = pytest.mark.once


def as_written(address: str) -> str:
    return address


def test_the_title_is_told_apart_from_what_follows_it() -> None:
    page = render_page("# Run `it`\n\nFirst.\n", as_written)
    assert page.title == "Run it"
    assert page.html == "<p>First.</p>\n"


def test_a_wrapped_line_flows_on() -> None:
    assert "<br" not in render_page("one\ntwo", as_written).html


def test_headings_have_the_ids_of_code_hosts() -> None:
    page = render_page(
        "# T\n\n## comparisons.csv, full\n\n### Is it *still* `x`?\n\n## comparisons.csv, full\n", as_written
    )
    assert page.headings == (
        Heading(2, "comparisonscsv-full", "comparisons.csv, full"),
        Heading(3, "is-it-still-x", "Is it still x?"),
        Heading(2, "comparisonscsv-full-1", "comparisons.csv, full"),
    )
    assert '<h2 id="comparisonscsv-full">comparisons.csv, full</h2>' in page.html
    assert '<h3 id="is-it-still-x">Is it <em>still</em> <code class="whole">x</code>?</h3>' in page.html


def test_links_and_pictures_get_the_addresses_of_their_reader() -> None:
    page = render_page("[a](b.md#c) ![p](q.png)", lambda address: f"/there/{address}")
    assert page.html == '<p><a href="/there/b.md#c">a</a> <img src="/there/q.png" alt="p"></p>\n'


def test_what_leads_nowhere_for_the_reader_keeps_its_words() -> None:
    page = render_page("See [the *code*](../x.py) and ![a plan](plan.png).", lambda _address: None)
    assert page.html == "<p>See the <em>code</em> and a plan.</p>\n"


def test_short_code_in_a_line_is_marked_as_not_to_be_broken() -> None:
    html = render_page("`--id-parameter` `" + "long-" * 20 + "`", as_written).html
    assert '<code class="whole">--id-parameter</code>' in html
    assert "<code>long-" in html


def test_tables_scroll_and_align_without_styles() -> None:
    html = render_page("| a | b |\n|---|--:|\n| c | d |\n", as_written).html
    assert '<div class="table-wrap"><table>' in html
    assert '<td class="right">d</td>' in html
    assert "style" not in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "## <script>alert(1)</script>",
        "# <script>alert(1)</script>\n\nx",
        "[x](javascript:alert(1))",
        '[x](/a "onmouseover=alert(1)")',
        "![x](data:text/html;base64,PHNjcmlwdD4=)",
        "```html\n<script>alert(1)</script>\n```",
    ],
)
def test_nothing_of_a_page_runs(text: str) -> None:
    html = render_page(text, as_written).html
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "onmouseover" not in html


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", '"><script>alert(1)</script>'])
def test_nor_does_an_address_that_a_rewrite_gave(address: str) -> None:
    html = render_page("[a](b) ![c](d)", lambda _address: address).html
    assert "<script" not in html
    assert "javascript:" not in html
    assert "data:" not in html
