"""Renders Markdown as safe HTML.

An answer is hostile, and the people who vote must not learn who wrote it. So no image is loaded and no link
works: both are shown as text with their address. HTML in an answer is shown as text. nh3 then reduces the output
of the parser, the highlighter and the formulas to a short list of elements and classes, whatever went wrong
before: no style, no id, no event handler, no address to fetch.

The time is bounded by properties of the text, so that everybody sees the same: a text beyond a length or a
nesting depth, or with a run that would be slow to parse, is shown without markup. Only the colours of code
depend on a clock, the thread's CPU time: most lexers take quadratic time on some input, and models in a loop
write such input.
"""

import io
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink, normalizeLinkText
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, _TokenType

from annotation.markup.direction import direction, has_rtl_letters
from annotation.markup.formulas import formulas, mathml

type _LexerToken = tuple[_TokenType, str]
type Rewrite = Callable[[str], str | None]
"""Maps an address as a page writes it to the one its reader follows; None: it leads nowhere there."""

LONGEST: Final = 60_000
"""Maximum characters; a longer text is shown as plain text."""
LONGEST_RUN: Final = 10_000
"""Maximum characters without a blank line, heading or list item; a longer run is shown without markup."""
DEEPEST: Final = 40
"""Maximum levels of quotations and lists (a list has two); a deeper text is shown as plain text."""
LONGEST_CODE: Final = 10_000
"""Maximum characters of a highlighted block; nor is one with a line longer than `LONGEST_CODE_LINE` highlighted."""
LONGEST_CODE_LINE: Final = 1000
CODE_SECONDS: Final = 0.25
"""CPU seconds for highlighting one text; the rest of its code stays without colours."""
MOST_FORMULAS: Final = 400
"""Maximum rendered formulas of a text; the others are shown as their source."""

_LONGEST_ADDRESS: Final = 200
_LONGEST_WHOLE: Final = 32
"""Characters of code in a line of the documentation that is not broken; that many fit on the narrowest phone."""

# The languages that models write, by all their names. An unknown name would make Pygments scan its whole list.
_LANGUAGES: Final = frozenset(
    "asm awk bash bat batch c c# c++ cfg clj clojure cmake common-lisp console cpp cs csharp css dart "  # noqa: SIM905
    "delphi diff docker dockerfile dosbatch elixir erlang ex fortran fsharp gas go golang graphql groovy "
    "haskell hcl hs html ini java javascript jl js json json5 jsx julia kotlin latex less lisp lua make "
    "makefile markdown matlab md mysql nasm nginx nim objc objective-c ocaml octave pascal perl php pl "
    "postgres postgresql powershell prolog properties proto protobuf ps1 py pycon python python3 r racket "
    "rb rs rst ruby rust sass scala scheme scss sh shell shell-session solidity sql sqlite3 swift "
    "terraform tex tf toml ts tsx typescript udiff vb.net vbnet verilog vhdl vim xml yaml yml zig zsh".split()
)
_FORMATTER: Final = HtmlFormatter(nowrap=True)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ALIGNMENTS: Final = {"text-align:left": "left", "text-align:center": "center", "text-align:right": "right"}

_TAGS: Final = frozenset(
    "blockquote br code div em h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul".split()  # noqa: SIM905
)
_MATH_TAGS: Final = frozenset(
    "math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mroot mrow ms mspace msqrt mstyle "  # noqa: SIM905
    "msub msubsup msup mtable mtd mtext mtr munder munderover".split()
)
_BOOLEAN: Final = {"true", "false"}
_MATH_ATTRIBUTES: Final[dict[str, dict[str, set[str]]]] = {
    "math": {"display": {"block", "inline"}},
    "menclose": {"notation": {"box", "updiagonalstrike", "downdiagonalstrike", "horizontalstrike"}},
    "mfrac": {"linethickness": {"0"}},
    "mi": {"mathvariant": {"normal"}},
    "mo": {
        "accent": _BOOLEAN,
        "fence": _BOOLEAN,
        "form": {"prefix", "infix", "postfix"},
        "minsize": {"1.2em", "1.623em", "2.047em", "2.470em"},
        "maxsize": {"1.2em", "1.623em", "2.047em", "2.470em"},
        "movablelimits": _BOOLEAN,
        "stretchy": _BOOLEAN,
    },
    "mover": {"accent": _BOOLEAN},
    "munder": {"accentunder": _BOOLEAN},
    # Only the widths of LaTeX's spaces: any other could move a formula over its neighbours.
    "mspace": {"width": {"0.167em", "0.222em", "0.278em", "0.333em", "0.5em", "1em", "2em"}},
    "mstyle": {"displaystyle": _BOOLEAN, "scriptlevel": {"0", "1", "2"}},
    "mtable": {"displaystyle": _BOOLEAN},
    "mtd": {"columnalign": {"left", "center", "right"}},
}
_DIRECTED: Final[dict[str, dict[str, set[str]]]] = {
    tag: {"dir": {"ltr", "rtl"}} for tag in ("p", "li", "h3", "h4", "h5", "h6", "th", "td")
}
_CLASSES: Final[dict[str, set[str]]] = {
    "code": {"formula"},
    "div": {"table-wrap", "formula", "plain"},
    "p": {"plain"},
    "span": {"address", "image", "link", *filter(None, STANDARD_TYPES.values())},
    "td": set(_ALIGNMENTS.values()),
    "th": set(_ALIGNMENTS.values()),
}
_SANITISER: Final = nh3.Cleaner(
    tags=set(_TAGS | _MATH_TAGS),
    clean_content_tags={"script", "style"},
    attributes={"ol": {"start"}},
    tag_attribute_values=_MATH_ATTRIBUTES | _DIRECTED,
    allowed_classes=_CLASSES,
    link_rel=None,
)
_WORDING_SANITISER: Final = nh3.Cleaner(
    tags={*_TAGS, *_MATH_TAGS, "a"},
    clean_content_tags={"script", "style"},
    attributes={"ol": {"start"}, "a": {"href"}},
    tag_attribute_values=_MATH_ATTRIBUTES | _DIRECTED,
    set_tag_attribute_values={"a": {"target": "_blank"}},
    allowed_classes=_CLASSES,
    link_rel="noopener noreferrer nofollow",
    url_schemes={"http", "https", "mailto"},
)
_SECTIONS: Final = ("h2", "h3", "h4", "h5", "h6")
_PAGE_SANITISER: Final = nh3.Cleaner(
    tags={*_TAGS, *_MATH_TAGS, "a", "h2", "img"},
    clean_content_tags={"script", "style"},
    attributes={"ol": {"start"}, "a": {"href"}, "img": {"alt", "src"}, **{tag: {"id"} for tag in _SECTIONS}},
    tag_attribute_values=_MATH_ATTRIBUTES | _DIRECTED,
    allowed_classes=_CLASSES | {"code": {"formula", "whole"}},
    link_rel=None,
    url_schemes={"http", "https", "mailto"},
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a page: its level, from 2, the id that links end in, and its words."""

    level: int
    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation, rendered: the words of its title, what follows it as safe HTML, its headings."""

    title: str
    html: str
    headings: tuple[Heading, ...]


def render(text: str) -> str:
    """Renders an answer or a prompt as safe HTML of block elements; headings start at h3.

    Never raises, whatever the text. The same text always gives the same HTML.
    """
    return _render(text, _ANSWERS, _SANITISER)


def render_wording(text: str) -> str:
    """Renders a study's own text (consent, instruction, example) in the same way, but with working links.

    Links open in a new tab, so that reading a privacy notice does not leave the study.
    """
    return _render(text, _WORDING, _WORDING_SANITISER)


def render_page(text: str, rewrite: Rewrite) -> Page:
    """A page of the documentation, which is written here: with ids, links and images, and lines that flow on.

    `rewrite` is asked for the address of every link and image. Where it knows none, the words stay. Headings
    have the ids that code hosts give them, so that a link to a section works in both places.
    """
    env: dict[str, Any] = {"code_seconds": CODE_SECONDS, "formulas": 0, "rewrite": rewrite, "headings": [], "title": ""}
    tokens = _PAGES.parse(_presentable(text), env)
    html = _PAGE_SANITISER.clean(_PAGES.renderer.render(tokens, _PAGES.options, env))
    return Page(env["title"], html, tuple(env["headings"]))


def plain(text: str) -> str:
    """Returns `text` unchanged as safe HTML: one block whose white space the stylesheet keeps."""
    return f'<div class="plain">{escapeHtml(_presentable(text))}</div>'


def _render(text: str, md: MarkdownIt, sanitiser: nh3.Cleaner) -> str:
    if len(text) > LONGEST:
        return plain(text)
    env: dict[str, float] = {"code_seconds": CODE_SECONDS, "formulas": 0}
    tokens = md.parse(_presentable(text), env)
    # The parser drops deeper nesting, but no part of an answer may be lost.
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return plain(text)
    return sanitiser.clean(md.renderer.render(tokens, md.options, env))


def _presentable(text: str) -> str:
    """Returns `text` with newlines as its only line ends and control characters as Unicode control pictures."""
    return _CONTROL.sub(_picture, text.replace("\r\n", "\n").replace("\r", "\n"))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _parser(*, links: bool) -> MarkdownIt:
    """What reads texts of models and of studies: each line as it was written, headings below the page's own."""
    md = _common_parser(breaks=True)
    md.core.ruler.push("headings", _demote_headings)
    if not links:
        md.core.ruler.push("links", _show_addresses)
    md.add_render_rule("image", _image)
    return _warmed_up(md)


def _page_parser() -> MarkdownIt:
    """What reads the documentation, whose lines are wrapped at a width."""
    md = _common_parser(breaks=False)
    md.core.ruler.push("headings", _name_headings)
    md.core.ruler.push("links", _rewrite_addresses)
    md.add_render_rule("code_inline", _code_in_line)
    return _warmed_up(md)


def _common_parser(*, breaks: bool) -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "breaks": breaks, "maxNesting": DEEPEST})
    md.enable(["table", "strikethrough"])
    formulas(md)
    md.core.ruler.before("inline", "long_run", _spare_long_runs)
    md.core.ruler.push("tables", _adapt_tables)
    md.core.ruler.push("directions", _say_directions)
    for name, rule in (
        ("fence", _code),
        ("code_block", _code),
        ("formula", _formula),
        ("long_run", _long_run),
        ("table_open", _table_open),
        ("table_close", _table_close),
    ):
        md.add_render_rule(name, rule)
    return md


def _warmed_up(md: MarkdownIt) -> MarkdownIt:
    """Parses once and returns `md`: the first parse compiles the rules, and a second thread would find none then."""
    md.parse("a", {"headings": []})
    return md


def _spare_long_runs(state: StateCore) -> None:
    """Exempts long runs from inline parsing: brackets or backticks can take the parser quadratic time."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > LONGEST_RUN:
            token.type = "long_run"


def _demote_headings(state: StateCore) -> None:
    """Shifts headings by two levels, which the page uses itself."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"


def _name_headings(state: StateCore) -> None:
    """Takes the title out, gives the other headings their ids and lists them."""
    kept: list[Token] = []
    taken: dict[str, int] = {}
    tokens = iter(state.tokens)
    for token in tokens:
        if token.type != "heading_open":
            kept.append(token)
            continue
        inline, closing = next(tokens), next(tokens)
        words = "".join(child.content for child in inline.children or [])
        if token.tag == "h1":
            state.env["title"] = words
            continue
        slug = _slug(words)
        again = taken.get(slug, 0)
        taken[slug] = again + 1
        anchor = f"{slug}-{again}" if again else slug
        token.attrs["id"] = anchor
        state.env["headings"].append(Heading(int(token.tag[1:]), anchor, words))
        kept += [token, inline, closing]
    state.tokens = kept


def _slug(words: str) -> str:
    """The id that GitHub makes of a heading, and others after it."""
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def _rewrite_addresses(state: StateCore) -> None:
    """Links and images with the addresses that they have for the reader; the words alone where there is none."""
    rewrite: Rewrite = state.env.get("rewrite", lambda address: address)
    for token in state.tokens:
        if token.type != "inline" or not token.children:
            continue
        children: list[Token] = []
        leads = True
        for child in token.children:
            match child.type:
                case "link_open":
                    address = rewrite(str(child.attrs["href"]))
                    if leads := address is not None:
                        child.attrs = {"href": address}
                        children.append(child)
                case "link_close":
                    if leads:
                        children.append(child)
                case "image":
                    address = rewrite(str(child.attrs["src"]))
                    if address is None:
                        children += child.children or []
                    else:
                        child.attrs = {"src": address, "alt": ""}
                        children.append(child)
                case _:
                    children.append(child)
        token.children = children


def _say_directions(state: StateCore) -> None:
    """Sets `dir` on each block if the text has right-to-left letters.

    An English answer may quote an Arabic paragraph, and an Arabic one may have an item that starts with “Python”:
    neither the direction of the whole text nor the first letter is right.
    """
    if not has_rtl_letters(state.src):
        return
    whole = direction("", state.src)
    for at, token in enumerate(state.tokens):
        if token.type != "inline" or not token.children:
            continue
        letters = "".join(child.content for child in token.children if child.type == "text")
        own = direction("ar" if whole == "rtl" else "", letters)
        opening = state.tokens[at - 1]
        # A tight list has no paragraph tags; its item gets the attribute.
        block = state.tokens[at - 2] if opening.hidden else opening
        if own != "auto" and "dir" not in block.attrs:
            block.attrs["dir"] = own


def _adapt_tables(state: StateCore) -> None:
    """Sets alignment by class, because the CSP forbids styles, and allows `<br>`, the only line break in a cell."""
    in_cell = False
    for token in state.tokens:
        match token.type:
            case "th_open" | "td_open":
                in_cell = True
                alignment = _ALIGNMENTS.get(str(token.attrs.pop("style", "")))
                if alignment:
                    token.attrs["class"] = alignment
            case "th_close" | "td_close":
                in_cell = False
            case "inline" if in_cell and token.children:
                token.children = [part for child in token.children for part in _broken(child)]


def _broken(token: Token) -> list[Token]:
    if token.type != "text" or "<" not in token.content:
        return [token]
    parts: list[Token] = []
    for number, content in enumerate(re.split(r"<br ?/?>", token.content, flags=re.IGNORECASE)):
        if number:
            parts.append(Token("hardbreak", "br", 0))
        parts.append(Token("text", "", 0, content=content))
    return parts


def _show_addresses(state: StateCore) -> None:
    """Replaces links by their text and, if it differs, their address."""
    for token in state.tokens:
        if token.type != "inline" or not token.children:
            continue
        children: list[Token] = []
        address, begins = "", 0
        for child in token.children:
            match child.type:
                case "link_open":
                    address, begins = str(child.attrs["href"]), len(children) + 1
                    children.append(Token("span_open", "span", 1, attrs={"class": "link"}))
                case "link_close":
                    words = "".join(inner.content for inner in children[begins:])
                    children.append(Token("span_close", "span", -1))
                    if words not in (address, address.removeprefix("mailto:")):
                        children.extend(_address(address))
                case _:
                    children.append(child)
        token.children = children


def _address(address: str) -> list[Token]:
    shown = address if len(address) <= _LONGEST_ADDRESS else f"{address[:_LONGEST_ADDRESS]}…"
    return [
        Token("text", "", 0, content=" "),
        Token("span_open", "span", 1, attrs={"class": "address"}),
        Token("text", "", 0, content=f"({shown})"),
        Token("span_close", "span", -1),
    ]


def _image(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    words = escapeHtml(self.renderInlineAsText(token.children or [], options, env))
    address = self.renderInline(_address(str(token.attrs["src"])), options, env)
    return f'<span class="image">{words}</span>{address}'


def _code(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    language = (token.info.split() or [""])[0].lower().strip("{}.")
    highlighted = _highlight(token.content, language, env) if language in _LANGUAGES else None
    return f"<pre><code>{highlighted or escapeHtml(token.content)}</code></pre>\n"


def _code_in_line(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    code = tokens[at].content
    whole = ' class="whole"' if len(code) <= _LONGEST_WHOLE else ""
    return f"<code{whole}>{escapeHtml(code)}</code>"


def _highlight(code: str, language: str, env: EnvType) -> str | None:
    """Returns `code` as spans with Pygments' classes; None if that takes too long."""
    if len(code) > LONGEST_CODE or max(map(len, code.split("\n"))) > LONGEST_CODE_LINE:
        return None
    begun = time.thread_time()
    deadline = begun + env["code_seconds"]
    html = io.StringIO()
    # A new lexer each time: some keep state on themselves, which threads would share.
    lexer = _lexer_class(language)(stripnl=False)
    try:
        _FORMATTER.format(_until(deadline, lexer.get_tokens(code)), html)
    except _TooSlow:
        return None
    finally:
        env["code_seconds"] -= time.thread_time() - begun
    return html.getvalue()


class _TooSlow(Exception):
    pass


def _until(deadline: float, tokens: Iterable[_LexerToken]) -> Iterator[_LexerToken]:
    for token in tokens:
        if time.thread_time() > deadline:
            raise _TooSlow
        yield token


@cache
def _lexer_class(language: str) -> type[Lexer]:
    return type(get_lexer_by_name(language))


def _formula(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    env["formulas"] += 1
    display = bool(token.meta["display"])
    formula = mathml(token.content, display=display) if env["formulas"] <= MOST_FORMULAS else None
    shown = formula or f'<code class="formula">{escapeHtml(token.markup)}</code>'
    if not token.block:
        return shown
    return f'<div class="formula">{shown}{escapeHtml(token.meta["after"])}</div>\n'


def _long_run(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return escapeHtml(tokens[at].content).replace("\n", "<br>\n")


def _table_open(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return '<div class="table-wrap"><table>\n'


def _table_close(self: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return "</table></div>\n"


_ANSWERS: Final = _parser(links=False)
_WORDING: Final = _parser(links=True)
_PAGES: Final = _page_parser()

# The parser's library builds its tables for addresses when they are first used. A second thread would find one half
# built and fail, so they are built here, where only one thread is.
normalizeLink("/")
normalizeLinkText("/")
