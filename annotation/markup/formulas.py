r"""Mathematics in Markdown: finds formulas and converts LaTeX to MathML.

Supported are `$...$` and `\(...\)` in a line, `$$...$$`, `\[...\]` and `\begin{align}...\end{align}` (and
its kin) on lines of their own. Markdown must not touch what is inside: it would eat backslashes and
turn underscores into emphasis. A dollar sign is far more often a price than a formula; see `_is_price`.
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
"""A longer formula, or one nested deeper than `DEEPEST`, is shown as its source."""
DEEPEST: Final = 30

_LONGEST_DISPLAY_LINES: Final = 100

# Every alternative consumes and excludes the delimiters of formulas, so a failed search has read only up to
# the next delimiter, and a text full of opening delimiters is still parsed in linear time.
_DOLLAR: Final = re.compile(r"\$(?![\s$])((?:\\.|[^\\$`]){1,1000})(?<!\s)\$(?![A-Za-z0-9$])", re.DOTALL)
_DOUBLE_DOLLAR: Final = re.compile(r"\$\$((?:\\.|[^\\$]){1,2000})\$\$", re.DOTALL)
_PARENTHESES: Final = re.compile(r"\\\(((?:\\[^()]|[^\\]){1,1000})\\\)", re.DOTALL)
_BRACKETS: Final = re.compile(r"\\\[((?:\\[^\[\]]|[^\\]){1,2000})\\\]", re.DOTALL)

# The environments that the converter supports, and similar ones that render the same way.
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
# Page layout, which has no effect in a browser.
_IGNORED: Final = re.compile(r"\\(?:label\s*\{[^}]*\}|nonumber\b|nolimits\b|centering\b|noindent\b)")
# Macros could expand a short text endlessly; the others set attributes or load from the network.
_FORBIDDEN: Final = re.compile(r"\\(?:\w*newcommand|\w*def|let|DeclareMath\w*|href|class|style|unicode)\b")
_UNKNOWN_COMMAND: Final = re.compile(r"\\[A-Za-z]+")

_UNREADABLE: Final[tuple[type[Exception], ...]] = (
    *(error for error in vars(latex2mathml.exceptions).values() if isinstance(error, type)),
    # Errors that the converter raises on input it does not expect.
    LookupError, ValueError, TypeError, AttributeError, RuntimeError, StopIteration, AssertionError,
)  # fmt: skip


def mathml(latex: str, *, display: bool) -> str | None:
    """Returns `latex` as a MathML element, or None if it cannot be parsed.

    The result is well-formed and its text is escaped; its attributes still need sanitising.
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
            # Symbols are character references; the converter's own unescaping would also let `<` through.
            element.text = html.unescape(element.text)
            if _UNKNOWN_COMMAND.fullmatch(element.text):
                return None
    return ElementTree.tostring(root, encoding="unicode")


def _depth(latex: str) -> int:
    r"""Returns an upper bound of the nesting depth: counts `{`, `\left`, `\begin` and consecutive scripts."""
    depth = deepest = 0
    for opening in re.finditer(r"\{|\}|\\left\b|\\right\b|\\begin\b|\\end\b", latex):
        depth += 1 if opening[0] in {"{", r"\left", r"\begin"} else -1
        deepest = max(deepest, depth)
    scripts = max((len(run) for run in re.findall(r"[\^_'\s]+", latex)), default=0)
    return max(deepest, scripts)


def formulas(md: MarkdownIt) -> None:
    """Adds formulas to `md`: tokens of type `formula` with the source in `content` and display mode in `meta`."""
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
    """Returns whether two dollar signs enclose prose between prices, such as “$5 and 10$”: a number, then words."""
    if not re.match(r"[-+]?[\d.,]", content):
        return False
    outside_text = re.sub(r"\\[a-z]+\s*\{[^}]*\}", "", content)
    return re.search(r"(?:^|[\s\d(])[^\W\d_]{2,}(?=\s|$)|[\u3040-\u9fff\uac00-\ud7af]", outside_text) is not None


def _is_escaped_prose(content: str) -> bool:
    r"""Returns whether `\(` or `\[` is an escape of Markdown: a reference, “\[12\]”, or words without LaTeX."""
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
    # Text after the formula makes it part of a paragraph, except a full stop or an equation number.
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
