"""The Celery application: `celery -A llmfao_site worker -B`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")

app = Celery("llmfao")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
