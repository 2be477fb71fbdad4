"""Markdown into HTML that is safe to show: answers of models, which are hostile, and the wording of studies."""

from annotation.markup.cache import render_cached
from annotation.markup.direction import direction
from annotation.markup.markdown import plain, render, render_wording

__all__ = ["direction", "plain", "render", "render_cached", "render_wording"]
