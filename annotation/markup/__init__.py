"""Renders Markdown of models (hostile) and of studies as safe HTML."""

from annotation.markup.cache import render_cached
from annotation.markup.direction import direction
from annotation.markup.markdown import Heading, Page, plain, render, render_page, render_wording

__all__ = ["Heading", "Page", "direction", "plain", "render", "render_cached", "render_page", "render_wording"]
