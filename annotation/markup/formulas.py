r"""Mathematics in Markdown: where a formula begins and ends, and LaTeX into MathML.

Read are `$...$` and `\(...\)` in a line, `$$...$$`, `\[...\]` and `\begin{align}...\end{align}` (and
its kin) on lines of their own. Markdown must not touch what is inside: it would eat backslashes and
turn underscores into emphasis. A dollar is a price far more often than a formula; see `_is_price`.
"""

import html
import re
from typing import Final
from xml.etree import ElementTree

import latex2mathml.exceptions
from latex2mathml.converter import Converter
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST: Final = 2000
"""A longer formula is shown as its source; so is one nested deeper than `DEEPEST`."""
DEEPEST: Final = 30

_LONGEST_DISPLAY_LINES: Final = 100

# Every alternative consumes and excludes what opens or closes a formula, so a search that fails has
# read up to the next delimiter only, and a text full of openings is still read in linear time.
_DOLLAR: Final = re.compile(r"\$(?![\s$])((?:\\.|[^\\$`]){1,1000})(?<!\s)\$(?![A-Za-z0-9$])", re.DOTALL)
_DOUBLE_DOLLAR: Final = re.compile(r"\$\$((?:\\.|[^\\$]){1,2000})\$\$", re.DOTALL)
_PARENTHESES: Final = re.compile(r"\\\(((?:\\[^()]|[^\\]){1,1000})\\\)", re.DOTALL)
_BRACKETS: Final = re.compile(r"\\\[((?:\\[^\[\]]|[^\\]){1,2000})\\\]", re.DOTALL)

# What the converter knows, and its kin that it can set in the same way.
_ALIGNED: Final = (
    "align", "aligned", "alignat", "alignedat", "eqnarray", "flalign", "gather", "gathered", "multline", "split",
)  # fmt: skip
_KNOWN: Final = frozenset(
    "align* array bmatrix Bmatrix cases dcases equation equation* math matrix pmatrix rcases smallmatrix "  # noqa: SIM905
    "substack vmatrix Vmatrix".split()
)
_OPENING: Final = re.compile(rf"\$\$|\\\[|\\begin\{{(?:equation|{'|'.join(_ALIGNED)})\*?\}}")
_ALIGNED_BEGIN: Final = re.compile(rf"\\begin\s*\{{(?:{'|'.join(_ALIGNED)})\*?\}}(?:\s*\{{\d+\}})?")
_ALIGNED_END: Final = re.compile(rf"\\end\s*\{{(?:{'|'.join(_ALIGNED)})\*?\}}")
_ENVIRONMENT: Final = re.compile(r"\\begin\s*\{([^}]*)\}")
# Layout of a page, which a formula in a browser has no use for.
_IGNORED: Final = re.compile(r"\\(?:label\s*\{[^}]*\}|nonumber\b|nolimits\b|centering\b|noindent\b)")
# Macros could multiply a short text without end, and the rest would reach for attributes or the network.
_FORBIDDEN: Final = re.compile(r"\\(?:\w*newcommand|\w*def|let|DeclareMath\w*|href|class|style|unicode)\b")
_UNKNOWN_COMMAND: Final = re.compile(r"\\[A-Za-z]+")

_UNREADABLE: Final[tuple[type[Exception], ...]] = (
    *(error for error in vars(latex2mathml.exceptions).values() if isinstance(error, type)),
    # The converter meets unforeseen input with whatever its lists and iterators raise.
    LookupError, ValueError, TypeError, AttributeError, RuntimeError, StopIteration, AssertionError,
)  # fmt: skip


def mathml(latex: str, *, display: bool) -> str | None:
    """`latex` as a MathML element, or None if it cannot be read.

    The result is well-formed, and all text in it escaped; attributes are still to be sanitised.
    """
    if len(latex) > LONGEST or _FORBIDDEN.search(latex) or _depth(latex) > DEEPEST:
        return None
    latex = _ALIGNED_BEGIN.sub(r"\\begin{align*}", _IGNORED.sub(" ", latex))
    latex = _ALIGNED_END.sub(r"\\end{align*}", latex)
    if not _KNOWN.issuperset(_ENVIRONMENT.findall(latex)):
        return None
    try:
        root = Converter(display="block" if display else "inline").convert_to_element(latex)
    except _UNREADABLE:
        return None
    for element in root.iter():
        if element.text:
            # Symbols are written as references; the converter's own unescaping would let `<` through as well.
            element.text = html.unescape(element.text)
            if _UNKNOWN_COMMAND.fullmatch(element.text):
                return None
    return ElementTree.tostring(root, encoding="unicode")


def _depth(latex: str) -> int:
    r"""How deep `latex` nests, counting generously: each of `{`, `\left`, `\begin`, and scripts in a row."""
    depth = deepest = 0
    for opening in re.finditer(r"\{|\}|\\left\b|\\right\b|\\begin\b|\\end\b", latex):
        depth += 1 if opening[0] in {"{", r"\left", r"\begin"} else -1
        deepest = max(deepest, depth)
    scripts = max((len(run) for run in re.findall(r"[\^_'\s]+", latex)), default=0)
    return max(deepest, scripts)


def formulas(md: MarkdownIt) -> None:
    """Teach `md` formulas: tokens of the type `formula`, their source in `content`, in `meta` whether displayed."""
    md.inline.ruler.before("escape", "formula", _in_line)
    md.block.ruler.before("fence", "formula", _on_lines, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _in_line(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    display = False
    match source[start : start + 2]:
        case "$$":
            found, display = _DOUBLE_DOLLAR.match(source, start), True
        case r"\(":
            found = _PARENTHESES.match(source, start)
        case r"\[":
            found, display = _BRACKETS.match(source, start), True
        case opening if opening.startswith("$"):
            glued = start > 0 and source[start - 1].isascii() and source[start - 1].isalnum()
            found = None if glued else _DOLLAR.match(source, start)
            if found is not None and _is_price(found[1]):
                found = None
        case _:
            return False
    if found is None or not found[1].strip() or (source[start] == "\\" and _is_escaped_prose(found[1])):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = found[1].strip()
        token.markup = found[0]
        token.meta = {"display": display}
    state.pos = found.end()
    return True


def _is_price(content: str) -> bool:
    """Whether what two dollars enclose is prose between two prices: “$5 and 10$” begins with a number and has words."""
    if not re.match(r"[-+]?[\d.,]", content):
        return False
    outside_text = re.sub(r"\\[a-z]+\s*\{[^}]*\}", "", content)
    return re.search(r"(?:^|[\s\d(])[^\W\d_]{2,}(?=\s|$)|[\u3040-\u9fff\uac00-\ud7af]", outside_text) is not None


def _is_escaped_prose(content: str) -> bool:
    r"""Whether `\(` and `\[` are mere escapes of Markdown: a reference, “\[12\]”, or words without a sign of LaTeX."""
    content = content.strip()
    if re.search(r"[\\^_=+<>{}|]", content):
        return False
    return content.isdigit() or re.search(r"[^\W\d_]{3,}\W+[^\W\d_]{3,}", content) is not None


def _on_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    opening = _OPENING.match(state.src, begin, state.eMarks[start])
    if opening is None:
        return False
    match opening[0]:
        case "$$":
            closing, inner = "$$", ""
        case r"\[":
            closing, inner = r"\]", ""
        case environment:
            closing = environment.replace("begin", "end", 1)
            inner = environment
    at = opening.end()
    lines: list[str] = []
    for number in range(start, min(end, start + _LONGEST_DISPLAY_LINES)):
        if number > start:
            if state.sCount[number] < state.blkIndent and not state.isEmpty(number):
                return False
            at = state.bMarks[number] + state.tShift[number]
        line = state.src[at : state.eMarks[number]]
        if number > start and opening[0] in line and closing != opening[0]:
            return False
        head, found, tail = line.partition(closing)
        lines.append(head)
        if found:
            break
    else:
        return False
    content = "\n".join(lines)
    # Text after the formula makes it part of a paragraph; a full stop or a number of the equation may stay.
    if not re.fullmatch(r"\s*(?:[.,;:]|\(?\d+\)?)?\s*", tail) or not content.strip():
        return False
    if closing == r"\]" and _is_escaped_prose(content):
        return False
    if silent:
        return True
    state.line = number + 1
    token = state.push("formula", "math", 0)
    token.block = True
    token.content = f"{inner}{content}{closing}" if inner else content.strip()
    token.markup = f"{opening[0]}{content}{closing}"
    token.map = [start, state.line]
    token.meta = {"display": True, "after": tail.strip()}
    return True
