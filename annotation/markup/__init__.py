"""Markdown into HTML that is safe to show: hostile answers of models, the wording of studies, the documentation."""

from annotation.markup.cache import render_cached
from annotation.markup.direction import direction
from annotation.markup.markdown import VERSION, Heading, Page, plain, render, render_page, render_wording

__all__ = [
    "VERSION",
    "Heading",
    "Page",
    "direction",
    "plain",
    "render",
    "render_cached",
    "render_page",
    "render_wording",
]
