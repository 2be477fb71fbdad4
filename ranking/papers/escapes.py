"""Escapes text where it ends: in LaTeX, BibTeX and Markdown. Pure."""

import re
from typing import Final

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": r"{[}",
    "]": r"{]}",
    "*": "{*}",
}
"""Characters with a meaning in LaTeX. The end of a row would take a bracket or star that the next one begins with."""

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>&|~$#^!])")

_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


def _one_line(text: object) -> str:
    return _BLANKS.sub(" ", str(text)).strip()


def latex(text: object) -> str:
    """Returns `text` for the body of a LaTeX document, on one line: nothing in it is a command.

    `\\textquotedbl` needs the T1 encoding, which pdfLaTeX documents with other than English text have anyway.
    """
    return "".join(_LATEX.get(letter, letter) for letter in _one_line(text))


def bibtex(text: object) -> str:
    """Returns `text` for a field in braces. BibTeX counts braces before LaTeX sees them, so that none is left bare."""
    words = latex(text)
    return words.replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}").replace("@", "{@}")


def bibtex_key(text: object) -> str:
    """Returns the letters, digits and hyphens of `text`, which can name an entry."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", str(text)).strip("-") or "leaderboard"


def markdown(text: object) -> str:
    """Returns `text` for a cell of a Markdown table or a line of text: nothing in it is markup or HTML."""
    return _MARKDOWN.sub(r"\\\1", _one_line(text))
