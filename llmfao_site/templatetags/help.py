"""Links from a page of the site to the page of the documentation that explains it."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from llmfao_site.help import pages

register = template.Library()


@register.simple_tag(name="help")
def help_link(name: str, anchor: str, words: str) -> SafeString:
    """`{% help "reference/exchange" "files" _("File formats") %}`: a page, a section of it or "", the link's words.

    A test holds all of them to the pages and headings that exist.
    """
    return format_html('<a class="help-link" href="{}" hreflang="en">{}</a>', pages.address(name, anchor), words)
