"""Registration of the site's own app with Django."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class SiteConfig(AppConfig):
    """Makes the Celery application the one that tasks are sent with, and registers the system checks."""

    name = "llmfao_site"
    label = "site"

    def ready(self) -> None:
        # Importing the first makes it the current application, importing the second registers the checks. Not in the
        # package's __init__: gunicorn's master imports the package, and must not load the site.
        from llmfao_site import celery, checks  # noqa: F401


class StaticConfig(StaticFilesConfig):
    """Leaves out the files of REST framework's pages: the API is JSON alone, so nobody sees them."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "rest_framework"]
