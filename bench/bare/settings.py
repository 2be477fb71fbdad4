"""The site's own settings, with the bare view beside its pages."""

from llmfao_site.settings import *  # noqa: F403
from llmfao_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "bench.bare"]
ROOT_URLCONF = "bench.bare.urls"
