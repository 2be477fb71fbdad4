"""What a worker process asks the site, once it is loaded."""

import contextlib
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.template import engines
from django.template.exceptions import TemplateDoesNotExist, TemplateSyntaxError
from django.urls import get_resolver
from django.utils import translation
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request


def temporary_folder() -> str:
    """Returns the folder for bodies and responses that do not fit into memory."""
    return str(settings.FILE_UPLOAD_TEMP_DIR)


def small_body() -> int:
    """Returns how many bytes anyone may send in a body. No form without a file is larger."""
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def may_send_much(environ: dict[str, Any]) -> bool:
    """Returns whether the request comes from a signed-in user, by session or token.

    A body is stored before the site sees it, so anyone else could fill the disk.
    """
    from llmfao_site.api.tokens import Tokens

    close_old_connections()
    try:
        request = WSGIRequest(environ)
        request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        if get_user(request).is_authenticated:
            return True
        with contextlib.suppress(AuthenticationFailed):
            return Tokens().authenticate(Request(request)) is not None
        return False
    finally:
        close_old_connections()


def warm_up() -> None:
    """Loads the views, templates and catalogues that the first requests would otherwise wait for."""
    _ = get_resolver().url_patterns
    for engine in engines.all():
        for folder in getattr(engine, "template_dirs", ()):
            for path in sorted(folder.rglob("*.html")) if hasattr(folder, "rglob") else ():
                # A broken template is the error of the page that uses it.
                with contextlib.suppress(TemplateDoesNotExist, TemplateSyntaxError):
                    engine.get_template(str(path.relative_to(folder)))
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            translation.gettext("")
