"""The project that joins annotation, ranking and judges into one site."""

from llmfao_site.celery import app as celery_app

__all__ = ["celery_app"]
