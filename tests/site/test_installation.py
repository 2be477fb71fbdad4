"""What `make install` makes, and what the image's build steps make, serves the site: in Japanese, and with its help."""

import json
import os
import re
import shutil
import string
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmfao_site.demo.preflight import bound
from tests.places import ROOT
from tests.waiting import PATIENCE, eventually

# The database that `migrated` copies is only set up where a test asks for one.
pytestmark = [pytest.mark.once, pytest.mark.django_db]

OURS = ("LLMFAO_", "DJANGO_", "PYTHON", "VIRTUAL_ENV", "DATABASE_URL", "REDIS_URL", "MAKE", "MFLAGS", "HOST", "PORT")
"""Variables that decide what is installed or run; the rest says how the network is reached."""

PLACES = re.compile(r"(?<![\w./])/(?=(?:opt|srv|tmp|data)\b)")
"""The beginning of each folder that the Dockerfile names; in a test they all lie in one empty folder."""


def environment(**ours: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | ours


def files_of_the_checkout() -> list[str]:
    """What a clone holds once everything is committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({name for name in listing.split("\0") if name and (ROOT / name).is_file()})


def copied(names: list[str], folder: Path) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def done(command: list[str], folder: Path, variables: dict[str, str]) -> None:
    run = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@contextmanager
def served(command: list[str], folder: Path, variables: dict[str, str]) -> Iterator[str]:
    """The address of the site that `command` serves, once it answers."""
    with bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**variables, "HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        assert eventually(lambda: server.poll() is not None or answers(address)), log.read_text()
        assert server.poll() is None, log.read_text()
        yield address
    except Exception as error:
        error.add_note(log.read_text(errors="replace")[-5000:])
        raise
    finally:
        server.terminate()
        server.wait(PATIENCE)


def answers(address: str) -> bool:
    try:
        asked(address)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def asked(address: str) -> str:
    request = urllib.request.Request(address, headers={"Accept-Language": "ja"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        assert reply.status == 200
        return reply.read().decode()


def speaks_japanese_and_has_its_help(address: str) -> None:
    page = asked(f"{address}/")
    assert '<html lang="ja"' in page
    assert re.search(r"[ぁ-ん]{2}", page), "the catalogue was not compiled"
    assert re.search(r'href="(/static/css/\w+\.[0-9a-f]{12}\.css)"', page), "the static files were not collected"
    assert asked(f"{address}/help/")


def test_what_make_install_makes_serves_a_japanese_page_and_the_help(tmp_path, migrated):
    folder = tmp_path / "clone"
    copied(files_of_the_checkout(), folder)
    assert not list(folder.rglob("*.mo")), "compiled catalogues are made, not committed"
    done(["make", "install", f"PYTHON={sys.executable}"], folder, environment())
    data = shutil.copytree(migrated, tmp_path / "data")
    server = [str(folder / ".venv" / "bin" / "gunicorn"), "llmfao_site.wsgi"]
    with served(server, folder, environment(LLMFAO_DATA=str(data))) as address:
        speaks_japanese_and_has_its_help(address)


class Image:
    """The stages of the Dockerfile, carried out as plain commands in a folder instead of in a container."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root
        self.variables = environment()
        self.command: list[str] = []
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
        self.steps = [(kind, rest.strip()) for kind, _, rest in (line.partition(" ") for line in lines) if kind]

    def inside(self, text: str) -> str:
        return PLACES.sub(f"{self.root}/", text)

    def context(self) -> list[str]:
        """The files that .dockerignore lets in."""
        rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
        wanted = {rule[1:] for rule in rules if rule.startswith("!")}
        return [name for name in files_of_the_checkout() if name.split("/")[0] in wanted]

    def make(self) -> None:
        stages = 0
        for kind, rest in self.steps:
            stages += kind == "FROM"
            match kind:
                case "ENV":
                    for setting in rest.split():
                        name, _, value = setting.partition("=")
                        self.variables[name] = string.Template(self.inside(value)).substitute(self.variables)
                case "WORKDIR":
                    self.folder = Path(self.inside(rest))
                case "COPY" if rest.startswith("--from="):
                    _, source, target = rest.split()
                    assert source == target
                    assert Path(self.inside(source)).is_dir()
                case "COPY":
                    source, target = rest.split()
                    if source == ".":
                        copied(self.context(), Path(self.inside(target)))
                    else:
                        Path(self.inside(target)).parent.mkdir(exist_ok=True)
                        shutil.copy(ROOT / source, self.inside(target))
                case "RUN" if stages == 1:
                    done(["sh", "-c", self.inside(rest)], self.folder, self.variables)
                case "CMD":
                    self.command = json.loads(rest)
                # The second stage runs one command, which makes the user and the folder of the data.
                case "FROM" | "RUN" | "USER" | "VOLUME" | "EXPOSE":
                    pass
                case _:
                    raise AssertionError(f"{kind}: this test does not know how to carry that out")


def test_what_the_build_steps_of_the_image_make_serves_a_japanese_page_and_the_help(tmp_path, migrated):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    image = Image(tmp_path / "image")
    image.root.mkdir()
    image.variables["PATH"] = f"{python.parent}:{image.variables['PATH']}"
    image.make()
    assert list(image.folder.rglob("__pycache__")), "the image's file system is read only: nothing is compiled later"
    data = Path(image.variables["LLMFAO_DATA"])
    shutil.copytree(migrated, data)
    server = [shutil.which(image.command[0], path=image.variables["PATH"]) or "", *image.command[1:]]
    assert server[0].startswith(str(image.root))
    with served(server, image.folder, image.variables) as address:
        speaks_japanese_and_has_its_help(address)
