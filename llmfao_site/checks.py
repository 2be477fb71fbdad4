"""System checks of the installation: mistakes that would otherwise be ignored silently or fail late."""

import os
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from celery.app.defaults import SETTING_KEYS as CELERY_NAMES
from django.apps import AppConfig
from django.conf import ENVIRONMENT_VARIABLE, global_settings, settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.db import DatabaseError, connections
from drf_spectacular.settings import SPECTACULAR_DEFAULTS
from rest_framework.settings import DEFAULTS as REST_FRAMEWORK_DEFAULTS

from llmfao_site.settings import env

OUR_NAMES = frozenset(
    {
        "BASE_DIR",
        "BROKER_DIR",
        "DATA_DIR",
        "HTTPS",
        "JOINS_PER_ADDRESS",
        "KEYS_DIR",
        "LOG_LEVEL",
        "PACE_DIR",
        "PRELIMINARY_VOTES",
        "REDIS_URL",
    }
)
"""Settings of this project that its code reads."""

OTHERS_NAMES = frozenset(
    {
        "REST_FRAMEWORK",
        "ROOT_URLCONF",
        "SPECTACULAR_SETTINGS",
        "WHITENOISE_AUTOREFRESH",
        "WHITENOISE_KEEP_ONLY_HASHED_FILES",
        "WHITENOISE_USE_FINDERS",
    }
)
"""Settings that installed packages read and Django's defaults do not list."""


def variables() -> frozenset[str]:
    """Returns the environment variables that settings.py reads, set or not."""
    return frozenset(env._fields)


def unknown_variables(names: Iterable[str]) -> list[CheckMessage]:
    """Returns an error for each of `names` that starts with LLMFAO_ and that no code reads."""
    known = variables()
    return [
        Error(
            f"The environment variable {name} is not a setting of LLMFAO.",
            hint=_did_you_mean(name, known) + "The settings reference in docs/ lists all variables.",
            id="site.E001",
        )
        for name in sorted(names)
        if name.startswith("LLMFAO_") and name not in known
    ]


def unknown_settings(names: Iterable[str]) -> list[CheckMessage]:
    """Returns an error for each of `names`, from a settings module, that no code reads."""
    known = {name for name in dir(global_settings) if name.isupper()} | OUR_NAMES | OTHERS_NAMES
    known |= {f"CELERY_{name.upper()}" for name in CELERY_NAMES}
    return [
        Error(f"The setting {name} is not used by any code.", hint=_did_you_mean(name, known), id="site.E002")
        for name in sorted(names)
        if name.isupper() and not name.startswith("_") and name not in known
    ]


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]}? " if close else ""


@register()
def check_environment(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """Returns an error for each LLMFAO_ variable of the environment that no code reads."""
    return unknown_variables(os.environ)


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """Returns an error for each setting, or key of the API's settings, that no code reads."""
    module = sys.modules[os.environ[ENVIRONMENT_VARIABLE]]
    # Classes and functions that the module imports are not settings.
    faults = unknown_settings(name for name, value in vars(module).items() if not callable(value))
    for package, own, known in (
        ("REST_FRAMEWORK", settings.REST_FRAMEWORK, REST_FRAMEWORK_DEFAULTS),
        ("SPECTACULAR_SETTINGS", settings.SPECTACULAR_SETTINGS, SPECTACULAR_DEFAULTS),
    ):
        faults += [
            Error(f"{package} has the unknown key {name}.", hint=_did_you_mean(name, known), id="site.E002")
            for name in sorted(own.keys() - known.keys())
        ]
    return faults


@register(Tags.database)
def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """Returns an error for each database that cannot be reached or is too old for Django.

    Only commands that use the database run this check, `migrate` among them.
    """
    faults: list[CheckMessage] = []
    for alias in databases or ():
        configured = connections[alias]
        # Connects without the pool, which retries for half a minute and hides the reason.
        options = {name: value for name, value in configured.settings_dict["OPTIONS"].items() if name != "pool"}
        connection = type(configured)({**configured.settings_dict, "OPTIONS": options}, alias)
        try:
            connection.ensure_connection()
        except DatabaseError as problem:
            faults.append(
                Error(
                    f"Cannot connect to the database: {str(problem).strip()}",
                    hint="Check DATABASE_URL. LLMFAO needs PostgreSQL 15 or newer, or SQLite.",
                    id="site.E003",
                )
            )
        finally:
            connection.close()
    return faults


@register()
def check_static_files(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """Returns a warning if the static files that pages need have not been collected."""
    storage = staticfiles_storage
    if settings.DEBUG or not isinstance(storage, ManifestFilesMixin) or storage.exists(storage.manifest_name):
        return []
    return [
        Caution(
            "The static files have not been collected.",
            hint="Run `make install` or `manage.py collectstatic`.",
            id="site.W001",
        )
    ]


@register(Tags.translation)
def check_catalogues(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """A warning for each catalogue of translations that is not compiled: its readers would get English."""
    return [
        Caution(
            f"The translations in {written} are not compiled.",
            hint="Run `make install`, or python locale/compile.py.",
            id="site.W002",
        )
        for folder in settings.LOCALE_PATHS
        for written in sorted(Path(folder).glob("*/LC_MESSAGES/*.po"))
        if not written.with_suffix(".mo").exists()
    ]
