"""How gunicorn serves the site: `gunicorn llmfao_site.wsgi` in this folder reads this file.

WEB_CONCURRENCY says how many processes (gunicorn's own variable), GUNICORN_CMD_ARGS changes
anything else.
"""

import errno
import os
import socket
import time
from typing import Any

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
# Requests take a thread once they have arrived in full, so nobody who sends slowly stops the site.
worker_class = "llmfao_site.serving.worker.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 60
graceful_timeout = 10
keepalive = 5
# After so many requests all processes are replaced, one by one: what a library leaks does not add up for weeks.
max_requests = 50_000
max_requests_jitter = 10_000
# An address may hold what a platform says about a person; the proxy in front writes its own log.
accesslog = None
errorlog = "-"
loglevel = "warning"
# One path for every gunicorn of a user, and nobody here talks to it.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Waits for the port: processes of a gunicorn that was killed hold it until their requests are answered."""
    if any(name in os.environ for name in ("GUNICORN_FD", "LISTEN_FDS")):
        return
    until = time.monotonic() + graceful_timeout + 5
    for address in server.cfg.address:
        while isinstance(address, tuple) and not _free(address) and time.monotonic() < until:
            time.sleep(0.2)


def _free(address: tuple[str, int]) -> bool:
    """Returns whether gunicorn can listen there, or fails for another reason, which it says itself."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen()
        except OSError as problem:
            return problem.errno != errno.EADDRINUSE
    return True
