"""The WSGI entry point: `gunicorn llmfao_site.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")

application = get_wsgi_application()
