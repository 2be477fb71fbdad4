"""Texts of models, prompts and studies as pages show them."""

from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from annotation import markup


@dataclass(frozen=True, slots=True)
class Text:
    """A text as rendered and sanitised, and which way it runs."""

    html: SafeString
    direction: str


def rendered(text: str, lang: str = "", *, as_plain: bool = False) -> Text:
    """A text of a model or a prompt, from Markdown; `as_plain` leaves it as it was written."""
    # The renderer's output is what it let through of a hostile text: that is its whole purpose.
    html = markup.plain(text) if as_plain else markup.render_cached(text)
    return Text(mark_safe(html), markup.direction(lang, text))  # noqa: S308


def wording(text: str, lang: str) -> Text:
    """A text of a study's own, such as its instruction, from Markdown."""
    # Sanitised like any other.
    return Text(mark_safe(markup.render_wording(text)), markup.direction(lang, text))  # noqa: S308
