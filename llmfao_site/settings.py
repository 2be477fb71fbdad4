"""Settings, all from the environment, with defaults for one machine without servers.

The settings reference in docs/ lists every variable; a test compares the two. A system check refuses unknown
variables that start with LLMFAO_, and upper-case names in this module that no code reads.
"""

import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError

env = Env()

# Set before numpy is imported: boards use small matrices, and on a busy machine several threads for one of them
# wait for each other a hundred times longer than they compute.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _words(name: str, default: list[str]) -> list[str]:
    """Returns the comma-separated words of the variable, stripped."""
    return [word.strip() for word in env.list(name, default) if word.strip()]


def _made(folder: Path) -> Path:
    """Returns `folder`, creating it for its owner alone if needed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise EnvError(f'Environment variable "LLMFAO_DATA" invalid: {folder}: {problem.strerror}') from problem
    return folder


_BUNDLED = Path(__file__).resolve().parent / "data"
# A checkout has no such folder: only a wheel is built with one.
_INSTALLED = _BUNDLED.is_dir()

BASE_DIR = _BUNDLED if _INSTALLED else Path(__file__).resolve().parent.parent
"""Templates, static files, catalogues, docs and the sample are here: the checkout, or what the wheel carries of it."""

# What is installed is replaced with every version, and may belong to somebody else: data are where the user is.
_DATA = Path.cwd() / "llmfao-data" if _INSTALLED else BASE_DIR / "var"
DATA_DIR = _made(Path(env.str("LLMFAO_DATA", "") or _DATA).expanduser().resolve())
"""SQLite, uploads, the file broker and generated secrets live here."""


def _secret_key(path: Path) -> str:
    """Returns the key in `path`, creating it, readable by its owner alone, the first time."""
    if not path.exists():
        # Linked into place when complete, so that several processes that start at once read the same key.
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text(encoding="ascii").strip()


DEBUG = env.bool("LLMFAO_DEBUG", False)
SECRET_KEY = env.str("LLMFAO_SECRET_KEY", "") or _secret_key(DATA_DIR / "secret_key")
# Earlier secrets, so that sessions and stored API keys survive a change of the secret.
SECRET_KEY_FALLBACKS = _words("LLMFAO_SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = _words("LLMFAO_HOSTS", ["localhost", "127.0.0.1", "[::1]"])

# LLMFAO_HTTPS=true means that a proxy terminates TLS, sets X-Forwarded-Proto itself and does not accept it from
# visitors. Everything is then served over TLS only.
HTTPS = env.bool("LLMFAO_HTTPS", False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.int("LLMFAO_HSTS_SECONDS", 31_536_000 if HTTPS else 0)
# HSTS for this host only. Subdomains and preloading are decisions of the domain's owner, at the proxy.
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CSRF_TRUSTED_ORIGINS = _words("LLMFAO_ORIGINS", [])
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

SECURE_CSP: dict[str, Any] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

INSTALLED_APPS = [
    "llmfao_site.apps.SiteConfig",
    "annotation",
    "ranking",
    "judges",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "llmfao_site.apps.StaticConfig",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "llmfao_site.middleware.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "llmfao_site.middleware.missing_bodies.MissingBodiesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "llmfao_site.middleware.no_store.NoStoreMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "llmfao_site.middleware.byte_order_mark.ByteOrderMarkMiddleware",
]

ROOT_URLCONF = "llmfao_site.urls"
WSGI_APPLICATION = "llmfao_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

_SQLITE = "django.db.backends.sqlite3"
_POSTGRESQL = "django.db.backends.postgresql"


def _database() -> dict[str, Any]:
    """Returns the database of DATABASE_URL, or the SQLite file in the data folder if it is not set."""
    pool_size = env.int("LLMFAO_DATABASE_POOL", 16)
    database: dict[str, Any]
    if env.str("DATABASE_URL", ""):
        try:
            database = dict(env.dj_db_url("DATABASE_URL"))
        except EnvError:
            database = {"ENGINE": "", "NAME": ""}
    else:
        # Not as a URL: the folder's name may contain characters with a meaning there.
        database = {"ENGINE": _SQLITE, "NAME": str(DATA_DIR / "llmfao.sqlite3")}
    options: dict[str, Any]
    # A database in memory would differ between processes.
    if database["ENGINE"] == _SQLITE and database["NAME"] != ":memory:":
        # IMMEDIATE takes the one write lock at BEGIN: a transaction that reads and then writes waits
        # instead of failing halfway with "database is locked".
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728",
        }
        # Opening the file and setting it up takes longer than most requests.
        database["CONN_MAX_AGE"] = None
        # The default test database, in shared memory, fails under threads; a file in WAL mode does not.
        database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    elif database["ENGINE"] == _POSTGRESQL and database["NAME"]:
        options = {"pool": {"min_size": 1, "max_size": pool_size, "timeout": 10}}
    else:
        # The message leaves out the value, which may contain a password.
        raise EnvError(
            'Environment variable "DATABASE_URL" invalid: expected postgresql://USER:PASSWORD@HOST:5432/NAME '
            "(with special characters in the password as %XX) or sqlite:////PATH."
        )
    database["OPTIONS"] = {**options, **database.get("OPTIONS", {})}
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "llmfao_site.fallback_cache.FallbackCache",
        "LOCATION": REDIS_URL,
        # A Redis that is gone without a word must not hold every request.
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
    if REDIS_URL
    # Counts have to stay until they expire: with the default of 300 entries, a stranger with many addresses
    # could evict the counts of sign-in attempts.
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}
# Counts of API requests, separate from other counts.
CACHES["api"] = {**CACHES["default"], "KEY_PREFIX": "api"}
# Counts of joins by address, likewise: a flood of addresses must not evict counts of sign-in attempts.
CACHES["joins"] = {**CACHES["default"], "KEY_PREFIX": "joins"}
if not REDIS_URL:
    CACHES["api"]["LOCATION"] = "api"
    CACHES["joins"]["LOCATION"] = "joins"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 7 * 24 * 60 * 60  # for links of invitations as well: people are away for a week
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "studies"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
# Pages of the documentation show their pictures on the site as well as on a code host.
STATICFILES_DIRS = [BASE_DIR / "static", ("docs/screenshots", BASE_DIR / "docs" / "screenshots")]
# Collected from the files of one version: by `make install` in a checkout, by each start of the demo elsewhere.
STATIC_ROOT = DATA_DIR / "staticfiles" if _INSTALLED else BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Pages name files by their hash alone: others are not compressed a second time.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Uploads may be large: they are streamed to the disk that stores them, never held in memory.
FILE_UPLOAD_HANDLERS = [
    "llmfao_site.upload_handlers.SignedInOnly",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "llmfao_site.upload_handlers.NamelessFile",
]
FILE_UPLOAD_TEMP_DIR = _made(DATA_DIR / "tmp")
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "llmfao_site.api.tokens.Tokens",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["llmfao_site.api.parsing.Json"],
    # The framework's browsable pages need scripts that the Content-Security-Policy forbids.
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["llmfao_site.api.throttling.ByUser", "llmfao_site.api.throttling.ByAddress"],
    "DEFAULT_THROTTLE_RATES": {"user": "1200/min", "anon": "120/min"},
    "DEFAULT_SCHEMA_CLASS": "llmfao_site.api.schema.Schema",
    "EXCEPTION_HANDLER": "llmfao_site.api.problems.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LLMFAO",
    "DESCRIPTION": "Studies, their data, leaderboards and judges.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # In the order of the URLs, from general to detailed.
    "SORT_OPERATIONS": False,
    "SCHEMA_PATH_PREFIX": "/api",
    # Choices are listed in place: the package's own hook would invent names for them.
    "POSTPROCESSING_HOOKS": ["llmfao_site.api.problems.in_schema"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOG_LEVEL = env.log_level("LLMFAO_LOG_LEVEL", logging.INFO)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["console"], "level": LOG_LEVEL, "propagate": False},
        # A visitor's wrong Host header is not an operator's problem.
        "django.security.DisallowedHost": {"handlers": ["console"], "level": "CRITICAL", "propagate": False},
        # httpx logs every URL at INFO, and some endpoints take their key in the URL.
        "httpx": {"handlers": ["console"], "level": max(LOG_LEVEL, logging.WARNING), "propagate": False},
    },
}

# A leaderboard with fewer votes per model, on average, is called preliminary.
PRELIMINARY_VOTES = env.int("LLMFAO_PRELIMINARY_VOTES", 30)
# Joins per hour from one public address; 0 for any number.
JOINS_PER_ADDRESS = env.int("LLMFAO_JOINS_PER_ADDRESS", 300)

# Judges: files with API keys, and the requests of the last minute if there is no Redis.
KEYS_DIR = DATA_DIR / "keys"
PACE_DIR = DATA_DIR / "pace"

BROKER_DIR = DATA_DIR / "broker"
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost//"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any]
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "retry_on_timeout": True}
else:
    for _folder in ("queue", "processed", "control"):
        _made(BROKER_DIR / _folder)
    CELERY_BROKER_TRANSPORT = "llmfao_site.celery_filesystem:Transport"
    # Remote control is not used on one machine, and every start would leave a queue behind.
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "processed_folder": str(BROKER_DIR / "processed"),
        "control_folder": str(BROKER_DIR / "control"),
        # With the default of one second, four tasks per second are delivered.
        "polling_interval": 0.05,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "llmfao_site.beat:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "expire-assignments": {"task": "annotation.expire_assignments", "schedule": 60.0},
    "erase-people": {"task": "annotation.erase_due", "schedule": 3600.0},
    "recompute-leaderboards": {"task": "ranking.recompute_changed", "schedule": 60.0},
    "resume-leaderboards": {"task": "ranking.resume", "schedule": 20.0},
    "thin-leaderboards": {"task": "ranking.thin", "schedule": 3600.0},
    "keep-judges-tables": {"task": "judges.keep_tables", "schedule": 60.0},
    "sweep-judges": {"task": "judges.sweep", "schedule": 30.0},
    "sweep-pair-runs": {"task": "annotation.sweep_pair_runs", "schedule": 30.0},
    "sweep-uploads": {"task": "annotation.sweep_uploads", "schedule": 20.0},
    "sweep-exports": {"task": "annotation.sweep_exports", "schedule": 20.0},
    # More often than a worker votes twice. Old messages are useless: the next one looks at the same rows.
    "sweep-draws": {"task": "annotation.sweep_draws", "schedule": 5.0, "options": {"expires": 10.0}},
}
