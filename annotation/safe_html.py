"""Renders texts of models, prompts and studies for pages."""

from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from annotation import markup


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered and sanitised text with its direction."""

    html: SafeString
    direction: str


def rendered(text: str, lang: str = "", *, as_plain: bool = False) -> Text:
    """Renders a text of a model or a prompt from Markdown; `as_plain` shows its source."""
    # The renderer sanitises hostile text, so its output is safe.
    html = markup.plain(text) if as_plain else markup.render_cached(text)
    return Text(mark_safe(html), markup.direction(lang, text))  # noqa: S308


def wording(text: str, lang: str) -> Text:
    """Renders a text of the study, such as its instruction, from Markdown."""
    # The renderer sanitises this text too.
    return Text(mark_safe(markup.render_wording(text)), markup.direction(lang, text))  # noqa: S308
