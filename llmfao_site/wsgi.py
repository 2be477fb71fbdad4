"""The WSGI entry point: `gunicorn llmfao_site.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from llmfao_site.middleware.utf8_only import OnlyUtf8

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")

application = OnlyUtf8(get_wsgi_application())
