"""Rendered output is harmless, whatever a model wrote."""

import time
from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.markup import markdown, plain, render, render_wording

pytestmark = pytest.mark.once

ELEMENTS = markdown._TAGS | markdown._MATH_TAGS
ATTRIBUTES = {"class", "dir", "start"}.union(*markdown._MATH_ATTRIBUTES.values())

# fmt: off
FRAGMENTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>', '<iframe src="//evil.example">', "<style>*{display:none}</style>",
    "<math><mtext><table><mglyph><style><!--</style><img/src=x>", "</div></article></section>", "<!-- -->",
    "<![CDATA[ ]]>", "<?php", "<b", "<form action=//evil.example><button>", "<base href=//evil.example>",
    "[x](javascript:alert(1))", "[x](data:text/html,<script>)", "![x](//evil.example/x.png)",
    '![x](" onerror=alert(1))', "[x]: //evil.example", "<http://evil.example>", "[a](", "[b][", "```", "```python",
    "```html", "~~~js", "`", "``", "# ", "## ", "- ", "1. ", "> ", ">>>", "|", "|-", "---", "===", "*a", "**b", "_c",
    "~~d", "\\(", "\\)", "\\[", "\\]", "$", "$$", "$x$", "$\\text{<img src=x>}$", "$\\href{javascript:alert(1)}{x}$",
    "$\\style{color:red}{x}$", "$\\class{x}{y}$", "$\\frac{1}{2}$", "\\begin{align}", "\\end{align}",
    "\\newcommand{\\a}{\\a\\a}", "&lt;script&gt;", "&#x3c;", "&amp;", "&nbsp;", "\x00", "\x1b[31m", "\u202e",
    "\ud800", "\uffff", "{{x}}", "{% y %}", "| a | b |\n|:-|-:|\n| <br> | $y$ |",
]
# fmt: on


class Reader(HTMLParser):
    """Collects forbidden elements and attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.strange: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.strange.append(tag)
        self.strange.extend(f"{tag} {name}={value}" for name, value in attrs if name not in ATTRIBUTES)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.strange.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.strange.append(f"declaration {decl}")


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


hostile = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.sampled_from(["\n", "\n\n", "    ", " ", "\t"]), st.text(max_size=8)),
    max_size=40,
).map("".join)


@given(hostile)
@settings(max_examples=300)
def test_nothing_but_listed_elements_and_attributes_comes_out(text: str) -> None:
    html = render(text)
    assert read(html).strange == []
    assert html == render(text), "the same text always gives the same HTML"


@given(hostile)
@settings(max_examples=100)
def test_wording_can_have_links_and_nothing_else(text: str) -> None:
    strange = read(render_wording(text)).strange
    assert all(entry.split(" ")[0] == "a" for entry in strange)
    assert not any("script:" in entry or "data:" in entry for entry in strange)


@given(st.text(st.characters(), max_size=200))
@settings(max_examples=200)
def test_a_text_without_markup_is_escaped_and_whole(text: str) -> None:
    shown = read(plain(text)).text
    assert read(plain(text)).strange == []
    assert "".join(shown) == markdown._presentable(text)


@given(hostile)
@settings(max_examples=100)
def test_what_comes_out_holds_its_own_when_put_into_a_page(text: str) -> None:
    """The HTML is balanced, so nothing of an answer escapes its element."""
    html = render(text)
    page = f"<div>{html}</div><p>after</p>"
    assert nh3.clean(page, tags={*ELEMENTS}, attributes={"*": ATTRIBUTES}, link_rel=None) == page.replace("\r", "")


@pytest.mark.parametrize(
    "text",
    [
        "![cat](https://evil.example/cat.png)",
        "![cat](data:image/png;base64,AAAA)",
        "[![cat](https://evil.example/cat.png)](https://evil.example)",
        "<img src=https://evil.example/cat.png>",
        '<link rel=stylesheet href="https://evil.example/x.css">',
    ],
)
def test_nothing_is_fetched_from_elsewhere(text: str) -> None:
    html = render(text)
    assert "src=" not in html.replace("&lt;img src=", "")
    assert read(html).strange == []


def test_a_link_is_its_words_and_its_address() -> None:
    html = render("See [the paper](https://example.org/paper).")
    assert html == (
        '<p>See <span class="link">the paper</span> <span class="address">(https://example.org/paper)</span>.</p>\n'
    )


def test_an_address_that_is_its_own_words_is_shown_once() -> None:
    assert render("<https://example.org/>").count("https://example.org/") == 1
    assert render("<a@example.org>").count("a@example.org") == 1


def test_an_address_of_kilobytes_is_cut() -> None:
    assert len(render(f"![cat](data:image/png;base64,{'A' * 5_000})")) < 1000


def test_a_link_in_the_wording_opens_beside_the_page_and_tells_nobody_where_it_was() -> None:
    assert render_wording("[Privacy](https://example.org/privacy)") == (
        '<p><a href="https://example.org/privacy" target="_blank" rel="noopener noreferrer nofollow">Privacy</a></p>\n'
    )


def test_a_script_in_the_wording_is_no_link() -> None:
    assert "<a" not in render_wording("[x](javascript:alert(1)) [y](vbscript:x) [z](data:text/html,x)")


def test_html_is_shown_as_the_text_it_is() -> None:
    assert render("<b>bold</b>") == "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"


def test_html_in_a_formula_is_text() -> None:
    html = render(r"$\text{<img src=x onerror=alert(1)>}$")
    assert "&lt;img" in html
    assert read(html).strange == []


def test_a_formula_reaches_no_attribute() -> None:
    for latex in (
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\class{bar}{x}",
        r"\hspace{-50em}x",
    ):
        html = render(f"${latex}$")
        assert read(html).strange == []
        assert "-50em" not in html.replace(latex, "")


def test_macros_cannot_multiply_themselves() -> None:
    macros = "".join(rf"\newcommand{{\{chr(97 + n)}}}{{\{chr(98 + n)}\{chr(98 + n)}}}" for n in range(24))
    html = render(f"${macros}\\a$")
    assert len(html) < 3 * len(macros)


def test_control_characters_are_made_visible() -> None:
    assert render("a\x00b\x1b[0m\x7f\x85\ud800\ufffe") == "<p>a␀b␛[0m␡���</p>\n"


# fmt: off
REPEATED = [
    "[", "[a](", "![", "> ", "- ", "`", "`a", "$", "$a ", "\\(", "\\[", "\\[\n", "$$\n", "](", "a\n", "|",
    "|a|b\n|-|-\n", "[a]: b\n", "[x][", "[](", "```\n", "\\begin{align}\n", "- a\n", "[a](<b", "\\", "*a **b ",
    "<!-- ", "<http://a", ">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>a\n", "a\n---\n",
]
# fmt: on


@pytest.mark.parametrize("unit", REPEATED)
def test_a_text_of_repetitions_takes_no_more_than_seconds(unit: str) -> None:
    """CPU time at the longest rendered length; 0.05 to 1 s were measured."""
    begun = time.thread_time()
    render((unit * markdown.LONGEST)[: markdown.LONGEST])
    assert time.thread_time() - begun < 5


@pytest.mark.parametrize(
    ("language", "unit"),
    [("java", "a "), ("csharp", "a\n"), ("makefile", "("), ("rst", "\n"), ("tf", "a_"), ("html", "<!--")],
)
def test_code_that_a_lexer_is_slow_on_stays_without_colours(language: str, unit: str) -> None:
    code = (unit * markdown.LONGEST_CODE)[: markdown.LONGEST_CODE - 1].strip("\n")
    lines = "\n".join(code[at : at + 900] for at in range(0, len(code), 900))
    begun = time.thread_time()
    html = render("\n\n".join([f"```{language}\n{lines}\n```"] * 5))
    assert time.thread_time() - begun < 2
    assert html.count("<pre>") == 5


def test_an_answer_of_200_kb_is_shown_whole_and_at_once() -> None:
    text = "word " * 40_000
    begun = time.thread_time()
    html = render(text)
    assert time.thread_time() - begun < 0.5
    assert html.count("word") == 40_000


def test_what_is_nested_beyond_reason_is_shown_plain_and_whole() -> None:
    text = ">" * 60 + " the end"
    assert "the end" in render(text)
    lists = "\n".join("  " * depth + f"- item{depth}" for depth in range(40))
    assert all(f"item{depth}" in render(lists) for depth in range(40))


WORDS = st.sampled_from([f"word{number}" for number in range(40)])
# fmt: off
MARKS = [
    "*", "**", "_", "`", "~~", "- ", "1. ", "# ", "> ", "\n", "\n\n", " ", "    ", "|", "\n|-|-|\n", "$", "$$", "\\(",
    "\\)", "\\[", "\\]", "[", "](", ")", "![", "<", ">", "```\n", "\n```\n",
]
# fmt: on


@given(st.lists(st.one_of(WORDS, st.sampled_from(MARKS)), max_size=40))
@settings(max_examples=300)
def test_no_word_of_an_answer_is_lost(parts: list[str]) -> None:
    text = "x" + "".join(parts)
    shown = "".join(read(render(text)).text).replace(" ", "").replace("\n", "")
    missing = [part for part in parts if part.startswith("word") and part not in shown]
    # In MathML each letter is an element, so the text above has no spaces.
    assert missing == []
