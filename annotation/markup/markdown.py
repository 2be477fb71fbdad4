"""Markdown into HTML that is safe to show.

An answer is hostile, and it is shown to people who are paid by the vote and must not learn who wrote
it. So no image is loaded and no link leads away: both are shown as their words with the address
beside them, which is what a vote on them needs. HTML in an answer is shown as the text it is. What
comes out of the parser, the highlighter and the formulas is then cut down to a short list of elements
and classes by nh3, whatever went wrong before it: no style, no id, no event, no address to fetch.

The time is bounded by what the text looks like, so that everybody sees the same: beyond a length, a
nesting, or a run of text that the parser would be slow on, a text is shown plain. Only the colours of
code hang on a clock, the thread's own: most lexers take the square of the length on something, and
models in a loop write just such things.
"""

import io
import re
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
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

LONGEST: Final = 60_000
"""Characters; a longer text is shown plain."""
LONGEST_RUN: Final = 10_000
"""Characters without a blank line, a heading, a list item; a longer run is shown without markup."""
DEEPEST: Final = 40
"""Levels of quotations and lists (a list has two); a text with more is shown plain."""
LONGEST_CODE: Final = 10_000
"""Characters of one block; a longer one, or one with a line of more than `LONGEST_CODE_LINE`, is not highlighted."""
LONGEST_CODE_LINE: Final = 1000
CODE_SECONDS: Final = 0.25
"""Of the processor, for highlighting one text; whatever code is left then stays without colours."""
MOST_FORMULAS: Final = 400
"""Formulas in a text that are set; the others are shown as their source."""

_LONGEST_ADDRESS: Final = 200

# What models write, by every name they call it. A name that Pygments does not know would cost a scan of its whole list.
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
    # Only the widths of LaTeX's own spaces: any other could push a formula over its neighbours.
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


def render(text: str) -> str:
    """An answer of a model, or a prompt, as safe HTML of block elements; headings begin at h3.

    Never raises, whatever the text. The same text always gives the same HTML.
    """
    return _render(text, _ANSWERS, _SANITISER)


def render_wording(text: str) -> str:
    """What a study says to its workers (consent, instruction, example): the same, with links that can be followed.

    They open beside the study, so that nobody loses their place by reading a privacy notice.
    """
    return _render(text, _WORDING, _WORDING_SANITISER)


def plain(text: str) -> str:
    """`text` as it is, as safe HTML: one block whose white space the stylesheet keeps."""
    return f'<div class="plain">{escapeHtml(_presentable(text))}</div>'


def _render(text: str, md: MarkdownIt, sanitiser: nh3.Cleaner) -> str:
    if len(text) > LONGEST:
        return plain(text)
    env: dict[str, float] = {"code_seconds": CODE_SECONDS, "formulas": 0}
    tokens = md.parse(_presentable(text), env)
    # The parser drops what is nested any deeper: nothing of an answer may be lost.
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return plain(text)
    return sanitiser.clean(md.renderer.render(tokens, md.options, env))


def _presentable(text: str) -> str:
    """`text` with one kind of line end, and control characters as the pictures Unicode has for them."""
    return _CONTROL.sub(_picture, text.replace("\r\n", "\n").replace("\r", "\n"))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _parser(*, links: bool) -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST})
    md.enable(["table", "strikethrough"])
    formulas(md)
    md.core.ruler.before("inline", "long_run", _spare_long_runs)
    md.core.ruler.push("tables", _adapt_tables)
    md.core.ruler.push("headings", _demote_headings)
    md.core.ruler.push("directions", _say_directions)
    if not links:
        md.core.ruler.push("links", _show_addresses)
    for name, rule in (
        ("fence", _code),
        ("code_block", _code),
        ("image", _image),
        ("formula", _formula),
        ("long_run", _long_run),
        ("table_open", _table_open),
        ("table_close", _table_close),
    ):
        md.add_render_rule(name, rule)
    # The first parse compiles the rules, and a second thread that came in between would find none.
    md.parse("a", {})
    return md


def _spare_long_runs(state: StateCore) -> None:
    """A run of brackets or backticks can cost the parser the square of its length."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > LONGEST_RUN:
            token.type = "long_run"


def _demote_headings(state: StateCore) -> None:
    """The page has the first two levels."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"


def _say_directions(state: StateCore) -> None:
    """Where letters that run from the right occur, each block says which way it runs itself.

    An English answer quotes an Arabic paragraph, an Arabic one has an item that begins with “Python”:
    neither the direction of the whole nor the first letter would do.
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
        # The paragraph of a tight list is not written: its item stands for it.
        block = state.tokens[at - 2] if opening.hidden else opening
        if own != "auto" and "dir" not in block.attrs:
            block.attrs["dir"] = own


def _adapt_tables(state: StateCore) -> None:
    """Alignment by a class, for the content security policy forbids styles; `<br>`, the only break in a cell."""
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
    """Links lead nowhere: their words, then their address unless that is what the words are."""
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


def _highlight(code: str, language: str, env: EnvType) -> str | None:
    """`code` as spans of Pygments' classes; None where that would take too long."""
    if len(code) > LONGEST_CODE or max(map(len, code.split("\n"))) > LONGEST_CODE_LINE:
        return None
    begun = time.thread_time()
    deadline = begun + env["code_seconds"]
    html = io.StringIO()
    # A new lexer each time: some keep what they saw on themselves, and threads would share it.
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
