"""Renders Markdown of models (hostile) and of studies as safe HTML."""

from annotation.markup.cache import render_cached
from annotation.markup.direction import direction
from annotation.markup.markdown import VERSION, plain, render, render_wording

__all__ = ["VERSION", "direction", "plain", "render", "render_cached", "render_wording"]
