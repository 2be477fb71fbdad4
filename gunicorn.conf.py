"""How gunicorn serves the site: `gunicorn llmfao_site.wsgi` in this folder reads this file.

WEB_CONCURRENCY says how many processes (gunicorn's own variable), GUNICORN_CMD_ARGS changes
anything else.
"""

import os

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 60
graceful_timeout = 10
keepalive = 5
# A process is replaced now and then, not all at once: what a library leaks does not add up for weeks.
max_requests = 50_000
max_requests_jitter = 10_000
# An address may hold what a platform says about a person; the proxy in front writes its own log.
accesslog = None
errorlog = "-"
loglevel = "warning"
# One path for every gunicorn of a user, and nobody here talks to it.
control_socket_disable = True
