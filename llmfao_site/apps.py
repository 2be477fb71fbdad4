"""Registration of the site's own app with Django."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Registers the system checks."""

    name = "llmfao_site"
    label = "site"

    def ready(self) -> None:
        from llmfao_site import checks  # noqa: F401  importing the module registers them
