"""Markdown as models write it."""

import pytest
from pygments.lexers import get_lexer_by_name

from annotation.markup import markdown, plain, render

pytestmark = pytest.mark.once


def test_a_haiku_keeps_its_lines() -> None:
    assert render("Containers dancing\nOrchestrated as one\nScales without limit").count("<br>") == 2


def test_headings_begin_below_those_of_the_page() -> None:
    html = render("# One\n## Two\n### Three\n##### Five\n\nUnder\n=====")
    assert "<h3>One</h3>" in html
    assert "<h4>Two</h4>" in html
    assert "<h5>Three</h5>" in html
    assert "<h6>Five</h6>" in html
    assert "<h3>Under</h3>" in html


def test_a_table_aligns_by_classes_in_a_frame_that_scrolls() -> None:
    html = render("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |")
    assert html.startswith('<div class="table-wrap"><table>')
    assert '<td class="left">1</td>' in html
    assert '<td class="center">2</td>' in html
    assert '<td class="right">3</td>' in html
    assert "style" not in html


def test_a_cell_can_break_its_line() -> None:
    assert "<td>one<br>\ntwo<br>\nthree</td>" in render("| a |\n|---|\n| one<br>two<BR/>three |")


def test_a_break_outside_a_cell_is_text() -> None:
    assert "&lt;br&gt;" in render("one<br>two")


def test_code_is_highlighted_by_classes() -> None:
    html = render("```python\nprint('<b>')\n```")
    assert '<span class="nb">print</span>' in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize("info", ["Python", "python title='x'", "{.python}", "py"])
def test_the_name_of_a_language_is_taken_as_models_write_it(info: str) -> None:
    assert '<span class="' in render(f"```{info}\nimport os\n```")


@pytest.mark.parametrize("info", ["", "nosuchlanguage", '"><script>', "c" * 500])
def test_code_in_no_known_language_is_shown_without_colours(info: str) -> None:
    html = render(f"```{info}\nx = 1\n```")
    assert html == "<pre><code>x = 1\n</code></pre>\n"


@pytest.mark.parametrize("name", sorted(markdown._LANGUAGES))
def test_every_language_of_the_list_has_its_lexer(name: str) -> None:
    assert get_lexer_by_name(name)


def test_code_keeps_its_white_space() -> None:
    assert render("```\n\n\n  a\n\tb\n\n```") == "<pre><code>\n\n  a\n\tb\n\n</code></pre>\n"


def test_code_that_is_not_closed_runs_to_the_end() -> None:
    assert render("```python\nx = 1").count("<pre>") == 1


def test_a_numbered_list_begins_where_it_says() -> None:
    assert '<ol start="5">' in render("5. five\n6. six")


def test_strikethrough_is_read() -> None:
    assert "<s>no</s>" in render("~~no~~")


def test_quotation_marks_and_dashes_stay_as_they_were_written() -> None:
    assert render("\"a\" -- 'b' ... (c)") == "<p>\"a\" -- 'b' ... (c)</p>\n"


def test_line_ends_of_every_kind_are_one() -> None:
    assert render("a\r\nb\rc") == render("a\nb\nc")


def test_an_empty_answer_is_empty() -> None:
    assert render("") == ""
    assert render(" \n\t\n") == ""


def test_plain_shows_the_source() -> None:
    assert plain("# **a**\n<b>") == '<div class="plain"># **a**\n&lt;b&gt;</div>'
